"""Signing in as an installed GitHub App: a signed statement buys a token for an hour; imported when first used.

Reference: https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from github import Auth

from integrations.errors import SignInAgain
from integrations.github.wire import open_github

if TYPE_CHECKING:
    from orchestrator_site.lib.outbound import Call

EARLY = 300.0  # a token is renewed so many seconds before it ends


class AppTokens:
    """The tokens of one installation; a new one is bought when the last is about to end."""

    def __init__(self, base_url: str, secret: Mapping[str, str]) -> None:
        self._base_url = base_url
        self._app_id = secret.get("app_id", "").strip()
        self._installation = secret.get("installation_id", "").strip()
        self._key = secret.get("private_key", "")
        self._lock = threading.Lock()
        self._token, self._until = "", 0.0

    def get(self, call: Call) -> str:
        """A token that still holds. Raises SignInAgain for a key that cannot sign, GithubException for a refusal."""
        with self._lock:
            if time.time() > self._until - EARLY:
                self._buy(call)
            return self._token

    def _buy(self, call: Call) -> None:
        if not self._installation.isdigit():
            raise SignInAgain(
                "The installation id is not a number.",
                refused=True,
                hint="It is the last part of the address of the installation's settings page.",
            )
        try:
            auth = Auth.AppAuth(self._app_id, self._key)
            _ = auth.token
        except Exception as problem:
            raise SignInAgain(
                "The private key of the GitHub App cannot be read.",
                refused=True,
                hint="Paste the whole .pem file that GitHub gave you, with its first and last line.",
            ) from problem
        with open_github(self._base_url, auth, call) as github:
            where = f"/app/installations/{self._installation}/access_tokens"
            data = github.requester.requestJsonAndCheck("POST", where)[1]
        self._token = str(data["token"])
        self._until = datetime.fromisoformat(str(data["expires_at"]).replace("Z", "+00:00")).timestamp()
