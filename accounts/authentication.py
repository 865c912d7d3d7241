"""Who calls the API: a bearer token, or the signed-in person with a CSRF token; and what the table lets them do."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from datetime import timedelta
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, transaction
from django.db.models import UUIDField
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.actor import Actor
from accounts.addresses import client_ip
from accounts.hashes import token_hash
from accounts.models import ApiToken, Member
from accounts.table import PUBLIC, SIGNED_IN, needed_for, rule_for
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import NotFound, NotSignedIn
from orchestrator_site.lib.prepared import Given, Prepared

if TYPE_CHECKING:
    from rest_framework.views import APIView

log = logging.getLogger(__name__)

TOKEN = re.compile(r"awo_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
_IN_ADDRESS = re.compile(r"awo_[a-z0-9]{8}_")
_USED_EVERY = timedelta(seconds=60)
_NOBODY = token_hash("no such token")
_TOKEN = Prepared(
    lambda: (
        ApiToken.objects.unscoped("the token says which workspace it is for")
        .select_related("workspace", "user")
        .filter(prefix=Given("prefix"))
    )
)
_MEMBER = Prepared(lambda: Member.objects.of(Given("workspace", UUIDField())).filter(user=Given("user", UUIDField())))


def token_actor(request: HttpRequest) -> Actor | None:
    """The actor of the Authorization header; None without one. Raises NotSignedIn for a token that does not count."""
    _refuse_token_in_address(request)
    text = _presented(request.META.get("HTTP_AUTHORIZATION", ""))
    if text is None:
        return None
    token = _find(text)
    member = _MEMBER.first(workspace=token.workspace_id, user=token.user_id) if token else None
    if token is None or member is None or not token.user.is_active:
        raise NotSignedIn(
            "This token is not valid: it is wrong, expired or revoked, or its user has left the workspace.",
            hint="Make a new token on the page Tokens of your workspace, or with manage.py create_token.",
        )
    member.workspace, member.user = token.workspace, token.user
    _note_use(token, client_ip(request))
    return Actor.of_token(token, member, ip=client_ip(request))


def _refuse_token_in_address(request: HttpRequest) -> None:
    if _IN_ADDRESS.search(request.META.get("QUERY_STRING", "")):
        log.warning("A token was sent in an address (%s) and refused; revoke it", request.path)
        raise NotSignedIn(
            "A token in the address is refused: addresses end up in logs.",
            hint="Send it as the header Authorization: Bearer awo_…, and revoke the one you just sent.",
        )


def _presented(header: str) -> str | None:
    keyword, _, text = header.strip().partition(" ")
    return text.strip() if keyword.lower() in ("bearer", "token") else None


def _find(text: str) -> ApiToken | None:
    """The living token that was presented; an unknown one costs the same comparison as a known one."""
    match = TOKEN.fullmatch(text)
    found = None
    if match:
        found = _TOKEN.first(prefix=match[1])
    right = compare_digest(found.secret_hash if found else _NOBODY, token_hash(text))
    living = found is not None and found.revoked_at is None and found.expires_at > now()
    return found if right and living else None


def _note_use(token: ApiToken, ip: str | None) -> None:
    """Remember when and from where, to the minute; a busy database is no reason to refuse the call."""
    if token.last_used_at and now() - token.last_used_at < _USED_EVERY:
        return
    mine = ApiToken.objects.of(token.workspace_id).filter(pk=token.pk)
    try:
        with transaction.atomic():
            mine.update(last_used_at=now(), last_used_ip=ip)
    except DatabaseError:
        log.warning("The last use of token %s could not be noted", token.prefix)


def session_actor(request: HttpRequest) -> Actor | None:
    """The signed-in person, acting in the workspace they used last (or their first); None when there is none."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not user.is_active:
        return None
    member = Member.home_of(user)
    if member is None:
        return None
    member.user = user
    return Actor.of_member(member, ip=client_ip(request))


def _attach(request: HttpRequest, actor: Actor) -> None:
    request.actor = actor  # type: ignore[attr-defined]
    request.workspace = actor.workspace  # type: ignore[attr-defined]


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer awo_…` (or the keyword Token); cookies are not looked at."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """The user and token, or None where no token is presented."""
        actor = token_actor(request._request)
        if actor is None:
            return None
        _attach(request._request, actor)
        return actor.user, actor.token

    def authenticate_header(self, request: Request) -> str:
        """Makes the answer to the unknown a 401."""
        return 'Bearer realm="api"'


class PageSession(SessionAuthentication):
    """The session of the pages, with a CSRF token for everything that changes something."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """The signed-in user, or None."""
        actor = session_actor(request._request)
        if actor is None:
            return None
        self.enforce_csrf(request)
        _attach(request._request, actor)
        return actor.user, None


class TablePermission(BasePermission):
    """Allows what the permission table allows: the URL's name and the method, nothing else."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Raises NotFound, MethodNotAllowed, NotAuthenticated or Forbidden; otherwise True."""
        match = request._request.resolver_match
        methods = rule_for(match.view_name if match else "")
        if methods is None:
            raise NotFound
        needed = needed_for(methods, request.method or "")
        if needed is None:
            raise MethodNotAllowed(request.method or "")
        if needed == PUBLIC:
            return True
        actor = getattr(request._request, "actor", None)
        if actor is None:
            raise NotAuthenticated
        if needed != SIGNED_IN:
            actor.require(needed)
            if request.method not in SAFE_METHODS:
                _attach(request._request, _who_may_look(actor))
        return True


def _who_may_look(actor: Actor) -> Actor:
    """Who may act on a thing may look it up while doing so; its scope for reading is asked for elsewhere."""
    return replace(actor, permissions=actor.permissions | {"read"})


__all__ = [
    "PageSession",
    "TablePermission",
    "TokenAuthentication",
    "session_actor",
    "token_actor",
]
