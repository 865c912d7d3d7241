"""API tokens: made and shown once, kept as a hash, expiring, revoked at once."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.db import transaction

from accounts import audit
from accounts.actor import Actor
from accounts.hashes import token_hash
from accounts.models import ApiToken, Member, User, Workspace, WorkspaceQuerySet
from accounts.roles import SCOPES
from accounts.text import clean_line
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import NotFound, UserError

DEFAULT_DAYS, MAX_DAYS = 90, 365
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@transaction.atomic
def create_token(actor: Actor, name: str, scopes: Iterable[str], days: int = DEFAULT_DAYS) -> tuple[ApiToken, str]:
    """Make a token of the actor's own; the text is returned here and never again.

    Raises UserError for an unknown scope or a life that is too long, Forbidden without the permission.
    """
    actor.require("tokens")
    if actor.user is None:
        raise UserError("E_TOKEN_USER", "A token belongs to a person.", hint="Use manage.py create_token with --user.")
    chosen = check_scopes(scopes)
    _check_within(actor, chosen)
    token, text = issue(actor.user, actor.workspace, name=name, scopes=chosen, life=timedelta(days=check_days(days)))
    audit.record(actor, "token.create", token, details={"scopes": chosen, "expires_at": token.expires_at.isoformat()})
    return token, text


def issue(user: User, workspace: Workspace, *, name: str, scopes: list[str], life: timedelta) -> tuple[ApiToken, str]:
    """Write a token for a member and return it with its text; the caller has checked who may."""
    identifier = "".join(secrets.choice(_ID_ALPHABET) for _ in range(8))
    text = f"awo_{identifier}_{secrets.token_urlsafe(32)}"
    token = ApiToken.objects.create(
        workspace=workspace, user=user, name=clean_line(name, field="name", high=120), prefix=identifier,
        secret_hash=token_hash(text), scopes=cast(Any, scopes), expires_at=now() + life,
    )  # fmt: skip
    return token, text


def issue_session_token(
    user: User, workspace: Workspace, minutes: int = 60, scopes: Iterable[str] = SCOPES, *, name: str = "sign-in"
) -> str:
    """A short-lived token for the original's login route: the text; audited like a sign-in."""
    member = Member.objects.of(workspace).filter(user=user).first()
    if member is None or not user.is_active:
        raise NotFound("That user is not a member of this workspace.")
    with transaction.atomic():
        token, text = issue(user, workspace, name=name, scopes=check_scopes(scopes), life=timedelta(minutes=minutes))
        member.workspace, member.user = workspace, user
        audit.record(Actor.of_member(member), "token.sign_in", token, details={"minutes": minutes})
    return text


@transaction.atomic
def revoke_token(actor: Actor, pk: UUID | str) -> ApiToken:
    """End a token now: one's own, or with the permission for members anybody's. Raises NotFound."""
    actor.require("tokens")
    token = list_tokens(actor).filter(pk=pk).select_for_update(of=("self",)).first()
    if token is None:
        raise NotFound("There is no such token.")
    if token.revoked_at is None:
        token.revoked_at = now()
        token.save(update_fields=["revoked_at"])
        audit.record(actor, "token.revoke", token)
    return token


def list_tokens(actor: Actor) -> WorkspaceQuerySet[ApiToken]:
    """The tokens an actor may see: all with the permission for members, otherwise their own; newest first."""
    actor.require("tokens")
    tokens = ApiToken.objects.of(actor.workspace).select_related("user").order_by("-created_at")
    return tokens if actor.can("members") else tokens.filter(user=actor.user)


def check_scopes(scopes: Iterable[str]) -> list[str]:
    """The scopes in the order of the table. Raises UserError for none, or for one that is unknown."""
    asked = set(scopes)
    unknown = sorted(asked - set(SCOPES))
    if unknown:
        raise UserError(
            "E_CHOICE", f"{unknown[0]!r} is not a scope.", field="scopes", hint=f"Scopes: {', '.join(SCOPES)}."
        )
    if not asked:
        raise UserError(
            "E_REQUIRED", "A token needs at least one scope.", field="scopes", hint=f"Scopes: {', '.join(SCOPES)}."
        )
    return [scope for scope in SCOPES if scope in asked]


def check_days(days: int) -> int:
    """1 to 365. Raises UserError otherwise."""
    if isinstance(days, bool) or not isinstance(days, int):
        raise UserError("E_TYPE", "days must be a whole number.", field="days")
    if not 1 <= days <= MAX_DAYS:
        raise UserError("E_RANGE", f"A token lives from 1 to {MAX_DAYS} days.", field="days", limit=MAX_DAYS)
    return days


def _check_within(actor: Actor, scopes: list[str]) -> None:
    """A token makes no token that may do more than itself."""
    held = set(actor.token.scopes) if actor.token else set(SCOPES)
    beyond = [scope for scope in scopes if scope not in held]
    if beyond:
        raise UserError(
            "E_FORBIDDEN", f"This token has no scope {beyond[0]!r}, so it cannot give it to another.", field="scopes",
            hint="Make the token on the page Tokens.", status=403,
        )  # fmt: skip
