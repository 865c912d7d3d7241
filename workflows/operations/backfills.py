"""Backfill: runs for due times of a schedule that are past, each at most once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit
from accounts.actor import Actor
from orchestrator_site.lib.clock import moment, now
from orchestrator_site.lib.errors import UserError
from workflows.engine.queue import wake_if_nobody_works
from workflows.engine.schedules import data_of, store_ticks, tick_row
from workflows.models import Run, ScheduleTick, Trigger
from workflows.operations.trigger_times import schedule_for
from workflows.operations.triggers import lock

MOST_RUNS = 1000
MOST_DAYS = 366


@dataclass(frozen=True)
class Backfill:
    """The due times of a range: those that have had their run, and those that get one."""

    due: list[datetime]
    done: int
    runs: list[Run]


def look_at_range(actor: Actor, trigger: Trigger, start: datetime, end: datetime) -> Backfill:
    """What a backfill would do; starts nothing. Raises UserError."""
    actor.require("read")
    due, done = _open_times(trigger, start, end)
    return Backfill(due, done, [])


def backfill(actor: Actor, trigger: Trigger, start: datetime, end: datetime) -> Backfill:
    """Start a run for each due time from `start` to `end` that has had none; again does nothing more.

    At most 1,000 runs and 366 days back. All of them or none. Raises UserError.
    """
    actor.require("run")
    _refuse_off(trigger)
    schedule = schedule_for(trigger)
    due, done = _open_times(trigger, start, end)
    assert schedule is not None
    ticks = [tick_row(trigger, data_of(schedule, time), time, kind="backfill") for time in due]
    wrong = next((tick.error for tick in ticks if tick.error), None)
    if wrong:
        raise UserError(str(wrong["code"]), str(wrong["message"]), field=wrong.get("field"), hint=wrong.get("hint"))
    with transaction.atomic():
        row = lock(actor, trigger)
        runs = store_ticks(row, ticks)
        said = {"from": moment(start), "to": moment(end), "runs": len(runs), "done": done}
        audit.record(actor, "trigger.backfill", row, details=said)
    wake_if_nobody_works()
    return Backfill(due, done, runs)


def _refuse_off(trigger: Trigger) -> None:
    if not trigger.workflow.enabled or trigger.workflow.published is None:
        text = f"“{trigger.workflow.name}” is switched off or not published."
        raise UserError("E_DISABLED", text, status=409, hint="Publish it and switch it on.")


def _open_times(trigger: Trigger, start: datetime, end: datetime) -> tuple[list[datetime], int]:
    """The due times of the range without a tick, and how many have one."""
    schedule = schedule_for(trigger)
    if schedule is None:
        raise UserError("E_KIND", "Only schedules can be backfilled.", hint="Deliveries are replayed one by one.")
    if start > end:
        raise UserError("E_RANGE", "The range ends before it begins.", field="to")
    if end > now():
        raise UserError("E_RANGE", "A backfill covers what is past.", field="to", hint="End it now or earlier.")
    if start < now() - timedelta(days=MOST_DAYS):
        text = f"A backfill reaches {MOST_DAYS} days back at most."
        raise UserError("E_RANGE", text, field="from", limit=MOST_DAYS)
    due = schedule.between(start, end, MOST_RUNS + 1)
    if len(due) > MOST_RUNS:
        text = f"This range holds more than {MOST_RUNS:,} due times."
        raise UserError("E_LENGTH", text, field="to", limit=MOST_RUNS, hint="Choose a shorter range.")
    rows = ScheduleTick.objects.of(trigger.workspace_id).filter(trigger=trigger, due_at__in=due)
    done = set(rows.values_list("due_at", flat=True))
    return [time for time in due if time not in done], len(done)
