"""Takes one claimed run from its rows to its end: loads it, walks it, and writes how it ended or where it waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings

from integrations.context import Foreseen
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.ids import uuid7
from workflows.engine import poison
from workflows.engine.attempts import last_change, left_behind
from workflows.engine.calls import Clients
from workflows.engine.effects import House
from workflows.engine.execute import Executor, RunFacts
from workflows.engine.frames import SOFT
from workflows.engine.interfaces import Done, Offload, Released
from workflows.engine.journal import Journal, RunLog
from workflows.engine.loading import ClaimedRun
from workflows.engine.parking import PARK_IN_MEMORY
from workflows.engine.plan import Plan
from workflows.engine.records import EventRecord, Failure, RunRecord, Stale, StepRecord, StepUse, StoreRefused
from workflows.engine.stored import RunRecords
from workflows.engine.suspects import SuspectLog
from workflows.engine.waiting import Outside
from workflows.engine.walk import Walk
from workflows.models.run import WITH_CHILDREN

log = logging.getLogger(__name__)

ENDINGS = {"cancel": "cancelled", "deadline": "timed_out"}
MOST_CLOSED_BLOCK = 64
LOOK_FOR_CHILDREN = timedelta(seconds=60)


class WallClock:
    """interfaces.Clock on the real clock."""

    def now(self) -> datetime:
        """The time."""
        return now()

    async def wait(self, event: asyncio.Event, due: datetime | None) -> None:
        """Until the event is set or the moment has come."""
        if due is None:
            await event.wait()
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), max(0.0, (due - now()).total_seconds()))

    def call_at(self, due: datetime, function: Callable[[], None]) -> Callable[[], None]:
        """Call a function when the moment has come; gives what calls it off."""
        return asyncio.get_running_loop().call_later(max(0.0, (due - now()).total_seconds()), function).cancel


@dataclass
class Loaded:
    """What the reads thread found for a claimed run."""

    run: ClaimedRun
    plan: Plan | None
    problem: Failure | None = None
    steps: list[StepRecord] = field(default_factory=list)
    seq: int = 0
    effects: dict[str, Any] = field(default_factory=dict)
    connections: dict[str, UUID] = field(default_factory=dict)
    missing: dict[str, Failure] = field(default_factory=dict)
    foreseen: Foreseen = field(default_factory=Foreseen)


class Loader(Protocol):
    """The engine's reads, as the driver needs them."""

    async def load(self, run: ClaimedRun) -> Loaded:
        """The plan, the records and the connections of a run."""

    def records(self, run: UUID) -> RunRecords:
        """What is stored of a run, to be read as it is needed."""

    async def current(self, run: UUID) -> tuple[int, int, str] | None:
        """(fence, wake_seq, ending) of a run this worker owns."""


class Family(Outside, Protocol):
    """walk.Outside, and what the end of a run means for the runs around it."""

    async def end_children(self) -> bool:
        """Tell the runs that this one started to end; whether one of them still goes on."""

    async def uncounted(self) -> list[tuple[StepUse, StepUse]]:
        """What runs used that ended after the steps that had started them; and what of it these steps lack."""

    async def ring(self, run: UUID | None = None) -> None:
        """There is a new run to be claimed; or this run was changed."""


class Driver:
    """One run in this worker."""

    def __init__(
        self,
        run: ClaimedRun,
        journal: Journal,
        loader: Loader,
        house: House,
        clients: Clients,
        url_of: Callable[[ClaimedRun], str],
        offload: Offload | None = None,
    ) -> None:
        self.run, self.journal, self.loader, self.house, self.clients = run, journal, loader, house, clients
        self.url_of, self.offload = url_of, offload
        self.wake_seq = run.wake_seq
        self.on_acquitted: Callable[[], None] = lambda: None
        self.outside: Family | None = None
        self.walk: Walk | None = None
        self._ending = ""
        self._said = run.ending
        self._log: RunLog | None = None

    async def drive(self) -> None:
        """Walk until the run has ended, waits, or belongs to somebody else."""
        try:
            while await self._once():
                pass
        except Stale:
            log.info("run %s belongs to another worker", self.run.id)
        except StoreRefused as problem:
            await self._fail_alone(problem)

    def changed(self, wake_seq: int, ending: str) -> None:
        """Something happened outside: cancel, pause, a decision, the deadline."""
        self._said = ending
        if wake_seq != self.wake_seq:
            self.wake_seq = wake_seq
            if self.walk is not None:
                self.walk.poke(wake_seq)
        if ending:
            self.end(ENDINGS.get(ending, ending))

    def acquitted(self) -> None:
        """No suspect any more: its short waits may stay in memory."""
        self.run = replace(self.run, deaths=0)
        if self.walk is not None:
            self.walk.park_in_memory(PARK_IN_MEMORY)

    def end(self, kind: str) -> None:
        """Let nothing new start: cancelled, timed_out, pause, drain."""
        if not self._ending or self._ending in SOFT:
            self._ending = kind
        if self.walk is not None:
            self.walk.end(kind)

    async def _once(self) -> bool:
        """One walk; True: something changed while it was being released, walk again."""
        if self._ending == "pause" and self._said != "pause":
            self._ending = ""  # resumed before it had come to rest
        seen = self.wake_seq
        loaded = await self.loader.load(self.run)
        self._log = self._log_for(loaded)
        refused = loaded.problem or self._poisoned(loaded)
        if refused is not None or loaded.plan is None:
            failure = refused or Failure("E_DEFINITION", "The version of this run cannot be read.")
            return await self._finish(self._log, Done("failed", None, failure.as_dict(), []), loaded)
        self.walk = self._walk(loaded, self._log, seen)
        self.walk.waits_for_repair = self.run.mode != "dry"
        if self._said or self._ending:
            self.walk.end(self._ending or ENDINGS.get(self._said, self._said))
        deadline = self._deadline()
        try:
            outcome = await self.walk.run()
        except (Stale, StoreRefused):
            raise
        except asyncio.CancelledError:
            raise
        except Exception as problem:
            log.exception("the walk of run %s failed", self.run.id)
            message = f"The engine could not go on ({type(problem).__name__})."
            outcome = Done(
                "failed", None, Failure("E_ENGINE", message, "This is a fault of ours; see the log.").as_dict(), []
            )
        finally:
            if deadline is not None:
                deadline.cancel()
        if isinstance(outcome, Done):
            return await self._finish(self._log, outcome, loaded)
        return await self._release(self._log, outcome)

    def _log_for(self, loaded: Loaded) -> RunLog:
        run, steps, stored = self.run, loaded.steps, self.loader.records(self.run.id)
        if not run.deaths:
            return RunLog(self.journal, run.id, run.fence, steps, stored, seq=loaded.seq)
        return SuspectLog(self.journal, run.id, run.fence, steps, stored, loaded.seq, self.on_acquitted)

    def _walk(self, loaded: Loaded, run_log: RunLog, seen: int) -> Walk:
        run = self.run
        assert loaded.plan is not None
        base = {
            "inputs": run.inputs,
            "trigger": {"kind": run.trigger_kind, **(run.frozen.get("trigger") or {})},
            "run": {
                "id": str(run.id),
                "started_at": run.started_at.isoformat().replace("+00:00", "Z"),
                "url": self.url_of(run),
                "workflow": run.workflow_slug,
            },
            "workspace": {
                "variables": run.frozen.get("variables") or {},
                "timezone": run.frozen.get("timezone") or "UTC",
            },
            "tainted_inputs": bool(run.frozen.get("tainted_inputs")),
            "frozen_now": run.started_at,
        }
        samples = (run.frozen.get("samples") or {}) if run.mode == "dry" else None
        pins = run.frozen.get("pins") if run.trigger_kind == "try" else None
        facts = RunFacts(
            run.id,
            run.workspace_id,
            run.frozen,
            run.started_at,
            loaded.connections,
            loaded.missing,
            loaded.effects,
            run.workflow_id,
            run.workflow_slug,
            run.trigger_kind,
            loaded.foreseen if run.mode == "dry" else None,
            samples or {},
        )
        executor = Executor(facts, self.house, self.clients)
        totals = (run.input_tokens, run.output_tokens, run.cost_usd)
        stay = 0.0 if run.deaths else PARK_IN_MEMORY  # while a suspect waits, the next one may be walked alone
        clock = WallClock()
        return Walk(
            loaded.plan, base, run_log, executor, clock, park_in_memory=stay, totals=totals, offload=self.offload,
            outside=self.outside, seen=seen, max_items=settings.MAX_ITEMS, samples=samples, pins=pins,
            with_children=run.abi >= WITH_CHILDREN,
        )  # fmt: skip

    def _poisoned(self, loaded: Loaded) -> Failure | None:
        if self.run.deaths < poison.FATAL:
            return None
        guilty = next((step.key for step in loaded.steps if step.status == "running" and step.kind != "control"), "")
        where = f" in step “{guilty}”" if guilty else ""
        return Failure(
            "E_POISON",
            f"The worker died{where}, {poison.DEATHS_ALONE} times with this run alone.",
            "Look at the worker's log for what killed it (often memory), make the step smaller, and run it again.",
            step=guilty,
        )

    def _deadline(self) -> asyncio.TimerHandle | None:
        if self.run.deadline_at is None:
            return None
        left = (self.run.deadline_at - now()).total_seconds()
        if left <= 0:
            self.end("timed_out")  # before anything starts
            return None
        return asyncio.get_running_loop().call_later(left, self.end, "timed_out")

    async def _finish(self, run_log: RunLog, done: Done, loaded: Loaded) -> bool:
        """The last record of the run. Effects that were on their way become unknown first: they may have happened.

        Runs that its steps have started end first, so the run waits for them; True: walk again.
        """
        seen = self.wake_seq
        if await self._children_go_on(loaded):
            record = RunRecord("waiting", release=True, wake_seq=seen, due_at=now() + LOOK_FOR_CHILDREN)
            return await self._handed_back(run_log, self._with_totals(record))
        unfinished, uses = await self._unfinished(run_log), await self._uncounted(run_log, loaded)
        at = now()
        self._settle_open(run_log, loaded, unfinished, at)
        end = self._last_record(done, at)
        for _, lacks in uses:
            end.input_tokens += lacks.input_tokens
            end.output_tokens += lacks.output_tokens
            end.cost_usd += lacks.cost_usd
        run_log.put(
            end,
            *(use for use, _ in uses),
            EventRecord(uuid7(), done.status, {"error": done.error} if done.error else {}, at),
        )
        await run_log.commit()
        await self._ring_parent()
        return False

    async def _unfinished(self, run_log: RunLog) -> list[StepRecord]:
        """Steps of a resumed run that have not ended, wherever they stand: the walk may have passed them by."""
        if not self.run.has_records:
            return []
        await run_log.commit()
        return await self.loader.records(self.run.id).unfinished()

    async def _uncounted(self, run_log: RunLog, loaded: Loaded) -> list[tuple[StepUse, StepUse]]:
        """What the runs below used that ended only when their steps were over; none is left out of the totals."""
        may_have = loaded.plan is not None and loaded.plan.cache.get("children", False)
        if self.outside is None or not may_have or self.run.abi < WITH_CHILDREN:
            return []
        await run_log.commit()
        return await self.outside.uncounted()

    async def _children_go_on(self, loaded: Loaded) -> bool:
        """Whether a run that a step started has not ended; it is told to end."""
        may_have = loaded.plan is None or loaded.plan.cache.get("children", False)
        return self.outside is not None and may_have and await self.outside.end_children()

    async def _ring_parent(self) -> None:
        if self.run.parent is not None and self.outside is not None:
            await self.outside.ring(self.run.parent)

    def _last_record(self, done: Done, at: datetime) -> RunRecord:
        record = _run_record(self.walk or _Totals(self.run), done, at)
        record.parent = self.run.parent
        record.waited = self.run.claims > 1 or (self.walk is not None and self.walk.waited)
        return record

    def _with_totals(self, record: RunRecord) -> RunRecord:
        totals = self.walk or _Totals(self.run)
        record.input_tokens, record.output_tokens = totals.input_tokens, totals.output_tokens
        record.cost_usd = totals.cost_usd
        return record

    def _settle_open(self, run_log: RunLog, loaded: Loaded, unfinished: list[StepRecord], at: datetime) -> None:
        for past in loaded.effects.values():
            for effect in past:
                if effect.state == "sent":
                    effect.state = "unknown"
                    effect.error = {"code": "E_INTERRUPTED", "message": "The answer was never stored."}
                    run_log.put(effect)
        for step in unfinished:
            if not step.finished:
                attempt = left_behind(uuid7(), step, last_change(loaded.effects, step.id), at)
                if attempt is not None:
                    run_log.put(attempt)
                step.status, step.finished_at, step.due_at = "cancelled", at, None
                run_log.put(step)

    async def _release(self, run_log: RunLog, released: Released) -> bool:
        """Give the run back. False: done with it. True: it was changed in the meantime, walk again."""
        assert self.walk is not None
        if released.status == "paused" and self._said != "pause":
            return self._again()
        seen = {"queued": None, "paused": self.wake_seq}.get(released.status, released.seen)
        due = self._due(released.due) if released.status != "paused" else None
        return await self._handed_back(
            run_log, self.walk.run_record(released.status, release=True, wake_seq=seen, due_at=due)
        )

    async def _handed_back(self, run_log: RunLog, record: RunRecord) -> bool:
        if record.status == "queued":
            run_log.put(record)
        else:
            run_log.put(record, EventRecord(uuid7(), record.status, {}, now()))
        await run_log.commit()
        if run_log.last_result is not False:
            return False
        current = await self.loader.current(self.run.id)
        if current is None or current[0] != self.run.fence:
            return False
        self.changed(current[1], current[2])
        return self._again()

    def _again(self) -> bool:
        """Walk once more: the records have to be loaded from now on, and the totals have grown."""
        totals = self.walk or _Totals(self.run)
        self.run = replace(
            self.run,
            claims=self.run.claims + 1,
            input_tokens=totals.input_tokens,
            output_tokens=totals.output_tokens,
            cost_usd=totals.cost_usd,
        )
        return True

    def _due(self, due: datetime | None) -> datetime | None:
        """A parked run is woken for its deadline too."""
        moments = [at for at in (due, self.run.deadline_at) if at is not None]
        return min(moments) if moments else None

    async def _fail_alone(self, problem: StoreRefused) -> None:
        """The database refuses a value of this run: the run fails, and says so; what is stored of it is closed."""
        failure = Failure("E_STORE", problem.message, problem.hint, step=problem.step)
        loaded = await self.loader.load(replace(self.run, claims=self.run.claims + 1))
        run_log = RunLog(self.journal, self.run.id, self.run.fence, [], seq=loaded.seq)
        with suppress(Stale, StoreRefused):
            unfinished = await self.loader.records(self.run.id).unfinished()
            for step in unfinished:
                if step.key == problem.step and not step.finished:
                    step.status, step.error, step.finished_at, step.due_at = "failed", failure.as_dict(), now(), None
                    run_log.put(step)
            self._settle_open(run_log, loaded, unfinished, now())
            record = self._last_record(Done("failed", None, failure.as_dict(), []), now())
            run_log.put(record, EventRecord(uuid7(), "failed", {"error": failure.as_dict()}, now()))
            await run_log.commit()
            await self._ring_parent()


def _said(warning: dict[str, Any]) -> str:
    step = warning.get("step")
    return f"{step}: {warning['message']}" if step else str(warning["message"])


class _Totals:
    """The totals of a run that was never walked here."""

    def __init__(self, run: ClaimedRun) -> None:
        self.input_tokens, self.output_tokens, self.cost_usd = run.input_tokens, run.output_tokens, run.cost_usd


def _run_record(totals: Any, done: Done, at: datetime) -> RunRecord:
    return RunRecord(
        done.status,
        release=True,
        outputs=done.outputs,
        warnings=[_said(warning) for warning in done.warnings[:200]],
        error=done.error,
        input_tokens=totals.input_tokens,
        output_tokens=totals.output_tokens,
        cost_usd=totals.cost_usd,
        finished_at=at,
    )
