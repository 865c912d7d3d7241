"""Which workflows use which connection, and which runs wait for one: what `integrations.neighbours` asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from integrations.neighbours import UsedBy, Uses
from integrations.operations.finding import connections_of
from workflows.models import Step, Workflow
from workflows.operations.chosen import Chosen, steps_in
from workflows.operations.drafts import problems_of_many
from workflows.operations.switching import switchable
from workflows.operations.waking import steps_held, wake_held


class Neighbours:
    """`integrations.neighbours.Neighbour`."""

    def uses(self, workspace: Any, problems_of: UUID | None = None) -> Mapping[UUID, Uses]:
        """The uses of every connection of a workspace: in published versions and in drafts."""
        return uses_of(workspace, problems_of)

    def wake(self, connection: UUID) -> int:
        """The runs that wait for this connection go on."""
        return wake_held(connection)


@dataclass
class _Found:
    published: bool = False
    draft: bool = False
    steps: dict[str, None] = field(default_factory=dict)


def uses_of(workspace: Any, problems_of: UUID | None = None) -> dict[UUID, Uses]:
    """For each connection of the workspace the workflows that use it, and how many runs wait for its repair.

    Those of the connection `problems_of` are checked too: whether they could run as they are now.
    """
    chosen = Chosen(list(connections_of(workspace)))
    found = {connection.pk: Uses() for connection in chosen.connections}
    by_workflow = _uses_by_workflow(workspace, chosen)
    wrong = problems_of_many(one for one, uses in by_workflow.items() if problems_of in uses)
    for workflow, uses in by_workflow.items():
        for pk, use in uses.items():
            count = sum(p.severity == "error" for p in wrong[workflow.pk]) if pk == problems_of else None
            said = UsedBy(
                workflow.slug, workflow.name, use.published, use.draft, tuple(use.steps), workflow.enabled, count
            )
            found[pk].workflows.append(said)
    asked = next((one for one in chosen.connections if one.pk == problems_of), None)
    if asked is not None:
        found[asked.pk].in_sandbox = len(switchable(asked))
    for pk, count in waiting_runs(workspace).items():
        if pk in found:
            found[pk].waiting_runs = count
    return found


def waiting_runs(workspace: Any) -> Counter[UUID]:
    """How many runs wait for the repair of each connection."""
    held = steps_held().filter(workspace=workspace, run__finished_at__isnull=True)
    return Counter(pk for pk, _ in set(held.values_list("connection_id", "run_id")))


def _uses_by_workflow(workspace: Any, chosen: Chosen) -> dict[Workflow, dict[UUID, _Found]]:
    workflows = list(
        Workflow.objects.of(workspace).filter(deleted_at__isnull=True).select_related("published").order_by("name")
    )
    drafts: dict[UUID, list[dict[str, Any]]] = {}
    steps = Step.objects.of(workspace).filter(workflow__deleted_at__isnull=True, disabled=False)
    for step in steps.values("workflow_id", "key", "action", "connection", "inputs"):
        drafts.setdefault(step["workflow_id"], []).append(dict(step))
    found: dict[Workflow, dict[UUID, _Found]] = {}
    for one in workflows:
        uses = found[one] = {}
        live = steps_in(one.published.definition.get("steps")) if one.published else iter(())
        for published, listed in ((True, live), (False, iter(drafts.get(one.pk, ())))):
            for each in listed:
                for connection in chosen.of(each):
                    use = uses.setdefault(connection.pk, _Found())
                    use.published, use.draft = use.published or published, use.draft or not published
                    use.steps[str(each.get("key", ""))] = None
    return found
