"""Members, invitations and the workspace itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.actor import Actor, actor_of
from accounts.forms import InviteForm, WorkspaceForm
from accounts.operations import members as people
from accounts.operations.setup import rename_workspace, set_timezone, zones
from accounts.roles import ROLE_WORDS, ROLES, rank
from accounts.views.fresh import fresh_sign_in
from orchestrator_site.lib.errors import UserError


@fresh_sign_in
def members(request: HttpRequest, workspace: str) -> HttpResponse:
    """The members, the open invitations, and a form to invite."""
    actor = actor_of(request)
    form = InviteForm(request.POST or None, up_to=actor.role)
    link = ""
    if request.method == "POST" and form.is_valid():
        base = settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
        try:
            invited, path = people.invite_member(
                actor, form.cleaned_data["email"], form.cleaned_data["role"], base_url=base
            )
        except UserError as problem:
            form.add_problem(problem)
        else:
            link, form = base + path, InviteForm(up_to=actor.role)
            messages.success(request, f"{invited.email} is invited.")
    shown = {**_members_shown(actor), "form": form, "link": link}
    return render(request, "accounts/members.html", shown, status=400 if form.errors else 200)


def _members_shown(actor: Actor) -> dict[str, Any]:
    may = actor.can("members")
    rows = [
        {
            "member": member,
            "me": member.user_id == getattr(actor.user, "pk", None),
            "may_change": may and rank(member.role) <= rank(actor.role),
        }
        for member in people.list_members(actor)
    ]
    offered = [(role, role.capitalize()) for role in ROLES if rank(role) <= rank(actor.role)]
    return {
        "rows": rows,
        "invitations": people.open_invitations(actor) if may else [],
        "roles": offered,
        "role_words": ROLE_WORDS.items(),
        "may": may,
    }


@fresh_sign_in
def member_role(request: HttpRequest, workspace: str, pk: UUID) -> HttpResponse:
    """Give a member another role."""
    member = people.change_role(actor_of(request), pk, request.POST.get("role", ""))
    messages.success(request, f"{member.user} is now {member.role}.")
    return redirect("members", workspace=workspace)


@fresh_sign_in
def member_remove(request: HttpRequest, workspace: str, pk: UUID) -> HttpResponse:
    """Take a member out of the workspace."""
    people.remove_member(actor_of(request), pk)
    messages.success(request, "Removed. Their sessions and tokens have ended.")
    return redirect("members", workspace=workspace)


@fresh_sign_in
def invitation_revoke(request: HttpRequest, workspace: str, pk: UUID) -> HttpResponse:
    """Withdraw an invitation."""
    people.revoke_invitation(actor_of(request), pk)
    messages.success(request, "The invitation is withdrawn; its link is dead.")
    return redirect("members", workspace=workspace)


def workspace_settings(request: HttpRequest, workspace: str) -> HttpResponse:
    """The name of the workspace and its time zone; owners change them."""
    actor = actor_of(request)
    form = WorkspaceForm(
        request.POST or None, initial={"name": actor.workspace.name, "timezone": actor.workspace.timezone}
    )
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                rename_workspace(actor, form.cleaned_data["name"])
                if form.cleaned_data["timezone"]:
                    set_timezone(actor, form.cleaned_data["timezone"])
        except UserError as problem:
            form.add_problem(problem)
        else:
            messages.success(request, "Saved.")
            return redirect("workspace_settings", workspace=workspace)
    shown = {"form": form, "may": actor.can("own"), "zones": zones()}
    return render(request, "accounts/workspace_settings.html", shown, status=400 if form.errors else 200)
