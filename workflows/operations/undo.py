"""Undo and redo of the draft: each save says which save it came from, so both work in any tab and after any time.

The saves are never changed. Undo writes the earlier draft as a new save that leads on to what was before that one
(`before`) and back to the one just undone (`after`); any other edit leads back only. A save's words say what made the
draft what it is, so one that was written by undo has the words of the save it repeats.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from accounts import audit
from accounts.actor import Actor
from orchestrator_site.lib.errors import Conflict
from workflows.engine.definition import parse, to_json
from workflows.models import DraftRevision, Workflow
from workflows.operations.drafts import Save, lock, store
from workflows.operations.stale import check_tag


@dataclass(frozen=True)
class Ways:
    """What undo and redo would do now, in words; "" where there is nothing to undo or redo."""

    undo: str = ""
    redo: str = ""


def ways(workflow: Workflow) -> Ways:
    """What can be undone and redone in the draft as it stands."""
    current = revision_of(workflow, workflow.draft_etag)
    if current is None:
        return Ways()
    ahead = revision_of(workflow, current.after)
    return Ways(
        undo=current.what or "the last change" if revision_of(workflow, current.before) else "",
        redo=ahead.what or "the change" if ahead else "",
    )


def revision_of(workflow: Workflow, etag: str) -> DraftRevision | None:
    """The save with this etag; its definition is read when asked for."""
    rows = DraftRevision.objects.of(workflow.workspace_id).filter(workflow=workflow, etag=etag)
    return rows.defer("definition").order_by("-saved_at", "-id").first() if etag else None


def undo_edit(actor: Actor, workflow: Workflow, *, if_match: str | None = "*") -> Workflow:
    """Take the last save back. Raises Conflict when there is none, or the draft is another than `if_match`."""
    return _go(actor, workflow, if_match, back=True)


def redo_edit(actor: Actor, workflow: Workflow, *, if_match: str | None = "*") -> Workflow:
    """Bring back what was undone last, as long as nothing else was saved since."""
    return _go(actor, workflow, if_match, back=False)


def _go(actor: Actor, workflow: Workflow, if_match: str | None, *, back: bool) -> Workflow:
    actor.require("edit")
    with transaction.atomic():
        row = lock(actor, workflow)
        check_tag(row, if_match)
        here = revision_of(row, row.draft_etag)
        there = revision_of(row, (here.before if back else here.after) if here else "")
        if here is None or there is None:
            word = "undo" if back else "redo"
            raise Conflict(f"There is nothing to {word}.", hint="The history has every save of the draft.")
        what = here.what if back else there.what
        made = Save(there.what, there.before, here.etag) if back else Save(there.what, here.etag, there.after)
        definition = {**to_json(parse(there.definition, trusted=True)), "slug": row.slug}
        store(actor, row, definition, made)
        audit.record(actor, "workflow.undo" if back else "workflow.redo", row, details={"what": what[:200]})
    return row
