"""HTTP over the guarded transport: one request a change, redirects of reads checked hop by hop, keys for one host."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

from integrations.cache import ClientCache
from integrations.context import Calls, ConnectionInfo, ConnectionReport
from integrations.errors import Rejected
from integrations.http.answers import failure, host_of
from integrations.http.interface import USER_AGENT, Answer, Request, clean_headers, origin_of, with_query
from integrations.http_failures import from_transport
from orchestrator_site.lib.json import MIB
from orchestrator_site.lib.outbound import TooMuch

MAX_REDIRECTS = 3
FOLLOWED = frozenset({301, 302, 303, 307, 308})
# What may go along to another host: how the answer should look, and nothing that says who asks.
HARMLESS = frozenset({"accept", "accept-language", "user-agent"})
LARGEST = 25 * MIB


async def _close(transport: Any) -> None:
    await transport.aclose()


def _transport() -> Any:
    from orchestrator_site.lib.outbound import guarded_async_transport

    return guarded_async_transport("httpx2", max_bytes=LARGEST + 1)


_transports: ClientCache[Any] = ClientCache(_close)


def connect(info: ConnectionInfo, calls: Calls) -> RealHttp:
    """The client of a connection, or of none."""
    return RealHttp(info)


@dataclass(frozen=True)
class Key:
    """What a connection adds to a request to its own host, and to no other."""

    headers: Mapping[str, str]
    query: Mapping[str, str]

    @classmethod
    def of(cls, secret: Mapping[str, str]) -> Key:
        """The key of a connection's secret. Raises Rejected for a header that cannot be set."""
        headers: dict[str, str] = {}
        if secret.get("header_name"):
            headers[secret["header_name"]] = secret.get("header_value", "")
        if secret.get("token"):
            headers["Authorization"] = f"Bearer {secret['token']}"
        elif secret.get("username"):
            pair = f"{secret['username']}:{secret.get('password', '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        query = {secret["query_name"]: secret.get("query_value", "")} if secret.get("query_name") else {}
        return cls(clean_headers(headers), query)


class RealHttp:
    """`interface.HttpClient` over the guarded transport."""

    def __init__(self, info: ConnectionInfo) -> None:
        self.base_url = info.base_url.rstrip("/")
        self._info = info

    async def ask(self, request: Request) -> Answer:
        """Send once; reads follow up to three redirects. Raises ServiceError."""
        home = origin_of(request.url)
        hop = request
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._once(hop)
            away = answer.headers.get("location", "")
            if answer.status not in FOLLOWED or not away or request.method not in ("GET", "HEAD"):
                return answer
            hop = self._follow(hop, away, home)
        raise Rejected(
            f"{host_of(request.url)} redirects more than {MAX_REDIRECTS} times.",
            code="E_REDIRECTS",
            refused=True,
            hint="Open the address in a browser and write the one where it ends.",
        )

    def _follow(self, hop: Request, away: str, home: tuple[str, str, int]) -> Request:
        url = urljoin(hop.url, away).partition("#")[0]
        try:
            same = origin_of(url) == home
        except Exception as problem:
            raise from_transport(host_of(hop.url), problem) from problem
        headers = hop.headers if same else {k: v for k, v in hop.headers.items() if k.lower() in HARMLESS}
        return replace(hop, url=url, headers=headers)

    async def _once(self, request: Request) -> Answer:
        """One request on the wire. The key goes along only to the connection's own scheme, host and port."""
        import httpx2

        key = Key.of(self._info.secret)
        ours = bool(self.base_url) and origin_of(request.url) == origin_of(self.base_url)
        address = with_query(request.url, key.query) if ours and key.query else request.url
        lower = {name.lower() for name in key.headers} if ours else set()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in lower}
        headers |= key.headers if ours else {}
        headers = {"User-Agent": USER_AGENT, **headers}
        wire = [(name.encode(), value.encode()) for name, value in headers.items()]
        try:
            made = httpx2.Request(request.method, address, headers=wire, content=request.content or None)
            with _transports.use(self._info, _transport) as transport:
                answer = await transport.handle_async_request(made)
                try:
                    content, truncated = await _read(answer, request)
                finally:
                    await answer.aclose()
        except Rejected:
            raise
        except Exception as problem:
            if isinstance(problem.__cause__, TooMuch) and not request.cut:
                raise _too_large(request) from problem
            raise from_transport(host_of(request.url), problem) from problem
        found: dict[str, str] = {}
        for name, value in answer.headers.multi_items():
            known = found.get(name.lower())
            found[name.lower()] = value if known is None else f"{known}, {value}"
        return Answer(answer.status_code, found, content, request.url, truncated)

    async def describe(self) -> ConnectionReport:
        """Ask for the connection's own address; a status of 401 or 403 says that the key is refused."""
        answer = await self.ask(Request("GET", self.base_url, {"Accept": "*/*"}, limit=MIB, cut=True))
        host = host_of(self.base_url)
        if answer.status in (401, 403, 429) or answer.status >= 500:
            raise failure(answer)
        if answer.status >= 400:
            return ConnectionReport(
                ok=True,
                summary=f"{host} answers ({answer.status} at this address, so whether it takes the key is not known).",
                can=(f"reach {host}",),
            )
        return ConnectionReport(ok=True, summary=f"{host} answers.", can=(f"send requests to {host}",))


def _too_large(request: Request) -> Rejected:
    return Rejected(
        f"The answer of {host_of(request.url)} is larger than {request.limit // MIB} MiB.",
        code="E_TOO_LARGE",
        refused=True,
        hint="Ask for less at once (most services have pages), or expect a file.",
    )


async def _read(answer: Any, request: Request) -> tuple[bytes, bool]:
    """The body, at most as long as asked for; whether it was cut."""
    parts, total = [], 0
    async for part in answer.stream:
        total += len(part)
        if total > request.limit and not request.cut:
            raise _too_large(request)
        parts.append(part)
        if total > request.limit:
            return b"".join(parts)[: request.limit], True
    return b"".join(parts), False
