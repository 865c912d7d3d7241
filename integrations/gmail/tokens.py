"""Access tokens of Google: fetched ahead of a call where one is due, never in the middle of it.

A refresh is a request of its own, under a lock for each connection; the call that needs the token is sent after it,
once. Access tokens live in this process only; a refresh token that Google replaces is stored by the client.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from integrations.context import ConnectionInfo
from integrations.errors import SignInAgain
from integrations.gmail.failures import AGAIN
from integrations.http_failures import from_transport

if TYPE_CHECKING:
    from google.oauth2.credentials import Credentials

    from orchestrator_site.lib.outbound import Call

EARLY_SECONDS = 60.0


@dataclass
class _Kept:
    """The newest token of a connection, and the lock under which it is renewed."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    token: str = ""
    good_until: float = 0.0
    refresh_token: str = ""
    of: tuple[str, str] = ("", "")
    former: tuple[str, str] | None = None


_kept: dict[UUID | None, _Kept] = {}
_guard = threading.Lock()


class Tokens:
    """The access tokens of one connection. `current()` is called in a pool thread."""

    def __init__(self, info: ConnectionInfo) -> None:
        self._secret: Mapping[str, str] = info.secret
        self._of = (self._secret.get("refresh_token", ""), self._secret.get("access_token", ""))
        with _guard:
            self._store = _kept.setdefault(info.id, _Kept()) if info.id else _Kept()

    @property
    def renewable(self) -> bool:
        """Whether a new token can be fetched."""
        return bool(self._secret.get("refresh_token"))

    def current(self, call: Call) -> str:
        """A token that is good for a while; fetched now if the last one is near its end."""
        if not self.renewable:
            return self._only_token()
        store = self._store
        with store.lock:
            if self._of not in (store.of, store.former):
                store.token, store.good_until, store.refresh_token, store.of = "", 0.0, "", self._of
                store.former = None
            if not store.token or store.good_until - EARLY_SECONDS < time.monotonic():
                self._renew(store, call)
            return store.token

    def forget(self, token: str) -> None:
        """Google no longer takes this token: fetch a new one before the next call."""
        with self._store.lock:
            if self._store.token == token:
                self._store.token = ""

    def rotated(self) -> tuple[str, str] | None:
        """(old, new) where Google has given another refresh token than the one that is stored with the connection."""
        store, stored = self._store, self._secret.get("refresh_token", "")
        with store.lock:
            new = store.refresh_token
            return (stored, new) if new and new != stored and store.of == self._of else None

    def is_stored(self, new: str) -> None:
        """The connection holds this refresh token now; who still has the old one in hand goes on with this one."""
        store = self._store
        with store.lock:
            store.former, store.of = store.of, (new, self._secret.get("access_token", ""))

    def _only_token(self) -> str:
        token = self._secret.get("access_token", "")
        if not token:
            raise SignInAgain("This connection holds no sign-in to Google.", refused=True, hint=AGAIN)
        return token

    def _renew(self, store: _Kept, call: Call) -> None:
        """Reference: https://developers.google.com/identity/protocols/oauth2/web-server#offline."""
        from google.auth import exceptions
        from google.auth.transport.requests import Request

        from orchestrator_site.lib.outbound import guarded_session

        credentials = self._credentials(store.refresh_token or self._secret["refresh_token"])
        session = guarded_session(call)
        try:
            credentials.refresh(Request(session))  # type: ignore[no-untyped-call]
        except exceptions.RefreshError as problem:
            raise _refused(problem) from problem
        except Exception as problem:
            raise from_transport("Google", problem) from problem
        finally:
            session.close()
        store.token = str(credentials.token)
        store.refresh_token = str(credentials.refresh_token or "")
        store.good_until = time.monotonic() + _seconds_left(credentials)

    def _credentials(self, refresh_token: str) -> Credentials:
        from google.oauth2.credentials import Credentials

        return Credentials(  # type: ignore[no-untyped-call]
            token=None,
            refresh_token=refresh_token,
            token_uri=settings.GOOGLE_TOKEN_URL,
            client_id=self._secret.get("client_id") or settings.GOOGLE_CLIENT_ID,
            client_secret=self._secret.get("client_secret") or settings.GOOGLE_CLIENT_SECRET,
        )


def _refused(problem: Exception) -> SignInAgain | Exception:
    """What Google's token endpoint said, in words."""
    said = str(problem.args[0] if problem.args else problem).rstrip(".")[:300]
    if getattr(problem, "retryable", False):
        return from_transport("Google", TimeoutError(said))
    if "invalid_client" in said or "unauthorized_client" in said:
        hint = "The client id or secret of this connection does not belong to the sign-in; connect again."
    else:
        hint = f"The sign-in ended or was withdrawn (in Google's test mode it ends after 7 days). {AGAIN}"
    return SignInAgain(f"Google did not renew the sign-in: {said}.", refused=True, hint=hint)


def _seconds_left(credentials: Credentials) -> float:
    from datetime import UTC, datetime

    if credentials.expiry is None:
        return 3000.0
    return float((credentials.expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds())
