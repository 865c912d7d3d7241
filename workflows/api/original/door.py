"""The original's open routes: what this is, whether it lives, and its login, which gives a token of ours."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.addresses import client_ip
from accounts.models import Member, User, Workspace
from accounts.operations.tokens import issue_session_token
from accounts.views.door import start_address
from orchestrator_site.lib.ratelimit import give_back, hit
from workflows.api.original import models
from workflows.api.original.base import APP, VERSION, Detail, OriginalView, naive_now, read_body

DEMO = "demo"
TOKEN_MINUTES = 60
# Failed tries: from one address in a minute, under one name in five minutes (security.md S14)
PER_ADDRESS, PER_NAME = (10, 60), (5, 300)


@require_safe
def root(request: HttpRequest) -> HttpResponse:
    """What this is, as JSON; a browser is brought to its home, or to the door."""
    if "text/html" not in request.headers.get("Accept", ""):
        return JsonResponse({"app": APP, "version": VERSION, "status": "running"})
    return redirect(start_address(request.user))


class Health(OriginalView):
    """Alive."""

    authentication_classes = ()

    def get(self, request: Request) -> Response:
        """Health check endpoint."""
        return Response({"status": "healthy", "timestamp": naive_now()})


class Login(OriginalView):
    """The original's login."""

    authentication_classes = ()

    def post(self, request: Request) -> Response:
        """An e-mail address and password, or demo and demo where that is allowed, for a token of an hour."""
        body, _ = read_body(request, models.LoginRequest)
        keys = _counted(request._request, body.user_id)
        # Counted before the password is looked at: guesses sent all at once must not overtake the count.
        refused = [full for key, limit in keys if (full := hit(key, *limit))]
        if refused:
            raise refused[0]
        user, workspace = _who(request._request, body)
        for key, (_, period) in keys:
            give_back(key, period)
        text = issue_session_token(user, workspace, minutes=TOKEN_MINUTES)
        return Response({"access_token": text, "token_type": "bearer"})


def _counted(request: HttpRequest, name: str) -> list[tuple[str, tuple[int, int]]]:
    """Under which keys failed tries are counted, and how many are too many."""
    return [
        (f"original-login:address:{client_ip(request)}", PER_ADDRESS),
        (f"original-login:name:{name[:200].lower()}", PER_NAME),
    ]


def _who(request: HttpRequest, body: models.LoginRequest) -> tuple[User, Workspace]:
    if settings.DEMO_LOGIN and (body.user_id, body.password) == (DEMO, DEMO):
        return _demo()
    user = authenticate(request, username=body.user_id[:254], password=body.password[:1000])
    if not isinstance(user, User):
        raise Detail(401, "Invalid credentials")
    if _has_second_factor(user):
        raise Detail(401, "This account has a second factor. Make a token on the page Tokens and use that.")
    member = Member.home_of(user)
    if member is None:
        raise Detail(401, "This account belongs to no workspace. Ask for an invitation.")
    return user, member.workspace


def _demo() -> tuple[User, Workspace]:
    owners = Member.objects.unscoped("the demo workspace is found by its name").filter(
        workspace__slug=DEMO, role="owner", user__is_active=True
    )
    member = owners.select_related("user", "workspace").order_by("created_at").first()
    if member is None:
        raise Detail(401, "There is no demo workspace. Make it with manage.py quickstart.")
    return member.user, member.workspace


def _has_second_factor(user: User) -> bool:
    from allauth.mfa.utils import is_mfa_enabled

    return bool(is_mfa_enabled(user))
