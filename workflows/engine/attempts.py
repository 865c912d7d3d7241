"""The attempts of one step: each call that failed, was cut off, or was a repetition has a row of its own. Pure.

A step that succeeds at its first call has none. A repetition is on record before it leaves; the first call is told by
the step's own row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from workflows.engine import holding
from workflows.engine.frames import Ended
from workflows.engine.records import AttemptRecord, EffectRecord, Failure, Held, Record, StepRecord
from workflows.engine.retry import LONGEST_WAIT, Policy, wait_before_retry

if TYPE_CHECKING:
    from uuid import UUID

    from workflows.engine.interfaces import Task, Traits
    from workflows.engine.plan import StepPlan
    from workflows.engine.walk import Walk

WORTH_SAYING = 1.0
NOT_WORTH_SAYING = 5.0
MOST_SLOWED = 10
CUT_OFF = {
    "code": "E_INTERRUPTED",
    "message": "The worker died during this call.",
    "hint": "The call is made again. If this happens often, look at the worker's log.",
    "step": "",
}


async def attempts(walk: Walk, task: Task, traits: Traits) -> Any:
    """Call until it succeeds or another attempt does not help; goes on with what a dead worker left."""
    task.policy = _policy(task.plan, traits)
    goes_on = _take_up(walk, task)
    try:
        return await _attempts(walk, task, traits, goes_on=goes_on)
    finally:
        walk.executor.leave(task)


async def _attempts(walk: Walk, task: Task, traits: Traits, *, goes_on: bool) -> Any:
    record, group = task.record, task.frame.group
    if not goes_on and record.status == "waiting" and record.due_at is not None and not holding.waits(record):
        await walk.sleep_until(group, record.due_at)
    while True:
        group.check()
        if not goes_on:
            await admitted(walk, task)
            if task.plan.maker is not None:
                await task.plan.maker.before(task)
        _begin(walk, task, goes_on=goes_on)
        goes_on = False
        try:
            await walk.log.commit()
            group.check()
            output = await walk.call(task, traits)
        except Failure as failure:
            walk.executor.leave(task)
            due = _failed(walk, task, failure)
            if due is None:
                raise
            if not failure.broken:
                await walk.sleep_until(group, due)
        except Ended as ended:
            _ended(walk, task, ended)
            raise
        else:
            walk.book(task)
            if record.attempts > 1:
                walk.log.put(_row(walk, task, "succeeded", None))
            return output


async def admitted(walk: Walk, task: Task) -> None:
    """Wait until the limits of the connection let a call leave; being held back is no attempt."""
    said = ""
    while True:
        seen = walk.seen
        held = await walk.executor.admit(task)
        if held is None:
            break
        if held.why == holding.CONNECTION:
            await holding.rest(walk, task, held, seen)
            continue
        said = _held(walk, task, held, said)
        await walk.sleep_until(task.frame.group, held.due)
    if isinstance(task.record.decision, dict) and "held" in task.record.decision:
        rest = {name: value for name, value in task.record.decision.items() if name != "held"}
        task.record.decision = rest or None


def _held(walk: Walk, task: Task, held: Held, said: str) -> str:
    """Say on the step's record why it waits and until when, unless that is over in a moment or stands there already."""
    record, now = task.record, walk.clock.now()
    left = (held.due - now).total_seconds()
    late = record.due_at is None or abs((record.due_at - held.due).total_seconds()) > NOT_WORTH_SAYING
    if left < WORTH_SAYING or (said == held.why and not late):
        return said
    decision = record.decision if isinstance(record.decision, dict) else {}
    before = decision.get("held") or {}
    since = before["since"] if before.get("why") == held.why else now.isoformat()
    if held.why == "failing" and (now - datetime.fromisoformat(since)).total_seconds() > LONGEST_WAIT:
        hours = f"{LONGEST_WAIT / 3600:.0f} hours"
        raise Failure(
            "E_SERVICE_UNAVAILABLE", f"{held.text}; the step has waited for {hours}.", "Look at the connection's page."
        )
    record.decision = {**decision, "held": {"why": held.why, "text": held.text, "since": since}}
    record.status, record.due_at = "waiting", held.due
    walk.log.put(record)
    return held.why


def another(walk: Walk, task: Task, error: Mapping[str, Any] | None) -> None:
    """What was sent did not arrive or is sent again all the same: the next request is an attempt of its own."""
    walk.book(task)
    walk.log.put(_row(walk, task, "unknown", error))
    _begin(walk, task, goes_on=False)


def last_change(effects: Mapping[str, list[EffectRecord]], step: UUID) -> tuple[str, Mapping[str, Any] | None]:
    """State and error of the last change that a step made or tried to make; '' where there is none."""
    mine = [effect for past in effects.values() for effect in past if effect.step_run_id == step]
    last = max(mine, key=lambda effect: (effect.seq, effect.attempt), default=None)
    return ("", None) if last is None else (last.state, last.error)


def left_behind(
    id: UUID, step: StepRecord, change: tuple[str, Mapping[str, Any] | None], at: datetime
) -> AttemptRecord | None:
    """The attempt that an unfinished step of a run that ends was in, if it was in one."""
    in_one = step.status == "running" or (step.status == "waiting" and step.error is None)
    if not in_one or not step.attempts or step.kind not in ("read", "model", "effect"):
        return None
    state, error = change
    status = "unknown" if state in ("sent", "unknown", "absent") else "failed"
    return AttemptRecord(
        id, step.id, step.attempts, status, error or CUT_OFF, 0, 0, Decimal(0), step.started_at or at, at
    )


def abandoned(
    effects: Mapping[str, list[EffectRecord]], step: StepRecord, at: datetime, new_id: Callable[[], UUID]
) -> list[Record]:
    """What is told of a step that does not go on: a change on its way becomes unknown, its attempt ends."""
    sent = [e for past in effects.values() for e in past if e.step_run_id == step.id and e.state == "sent"]
    for effect in sent:
        effect.state = "unknown"
        effect.error = {"code": "E_INTERRUPTED", "message": "The answer was never stored."}
    attempt = left_behind(new_id(), step, last_change(effects, step.id), at)
    return [*sent, *([attempt] if attempt is not None else [])]


def _take_up(walk: Walk, task: Task) -> bool:
    """A resumed step: True in the middle of an attempt that goes on; one that was cut off is put on record."""
    record = task.record
    between = record.status == "waiting" and record.error is not None
    if record.status not in ("running", "waiting") or not record.attempts or between:
        return False
    task.started = record.started_at or task.started
    state, error = walk.executor.last_change(task)
    if state in ("sent", "unknown", "confirmed"):
        return True
    walk.log.put(_row(walk, task, "unknown" if state == "absent" else "failed", error or CUT_OFF))
    record.due_at = None
    return False


def _begin(walk: Walk, task: Task, *, goes_on: bool) -> None:
    record = task.record
    record.status, record.due_at = "running", None
    task.input_tokens = task.output_tokens = 0
    task.cost_usd = Decimal(0)
    if goes_on:
        walk.log.put(record)
        return
    record.attempts += 1
    record.error = None
    task.started = walk.clock.now()
    walk.log.put(record, *([_row(walk, task, "running", None)] if record.attempts > 1 else ()))


def _failed(walk: Walk, task: Task, failure: Failure) -> datetime | None:
    """Put a failed attempt on record, together with when the next one is due (None: there is none)."""
    walk.book(task)
    record = task.record
    used = record.attempts - _slowed(record, failure) - holding.times_refused(record)
    wait = wait_before_retry(task.policy, failure, used)
    repair = holding.refused(walk, task, failure)
    row = _row(walk, task, "unknown" if failure.outcome == "unknown" else "failed", failure.as_dict())
    if wait is None and repair is None:
        walk.log.put(row)
        return None
    due = repair or walk.clock.now() + timedelta(seconds=wait or 0.0)
    record.status, record.due_at = "waiting", due
    record.error = {**failure.as_dict(), "step": task.plan.key}
    walk.log.put(record, row)
    return due


def is_last(task: Task) -> bool:
    """Whether the call under way is the last one that the step's policy allows, whatever comes of it."""
    decision = task.record.decision if isinstance(task.record.decision, dict) else {}
    used = task.record.attempts - int(decision.get("slowed") or 0) - holding.times_refused(task.record)
    return not task.policy.most or used > task.policy.most


def _slowed(record: StepRecord, failure: Failure) -> int:
    """How often the service has asked this step to slow down: such an answer uses up no retry, up to a bound."""
    decision = record.decision if isinstance(record.decision, dict) else {}
    slowed = int(decision.get("slowed") or 0)
    if failure.kind == "rate_limited" and slowed < MOST_SLOWED:
        slowed += 1
        record.decision = {**decision, "slowed": slowed}
    return slowed


def _ended(walk: Walk, task: Task, ended: Ended) -> None:
    if ended.soft:
        return
    state, error = walk.executor.last_change(task)
    if state in ("sent", "unknown"):
        walk.log.put(_row(walk, task, "unknown", error))
    elif task.record.attempts > 1:
        walk.log.put(_row(walk, task, "cancelled", None))


def _row(walk: Walk, task: Task, status: str, error: Mapping[str, Any] | None) -> AttemptRecord:
    return AttemptRecord(
        id=walk.log.new_id(),
        step_run_id=task.record.id,
        n=task.record.attempts,
        status=status,
        error=error,
        input_tokens=task.input_tokens,
        output_tokens=task.output_tokens,
        cost_usd=task.cost_usd,
        started_at=task.started,
        finished_at=None if status == "running" else walk.clock.now(),
    )


def _policy(plan: StepPlan, traits: Traits) -> Policy:
    policy = plan.step.retry_policy(traits.retries)
    return Policy(policy.max, policy.backoff, policy.delay, policy.max_delay)
