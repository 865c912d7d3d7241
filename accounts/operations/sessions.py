"""Sessions of the pages: how old they are, how fresh the sign-in is, which ones a person has, and ending them."""

from __future__ import annotations

import time
from datetime import timedelta
from importlib import import_module

from allauth.account.internal.flows.login import get_authentication_records
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from accounts.models import User
from orchestrator_site.lib.clock import now

STARTED, SEEN = "started_at", "seen_at"
_SEEN_EVERY = 300  # seconds: how often a living session is written
FRESH = timedelta(minutes=15)


def begin(session: SessionBase) -> None:
    """Stamp a session that was just signed in."""
    session[STARTED] = session[SEEN] = now().timestamp()


def session_is_over(session: SessionBase) -> bool:
    """Whether it is older than it may be, or was unused for too long."""
    at = now().timestamp()
    started, seen = session.get(STARTED), session.get(SEEN)
    if started is None or seen is None:
        return False
    return bool(at - started >= settings.SESSION_COOKIE_AGE or at - seen >= settings.SESSION_IDLE_SECONDS)


def touch(session: SessionBase) -> None:
    """Note that a session is used, at most every five minutes."""
    if STARTED not in session:
        begin(session)
    elif now().timestamp() - session[SEEN] >= _SEEN_EVERY:
        session[SEEN] = now().timestamp()


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person proved who they are within the last fifteen minutes, in whatever way."""
    if not request.user.is_authenticated:
        return False
    if now().timestamp() - request.session.get(STARTED, 0) < FRESH.total_seconds():
        return True
    records = get_authentication_records(request, request.user)
    return bool(records) and time.time() - records[-1]["at"] < FRESH.total_seconds()


def end_sessions(user: User, *, except_key: str | None = None) -> int:
    """Sign a person out everywhere (but here, with `except_key`); returns how many sessions ended."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    keys = list(
        UserSession.objects.filter(user=user)
        .exclude(session_key=except_key or "")
        .values_list("session_key", flat=True)
    )
    for key in keys:
        store(key).delete()
    UserSession.objects.filter(user=user, session_key__in=keys).delete()
    return len(keys)
