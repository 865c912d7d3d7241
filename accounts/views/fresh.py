"""Asks again who you are before pages that give access away, unless you signed in within the last fifteen minutes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.models import User
from accounts.operations.sessions import is_fresh

View = Callable[..., HttpResponse]


def fresh_sign_in(view: View) -> View:
    """Let a POST through only shortly after a sign-in; otherwise ask for the password, a code, or a mailed link."""

    @wraps(view)
    def asked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method == "POST" and not is_fresh(request):
            return redirect(proof_address(request))
        return view(request, *args, **kwargs)

    return asked


def proof_address(request: HttpRequest) -> str:
    """Where a person proves who they are: by password or code where they have one, else by a mailed link."""
    page = "account_reauthenticate" if _has_more_than_mail(request.user) else "login_link_request"  # type: ignore[arg-type]
    back = request.path if request.method != "POST" else _page_of(request)
    return f"{reverse(page)}?{urlencode({'next': back})}"


def _page_of(request: HttpRequest) -> str:
    """The page to come back to after a refused POST: its own where it can be looked at, else the list above it."""
    match = request.resolver_match
    name = {
        "member_role": "members",
        "member_remove": "members",
        "invitation_revoke": "members",
        "token_revoke": "tokens",
    }
    if match is not None and match.view_name in name:
        return reverse(name[match.view_name], kwargs={"workspace": match.kwargs["workspace"]})
    return request.path


def _has_more_than_mail(user: User) -> bool:
    from allauth.mfa.utils import is_mfa_enabled

    return bool(user.has_usable_password() or is_mfa_enabled(user))
