"""A workspace is deleted: at once nothing of it runs and nobody gets in; its rows are taken away later.

What is kept: the audit trail of the instance and of the workspace, for ever; all else for 30 days, until
`manage.py purge_workspaces`, so that what was sent can still be explained. Secrets are forgotten at once.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import Case, F, Model, Value, When

from accounts import audit
from accounts.actor import Actor
from accounts.models import Workspace, WorkspaceModel
from accounts.operations.closing import check_confirmed, close_workspace
from integrations.operations.changing import forget_all
from orchestrator_site.lib.clock import now
from workflows.engine.bells import ring_after_commit
from workflows.models import Run, RunStatus, Slot, Trigger, Workflow
from workflows.models.run import TERMINAL
from workflows.operations.waking import PARKED

log = logging.getLogger(__name__)
KEPT = timedelta(days=30)


def delete_workspace(actor: Actor, confirm: str) -> None:
    """Delete the actor's workspace; `confirm` is its address, typed. Raises UserError E_CONFIRM.

    Nothing new starts; runs under way are cancelled, and what they have sent is awaited and stays on record. Members,
    tokens and invitations end, triggers are switched off, secrets are forgotten and consents given back.
    """
    actor.require("own")
    check_confirmed(actor, confirm)
    workspace = actor.workspace
    with transaction.atomic():
        Trigger.objects.of(workspace).update(enabled=False)
        Workflow.objects.of(workspace).update(enabled=False)
        _end_runs(workspace)
        give_back = forget_all(actor)
        close_workspace(actor)
    give_back()


def _end_runs(workspace: Workspace) -> None:
    rows = Run.objects.of(workspace).exclude(status__in=TERMINAL)
    begun = {"ending": "cancel", "wake_seq": F("wake_seq") + 1}
    rows.filter(claims=0, status__in=(RunStatus.QUEUED, RunStatus.PAUSED)).update(
        status=RunStatus.CANCELLED, finished_at=now(), **begun
    )
    parked = When(status__in=(*PARKED, RunStatus.PAUSED), then=Value(RunStatus.QUEUED.value))
    due = When(status__in=(*PARKED, RunStatus.PAUSED, RunStatus.QUEUED), then=Value(now()))
    rows.update(status=Case(parked, default=F("status")), due_at=Case(due, default=F("due_at")), **begun)
    ring_after_commit()


def purge_workspaces(older_than: timedelta = KEPT) -> list[str]:
    """Take away the rows of workspaces that were deleted so long ago; what is left is their audit trail. Their names.

    One whose runs have not ended yet is left for the next time.
    """
    gone = []
    for workspace in Workspace.objects.filter(deleted_at__lte=now() - older_than).order_by("deleted_at"):
        if Run.objects.of(workspace).exclude(status__in=TERMINAL).exists():
            log.warning("workspace %s still has runs under way; it is purged later", workspace.pk)
            continue
        with transaction.atomic():
            _purge(workspace)
            audit.record_instance(
                "workspace.purge",
                by="system: purge_workspaces",
                details={"id": str(workspace.pk), "name": workspace.name},
            )
        gone.append(workspace.name)
    return gone


def _purge(workspace: Workspace) -> None:
    """Foreign keys are looked at when the transaction ends, so the order of the tables does not matter."""
    Slot.objects.filter(connection__workspace=workspace).delete()
    for model in _tenant_models():
        rows: Any = model._base_manager.filter(workspace=workspace)
        rows._raw_delete(rows.db)
    workspace.delete()  # its audit entries stay in their chain, and no longer point at it


def _tenant_models() -> list[type[Model]]:
    return [model for model in apps.get_models() if issubclass(model, WorkspaceModel)]
