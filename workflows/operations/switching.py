"""Steps of drafts that run in the sandbox are given a real connection instead: reviewed, then saved."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from accounts.actor import Actor
from integrations import registry
from integrations.models import Connection
from integrations.operations.finding import connections_of
from integrations.operations.sharing import require_use
from orchestrator_site.lib.errors import UserError
from workflows.engine import tree
from workflows.models import Step, Workflow
from workflows.operations.chosen import Chosen
from workflows.operations.drafts import edit_draft


@dataclass(frozen=True)
class Switch:
    """One step of a draft that uses the sandbox, and the connection it names now ("": the default)."""

    workflow: Workflow
    key: str
    title: str
    action: str
    before: str
    used: str

    @property
    def place(self) -> str:
        """How a form names it."""
        return f"{self.workflow.slug} {self.key}"


def switchable(connection: Connection) -> list[Switch]:
    """The steps of drafts that run in the sandbox and could run over this connection."""
    if connection.sandbox:
        return []
    chosen = Chosen(list(connections_of(connection.workspace_id)))
    steps = Step.objects.of(connection.workspace_id).filter(workflow__deleted_at__isnull=True, disabled=False)
    found = []
    for step in steps.select_related("workflow").order_by("workflow__name", "position", "key"):
        action = registry.get_action(step.action)
        if action is None or connection.service not in registry.services_for(action):
            continue
        used = next(chosen.of({"action": step.action, "connection": step.connection}), None)
        if used is not None and used.sandbox:
            title = step.name or step.key.replace("_", " ").capitalize()
            found.append(Switch(step.workflow, step.key, title, action.title, step.connection, used.name))
    return found


def switch_steps(actor: Actor, connection: Connection, places: Collection[str]) -> dict[Workflow, int]:
    """Give the chosen steps this connection in their drafts; how many of each workflow. Nothing is published.

    Raises UserError where no step is chosen, Forbidden where the connection is not shared with the actor.
    """
    actor.require("edit")
    require_use(actor, connection)
    chosen = [one for one in switchable(connection) if one.place in set(places)]
    if not chosen:
        raise UserError("E_REQUIRED", "No step is chosen.", field="step", hint="Tick the steps that shall use it.")
    done: dict[Workflow, int] = {}
    for workflow in dict.fromkeys(one.workflow for one in chosen):
        keys = [one.key for one in chosen if one.workflow == workflow]
        done[workflow] = len(keys)
        _switch(actor, workflow, keys, connection.name)
    return done


def _switch(actor: Actor, workflow: Workflow, keys: list[str], name: str) -> None:
    def switched(definition: tree.JSON) -> tree.JSON:
        for key in keys:
            tree.find(definition, key)[0]["connection"] = name
        return definition

    what = f"Switched {len(keys)} step{'s' if len(keys) > 1 else ''} from the sandbox to {name}"
    edit_draft(actor, workflow, switched, "*", "workflow.switch", {"steps": keys, "connection": name}, what=what)
