"""What a dry run would change: its plans and those of the workflows it ran, as they are shown."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.actor import Actor
from integrations import registry
from integrations.context import is_planned
from integrations.spec import Change
from orchestrator_site.lib.json import dumps
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


MOST_COMPARED = 20


@dataclass(frozen=True)
class Against:
    """The same dry run of another version: what only one of the two would change, and what both would."""

    run: Run
    new: list[PlannedEffect]
    other: list[PlannedEffect]
    gone: list[PlannedEffect]
    same: int

    @property
    def name(self) -> str:
        """Which version it was."""
        return f"version {self.run.version.number}" if self.run.version.number else "the draft then"

    @property
    def new_places(self) -> list[PlannedEffect]:
        """Changes whose recipient, repository or address the other version has not."""
        return [plan for plan in self.new if plan.target]


def compared(actor: Actor, run: Run) -> Against | None:
    """This dry run against the newest one with the same inputs of another version; None where there is none."""
    rows = Run.objects.of(actor.workspace).filter(workflow=run.workflow_id, mode="dry", status="succeeded")
    rows = rows.exclude(version=run.version_id).filter(pk__lt=run.pk).select_related("version", "workspace")
    other = next((one for one in rows.order_by("-id")[:MOST_COMPARED] if one.inputs == run.inputs), None)
    if other is None:
        return None
    mine, theirs = _by_place(list_plans(actor, run)), _by_place(list_plans(actor, other))
    both = mine.keys() & theirs.keys()
    differ = [mine[place] for place in mine if place in both and mine[place].after != theirs[place].after]
    new = [plan for place, plan in mine.items() if place not in both]
    gone = [plan for place, plan in theirs.items() if place not in both]
    return Against(other, new, differ, gone, len(both) - len(differ))


def _by_place(plans: QuerySet[PlannedEffect]) -> dict[tuple[str, ...], PlannedEffect]:
    """The changes by what and where; the second of a kind at one place counts as one of its own."""
    found: dict[tuple[str, ...], PlannedEffect] = {}
    for plan in plans:
        if plan.state != "planned" or not change_of(plan).thing:
            continue
        target = {name: value for name, value in plan.target.items() if not is_planned(value)}
        base = (plan.op, dumps(target))
        place = next(p for n in range(10_000) if (p := (*base, str(n))) not in found)
        found[place] = plan
    return found
