"""What needs a person now."""

from __future__ import annotations

from typing import Any

from accounts.actor import Actor
from accounts.models import Workspace, WorkspaceQuerySet
from workflows.models import Wait

PEOPLE = ("approval", "unknown")


def open_waits(actor: Actor) -> WorkspaceQuerySet[Wait]:
    """Everything that waits for a person in this workspace, oldest first."""
    actor.require("read")
    return (
        _open(actor.workspace)
        .select_related("run", "run__workflow", "step_run", "effect", "effect__connection", "workspace")
        .order_by("created_at")
    )


def count_open(workspace: Workspace) -> int:
    """How many things wait for a person (for the pill in the navigation)."""
    return _open(workspace).count()


def _open(workspace: Workspace | Any) -> WorkspaceQuerySet[Wait]:
    return Wait.objects.of(workspace).filter(decided_at__isnull=True, kind__in=PEOPLE)
