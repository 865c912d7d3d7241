"""Versions and revisions of a workflow: list, read, compare, and bring one back into the draft."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit
from accounts.actor import Actor
from accounts.models import AuditEntry
from orchestrator_site.lib.errors import NotFound, UserError
from workflows.engine.comparing import Comparison, compare
from workflows.engine.definition import parse, to_json
from workflows.engine.findings import DefinitionProblems
from workflows.models import DraftRevision, Workflow, WorkflowVersion
from workflows.operations.drafts import Save, draft_definition, lock, store
from workflows.operations.prompt_changes import Standing, prompt_changes, prompts_now
from workflows.operations.stale import check_tag

JSON = dict[str, Any]
# What people do with a workflow beside editing its draft.
DEEDS = [f"workflow.{name}" for name in ("create", "import", "publish", "restore", "enable", "disable", "tag")]
EMPTY: JSON = {"name": "", "inputs": [], "steps": [], "outputs": {}}


def list_versions(workflow: Workflow) -> QuerySet[WorkflowVersion]:
    """The published versions, newest first."""
    rows = WorkflowVersion.objects.of(workflow.workspace_id).filter(workflow=workflow, number__isnull=False)
    return rows.order_by("-number")


def get_version(workflow: Workflow, number: int) -> WorkflowVersion:
    """One published version. Raises NotFound."""
    found = list_versions(workflow).filter(number=number).first() if 0 < number < 2**31 else None
    if found is None:
        raise NotFound(f"{workflow.name} has no version {number}.")
    return found


def list_revisions(workflow: Workflow) -> QuerySet[DraftRevision]:
    """What the draft was after each save, newest first."""
    rows = DraftRevision.objects.of(workflow.workspace_id).filter(workflow=workflow)
    return rows.order_by("-saved_at", "-id")


def last_edits(workflows: Iterable[Workflow]) -> dict[UUID, str]:
    """What the newest save of each draft did, in words, by the workflows' ids."""
    found = list(workflows)
    if not found:
        return {}
    rows = DraftRevision.objects.of(found[0].workspace_id).filter(etag__in=[one.draft_etag for one in found])
    return dict(rows.filter(workflow__in=found).values_list("workflow_id", "what"))


def history_of(actor: Actor, workflow: Workflow) -> QuerySet[AuditEntry]:
    """What people did with the workflow itself, newest first: made, published, restored, switched, tagged."""
    actor.require("read")
    entries = AuditEntry.objects.of(actor.workspace).filter(object_type="workflow", object_id=str(workflow.pk))
    return entries.filter(outcome="done", action__in=DEEDS).order_by("-seq")


def compare_versions(workflow: Workflow, before: int | str, after: int | str = "draft") -> Comparison:
    """What differs between two versions; a side is a number, "draft", or "" for the version before the other side."""
    return _compared(workflow, *_sides(workflow, before, after))


def diff_versions(workflow: Workflow, before: int | str, after: int | str = "draft") -> JSON:
    """The same as JSON, with the two sides named."""
    earlier, later = _sides(workflow, before, after)
    return {"from": earlier, "to": later, **_compared(workflow, earlier, later).as_dict()}


def _compared(workflow: Workflow, earlier: int | str | None, later: int | str) -> Comparison:
    found = compare(_definition(workflow, earlier), _definition(workflow, later))
    sides = _prompts(workflow, earlier), _prompts(workflow, later)
    return replace(found, prompts=prompt_changes(workflow.workspace, *sides))


def _prompts(workflow: Workflow, side: int | str | None) -> Standing:
    """The prompts as a side has them: those of its publishing, or for the draft as they stand now."""
    if isinstance(side, int):
        kept: Standing = get_version(workflow, side).prompts
        return kept
    try:
        return prompts_now(workflow.workspace, parse(_definition(workflow, side), trusted=True))
    except DefinitionProblems:
        return {}


def _sides(workflow: Workflow, before: int | str, after: int | str) -> tuple[int | str | None, int | str]:
    later = _side(after, "to")
    return (_preceding(workflow, later) if before == "" else _side(before, "from")), later


def _side(value: int | str, field: str) -> int | str:
    if value == "draft" or isinstance(value, int):
        return value
    if value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    raise UserError("E_TYPE", f'{field} must be the number of a version, or "draft".', field=field)


def _preceding(workflow: Workflow, later: int | str) -> int | None:
    rows = list_versions(workflow)
    if isinstance(later, int):
        rows = rows.filter(number__lt=later)
    newest = rows.first()
    return newest.number if newest else None


def _definition(workflow: Workflow, side: int | str | None) -> JSON:
    if side is None:
        return EMPTY
    if isinstance(side, int):
        definition: JSON = get_version(workflow, side).definition
        return definition
    return draft_definition(workflow)


def restore_version(actor: Actor, workflow: Workflow, number: int, *, if_match: str | None = "*") -> Workflow:
    """Make a version's definition the draft; the draft before it stays among the revisions."""
    actor.require("edit")
    version = get_version(workflow, number)
    return _restore(
        actor, workflow, version.definition, if_match, {"version": number}, f"Brought back version {number}"
    )


def restore_revision(actor: Actor, workflow: Workflow, pk: UUID, *, if_match: str | None = "*") -> Workflow:
    """Make an earlier save the draft again."""
    actor.require("edit")
    revision = list_revisions(workflow).filter(pk=pk).first()
    if revision is None:
        raise NotFound("That save is not here.")
    what = f"Brought back the save of {timezone.localtime(revision.saved_at):%-d %b, %H:%M}"
    return _restore(actor, workflow, revision.definition, if_match, {"revision": str(pk)}, what)


def _restore(
    actor: Actor, workflow: Workflow, definition: JSON, if_match: str | None, details: JSON, what: str
) -> Workflow:
    with transaction.atomic():
        row = lock(actor, workflow)
        check_tag(row, if_match)
        after = {**to_json(parse(definition, trusted=True)), "slug": row.slug}
        if after != draft_definition(row):
            store(actor, row, after, Save(what, before=row.draft_etag))
            audit.record(actor, "workflow.restore", row, details=details)
    return row
