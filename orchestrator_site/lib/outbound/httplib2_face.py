"""What libraries that expect an httplib2.Http get from us: the same calls, our transport beneath."""

from __future__ import annotations

from typing import Any

import httplib2

from orchestrator_site.lib.outbound.blocking import GuardedSession
from orchestrator_site.lib.outbound.call import Call


class GuardedHttp:
    """`request(uri, method, body, headers)` is exactly one request: no redirect, no retry, no cache."""

    follow_redirects = False
    follow_all_redirects = False
    redirect_codes: frozenset[int] = frozenset()
    forward_authorization_headers = False
    ignore_etag = True
    cache = None
    proxy_info = None

    def __init__(self, call: Call | None = None, *, timeout: float | None = None) -> None:
        self.timeout = timeout
        self.connections: dict[str, Any] = {}
        self._session = GuardedSession(call)

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: dict[str, str] | None = None,
        redirections: int = 0,
        connection_type: Any = None,
    ) -> tuple[httplib2.Response, bytes]:
        """Send once and return httplib2's response and the body."""
        data = body.read() if hasattr(body, "read") else body
        answer = self._session.request(
            method, uri, data=data, headers=headers, allow_redirects=False, timeout=self.timeout
        )
        fields = {name.lower(): value for name, value in answer.headers.items() if name.lower() != "content-encoding"}
        response = httplib2.Response({**fields, "status": str(answer.status_code)})
        response.status = answer.status_code
        response.reason = answer.reason or ""
        return response, answer.content

    def add_credentials(self, *_: Any, **__: Any) -> None:
        """Not here: credentials are headers that the caller sets."""
        raise NotImplementedError("set the Authorization header instead")

    def close(self) -> None:
        """Close idle connections."""
        self._session.close()
