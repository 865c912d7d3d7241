"""Members of a workspace: invited, let in, given another role, removed. The last owner stays."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import audit
from accounts.actor import Actor
from accounts.background import run_beside
from accounts.hashes import token_hash
from accounts.models import Invitation, Member, User, Workspace, WorkspaceQuerySet
from accounts.operations.sessions import end_sessions
from accounts.roles import ROLE_PERMISSIONS, ROLES, rank
from accounts.text import clean_email
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import Conflict, Forbidden, NotFound, UserError

INVITATION_LIFE = timedelta(days=7)


def list_members(actor: Actor) -> WorkspaceQuerySet[Member]:
    """The members of the actor's workspace, oldest first."""
    actor.require("read")
    return Member.objects.of(actor.workspace).select_related("user").order_by("created_at", "pk")


def get_member(actor: Actor, pk: UUID | str) -> Member:
    """One member of the actor's workspace. Raises NotFound."""
    member = list_members(actor).filter(pk=pk).first()
    if member is None:
        raise NotFound("There is no such member.")
    return member


def invite_member(actor: Actor, email: str, role: str = "viewer", *, base_url: str = "") -> tuple[Invitation, str]:
    """Open a door for one e-mail address for a week; the invitation is mailed, and its address returned once.

    Raises UserError for a wrong address or role, Conflict for someone who is a member already.
    """
    with transaction.atomic():
        actor.require("members")
        address = clean_email(email)
        _check_role(actor, role)
        if Member.objects.of(actor.workspace).filter(user__email=address).exists():
            raise Conflict(
                f"{address} is a member already.", field="email", hint="Change the role in the list instead."
            )
        secret = secrets.token_urlsafe(32)
        open_invitations(actor).filter(email=address).delete()
        invitation = Invitation.objects.create(
            workspace=actor.workspace, email=address, role=role, token_hash=token_hash(secret), invited_by=actor.user,
            expires_at=now() + INVITATION_LIFE,
        )  # fmt: skip
        audit.record(actor, "member.invite", invitation, details={"email": address, "role": role})
    path = reverse("invitation", kwargs={"token": secret})
    _mail_invitation(actor, invitation, (base_url or settings.PUBLIC_URL) + path)
    return invitation, path


def _mail_invitation(actor: Actor, invitation: Invitation, url: str) -> None:
    shown = {
        "who": actor.label,
        "workspace": actor.workspace,
        "role": invitation.role,
        "url": url,
        "days": INVITATION_LIFE.days,
    }
    text = render_to_string("accounts/mail/invitation.txt", shown)
    subject = f"Join {actor.workspace.name} in the AI Workflow Orchestrator".replace("\n", " ")
    run_beside(lambda: _send(subject, text, invitation.email))


def _send(subject: str, text: str, address: str) -> None:
    send_mail(subject, text, None, [address])


def open_invitations(actor: Actor) -> WorkspaceQuerySet[Invitation]:
    """The invitations of the workspace that still wait."""
    waiting = Invitation.objects.of(actor.workspace).filter(accepted_at=None, expires_at__gt=now())
    return waiting.select_related("invited_by").order_by("-created_at")


@transaction.atomic
def revoke_invitation(actor: Actor, pk: UUID | str) -> None:
    """Close the door again. Raises NotFound."""
    actor.require("members")
    invitation = open_invitations(actor).filter(pk=pk).first()
    if invitation is None:
        raise NotFound("There is no such invitation.")
    audit.record(actor, "member.uninvite", invitation, details={"email": invitation.email})
    invitation.delete()


def find_invitation(token: str) -> Invitation:
    """The open invitation a link stands for. Raises NotFound for one that is used, expired or made up."""
    everywhere = Invitation.objects.unscoped("the link says which workspace it is for").select_related("workspace")
    invitation = everywhere.filter(token_hash=token_hash(token), accepted_at=None, expires_at__gt=now()).first()
    if invitation is None:
        raise NotFound("This invitation was used, has expired, or was withdrawn.", hint="Ask for a new one.")
    return invitation


def invitation_for(email: str) -> Invitation | None:
    """The newest open invitation for an address, for a sign-in that proves the address."""
    everywhere = Invitation.objects.unscoped("the proven address says which workspace it is for")
    waiting = everywhere.filter(email=email.strip().lower(), accepted_at=None, expires_at__gt=now())
    return waiting.select_related("workspace").order_by("-created_at").first()


@transaction.atomic
def accept_invitation(invitation: Invitation, user: User) -> Member:
    """Let a user in with the role of the invitation; it is used up by that.

    Raises NotFound when somebody was faster, Forbidden when the invitation is for another address.
    """
    if user.email != invitation.email:
        raise Forbidden(
            f"This invitation is for {invitation.email}.", hint=f"Sign out, and come back as {invitation.email}."
        )
    mine = Invitation.objects.of(invitation.workspace_id).filter(pk=invitation.pk, accepted_at=None)
    if not mine.update(accepted_at=now()):
        raise NotFound("This invitation was used already.")
    member, _ = Member.objects.of(invitation.workspace_id).get_or_create(
        workspace=invitation.workspace, user=user, defaults={"role": invitation.role}
    )
    User.objects.filter(pk=user.pk).update(last_workspace=invitation.workspace)
    audit.record(Actor.of_member(member), "member.join", member, details={"role": member.role})
    return member


@transaction.atomic
def change_role(actor: Actor, pk: UUID | str, role: str) -> Member:
    """Give a member another role. Nobody gives more than they have; the last owner stays owner."""
    actor.require("members")
    member = _lock(actor, pk)
    _check_role(actor, role)
    _check_above(actor, member)
    before = member.role
    if before == role:
        return member
    if before == "owner":
        _keep_an_owner(actor.workspace, member)
    member.role = role
    member.save(update_fields=["role"])
    audit.record(actor, "member.role", member, details={"before": before, "after": role})
    return member


@transaction.atomic
def remove_member(actor: Actor, pk: UUID | str) -> None:
    """Take a member out: their tokens end and their sessions too. Everybody may leave; the last owner stays."""
    member = _lock(actor, pk)
    if member.user_id != getattr(actor.user, "pk", None) or actor.kind == "token":
        actor.require("members")
        _check_above(actor, member)
    if member.role == "owner":
        _keep_an_owner(actor.workspace, member)
    _end_tokens(member)
    audit.record(actor, "member.remove", member, details={"email": member.user.email, "role": member.role})
    user = member.user
    member.delete()
    User.objects.filter(pk=user.pk, last_workspace=actor.workspace).update(last_workspace=None)
    transaction.on_commit(lambda: _after_removal(user))


def _after_removal(user: User) -> None:
    end_sessions(user)


def _end_tokens(member: Member) -> None:
    from accounts.models import ApiToken

    living = ApiToken.objects.of(member.workspace_id).filter(user=member.user_id, revoked_at=None)
    living.update(revoked_at=now())


def _lock(actor: Actor, pk: UUID | str) -> Member:
    """The member, with all owners locked, so that two removals at once cannot take the last two."""
    everyone = Member.objects.of(actor.workspace).select_for_update(of=("self",)).select_related("user")
    found = {str(member.pk): member for member in everyone.order_by("pk")}
    member = found.get(str(pk))
    if member is None:
        raise NotFound("There is no such member.")
    return member


def _check_role(actor: Actor, role: str) -> None:
    if role not in ROLE_PERMISSIONS:
        raise UserError("E_CHOICE", f"{role!r} is not a role.", field="role", hint=f"Roles: {', '.join(ROLES)}.")
    if actor.kind != "system" and rank(role) > rank(actor.role):
        raise Forbidden(f"As {actor.role} you cannot make somebody {role}.", field="role", hint="Ask an owner.")


def _check_above(actor: Actor, member: Member) -> None:
    if actor.kind != "system" and rank(member.role) > rank(actor.role):
        raise Forbidden(f"As {actor.role} you cannot change an {member.role}.", hint="Ask an owner.")


def _keep_an_owner(workspace: Workspace, member: Member) -> None:
    others: QuerySet[Member] = Member.objects.of(workspace).filter(role="owner").exclude(pk=member.pk)
    if not others.filter(user__is_active=True).exists():
        raise UserError(
            "E_LAST_OWNER", "A workspace needs an owner, and this is the last one.", status=409,
            hint="Make somebody else owner first.",
        )  # fmt: skip


def owners(workspace: Workspace) -> Iterable[Member]:
    """The owners of a workspace, oldest first."""
    return Member.objects.of(workspace).filter(role="owner").select_related("user").order_by("created_at")
