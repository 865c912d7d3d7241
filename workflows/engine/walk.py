"""Walks a run: an interpreter of the tree of steps. Pure: it is given a log, an executor and a clock; no Django.

Resuming is walking again: what the log already holds is answered from there, so each decision and each finished step
happens once. A step is written before anything outside is asked, and its answer before anything depends on it (the log
keeps the order of what is put, so one wait before each call is enough).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from orchestrator_site.lib.templating import TemplateProblem
from workflows.engine import attempts, keeping
from workflows.engine.blocks import any_taint, in_time
from workflows.engine.control import CONTROLS
from workflows.engine.control.each import MAX_ITEMS
from workflows.engine.frames import Ended, Finished, Frame, Group, Taint
from workflows.engine.handlers import HANDLERS
from workflows.engine.interfaces import Clock, Done, Executor, Log, Offload, Released, Task, Traits
from workflows.engine.lists import ON_ERROR
from workflows.engine.parking import PARK_IN_MEMORY, Parking
from workflows.engine.plan import Plan, StepPlan, outweighs
from workflows.engine.records import FATAL, Failure, Record, RunRecord, StepRecord, WaitDone
from workflows.engine.rendering import LIGHT, Rendering
from workflows.engine.shelf import Parts
from workflows.engine.taint import OUR_OWN, OUTSIDE_FIELDS, RESULTS
from workflows.engine.waiting import Outside

PURE_STEPS_A_TURN = 20
MAX_STEP_RUNS = 10_000


class Walk(Parking, Rendering):
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
        samples: Mapping[str, Any] | None = None,
        pins: Mapping[str, Any] | None = None,
        with_children: bool = True,
    ) -> None:
        Parking.__init__(self, clock, park_in_memory, seen)
        Rendering.__init__(self, log, clock.now() if base.get("frozen_now") is None else base["frozen_now"], offload)
        self.plan, self.base, self.executor = plan, base, executor
        self._outside = outside
        self.known = seen  # the change from outside that was known when the records were loaded
        self.pins = pins or {}  # of a try: what steps are taken to have given, instead of walking them
        self.samples = samples  # of a dry run: outputs that a person has saved, by step; None: this run is none
        self.taken: set[UUID] = set()
        self.waited = False
        self.waits_for_repair = True
        self.group = Group()
        self.steps_walked = 0
        self.step_runs = 0
        self.input_tokens, self.output_tokens, self.cost_usd = totals
        self.max_items = max_items
        self.with_children = with_children
        self._to_book: set[UUID] = set()
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
                data = await self.sight(frame, value.reads) if frame.held else frame.data
                heavy = value.heavy or outweighs(data, value.weighs, LIGHT)
                found |= await self.over(((name, value),), data, heavy=heavy)
            except TemplateProblem as problem:
                if strict:
                    message = f"The output “{name}” cannot be made: {problem.message}"
                    raise Failure(problem.code, message, problem.hint or "") from None
                found[name] = None
        return found

    # Lists and steps

    async def walk_list(self, steps: tuple[StepPlan, ...], frame: Frame) -> None:
        """Walk a list of steps in order."""
        for plan in steps:
            await self._step(plan, frame)

    async def _step(self, plan: StepPlan, frame: Frame) -> None:
        record = self.log.find(plan.key, frame.path)
        if record is not None and record.finished:
            await self._replay(plan, frame, record)
            return
        if record is None or not frame.group.is_over:
            frame.group.check()
        elif plan.is_leaf:
            await self._leave(frame, record)
        await self._breathe(plan)
        handler = HANDLERS.get(plan.step.action)
        record = record or self._fresh(plan, frame, "control" if handler else "")
        if plan.key in self.pins and record.status == "pending":
            await self._pinned(plan, frame, record, self.pins[plan.key])
            return
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

    async def _pinned(self, plan: StepPlan, frame: Frame, record: StepRecord, pin: Mapping[str, Any]) -> None:
        """A step that is not walked: it is taken to have given this."""
        record.kind = record.kind or self.executor.traits(plan.step.action).kind
        record.output, record.tainted = pin["output"], bool(pin["tainted"])
        record.decision = {"pinned": pin["from"]}
        await self.conclude(plan, frame, record)

    async def _leave(self, frame: Frame, record: StepRecord) -> None:
        """An earlier walk began this step, and it does not go on: what it holds is let go. Raises Ended."""
        said = record.decision if isinstance(record.decision, dict) else {}
        if "wait" in said:
            self.log.put(WaitDone(UUID(said["wait"]), "ended", self.clock.now()))
        if record.action == "run_workflow" and "run" in said:
            await self.outside.cancel_child(UUID(said["run"]))
        for each in self.executor.abandon(record, self.clock.now(), self.log.new_id):
            self.log.put(each)
        ended = Ended(frame.group.ended)
        self._ended(record, ended)
        raise ended

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

    def fields_of(self, action: str) -> frozenset[str]:
        """The names in an action's output."""
        control = CONTROLS.get(action)
        if control is not None:
            return frozenset(control.output.model_fields)
        try:
            return self.executor.traits(action).gives
        except Failure:
            return frozenset()

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

    def book_child(self, record: StepRecord, use: Mapping[str, Any]) -> None:
        """What the run that a step started has used belongs to the step; it is added to the run's with its end."""
        for name, value in use.items():
            setattr(record, name, value)
        if self.with_children:
            self._to_book.add(record.id)

    def _booked(self, record: StepRecord) -> tuple[RunRecord, ...]:
        if record.id not in self._to_book:
            return ()
        self._to_book.discard(record.id)
        self.input_tokens += record.input_tokens
        self.output_tokens += record.output_tokens
        self.cost_usd += record.cost_usd
        return (self.run_record("running"),)

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
            record.decision = {**(record.decision or {}), "warnings": warnings, "finish": task.finish}
        self.finish(record, "succeeded")
        record.output = await self.shelve(record, output, stored)
        await self._replay(task.plan, frame, record)

    # Endings of a step

    def finish(self, record: StepRecord, status: str) -> None:
        """Write the last image of a step."""
        record.status = status
        record.finished_at = self.clock.now()
        self.log.put(record, *self._booked(record))

    async def conclude(self, plan: StepPlan, frame: Frame, record: StepRecord, *more: Record) -> None:
        """The step has succeeded: its last image is committed together with `more`, and the walk goes on from it."""
        output = record.output
        record.output = await self.stored(output)
        record.status, record.finished_at, record.due_at = "succeeded", self.clock.now(), None
        self.log.put(record, *more, *self._booked(record))
        record.output = await self.shelve(record, output, record.output)
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
        if plan.maker is not None:
            plan.maker.after(plan, record)
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
            output = Parts(ON_ERROR, inner.made) if inner.held else {ON_ERROR: inner.made}
            frame.keep(record.key, output, frozenset({ON_ERROR}) if any_taint(inner) else "")


_ENDINGS = {
    "timed_out": {
        "code": "E_RUN_TIMEOUT",
        "message": "The run did not finish within its time limit.",
        "hint": "Raise the workflow's timeout in its settings, or split the work.",
        "step": "",
    }
}
