"""One-time sign-in links: ten minutes, kept as a hash, used up by a click on a button and not by opening the page."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import audit
from accounts.background import run_beside
from accounts.hashes import token_hash
from accounts.models import LoginLink, User
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import NotFound

LIFE = timedelta(minutes=10)
_MAILED, _PRINTED = "m", "p"  # first character of the secret: whether it went to the person's mailbox


def make_login_link(user: User, *, mailed: bool = False) -> str:
    """The path of a fresh link for `user`; whoever opens it within ten minutes signs in as them, once."""
    secret = (_MAILED if mailed else _PRINTED) + secrets.token_urlsafe(32)
    LoginLink.objects.filter(expires_at__lt=now() - timedelta(days=1)).delete()
    LoginLink.objects.create(user=user, token_hash=token_hash(secret), expires_at=now() + LIFE)
    return reverse("login_link", kwargs={"token": secret})


@dataclass(frozen=True)
class Opened:
    """A link that was used: whose it is, and whether it proves their mailbox."""

    user: User
    mailed: bool


def peek_login_link(token: str) -> User:
    """Whose link it is, without using it up. Raises NotFound."""
    link = LoginLink.objects.filter(token_hash=token_hash(token), used_at=None, expires_at__gt=now()).select_related(
        "user"
    )
    found = link.first()
    if found is None or not found.user.is_active:
        raise NotFound("This link was used already, or is older than ten minutes.", hint="Ask for a new one.")
    return found.user


@transaction.atomic
def use_login_link(token: str, *, ip: str | None = None) -> Opened:
    """Use a link up; of two clicks at once one wins. Raises NotFound for the other."""
    user = peek_login_link(token)
    mine = LoginLink.objects.filter(token_hash=token_hash(token), used_at=None)
    if not mine.update(used_at=now()):
        raise NotFound("This link was used already.", hint="Ask for a new one.")
    mailed = token.startswith(_MAILED)
    if mailed:
        _note_proven_address(user)
    audit.record_instance("sign_in.link", by=str(user), user=user, ip=ip)
    return Opened(user, mailed)


def _note_proven_address(user: User) -> None:
    address, _ = EmailAddress.objects.get_or_create(
        user=user, email=user.email, defaults={"primary": True, "verified": True}
    )
    if not address.verified:
        address.verified = True
        address.save(update_fields=["verified"])


def request_login_link(email: str, *, base_url: str = "", query: str = "") -> None:
    """Mail a link to a known address. The answer and its time are the same for an unknown one.

    The caller limits how often this may be asked; `query` ("?next=…") is put behind the link.
    """
    run_beside(lambda: _mail_link(email.strip().lower(), base_url or settings.PUBLIC_URL, query))


def _mail_link(email: str, base_url: str, query: str) -> None:
    user = User.objects.filter(email=email, is_active=True).first()
    if user is None:
        return
    url = f"{base_url}{make_login_link(user, mailed=True)}{query}"
    text = render_to_string("accounts/mail/login_link.txt", {"user": user, "url": url, "minutes": 10})
    send_mail("Your sign-in link", text, None, [user.email])
