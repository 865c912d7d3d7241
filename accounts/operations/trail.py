"""Reading the audit trail of a workspace."""

from __future__ import annotations

from django.db.models import Q

from accounts.actor import Actor
from accounts.models import AuditEntry, WorkspaceQuerySet
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_text

OUTCOMES = ("done", "denied", "failed")


def list_entries(actor: Actor, *, q: str = "", action: str = "", outcome: str = "") -> WorkspaceQuerySet[AuditEntry]:
    """The entries an actor may see, newest first; `q` looks in actor, action and the name of the object."""
    actor.require("audit")
    if outcome and outcome not in OUTCOMES:
        raise UserError(
            "E_CHOICE", f"{outcome[:40]!r} is not an outcome.", field="outcome", hint=f"One of {', '.join(OUTCOMES)}."
        )
    entries = AuditEntry.objects.of(actor.workspace).order_by("-seq")
    if action:
        entries = entries.filter(action=clean_text(action, field="action", max_length=200))
    if outcome:
        entries = entries.filter(outcome=outcome)
    if q:
        words = clean_text(q, field="q", max_length=200)
        entries = entries.filter(
            Q(actor__icontains=words) | Q(action__icontains=words) | Q(object_name__icontains=words)
        )
    return entries
