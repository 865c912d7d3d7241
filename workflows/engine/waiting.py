"""How steps that wait are walked: `wait`, `approve`, `run_workflow`. Pure. Weeks of waiting cost one row.

Each asks once (its record and what it waits for are one commit), then looks, and parks until something has changed
outside. What was decided is a record, so nobody is asked twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from orchestrator_site.lib.clock import moment
from workflows.engine.control.approval import ApproveInput
from workflows.engine.control.subworkflow import RunWorkflowInput
from workflows.engine.control.wait import WaitInput
from workflows.engine.drafts import drafted, edited
from workflows.engine.findings import DefinitionProblems
from workflows.engine.frames import Ended, Frame
from workflows.engine.records import TERMINAL_RUN, ChildRecord, EventTaken, Failure, Record, WaitDone, WaitRecord
from workflows.engine.values import take_inputs

if TYPE_CHECKING:
    from workflows.engine.plan import StepPlan
    from workflows.engine.records import StepRecord
    from workflows.engine.walk import Walk

Inputs = TypeVar("Inputs", bound=BaseModel)


@dataclass(frozen=True)
class Answer:
    """What was decided on a wait."""

    decision: str
    values: Mapping[str, Any] | None = None
    comment: str = ""
    decided_by: str = ""
    decided_at: str = ""


@dataclass(frozen=True)
class Event:
    """An event that was delivered."""

    id: UUID
    data: Any


@dataclass(frozen=True)
class ChildState:
    """A run that a step started, as it is now; what it used includes the runs below it."""

    status: str
    name: str
    url: str
    outputs: Any = None
    error: Mapping[str, Any] | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)


class Outside(Protocol):
    """What others say to a run: people, programs, and the runs it started."""

    async def answer(self, wait: UUID) -> Answer | None:
        """What was decided; None while nobody has."""

    async def event(self, name: str, taken: set[UUID]) -> Event | None:
        """The oldest event of that name that nobody took (`taken`: on their way in this walk)."""

    async def new_child(self, workflow: str, inputs: dict[str, Any], step: UUID, *, tainted: bool) -> ChildRecord:
        """A run of that workflow's published version, not stored yet. Raises Failure."""

    async def child(self, run: UUID) -> ChildState:
        """A run that a step started."""

    async def cancel_child(self, run: UUID) -> None:
        """Let nothing new start in it."""

    async def ring(self) -> None:
        """There is a new run to be claimed."""


# wait


async def wait(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`wait`: a timer, or an event by its name."""
    if record.decision is None:
        values = _taken(WaitInput, await walk.render(plan, frame))
        if walk.samples is not None:
            await _not_waited(walk, plan, frame, record, values)
            return
        _begin_wait(walk, plan, frame, record, values)
    asked = UUID(record.decision["wait"])
    if record.decision["kind"] == "event":
        await _closing(walk, asked, _event(walk, plan, frame, record, asked))
        return
    assert record.due_at is not None
    await _closing(walk, asked, walk.sleep_until(frame.group, record.due_at))
    record.output = _waited(walk)
    await walk.conclude(plan, frame, record, WaitDone(asked, "elapsed", walk.clock.now()))


async def _not_waited(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord, values: WaitInput) -> None:
    """A dry run does not wait: the time is over at once, and an event gives the saved sample, or nothing."""
    assert walk.samples is not None
    _one_of(values)
    sample = walk.samples.get(plan.key)
    record.input, record.tainted = values.model_dump(mode="json"), bool(values.event)
    record.output = sample if sample is not None else _waited(walk, event=values.event or "")
    told = "with its saved sample" if sample is not None else "with no data"
    said = f"The event “{values.event}” was taken as delivered, {told}." if values.event else "The wait was skipped."
    record.decision = {"assumed": said}
    await walk.conclude(plan, frame, record)


def _one_of(values: WaitInput) -> None:
    given = [name for name in ("seconds", "until", "event") if getattr(values, name)]
    if len(given) != 1:
        raise Failure("E_VALUE", "A wait needs exactly one of seconds, until and event.", "Fill in one of them.")


def _begin_wait(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord, values: WaitInput) -> None:
    _one_of(values)
    now = walk.clock.now()
    seconds = values.due if values.event else values.seconds
    due = (
        _moment(values.until, zone_of(walk.base))
        if values.until
        else (now + timedelta(seconds=seconds) if seconds else None)
    )
    kind = "event" if values.event else "timer"
    decision = {"kind": kind, "event": values.event, "on_timeout": values.on_timeout}
    title = values.event or plan.step.title
    _ask(walk, record, values, kind, title, due, decision)


def zone_of(base: Mapping[str, Any]) -> ZoneInfo:
    """Where a moment without a zone is meant: the workspace's, as it was when the run began."""
    return ZoneInfo((base.get("workspace") or {}).get("timezone") or "UTC")


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        hint = "Write it like 2026-12-24T09:00 or 2026-12-24T09:00+01:00."
        raise Failure("E_DATE", f"“{text[:60]}” is no date and time.", hint) from None
    if not 1970 <= found.year <= 2200:
        raise Failure("E_DATE", "The moment must lie between 1970 and 2200.")
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)


async def _event(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord, asked: UUID) -> None:
    name = record.decision["event"]
    while True:
        seen = walk.seen
        event = await walk.outside.event(name, walk.taken)
        now = walk.clock.now()
        if event is not None:
            walk.taken.add(event.id)
            record.output, record.tainted = _waited(walk, event=name, data=event.data), True
            await walk.conclude(plan, frame, record, WaitDone(asked, "event", now), EventTaken(event.id, asked))
            return
        if record.due_at is not None and record.due_at <= now:
            break
        await walk.park(frame.group, record.due_at, since=seen)
    if record.decision["on_timeout"] == "fail":
        walk.log.put(WaitDone(asked, "timeout", now))
        raise Failure(
            "E_WAIT_TIMEOUT", f"The event “{name}” did not come in time.", "Deliver it earlier, or wait longer."
        )
    record.output = _waited(walk, event=name, timed_out=True)
    await walk.conclude(plan, frame, record, WaitDone(asked, "timeout", now))


def _waited(walk: Walk, *, event: str = "", data: Any = None, timed_out: bool = False) -> dict[str, Any]:
    return {"data": data, "event": event, "timed_out": timed_out, "at": moment(walk.clock.now())}


# approve


async def approve(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`approve`: ask a person once, and go on from what they decided."""
    if record.decision is None:
        values = _taken(ApproveInput, await walk.render(plan, frame))
        due = walk.clock.now() + timedelta(seconds=values.due) if values.due else None
        decision = {"on_timeout": values.on_timeout, "on_reject": values.on_reject}
        record.tainted = frame.is_tainted(_reads(plan, "fields"))
        rules = {
            "choices": values.choices, "approvers": values.approvers, "no_self_approval": values.no_self_approval,
            "tainted": frame.is_tainted(path for name in ("title", "body", "fields") for path in _reads(plan, name)),
        }  # fmt: skip
        fields = [drafted(one.model_dump()) for one in values.fields]
        if walk.samples is not None:
            await _assumed(walk, plan, frame, record, values, decision, fields)
            return
        _ask(walk, record, values, "approval", values.title, due, decision, values.body, fields, rules)
    asked = UUID(record.decision["wait"])
    answer = await _closing(walk, asked, _decision(walk, frame, record, asked))
    await _decided(walk, plan, frame, record, answer)


async def _assumed(
    walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord, values: ApproveInput, decision: dict[str, Any],
    fields: list[Any],
) -> None:  # fmt: skip
    """A dry run asks nobody: it is taken as approved as it stands (the first way), or as the saved sample decided."""
    assert walk.samples is not None
    sample = walk.samples.get(plan.key)
    saved = sample if isinstance(sample, dict) else {}
    chosen = str(saved.get("decision") or (values.choices[0] if values.choices else "approve"))
    word = {"approve": "approved", "reject": "rejected"}.get(chosen, f"“{chosen}”")
    record.input = values.model_dump(mode="json") | {"fields": fields}
    record.decision = {**decision, "assumed": f"“{values.title}” was taken as {word}; nobody was asked."}
    given = saved.get("values")
    await _decided(walk, plan, frame, record, Answer(chosen, given if isinstance(given, dict) else None))


async def _decision(walk: Walk, frame: Frame, record: StepRecord, asked: UUID) -> Answer:
    while True:
        seen = walk.seen
        answer = await walk.outside.answer(asked)
        if answer is not None:
            return answer
        if record.due_at is not None and record.due_at <= walk.clock.now():
            walk.log.put(WaitDone(asked, "timeout", walk.clock.now()))
            await walk.log.commit()  # somebody may have been faster: the row says who
            continue
        await walk.park(frame.group, record.due_at, since=seen)


async def _decided(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord, answer: Answer) -> None:
    title = str(record.input.get("title", "")) if isinstance(record.input, dict) else ""
    decision, seen_by_somebody = answer.decision, answer.decision != "timeout"
    if not seen_by_somebody:
        decision = record.decision["on_timeout"]
        if decision == "fail":
            hint = "Run it again, or let the step wait longer."
            raise Failure("E_APPROVAL_TIMEOUT", f"Nobody has decided on “{title}” in time.", hint)
    fields = record.input.get("fields") or []
    draft = {one["name"]: one.get("value") for one in fields}
    final = draft if answer.values is None else {**draft, **answer.values}
    record.tainted = record.tainted and (decision == "reject" or not seen_by_somebody)
    record.output = {
        "decision": decision, "values": final, "edited": edited(draft, final), "decided_by": answer.decided_by,
        "comment": answer.comment, "decided_at": answer.decided_at,
    }  # fmt: skip
    if decision == "reject":
        said = f": {answer.comment}" if answer.comment else "."
        text = f"{answer.decided_by} rejected “{title}”{said}" if seen_by_somebody else f"Nobody approved “{title}”."
        if record.decision["on_reject"] == "fail":
            raise Failure("E_REJECTED", text, "Change what was rejected, and run it again.")
        if record.decision["on_reject"] == "stop":
            record.decision = {**record.decision, "finish": text[:1000]}
    await walk.conclude(plan, frame, record)


# run_workflow


async def run_workflow(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`run_workflow`: one run of another workflow, and what it gave."""
    if record.decision is None:
        values = _taken(RunWorkflowInput, await walk.render(plan, frame))
        if frame.is_tainted(_reads(plan, "workflow")):
            raise Failure("E_TAINT", "Text from outside may not choose the workflow; nothing was started.")
        tainted = frame.is_tainted(_reads(plan, "inputs"))
        child = await walk.outside.new_child(values.workflow, values.inputs, record.id, tainted=tainted)
        record.input, record.decision, record.status = values.model_dump(), {"run": str(child.id)}, "waiting"
        walk.log.put(record, child)
        await walk.log.commit()
        await walk.outside.ring()
    run = UUID(record.decision["run"])
    try:
        state = await _child_ended(walk, frame, run)
    except Ended as ended:
        if not ended.soft:
            await walk.outside.cancel_child(run)
        raise
    if state.usage:
        walk.book_child(record, state.usage)
    if state.status != "succeeded":
        raise _child_failed(state)
    record.output = {"outputs": state.outputs or {}, "run_id": str(run), "status": state.status}
    record.tainted = True
    await walk.conclude(plan, frame, record)


async def _child_ended(walk: Walk, frame: Frame, run: UUID) -> ChildState:
    while True:
        seen = walk.seen
        state = await walk.outside.child(run)
        if state.status in TERMINAL_RUN:
            return state
        await walk.park(frame.group, None, since=seen)


def _child_failed(state: ChildState) -> Failure:
    how = {"failed": "failed", "cancelled": "was cancelled", "timed_out": "did not finish in its time"}[state.status]
    why = str((state.error or {}).get("message") or "")
    return Failure("E_SUBWORKFLOW", f"“{state.name}” {how}" + (f": {why}" if why else "."), f"Its run: {state.url}")


# Shared


def _taken(model: type[Inputs], values: dict[str, Any]) -> Inputs:
    try:
        return take_inputs(model, values)  # type: ignore[return-value]
    except DefinitionProblems as wrong:
        raise Failure(wrong.code, f"The inputs cannot be used: {wrong.message}", "Change the step's inputs.") from None


def _reads(plan: StepPlan, name: str) -> Any:
    return next((value.reads for given, value in plan.values if given == name), ())


def _ask(
    walk: Walk, record: StepRecord, values: BaseModel, kind: str, title: str, due: datetime | None,
    decision: dict[str, Any], body: str = "", fields: list[Any] | None = None, rules: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """The step's record and what it asks, as one commit."""
    asked = WaitRecord(
        id=walk.log.new_id(), step_run_id=record.id, effect_id=None, kind=kind, title=title[:300], body=body,
        fields=fields or [], due_at=due, created_at=walk.clock.now(), rules=rules or {},
    )  # fmt: skip
    record.input = values.model_dump(mode="json") | ({"fields": fields} if fields is not None else {})
    record.decision, record.status, record.due_at = {**decision, "wait": str(asked.id)}, "waiting", due
    walk.waited = True
    walk.log.put(record, asked)


async def _closing(walk: Walk, asked: UUID, waiting: Any) -> Any:
    """Await; a wait that ends because its branch ends is closed, so that nobody is asked for nothing."""
    try:
        return await waiting
    except Ended as ended:
        if not ended.soft:
            walk.log.put(WaitDone(asked, "ended", walk.clock.now()))
        raise


Handler = Callable[["Walk", "StepPlan", Frame, "StepRecord"], Any]
__all__ = ["Answer", "ChildState", "Event", "Outside", "Record", "approve", "run_workflow", "wait"]
