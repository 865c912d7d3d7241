"""What a workspace has that its workflows may name: connections, prompts, variables. Asked once per check."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property

from django.conf import settings

from accounts.models import Workspace
from integrations.models import Connection
from integrations.operations.finding import connections_of
from orchestrator_site.lib.json import JSONValue
from prompts.models import PromptLabel, PromptVersion
from workflows.engine.actions import ConnectionFacts, PromptFacts, WorkflowFacts
from workflows.engine.newrun import facts_of
from workflows.models import Variable, Workflow


class WorkspaceKnown:
    """`workflows.engine.actions.Known` from the database; each part is read when it is first needed."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._workflows: dict[str, WorkflowFacts | None] = {}

    @cached_property
    def variables(self) -> Mapping[str, JSONValue]:
        """The variables of the workspace."""
        return dict(Variable.objects.of(self.workspace).values_list("name", "value"))

    @property
    def max_items(self) -> int:
        """How many items a loop may go over here."""
        return int(settings.MAX_ITEMS)

    @cached_property
    def _connections(self) -> list[Connection]:
        return list(connections_of(self.workspace).only("name", "service", "is_default", "workspace"))

    @cached_property
    def connections(self) -> Mapping[str, ConnectionFacts]:
        """The connections that steps may name."""
        return {row.name: ConnectionFacts(row.name, row.service) for row in self._connections}

    def has_default(self, services: Collection[str]) -> bool:
        """Whether a step of these services finds a connection without naming one (as `default_connection` does)."""
        for service in services:
            rows = [row for row in self._connections if row.service == service]
            if len(rows) == 1 or any(row.is_default for row in rows):
                return True
        return False

    def workflow(self, slug: str) -> WorkflowFacts | None:
        """A workflow of the workspace, read when it is first named."""
        if slug not in self._workflows:
            rows = Workflow.objects.of(self.workspace).filter(slug=slug, deleted_at__isnull=True)
            self._workflows[slug] = _workflow_facts(rows.select_related("published").first())
        return self._workflows[slug]

    def workflow_slugs(self) -> Collection[str]:
        """All of them."""
        rows = Workflow.objects.of(self.workspace).filter(deleted_at__isnull=True)
        return list(rows.order_by("slug").values_list("slug", flat=True)[:1000])

    @cached_property
    def prompts(self) -> Mapping[str, PromptFacts]:
        """The prompts of the library, each with the values its versions ask for."""
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        versions = PromptVersion.objects.of(self.workspace).values_list("prompt__slug", "number", "variables")
        for slug, number, variables in versions:
            found.setdefault(slug, {})[str(number)] = tuple(variables)
        labels = PromptLabel.objects.of(self.workspace).values_list("prompt__slug", "name", "version__number")
        for slug, name, number in labels:
            found[slug][name] = found[slug][str(number)]
        return {slug: PromptFacts(slug, versions) for slug, versions in found.items()}


def _workflow_facts(row: Workflow | None) -> WorkflowFacts | None:
    if row is None:
        return None
    if row.published is None:
        return WorkflowFacts(row.slug, row.name, published=False)
    facts = facts_of(row.published)
    return WorkflowFacts(row.slug, row.name, inputs=facts.inputs, calls=facts.calls)
