"""How google-api-python-client reaches the network: over our guarded transport, with the token as a plain header."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from googleapiclient.discovery import build
from googleapiclient.http import MediaInMemoryUpload

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

    def __init__(self, service: Any, base_url: str) -> None:
        self._base_url = base_url
        self.users = service.users()
        self.messages = self.users.messages()

    def get(self, request: Any) -> dict[str, Any]:
        """The answer to one request. Raises Unreadable when it is not an object."""
        answer = request.execute(num_retries=0)
        if not isinstance(answer, dict):
            raise unreadable(SERVICE, "what Gmail promises")
        return answer

    def upload(self, method: Any, raw: bytes, about: dict[str, Any]) -> dict[str, Any]:
        """A method with a mail of any size that Gmail takes, in one request. Raises Unreadable.

        Reference: https://developers.google.com/workspace/gmail/api/guides/uploads. The SDK sends uploads to Google's
        own host whatever address it was told (ours go where everything else goes), and writes a mail that is not ASCII
        into no multipart.
        """
        request = method(userId="me", media_body=MediaInMemoryUpload(raw, mimetype="message/rfc822"))
        kind = "media"
        if about:
            kind, boundary = "multipart", uuid4().hex
            request.headers["content-type"] = f'multipart/related; boundary="{boundary}"'
            request.body = _related(boundary, json.dumps(about).encode(), raw)
            request.body_size = len(request.body)
        request.uri = f"{self._base_url}{urlsplit(request.uri).path.lstrip('/')}?alt=json&uploadType={kind}"
        return self.get(request)


def _related(boundary: str, about: bytes, mail: bytes) -> bytes:
    """Two parts, byte for byte (RFC 2387)."""
    mark = boundary.encode()
    return b"".join((
        b"--", mark, b"\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n", about,
        b"\r\n--", mark, b"\r\nContent-Type: message/rfc822\r\n\r\n", mail, b"\r\n--", mark, b"--\r\n",
    ))  # fmt: skip


@contextmanager
def open_gmail(base_url: str, token: str, call: Call) -> Iterator[GmailApi]:
    """Gmail's API for a few calls; its sockets are closed with it."""
    http = BearerHttp(token, call)
    try:
        yield GmailApi(_service(base_url, http), base_url)
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
