"""When triggers are due: the next due times, and what becomes of them when a workflow is switched off and on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.actor import Actor
from orchestrator_site.lib.clock import now
from workflows.engine.due_times import Schedule, ScheduleConfig, read, schedule_of
from workflows.engine.firing import SCHEDULE
from workflows.models import Trigger, Workflow
from workflows.operations.trigger_kinds import check_config, kind_of


def schedule_for(trigger: Trigger) -> Schedule | None:
    """The schedule of a trigger of that kind; None for others."""
    return read(trigger.config) if trigger.kind == SCHEDULE else None


def next_due(trigger: Trigger, at: datetime | None = None) -> datetime | None:
    """When a trigger that is switched on now is due next; None for those that wait to be told."""
    moment = at or now()
    schedule = schedule_for(trigger)
    if schedule is not None:
        return schedule.next(moment)
    declared = kind_of(trigger.kind).declared
    return moment if declared is not None and declared.poll is not None else None


def preview_schedule(actor: Actor, config: Mapping[str, Any]) -> Schedule:
    """A schedule that nobody has stored, to be looked at. Raises UserError."""
    actor.require("read")
    return schedule_of(ScheduleConfig.model_validate(check_config(kind_of(SCHEDULE), config)))


def start_again(workflow: Workflow) -> None:
    """The workflow is on again: its schedules are due from now; what was due while it was off is not made up for."""
    rows = Trigger.objects.of(workflow.workspace_id)
    for trigger in rows.filter(workflow=workflow, enabled=True, deleted_at__isnull=True, kind=SCHEDULE):
        rows.filter(pk=trigger.pk).update(next_due_at=next_due(trigger), held_until=None)


def switch_off_all(workflow: Workflow) -> None:
    """The workflow is deleted: nothing starts it any more."""
    rows = Trigger.objects.of(workflow.workspace_id).filter(workflow=workflow)
    rows.update(enabled=False, next_due_at=None)


def state_of(trigger: Trigger) -> str:
    """off, on, or paused (it is on, and its workflow is off)."""
    if not trigger.enabled:
        return "off"
    return "on" if trigger.workflow.enabled else "paused"
