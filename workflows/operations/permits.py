"""The permission manifest of a workflow in a workspace: what it may do, over which connections, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accounts.actor import Actor
from accounts.models import Workspace
from integrations.models import Connection
from integrations.operations.finding import connections_of, default_connection
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import Definition, parse
from workflows.engine.findings import DefinitionProblems
from workflows.engine.manifest import Grant, calls_of, grants_of
from workflows.models import Workflow, WorkflowVersion

DEEPEST = 5


@dataclass(frozen=True)
class Permit:
    """A grant with the connection it runs over here. `over` is None where there is none yet, or none is needed."""

    grant: Grant
    over: Connection | None
    workflow: str = ""

    @property
    def words(self) -> str:
        """For people: “sends mail · To: mara@acme.example”."""
        said = self.grant.verb or {"read": "reads", "model": "asks a model"}.get(self.grant.kind, "does")
        if self.grant.kind in ("read", "unknown"):
            said = f"{said}: {self.grant.title}"
        where = [f"{target.label}: {target.value}" for target in self.grant.targets]
        return " · ".join([said, *where])

    @property
    def whose(self) -> str:
        """As whom: the connection, what it says of itself, or that there is none."""
        if self.over is not None:
            return self.over.name
        if not self.grant.services or self.grant.keyless:
            return "no connection needed"
        return f"“{self.grant.connection}”, which is not here" if self.grant.connection else "no connection yet"


def permits_of(actor: Actor, definition: Definition) -> list[Permit]:
    """What the definition may do in the actor's workspace, changes first; workflows that it runs are followed."""
    actor.require("read")
    found = _Reader(actor.workspace).read(definition)
    return sorted(found, key=lambda permit: not permit.grant.changes)


def permits_of_draft(actor: Actor, workflow: Workflow) -> list[Permit]:
    """The same for a draft; nothing for one that cannot be read."""
    from workflows.operations.drafts import draft_definition

    try:
        return permits_of(actor, parse(draft_definition(workflow), trusted=True))
    except DefinitionProblems:
        return []


def permits_of_version(actor: Actor, version: WorkflowVersion) -> list[Permit]:
    """The same for a published version."""
    return permits_of(actor, parse(version.definition, trusted=True))


class _Reader:
    """Reads a definition and those it runs, each once; connections are asked for once."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.named = {row.name: row for row in connections_of(workspace)}
        self.usual: dict[str, Connection | None] = {}
        self.seen: set[str] = set()

    def read(self, definition: Definition, name: str = "", depth: int = 0) -> list[Permit]:
        permits = [Permit(grant, self._over(grant), name) for grant in grants_of(definition, CATALOGUE)]
        for call in calls_of(definition) if depth < DEEPEST else ():
            if call.workflow in self.seen:
                continue
            self.seen.add(call.workflow)
            child = self._child(call.workflow)
            if child is not None:
                permits += self.read(child, call.workflow, depth + 1)
        return permits

    def _child(self, slug: str) -> Definition | None:
        rows = Workflow.objects.of(self.workspace).filter(slug=slug, deleted_at__isnull=True, published__isnull=False)
        row = rows.select_related("published").first()
        return parse(row.published.definition, trusted=True) if row and row.published else None

    def _over(self, grant: Grant) -> Connection | None:
        if grant.connection:
            return self.named.get(grant.connection)
        if not grant.services or grant.keyless:
            return None
        need = CATALOGUE.get(grant.action)
        wanted = (need.needs if need else "") or grant.service
        if wanted not in self.usual:
            self.usual[wanted] = default_connection(self.workspace, wanted)
        return self.usual[wanted]


def permit_json(permit: Permit) -> dict[str, Any]:
    """A permit as the API shows it."""
    grant = permit.grant
    return {
        "kind": grant.kind,
        "action": grant.action,
        "words": permit.words,
        "service": grant.service,
        "connection": permit.over.name if permit.over else (grant.connection or None),
        "sandbox": bool(permit.over and permit.over.sandbox),
        "targets": [{"name": t.name, "value": t.value, "fixed": t.fixed} for t in grant.targets],
        "note": grant.note or None,
        "steps": list(grant.steps),
        "workflow": permit.workflow or None,
    }
