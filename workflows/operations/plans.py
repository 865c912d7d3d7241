"""What a dry run would change: its plans and those of the workflows it ran, as they are shown."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.actor import Actor
from integrations import registry
from integrations.spec import Change
from workflows.models import PlannedEffect, Run

NOBODY_SEES = Change("", look=False)
DEEPEST = 20


def list_plans(actor: Actor, run: Run) -> QuerySet[PlannedEffect]:
    """What a dry run would change, first to last; what its subworkflows would change is among it."""
    actor.require("read")
    rows: QuerySet[PlannedEffect] = PlannedEffect.objects.of(actor.workspace)
    return rows.filter(run__in=_with_children(run)).select_related("run", "step_run", "connection").order_by("id")


def _with_children(run: Run) -> list[Run]:
    found, level = [run], [run]
    for _ in range(DEEPEST):
        level = list(Run.objects.of(run.workspace_id).filter(parent_step__run__in=level))
        if not level:
            break
        found += level
    return found


def change_of(plan: PlannedEffect) -> Change:
    """What the action declares of this change; one that nobody knows any more counts as usual."""
    action = registry.get_action(plan.action)
    return (action.change(plan.op) if action else None) or NOBODY_SEES
