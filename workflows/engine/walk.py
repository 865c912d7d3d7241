"""Walks a run: an interpreter of the tree of steps. Pure: it is given a log, an executor and a clock; no Django.

Resuming is walking again: what the log already holds is answered from there, so each decision and each finished step
happens once. A step is written before anything outside is asked, and its answer before anything depends on it (the log
keeps the order of what is put, so one wait before each call is enough).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from orchestrator_site.lib.templating import TemplateProblem
from workflows.engine import attempts, keeping
from workflows.engine.blocks import any_taint, in_time
from workflows.engine.control import CONTROLS
from workflows.engine.control.each import MAX_ITEMS
from workflows.engine.crashpoints import crashpoint
from workflows.engine.frames import Ended, Finished, Frame, Group, Park, Taint
from workflows.engine.handlers import HANDLERS
from workflows.engine.lists import ON_ERROR
from workflows.engine.plan import Asked, Plan, StepPlan, Value, outweighs
from workflows.engine.records import FATAL, CacheRecord, Failure, Held, Record, RunRecord, StepRecord
from workflows.engine.retry import Policy
from workflows.engine.rows import encoded
from workflows.engine.taint import OUR_OWN, OUTSIDE_FIELDS, RESULTS
from workflows.engine.waiting import Outside

PURE_STEPS_A_TURN = 20
MAX_STEP_RUNS = 10_000
LIGHT = 4 * 1024
LARGE = 256 * 1024
PARK_IN_MEMORY = 60.0


Offload = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs a slow pure function in a helper thread."""
Values = tuple[tuple[str, Value], ...]


class Log(Protocol):
    """The run's own part of the journal."""

    def find(self, key: str, path: str, *, finished: bool = False) -> StepRecord | None:
        """What is known of a step at a place; with `finished` only if it is that."""

    async def open(self, prefix: str) -> None:
        """Load the records below an unfinished loop."""

    def put(self, *records: Record) -> None:
        """Hand in records as they are now; they are committed together, in the order in which they are put."""

    async def room(self) -> None:
        """Wait while too much is uncommitted."""

    async def commit(self) -> None:
        """Wait until everything put so far is committed. Raises Stale or StoreRefused."""

    def new_id(self) -> UUID:
        """A name for a row."""


class Clock(Protocol):
    """Time, which a test can hold still."""

    def now(self) -> datetime:
        """The time."""

    async def wait(self, event: asyncio.Event, due: datetime | None) -> None:
        """Until the event is set or the moment has come."""

    def call_at(self, due: datetime, function: Callable[[], None]) -> Callable[[], None]:
        """Call a function when the moment has come; gives what calls it off."""


@dataclass(frozen=True)
class Traits:
    """What the walk must know of an action."""

    kind: str
    retries: int
    tainted: bool
    takes: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()


@dataclass(slots=True)
class Task:
    """One step handed to the executor, and what it says on the way."""

    plan: StepPlan
    record: StepRecord
    frame: Frame
    walk: Walk
    started: datetime
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    warnings: list[str] = field(default_factory=list)
    finish: str | None = None
    policy: Policy = field(default_factory=Policy)
    cache_key: str = ""


class Executor(Protocol):
    """Does one call of one action."""

    def traits(self, action: str) -> Traits:
        """What kind of action it is. Raises Failure E_KIND for an unknown one."""

    def check(self, plan: StepPlan, values: dict[str, Any], tainted: set[str]) -> UUID | None:
        """Check inputs and connection before anything is recorded; the connection's id. Raises Failure."""

    def last_change(self, task: Task) -> tuple[str, Mapping[str, Any] | None]:
        """State and error of the last change that a step made or tried to make; '' where there is none."""

    async def admit(self, task: Task) -> Held | None:
        """None: the limits of the task's connection let a call leave; else why not yet, and when to ask again."""

    def leave(self, task: Task) -> None:
        """No call of the task is under way."""

    async def call(self, task: Task) -> Any:
        """Run the action once and return its output as JSON. Raises Failure."""

    @property
    def run_id(self) -> UUID:
        """The run it works for."""

    def cache_key(self, task: Task) -> str:
        """The key of a result that is kept for equal calls."""

    async def cached(self, key: str) -> CacheRecord | None:
        """The fresh result of this key in the run's workspace, if there is one."""


@dataclass(frozen=True)
class Done:
    """The run has ended."""

    status: str
    outputs: Any
    error: dict[str, Any] | None
    warnings: list[dict[str, Any]]


@dataclass(frozen=True)
class Released:
    """Every branch is parked: the run goes on at `due`, or when a person has answered (`attention`)."""

    status: str
    due: datetime | None
    seen: int = 0


class Walk:
    """One walk over one run."""

    def __init__(
        self,
        plan: Plan,
        base: dict[str, Any],
        log: Log,
        executor: Executor,
        clock: Clock,
        *,
        park_in_memory: float = PARK_IN_MEMORY,
        totals: tuple[int, int, Decimal] = (0, 0, Decimal(0)),
        offload: Offload | None = None,
        max_items: int = MAX_ITEMS,
        outside: Outside | None = None,
        seen: int = 0,
    ) -> None:
        self.plan, self.base, self.log, self.executor, self.clock = plan, base, log, executor, clock
        self._outside = outside
        self.seen = self.known = seen  # the change from outside seen last; the one known when the records were loaded
        self.taken: set[UUID] = set()
        self.waited = False
        self.frozen_now: datetime = clock.now() if base.get("frozen_now") is None else base["frozen_now"]
        self.offload = offload
        self.group = Group()
        self.active = 1
        self.steps_walked = 0
        self.step_runs = 0
        self.input_tokens, self.output_tokens, self.cost_usd = totals
        self.large = LARGE
        self.max_items = max_items
        self._parks: set[Park] = set()
        self._alarms: dict[object, datetime] = {}
        self.park_in_memory(park_in_memory)
        self._release: asyncio.Future[Released] | None = None
        self._frame = Frame.root({name: value for name, value in base.items() if name != "frozen_now"}, self.group)

    # The whole

    async def run(self) -> Done | Released:
        """Walk until the run has ended or every branch is parked."""
        self._release = asyncio.get_running_loop().create_future()
        main = asyncio.ensure_future(self._main())
        try:
            both: set[asyncio.Future[Any]] = {main, self._release}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if main.done():
                return main.result()
            return self._release.result()
        finally:
            if not main.done():
                main.cancel()
                await asyncio.gather(main, return_exceptions=True)

    def end(self, kind: str) -> None:
        """Cancel, deadline or drain: nothing new starts."""
        self.group.end(kind)

    def poke(self, seen: int = 0) -> None:
        """Something changed outside (`seen`, its number): branches that wait for that look again."""
        self.seen = seen
        for park in list(self._parks):
            if park.outside:
                park.event.set()

    @property
    def outside(self) -> Outside:
        """What others say to this run."""
        assert self._outside is not None, "this walk has nobody to ask"
        return self._outside

    async def _main(self) -> Done | Released:
        frame = self._frame
        try:
            await self.walk_list(self.plan.steps, frame)
            return Done("succeeded", await self._outputs(frame, strict=True), None, frame.warnings)
        except Finished as finished:
            if finished.warning and finished.message:
                frame.warnings.append({"code": "W_FINISHED", "message": finished.message, "step": ""})
            return Done("succeeded", await self._outputs(frame, strict=False), None, frame.warnings)
        except Failure as failure:
            return Done("failed", None, failure.as_dict(), frame.warnings)
        except Ended as ended:
            if ended.soft:
                return Released("paused" if ended.kind == "pause" else "queued", None, self.seen)
            return Done(ended.kind, None, _ENDINGS.get(ended.kind), frame.warnings)

    async def _outputs(self, frame: Frame, *, strict: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in self.plan.outputs:
            try:
                heavy = value.heavy or outweighs(frame.data, value.weighs, LIGHT)
                found |= await self._over(((name, value),), frame.data, heavy=heavy)
            except TemplateProblem as problem:
                if strict:
                    message = f"The output “{name}” cannot be made: {problem.message}"
                    raise Failure(problem.code, message, problem.hint or "") from None
                found[name] = None
        return found

    # Parking

    def park_in_memory(self, seconds: float) -> None:
        """When every branch waits for longer than this, the run leaves the process."""
        self._park_in_memory = timedelta(seconds=seconds)

    async def park(self, group: Group, due: datetime | None, *, person: bool = False, since: int | None = None) -> None:
        """Let this branch wait until `due`, or until something changes outside; it may wake early.

        `since` is what the caller had seen when it looked last: what has changed since then is not slept through.
        """
        group.check()
        if since is not None and since != self.seen:
            return
        park = Park(due, person, outside=since is not None)
        self._parks.add(park)
        group.parks.add(park)
        self.release_if_parked()
        try:
            await self.clock.wait(park.event, due)
        finally:
            self._parks.discard(park)
            group.parks.discard(park)
        group.check()

    async def sleep_until(self, group: Group, due: datetime) -> None:
        """Park until the moment has come."""
        while self.clock.now() < due:
            await self.park(group, due)
        crashpoint("P21")

    def release_if_parked(self) -> None:
        """If every branch is parked and nothing is due soon, the run may leave this process."""
        if self._release is None or self._release.done() or not self._parks or len(self._parks) < self.active:
            return
        if any(park.event.is_set() for park in self._parks):
            return  # woken, and about to look
        moments = [*(park.due for park in self._parks if park.due is not None), *self._alarms.values()]
        nearest = min(moments) if moments else None
        if nearest is None or nearest - self.clock.now() > self._park_in_memory:
            person = any(park.person for park in self._parks)
            self._release.set_result(Released("attention" if person else "waiting", nearest, self.seen))

    def alarm(self, due: datetime, function: Callable[[], None]) -> Callable[[], None]:
        """Call a function when the moment has come; a run that is released before is woken for it. Gives its end."""
        off, place = self.clock.call_at(due, function), object()
        self._alarms[place] = due

        def quiet() -> None:
            del self._alarms[place]
            off()

        return quiet

    # Lists and steps

    async def walk_list(self, steps: tuple[StepPlan, ...], frame: Frame) -> None:
        """Walk a list of steps in order."""
        for plan in steps:
            await self._step(plan, frame)

    async def _step(self, plan: StepPlan, frame: Frame) -> None:
        record = self.log.find(plan.key, frame.path, finished=bool(frame.group.ended))
        if record is not None and record.finished:
            await self._replay(plan, frame, record)
            return
        frame.group.check()
        await self._breathe(plan)
        handler = HANDLERS.get(plan.step.action)
        record = record or self._fresh(plan, frame, "control" if handler else "")
        try:
            if not await self._wanted(plan, frame, record):
                return
            if handler is None:
                await self.action(plan, frame, record)
            elif plan.step.timeout is not None:
                await in_time(handler, self, plan, frame, record)
            else:
                await handler(self, plan, frame, record)
        except Failure as failure:
            await self._failed(plan, frame, record, failure)
        except Ended as ended:
            self._ended(record, ended)
            raise
        except Finished as finished:
            self._finished(record, finished)
            frame.keep(record.key, record.output, self._taint(plan, frame, record))
            raise
        except TemplateProblem as problem:
            await self._failed(plan, frame, record, Failure(problem.code, problem.message, problem.hint or ""))

    async def _breathe(self, plan: StepPlan) -> None:
        self.steps_walked += 1
        self.step_runs += plan.step.action not in HANDLERS
        if self.step_runs > MAX_STEP_RUNS or self.steps_walked > 2 * MAX_STEP_RUNS:
            raise Failure(
                "E_STEP_RUNS", f"A run has at most {MAX_STEP_RUNS:,} step runs.", "Split the work over several runs."
            )
        if self.steps_walked % PURE_STEPS_A_TURN == 0:
            await asyncio.sleep(0)
        await self.log.room()

    def _fresh(self, plan: StepPlan, frame: Frame, kind: str) -> StepRecord:
        return StepRecord(self.log.new_id(), plan.key, frame.path, plan.step.action, kind, started_at=self.clock.now())

    async def _wanted(self, plan: StepPlan, frame: Frame, record: StepRecord) -> bool:
        """Whether the step runs at all; the answer is a record."""
        if record.status != "pending":
            return True
        wanted = not plan.step.disabled and (plan.when is None or await self.ask(plan.when, frame))
        if not wanted:
            record.kind = record.kind or self.executor.traits(plan.step.action).kind
            record.decision = {"skipped": "disabled" if plan.step.disabled else "when"}
            self.finish(record, "skipped")
        return wanted

    # Action steps

    async def action(self, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
        """One step that calls an action."""
        traits = self.executor.traits(plan.step.action)
        if record.status == "pending":
            record.kind = traits.kind
            values = await self.render(plan, frame)
            tainted = {name for name, value in plan.values if frame.is_tainted(value.reads)}
            record.input = values
            record.tainted = traits.tainted or bool(tainted)
            record.connection_id = self.executor.check(plan, values, tainted)
        task = Task(plan, record, frame, self, self.clock.now())
        known = await keeping.kept(self, task)
        if known is not None:
            await self._succeeded(task, known.output, await self.stored(known.output))
            return
        if traits.kind == "pure":
            record.attempts = 1
            output = await self.executor.call(task)
        else:
            output = await attempts.attempts(self, task, traits)
        stored = await self.stored(output)
        keeping.keep(self, task, stored)
        await self._succeeded(task, output, stored)

    async def ask(self, question: Asked, frame: Frame) -> bool:
        """The answer to a condition; over much data it is found beside the event loop."""

        def answer() -> bool:
            return question.over(frame.data, self.frozen_now)

        return bool(await self.aside(answer)) if outweighs(frame.data, question.reads, LIGHT) else answer()

    def fields_of(self, action: str) -> frozenset[str]:
        """The names in an action's output."""
        control = CONTROLS.get(action)
        if control is not None:
            return frozenset(control.output.model_fields)
        try:
            return self.executor.traits(action).gives
        except Failure:
            return frozenset()

    async def render(self, plan: StepPlan, frame: Frame) -> dict[str, Any]:
        """The step's inputs; templates with loops, or over much data, are rendered beside the event loop."""
        return await self._over(plan.values, frame.data, heavy=plan.heavy or outweighs(frame.data, plan.weighs, LIGHT))

    async def _over(self, values: Values, data: dict[str, Any], *, heavy: bool) -> dict[str, Any]:
        def render() -> dict[str, Any]:
            return {name: value.over(data, self.frozen_now) for name, value in values}

        return await self.aside(render) if heavy else render()

    async def aside(self, function: Callable[[], Any]) -> Any:
        """Run a slow pure function beside the event loop."""
        return function() if self.offload is None else await self.offload(function)

    async def stored(self, output: Any) -> Any:
        """An output in the form in which it is stored: the text of a large one is made beside the event loop."""
        return await self.aside(lambda: encoded(output)) if outweighs(output, ((),), LARGE) else output

    async def call(self, task: Task, traits: Traits) -> Any:
        """A call that changes nothing is aborted when the group ends; one that changes something is awaited."""
        if traits.kind == "effect":
            return await self.executor.call(task)
        call = asyncio.ensure_future(self.executor.call(task))
        calls = task.frame.group.calls
        calls.add(call)
        try:
            return await call
        except asyncio.CancelledError:
            if call.cancelled() and task.frame.group.ended:
                task.frame.group.check()
            call.cancel()
            raise
        finally:
            calls.discard(call)

    def book(self, task: Task) -> None:
        """Add what the attempt used to the step and to the run."""
        if not (task.input_tokens or task.output_tokens or task.cost_usd):
            return
        record = task.record
        record.input_tokens += task.input_tokens
        record.output_tokens += task.output_tokens
        record.cost_usd += task.cost_usd
        self.input_tokens += task.input_tokens
        self.output_tokens += task.output_tokens
        self.cost_usd += task.cost_usd
        self.log.put(self.run_record("running"))

    def run_record(self, status: str, **more: Any) -> RunRecord:
        """The run's row with its totals as they are now."""
        return RunRecord(
            status,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.cost_usd,
            **more,
        )

    async def _succeeded(self, task: Task, output: Any, stored: Any) -> None:
        record, frame = task.record, task.frame
        record.output, record.error, record.due_at = stored, None, None
        warnings = [{"code": "W_STEP", "message": text, "step": record.key} for text in task.warnings]
        if warnings or task.finish is not None:
            record.decision = {"warnings": warnings, "finish": task.finish}
        self.finish(record, "succeeded")
        record.output = output
        await self._replay(task.plan, frame, record)

    # Endings of a step

    def finish(self, record: StepRecord, status: str) -> None:
        """Write the last image of a step."""
        record.status = status
        record.finished_at = self.clock.now()
        self.log.put(record)

    async def conclude(self, plan: StepPlan, frame: Frame, record: StepRecord, *more: Record) -> None:
        """The step has succeeded: its last image is committed together with `more`, and the walk goes on from it."""
        record.status, record.finished_at, record.due_at = "succeeded", self.clock.now(), None
        self.log.put(record, *more)
        await self._replay(plan, frame, record)

    async def _failed(self, plan: StepPlan, frame: Frame, record: StepRecord, failure: Failure) -> None:
        failure.step = failure.step or plan.key
        record.kind = record.kind or "pure"
        record.error, record.due_at = {**failure.as_dict(), "step": failure.step}, None
        record.output = plan.step.on_error.value if plan.step.on_error.do == "value" else None
        self.finish(record, "failed")
        await self._replay(plan, frame, record)

    def _ended(self, record: StepRecord, ended: Ended) -> None:
        if ended.soft or record.status == "pending" or record.finished:
            return
        record.due_at = None
        self.finish(record, "cancelled")

    def _finished(self, record: StepRecord, finished: Finished) -> None:
        """A block in which the run ends as succeeded ends with it; its record says so again on resume."""
        if record.finished:
            return
        record.decision = {**(record.decision or {}), "finish": finished.message, "quiet": not finished.warning}
        self.finish(record, "succeeded")

    async def _replay(self, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
        """Let the walk go on from a finished step: from the log on resume, from memory otherwise."""
        decision = record.decision if isinstance(record.decision, dict) else {}
        frame.warnings.extend(decision.get("warnings") or ())
        if record.status == "succeeded":
            frame.keep(record.key, record.output, self._taint(plan, frame, record))
            if decision.get("finish") is not None:
                warning = plan.step.action != "stop" and not decision.get("quiet")
                raise Finished(str(decision["finish"]), warning=warning)
        elif record.status == "failed":
            await self._after_failure(plan, frame, record)
        elif record.status == "cancelled":
            raise Ended(frame.group.ended or "cancelled")

    def _taint(self, plan: StepPlan, frame: Frame, record: StepRecord) -> Taint:
        """What of a finished step's output is from outside (engine.taint says the same at save time)."""
        if not record.tainted:
            return ""
        if record.kind == "control":
            return OUTSIDE_FIELDS.get(record.action, RESULTS)
        if record.kind != "effect":
            return "all"
        traits = self.executor.traits(record.action)
        filled = {name for name, value in plan.values if frame.is_tainted(value.reads)}
        return frozenset(n for n in traits.gives if not OUR_OWN.search(n) and (n in filled or n not in traits.takes))

    async def _after_failure(self, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
        """A step has failed for good: what its on_error says. Its own record says no more than that."""
        error = record.error or {}
        do = plan.step.on_error.do
        if do == "stop" or error.get("code") in FATAL:
            raise Failure(
                str(error.get("code", "E_STEP")),
                str(error.get("message", "The step failed.")),
                str(error.get("hint") or ""),
                step=str(error.get("step") or record.key),
            )
        message = f"{plan.step.title} failed: {error.get('message', '')}"
        frame.warnings.append({"code": error.get("code", "E_STEP"), "message": message, "step": record.key})
        if do == "value":
            frame.keep(record.key, record.output, "")
        elif do == "branch":
            inner = frame.inner(
                error={name: str(error.get(name) or "") for name in ("code", "message", "hint", "step")}
            )
            try:
                await self.walk_list(plan.branches.get(ON_ERROR, ()), inner)
            finally:
                frame.warnings.extend(inner.warnings)
            frame.keep(record.key, {ON_ERROR: inner.made}, frozenset({ON_ERROR}) if any_taint(inner) else "")


_ENDINGS = {
    "timed_out": {
        "code": "E_RUN_TIMEOUT",
        "message": "The run did not finish within its time limit.",
        "hint": "Raise the workflow's timeout in its settings, or split the work.",
        "step": "",
    }
}
