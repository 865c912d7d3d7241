"""A step whose connection has to be repaired waits for that, and goes on by itself. Pure.

What holds is a credential that the service does not accept (integrations.errors, `broken`): no other call can succeed
either, and nothing was done. It is no retry. What fails all the same: a step that says what follows a failure, a
workflow that does not want to wait, and a call that goes on being refused while the connection's test succeeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from workflows.engine.records import Failure, Held

if TYPE_CHECKING:
    from workflows.engine.interfaces import Task
    from workflows.engine.plan import StepPlan
    from workflows.engine.records import StepRecord
    from workflows.engine.walk import Walk

CONNECTION = "connection"
PATIENCE = 7 * 24 * 3600
MOST_PATIENCE = 30 * 24 * 3600
MOST_REFUSED = 5
HINT = "Repair the connection on its page; the run goes on by itself."


def patience(walk: Walk, plan: StepPlan) -> timedelta:
    """How long a step waits for its connection to be repaired; nothing where it is to fail at once."""
    if not walk.waits_for_repair or plan.step.on_error.do != "stop":
        return timedelta(0)
    said = walk.plan.definition.settings.get("wait_for_connection")
    return timedelta(seconds=said if isinstance(said, int) else PATIENCE)


def refused(walk: Walk, task: Task, failure: Failure) -> datetime | None:
    """A call whose credential was refused: until when the step waits for the repair; None where it fails."""
    long = patience(walk, task.plan)
    if not failure.broken or not long:
        return None
    before = _said(task.record)
    count, since = int(before.get("count", 0)) + 1, _since(before, walk.clock.now())
    if count > MOST_REFUSED or walk.clock.now() >= since + long:
        return None
    text = f"The credential was refused: {failure.message}"
    _say(task.record, {"why": CONNECTION, "text": text, "since": since.isoformat(), "count": count}, since + long)
    return since + long


async def rest(walk: Walk, task: Task, held: Held, seen: int) -> None:
    """Wait until the connection is repaired, as long as the workflow says. Raises Failure E_SIGN_IN after that."""
    record, long, now = task.record, patience(walk, task.plan), walk.clock.now()
    before = _said(record)
    since = _since(before, now)
    if now >= since + long:
        waited = f" The step has waited for it since {since:%d %b %H:%M} UTC." if long else ""
        raise Failure("E_SIGN_IN", f"{held.text}{waited}", "Repair the connection, then run it again.")
    told = {"why": CONNECTION, "text": held.text, "since": since.isoformat(), "count": int(before.get("count", 0))}
    if record.status != "waiting" or before != told:
        record.status = "waiting"
        _say(record, told, since + long)
        walk.log.put(record)
    await walk.park(task.frame.group, since + long, since=seen)


def waits(record: StepRecord) -> bool:
    """Whether the step waits for its connection: then that is looked at, not the clock."""
    return _said(record).get("why") == CONNECTION


def times_refused(record: StepRecord) -> int:
    """How many attempts of the step ended in a wait for its connection; they use up no retry."""
    decision = record.decision if isinstance(record.decision, dict) else {}
    return int(decision.get("refused") or 0)


def _said(record: StepRecord) -> Mapping[str, Any]:
    decision = record.decision if isinstance(record.decision, dict) else {}
    held = decision.get("held") or {}
    if held.get("why") == CONNECTION:
        return dict(held)
    return {"count": decision["refused"], "since": decision["since"]} if decision.get("refused") else {}


def _since(before: Mapping[str, Any], now: datetime) -> datetime:
    return datetime.fromisoformat(before["since"]) if before.get("since") else now


def _say(record: StepRecord, held: Mapping[str, Any], until: datetime) -> None:
    """What it waits for stands beside how often it was refused, which stays when the wait is over."""
    decision = record.decision if isinstance(record.decision, dict) else {}
    count = {"refused": held["count"], "since": held["since"]} if held["count"] else {}
    record.decision, record.due_at = {**decision, **count, "held": dict(held)}, until
