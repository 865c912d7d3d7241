"""Workflows as a whole: make, find, change, duplicate, switch on and off, delete."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet, UUIDField

from accounts import audit
from accounts.actor import Actor
from integrations.operations.stored import forget_workflow
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import Conflict, NotFound
from orchestrator_site.lib.names import slugify_key
from orchestrator_site.lib.prepared import Given, Prepared
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import to_json
from workflows.engine.problems import check, refuse_errors
from workflows.models import Workflow
from workflows.operations.drafts import (
    Save,
    change_definition,
    draft_definition,
    lock,
    read_definition,
    store,
)
from workflows.operations.known import WorkspaceKnown
from workflows.operations.stale import check_tag
from workflows.operations.trigger_times import start_again, switch_off_all

COPY = " (copy)"
_NOT_FOR_RUNNING = ("description", "inputs", "outputs", "settings", "tags", "source", "published__definition")
_TO_RUN = Prepared(
    lambda: (
        Workflow.objects.of(Given("workspace", UUIDField()))
        .filter(deleted_at__isnull=True, slug=Given("slug"))
        .select_related("published")
        .defer(*_NOT_FOR_RUNNING)
    )
)


def workflows_of(workspace: Any) -> QuerySet[Workflow]:
    """The workflows of a workspace that are not deleted."""
    rows = Workflow.objects.of(workspace).filter(deleted_at__isnull=True)
    return rows.select_related("workspace", "published")


def list_workflows(actor: Actor, q: str = "") -> QuerySet[Workflow]:
    """Workflows, newest change first; each word of `q` must be in name, slug or description."""
    actor.require("read")
    rows = workflows_of(actor.workspace).order_by("-updated_at", "-id")
    for word in q.split():
        rows = rows.filter(Q(name__icontains=word) | Q(slug__icontains=word) | Q(description__icontains=word))
    return rows


def get_workflow(actor: Actor, slug: str) -> Workflow:
    """One workflow of the actor's workspace. Raises NotFound, for a foreign one too."""
    actor.require("read")
    found = workflows_of(actor.workspace).filter(slug=slug).first() if "\x00" not in slug else None
    if found is None:
        raise _missing()
    return found


def workflow_to_run(actor: Actor, slug: str) -> Workflow:
    """The same without what only its editing needs: the draft and the published definition are read when asked for."""
    actor.require("read")
    found = _TO_RUN.first(workspace=actor.workspace.pk, slug=slug) if "\x00" not in slug else None
    if found is None:
        raise _missing()
    found.workspace = actor.workspace
    return found


def _missing() -> NotFound:
    return NotFound("That workflow is not here.", hint="It may have been deleted or renamed.")


def create_workflow(
    actor: Actor, definition: Any, *, draft: bool = False, source: Any = None, is_card: bool = False
) -> Workflow:
    """Make a workflow from a definition: valid or nothing is written. With `draft`, well formed is enough.

    Without a slug one is made from the name. `source` is the imported file, for export; an imported workflow may be
    empty. Raises DefinitionProblems, or Conflict when the slug is taken.
    """
    actor.require("edit")
    parsed = read_definition(definition)
    if not draft:
        refuse_errors(check(parsed, CATALOGUE, WorkspaceKnown(actor.workspace), allow_empty=source is not None))
    body = to_json(parsed)
    try:
        with transaction.atomic():
            slug = parsed.slug or free_slug(actor, parsed.name)
            workflow = Workflow(workspace=actor.workspace, slug=slug, source=source, is_card=is_card)
            store(actor, workflow, {**body, "slug": slug}, Save("Made the workflow"))
            audit.record(actor, "workflow.create", workflow, details={"slug": slug})
    except IntegrityError:
        text = f"There is a workflow “{parsed.slug or parsed.name}” already."
        raise Conflict(text, field="slug", hint="Choose another slug, or save the one that is there.") from None
    return workflow


def free_slug(actor: Actor, name: str) -> str:
    """A slug made from a name that no workflow here has."""
    taken = set(workflows_of(actor.workspace).values_list("slug", flat=True))
    return slugify_key(name, taken, fallback="workflow")


def change_workflow(
    actor: Actor,
    workflow: Workflow,
    *,
    name: str | None = None,
    description: str | None = None,
    enabled: bool | None = None,
) -> Workflow:
    """Change name, description or on/off, whatever of it is given."""
    actor.require("edit")
    said = {key: value for key, value in (("name", name), ("description", description)) if value is not None}
    if said:
        workflow = change_definition(actor, workflow, said, if_match=workflow.draft_etag)
    return workflow if enabled is None else set_enabled(actor, workflow, enabled)


def check_if_match(workflow: Workflow, if_match: str | None) -> None:
    """Go on only with the tag of the draft as it stands. Raises UserError 428 or Conflict."""
    check_tag(workflow, if_match)


def set_enabled(actor: Actor, workflow: Workflow, enabled: bool) -> Workflow:
    """Switch a workflow on or off; off, nothing new starts, and what runs goes on."""
    actor.require("edit")
    with transaction.atomic():
        row = lock(actor, workflow)
        if row.enabled != enabled:
            row.enabled, row.updated_at = enabled, now()
            row.save(update_fields=["enabled", "updated_at"])
            if enabled:
                start_again(row)
            audit.record(actor, "workflow.enable" if enabled else "workflow.disable", row)
    return row


def duplicate_workflow(actor: Actor, workflow: Workflow) -> Workflow:
    """A copy of the draft under a new name and slug; it is not published."""
    actor.require("edit")
    definition = draft_definition(workflow)
    definition.pop("slug")
    definition["name"] = definition["name"][: 120 - len(COPY)] + COPY
    return create_workflow(actor, definition, draft=True)


def delete_workflow(actor: Actor, workflow: Workflow) -> None:
    """Delete a workflow and what it stored: nothing new starts, runs in flight finish, its runs stay on record."""
    actor.require("edit")
    with transaction.atomic():
        row = lock(actor, workflow)
        row.deleted_at, row.enabled = now(), False
        row.save(update_fields=["deleted_at", "enabled"])
        switch_off_all(row)
        forget_workflow(actor.workspace, row.pk)
        audit.record(actor, "workflow.delete", row, details={"slug": row.slug})
