"""Schedules in the engine: what has become due gets its run, exactly once, whoever of many workers sees it first.

1. Read a trigger whose due time has come. 2. Decide, outside any transaction, which due times get a run and what is
next. 3. In one transaction: move `next_due_at` from what was seen to what is next (nothing moved: somebody else did
it), write a tick for each due time (unique by trigger and time), store the runs.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import Error, transaction
from django.db.models import Q
from pydantic import ValidationError

from orchestrator_site.lib.clock import moment
from orchestrator_site.lib.errors import UserError
from workflows.engine.crashpoints import crashpoint
from workflows.engine.due_times import Due, Schedule, read, what_is_due
from workflows.engine.firing import SCHEDULE, firing_triggers, make_run, store
from workflows.models import Run, ScheduleTick, Trigger

log = logging.getLogger(__name__)

AT_ONCE = 50
LATER = timedelta(minutes=1)


def due_schedules(at: datetime) -> list[Trigger]:
    """Schedules whose due time has come, the latest ones last; at most 50."""
    free = Q(held_until__isnull=True) | Q(held_until__lte=at)
    rows = firing_triggers().filter(free, kind=SCHEDULE, next_due_at__lte=at)
    return list(rows.order_by("next_due_at")[:AT_ONCE])


def tick(at: datetime) -> bool:
    """Deal with the schedules that are due at `at`; whether there may be more."""
    found = due_schedules(at)
    for trigger in found:
        try:
            fire(trigger, at)
        except Error:
            raise
        except Exception:  # a fault of ours in one schedule must not hold up the others
            log.exception("the schedule of trigger %s failed", trigger.pk)
            postpone(trigger, at)
    return len(found) == AT_ONCE


def fire(trigger: Trigger, at: datetime) -> list[Run]:
    """Deal with one schedule; the runs that were started by us (none when another worker was first)."""
    assert trigger.next_due_at is not None
    try:
        schedule = read(trigger.config)
    except (UserError, ValidationError) as problem:
        log.error("the schedule of trigger %s cannot be read: %s", trigger.pk, problem)
        return _give_up(trigger, str(problem), at)
    due = what_is_due(schedule, trigger.next_due_at, at)
    ticks = [_tick_of(trigger, schedule, time, missed) for time, missed in due.runs]
    with transaction.atomic():
        if not _move_on(trigger, due, ticks, at):
            return []
        runs = store_ticks(trigger, ticks)
        crashpoint("P23")
    crashpoint("P24")
    return runs


def store_ticks(trigger: Trigger, ticks: list[ScheduleTick]) -> list[Run]:
    """Write ticks and their runs, but for due times that have theirs already; while the trigger's row is ours."""
    rows = ScheduleTick.objects.of(trigger.workspace_id)
    times = [tick.due_at for tick in ticks]
    done = set(rows.filter(trigger=trigger, due_at__in=times).values_list("due_at", flat=True))
    fresh = [tick for tick in ticks if tick.due_at not in done]
    runs = [tick.run for tick in fresh if tick.run is not None]
    store(runs)
    rows.bulk_create(fresh)
    return runs


def data_of(schedule: Schedule, due: datetime, missed: int = 0) -> dict[str, Any]:
    """What the run of a due time sees as `trigger`."""
    local = due.astimezone(schedule.zone)
    return {
        "due_at": moment(due),
        "local": local.isoformat(),
        "date": local.date().isoformat(),
        "time": local.strftime("%H:%M"),
        "timezone": schedule.zone.key,
        "missed": missed,
    }


def _tick_of(trigger: Trigger, schedule: Schedule, due: datetime, missed: int) -> ScheduleTick:
    """The row of a due time with its run; without one it says why."""
    return tick_row(trigger, data_of(schedule, due, missed), due, missed=missed)


def tick_row(
    trigger: Trigger, data: dict[str, Any], due: datetime, *, missed: int = 0, kind: str = "tick"
) -> ScheduleTick:
    """A tick and its run, neither of them stored."""
    row = ScheduleTick(workspace=trigger.workspace, trigger=trigger, due_at=due, missed=missed, kind=kind)
    try:
        row.run = make_run(trigger, data)
    except UserError as problem:
        row.error = problem.as_dict()
    return row


def _move_on(trigger: Trigger, due: Due, ticks: list[ScheduleTick], at: datetime) -> bool:
    """The compare-and-swap: only who moves the trigger on may start its runs."""
    rows = Trigger.objects.of(trigger.workspace_id).filter(
        pk=trigger.pk, enabled=True, next_due_at=trigger.next_due_at, updated_at=trigger.updated_at
    )
    problem = next((tick.error for tick in reversed(ticks) if tick.error), None)
    changes: dict[str, Any] = {
        "next_due_at": due.next,
        "last_due_at": due.last,
        "missed_count": trigger.missed_count + due.missed,
        "error": problem and {name: problem.get(name) for name in ("code", "message", "hint")},
        "error_at": at if problem else None,
        "failures": trigger.failures + 1 if problem else 0,
    }
    if any(tick.run is not None for tick in ticks):
        changes |= {"last_run_at": at, "last_event_at": at}
    return rows.update(**changes) == 1


def postpone(trigger: Trigger, at: datetime) -> None:
    """Look again at this due time in a minute; nothing is counted as done."""
    error = {"code": "E_ENGINE", "message": "The engine could not start this; it tries again each minute."}
    rows = Trigger.objects.of(trigger.workspace_id).filter(pk=trigger.pk, next_due_at=trigger.next_due_at)
    rows.update(held_until=at + LATER, error=error, error_at=at, failures=trigger.failures + 1)


def _give_up(trigger: Trigger, why: str, at: datetime) -> list[Run]:
    rows = Trigger.objects.of(trigger.workspace_id).filter(pk=trigger.pk, next_due_at=trigger.next_due_at)
    error = {"code": "E_SCHEDULE", "message": f"This schedule cannot be read: {why[:300]}", "hint": "Set it anew."}
    rows.update(next_due_at=None, error=error, error_at=at, failures=trigger.failures + 1)
    return []
