"""The gate of every page: the permission table, the workspace of the address, the age of a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from rest_framework.views import APIView

from accounts import audit, responses
from accounts.actor import Actor
from accounts.addresses import client_ip
from accounts.authentication import PageSession, session_actor, token_actor
from accounts.models import Member, User
from accounts.operations.sessions import STARTED, session_is_over, touch
from accounts.table import PUBLIC, SIGNED_IN, STAFF, Methods, allowed, needed_for, rule_for
from orchestrator_site.lib.errors import Forbidden, NotFound, NotSignedIn, UserError

GetResponse = Callable[[HttpRequest], HttpResponseBase]
API_NAMESPACES = ("api", "seed", "watching", "hooks")
SAFE = ("GET", "HEAD", "OPTIONS")


class SessionAgeMiddleware:
    """Ends a session after 14 days, or after a day without use (security.md S13)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """End what is too old, note what is alive."""
        if request.session.session_key and (STARTED in request.session or request.user.is_authenticated):
            if session_is_over(request.session):
                logout(request)
            else:
                touch(request.session)
        return self.get_response(request)


class PermissionMiddleware:
    """Looks every request up in the permission table. What is not listed is not there."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; then write the refusals that a rolled back transaction kept waiting."""
        request.actor = None  # type: ignore[attr-defined]
        request.workspace = None  # type: ignore[attr-defined]
        try:
            return self.get_response(request)
        finally:
            audit.write_pending_denials()

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Return the refusal, or None to go on to the view."""
        match = request.resolver_match
        methods = rule_for(match.view_name) if match else None
        if match is None or methods is None:
            return _missing(request)
        if match.namespaces and match.namespaces[0] in API_NAMESPACES:
            return _api_gate(request, view, methods)
        needed = needed_for(methods, request.method or "")
        if needed is None:
            return responses.method_not_allowed(request, allowed(methods))
        try:
            refused = _page_gate(request, needed, kwargs)
        except UserError as problem:
            return responses.page_for(request, problem)
        return refused or _options(request, methods)

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponseBase | None:
        """A UserError of a page becomes a page that says what happened and what to do."""
        if _is_api(request):
            return responses.json_for(request, problem) if isinstance(problem, UserError) else None
        if isinstance(problem, Http404):
            return responses.not_found(request)
        return responses.page_for(request, problem) if isinstance(problem, UserError) else None


def _options(request: HttpRequest, methods: Methods) -> HttpResponseBase | None:
    """OPTIONS is answered here: a view that acts on everything but GET must not act on a method without CSRF check."""
    if request.method != "OPTIONS":
        return None
    return HttpResponse(status=204, headers={"Allow": allowed(methods)})


# ---- Pages ---------------------------------------------------------------------------------------------------


def _page_gate(request: HttpRequest, needed: str, kwargs: dict[str, Any]) -> HttpResponseBase | None:
    if needed == PUBLIC:
        return None
    user = request.user
    if not user.is_authenticated:
        return _to_sign_in(request)
    if needed == STAFF:
        return None if user.is_staff else responses.not_found(request)
    if needed == SIGNED_IN:
        return None
    actor = _enter(request, user, kwargs.get("workspace", ""))
    request.actor, request.workspace = actor, actor.workspace  # type: ignore[attr-defined]
    actor.require(needed)
    _remember(request, user, actor)
    return None


def _enter(request: HttpRequest, user: User, slug: str) -> Actor:
    """The actor in the workspace of the address. Raises NotFound for a foreign one and for one that never was."""
    theirs = Member.objects.unscoped("the workspace of the address is looked up through the membership")
    member = theirs.filter(workspace__slug=slug, user=user).select_related("workspace").first()
    if member is None:
        raise NotFound
    member.user = user
    return Actor.of_member(member, ip=client_ip(request))


def _remember(request: HttpRequest, user: User, actor: Actor) -> None:
    if request.method == "GET" and user.last_workspace_id != actor.workspace.pk:
        User.objects.filter(pk=user.pk).update(last_workspace=actor.workspace)
        user.last_workspace = actor.workspace


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    if request.method not in SAFE:
        problem = Forbidden("You are not signed in, or no longer.", hint="Sign in and try again.")
        return responses.page_for(request, problem)
    address = f"{reverse(settings.LOGIN_URL)}?{urlencode({'next': request.get_full_path()})}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


# ---- API -----------------------------------------------------------------------------------------------------


def _is_api(request: HttpRequest) -> bool:
    match = request.resolver_match
    if match is None:
        return request.path.startswith("/api/")
    return bool(match.namespaces) and match.namespaces[0] in API_NAMESPACES


def _missing(request: HttpRequest) -> HttpResponseBase:
    return responses.json_for(request, NotFound()) if _is_api(request) else responses.not_found(request)


def _api_gate(request: HttpRequest, view: Callable[..., Any], methods: Methods) -> HttpResponseBase | None:
    """Leave views of the REST framework to TablePermission; gate every other view of the API here."""
    needed = needed_for(methods, request.method or "")
    if needed == PUBLIC:
        return _options(request, methods)
    kind = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if isinstance(kind, type) and issubclass(kind, APIView):
        return None
    if needed is None:
        return responses.method_not_allowed(request, allowed(methods), json=True)
    try:
        actor = token_actor(request) or _checked_session(request)
        request.actor, request.workspace = actor, actor.workspace  # type: ignore[attr-defined]
        if needed != SIGNED_IN:
            actor.require(needed)
    except UserError as problem:
        return responses.json_for(request, problem)
    return _options(request, methods)


def _checked_session(request: HttpRequest) -> Actor:
    actor = session_actor(request)
    if actor is None:
        raise NotSignedIn
    if request.method not in SAFE:
        PageSession().enforce_csrf(request)  # type: ignore[arg-type]
    return actor
