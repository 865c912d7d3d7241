"""How google-api-python-client reaches the network: over our guarded transport, with the token as a plain header."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from googleapiclient.discovery import build

from integrations.gmail.failures import SERVICE
from integrations.http_failures import unreadable
from orchestrator_site.lib.outbound import Call, GuardedHttp


class BearerHttp(GuardedHttp):
    """Our transport with a token on each request. Unlike google-auth's it never refreshes, so it never sends twice."""

    def __init__(self, token: str, call: Call) -> None:
        super().__init__(call)
        self._token = token

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, *more: Any, **named: Any
    ) -> Any:
        """One request."""
        return super().request(uri, method, body, {**(headers or {}), "authorization": f"Bearer {self._token}"})


class GmailApi:
    """The parts of Gmail's API that we call."""

    def __init__(self, service: Any) -> None:
        self.users = service.users()
        self.messages = self.users.messages()

    def get(self, request: Any) -> dict[str, Any]:
        """The answer to one request. Raises Unreadable when it is not an object."""
        answer = request.execute(num_retries=0)
        if not isinstance(answer, dict):
            raise unreadable(SERVICE, "what Gmail promises")
        return answer


@contextmanager
def open_gmail(base_url: str, token: str, call: Call) -> Iterator[GmailApi]:
    """Gmail's API for a few calls; its sockets are closed with it."""
    http = BearerHttp(token, call)
    try:
        yield GmailApi(_service(base_url, http))
    finally:
        http.close()


def _service(base_url: str, http: BearerHttp) -> Any:
    return build(
        "gmail",
        "v1",
        http=http,
        static_discovery=True,
        cache_discovery=False,
        num_retries=0,
        client_options={"api_endpoint": base_url},
    )
