"""What happens around a sign-in: the session's age is stamped, the audit trail written, other sessions ended."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.cache import caches
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import audit
from accounts.addresses import client_ip
from accounts.background import run_beside
from accounts.models import User
from accounts.operations.sessions import begin, end_sessions


@receiver(user_logged_in)
def note_sign_in(sender: type[User], request: HttpRequest, user: User, **_: Any) -> None:
    """Stamp the new session and write the sign-in."""
    if hasattr(request, "session"):
        begin(request.session)
    audit.record_instance("sign_in", by=str(user), user=user, ip=client_ip(request))


@receiver(user_login_failed)
def note_failure(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Write a failed sign-in of a known user, at most once a minute and address: nobody floods the trail."""
    email = str(credentials.get("email") or credentials.get("username") or "").strip().lower()
    ip = client_ip(request) if request is not None else None
    run_beside(lambda: _write_failure(email, ip))


def _write_failure(email: str, ip: str | None) -> None:
    user = User.objects.filter(email=email).first() if email else None
    if user is not None and caches["shared"].add(f"failed-sign-in:{user.pk}", 1, 60):
        audit.record_instance("sign_in", by=email, user=user, ip=ip, outcome="denied")


@receiver([password_changed, password_set, password_reset])
def end_other_sessions(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    """A new password ends every other session."""
    end_sessions(user, except_key=request.session.session_key)
    audit.record_instance("user.password", by=str(user), user=user, ip=client_ip(request))
