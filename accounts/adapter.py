"""What we tell allauth: sign-up is closed, a first user or an invitation opens it, and Google must prove an address."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest
from django.shortcuts import render
from django.urls import reverse

from accounts.addresses import client_ip
from accounts.background import run_beside
from accounts.models import Invitation, User
from accounts.operations.members import accept_invitation, find_invitation, invitation_for
from accounts.operations.sessions import is_fresh
from accounts.operations.setup import create_workspace, is_empty
from accounts.responses import stays_here
from orchestrator_site.lib.errors import NotFound
from orchestrator_site.lib.json import repair_text

INVITATION_KEY = "invitation_token"


def invitation_in(request: HttpRequest | None) -> Invitation | None:
    """The open invitation this browser came with, or None."""
    token = request.session.get(INVITATION_KEY) if request is not None and hasattr(request, "session") else None
    try:
        return find_invitation(token) if token else None
    except NotFound:
        return None


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """E-mail sign-in."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Only for the first user of an empty instance, or with an invitation."""
        return is_empty() or invitation_in(request) is not None

    def clean_email(self, email: str) -> str:
        """In lower case; with an invitation, the invited address and no other."""
        address = super().clean_email(email).strip().lower()
        invitation = invitation_in(self.request)
        if invitation is not None and address != invitation.email and not self._signed_in():
            raise ValidationError(f"The invitation is for {invitation.email}.", code="E_ADDRESS")
        return str(address)

    def _signed_in(self) -> bool:
        return bool(self.request is not None and self.request.user.is_authenticated)

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Save who signed up, and give them their place."""
        first = is_empty()
        saved: User = super().save_user(request, user, form, commit=commit)
        if commit:
            settle(request, saved, first=first)
        return saved

    def render_mail(self, *args: Any, **kwargs: Any) -> Any:
        """A message that is sent beside the request: the time of the answer must not tell who has an account."""
        message = super().render_mail(*args, **kwargs)
        send = message.send
        message.send = lambda *_, **__: run_beside(send)
        return message

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that the proxy middleware settled on."""
        return client_ip(request) or "0.0.0.0"  # noqa: S104 - a word for "unknown", nothing listens on it

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """A sign-in of the last fifteen minutes counts, however it was made."""
        return self.request is None or not is_fresh(self.request)

    def is_safe_url(self, url: str | None) -> bool:
        """Only paths of this host, though the instance may answer to several names."""
        return bool(url) and self.request is not None and stays_here(self.request, str(url))

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """To the start, which knows the workspace used last."""
        return "/"

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """To the sign-in page."""
        return reverse("account_login")


def settle(request: HttpRequest, user: User, *, first: bool) -> None:
    """Give a new user the workspace they came for: the first of the instance, or the one they are invited to."""
    if first:
        User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
        create_workspace(user, "Main")
        return
    invitation = invitation_in(request)
    if invitation is not None:
        accept_invitation(invitation, user)
        request.session.pop(INVITATION_KEY, None)


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Google sign-in: for linked accounts, for proven addresses of users, and for invited proven addresses."""

    def get_app(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Any:
        """The keys of a provider; where none are set, its addresses are not there."""
        try:
            return super().get_app(request, provider, client_id=client_id)
        except SocialApp.DoesNotExist as absent:
            raise Http404 from absent

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Let a known Google account in; link one to the user whose address both sides have proven; refuse the rest."""
        if sociallogin.is_existing or request.user.is_authenticated:
            return
        email = proven_email(sociallogin)
        if email is None:
            raise ImmediateHttpResponse(_refusal(request, "no_proof", sociallogin))
        if EmailAddress.objects.filter(email=email, verified=True, user__email=email, user__is_active=True).exists():
            sociallogin.connect(request, User.objects.get(email=email))
        elif User.objects.filter(email=email).exists():
            raise ImmediateHttpResponse(_refusal(request, "not_linked", sociallogin))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Only with an invitation for the proven address, or as the first user."""
        email = proven_email(sociallogin)
        return email is not None and (is_empty() or invitation_for(email) is not None)

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        """There is nothing to ask: Google said the name and the address."""
        return True

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> User:
        """Take over the name and the address."""
        user: User = super().populate_user(request, sociallogin, data)
        user.email = str(data.get("email") or "").strip().lower()
        said = (
            sociallogin.account.extra_data.get("name")
            or f"{data.get('first_name') or ''} {data.get('last_name') or ''}"
        )
        user.name = repair_text(str(said)).strip()[:120]
        return user

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        """Save who signed up, and let them in where they are invited."""
        first = is_empty()
        user: User = super().save_user(request, sociallogin, form)
        invitation = None if first else invitation_for(user.email)
        if invitation is not None:
            accept_invitation(invitation, user)
        else:
            settle(request, user, first=first)
        return user


def proven_email(sociallogin: Any) -> str | None:
    """The address Google says is verified, in lower case; None without one."""
    found = next((address.email for address in sociallogin.email_addresses if address.verified), None)
    return found.strip().lower() if found else None


def _refusal(request: HttpRequest, why: str, sociallogin: Any) -> Any:
    email = getattr(sociallogin.user, "email", "") if sociallogin.user else ""
    return render(request, "accounts/google_refused.html", {"why": why, "email": email}, status=403)
