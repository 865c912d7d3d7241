"""The end of a workspace, as far as people are concerned: nobody is a member any more, and its address is free."""

from __future__ import annotations

from django.db import transaction

from accounts import audit
from accounts.actor import Actor
from accounts.models import ApiToken, Invitation, Member, User, Workspace
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import UserError


def check_confirmed(actor: Actor, said: str) -> None:
    """Go on only where the address of the workspace was typed. Raises UserError E_CONFIRM."""
    if said.strip() != actor.workspace.slug:
        raise UserError(
            "E_CONFIRM",
            f"Type {actor.workspace.slug} to delete this workspace; nothing was deleted.",
            field="confirm",
        )


@transaction.atomic
def close_workspace(actor: Actor) -> Workspace:
    """Take everybody out, end tokens and invitations, and give the address back. Inside the deletion of a workspace."""
    actor.require("own")
    workspace = Workspace.objects.select_for_update().get(pk=actor.workspace.pk)
    audit.record(actor, "workspace.delete", workspace, details={"name": workspace.name, "slug": workspace.slug})
    ApiToken.objects.of(workspace).filter(revoked_at=None).update(revoked_at=now())
    Invitation.objects.of(workspace).delete()
    User.objects.filter(last_workspace=workspace).update(last_workspace=None)
    Member.objects.of(workspace).delete()
    workspace.deleted_at, workspace.slug = now(), f"x_{workspace.pk.hex}"
    workspace.save(update_fields=["deleted_at", "slug"])
    return workspace
