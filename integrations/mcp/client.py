"""An MCP server over the guarded transport: its tools are listed, and called by one request each.

The protocol's own SDK is not used (docs/dependencies.md): the few requests that are needed are simple, and it resumes
and retries by itself. Which of the protocol's eras a server speaks is found out once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from integrations.cache import ClientCache
from integrations.context import Calls, Choice, ConnectionInfo, ConnectionReport
from integrations.errors import Rejected, ServiceError, Unavailable
from integrations.http_failures import from_status, from_transport, unreadable
from integrations.learning import remember
from integrations.mcp import wire
from integrations.mcp.interface import ServerTool, ToolSaid, answered
from integrations.mcp.wire import HANDSHAKE, STATELESS, WITH_SESSIONS, Json, Session

MOST_PAGES = 50
MOST_TOOLS = 1000
FRESH = 300.0
# What a server of the older era may say to a request of the newer one.
NOT_THIS_ERA = frozenset({400, 404, 405, 406, 415, 501})


@dataclass
class Link:
    """What is open to one server: the HTTP client, the session, the tools as they were listed last."""

    http: Any
    session: Session | None = None
    tools: list[ServerTool] = field(default_factory=list)
    listed_at: float = float("-inf")
    number: int = 0
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)


async def _close(link: Link) -> None:
    await link.http.aclose()


_links: ClientCache[Link] = ClientCache(_close)


def connect(info: ConnectionInfo, calls: Calls) -> RealMcp:
    """The client of a connection."""
    return RealMcp(info, calls)


class RealMcp:
    """`interface.McpClient` over HTTP."""

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self.info, self.calls = info, calls
        self.address = info.base_url
        self.title = f"The MCP server at {urlsplit(info.base_url).hostname or 'its address'}"

    async def list_tools(self) -> list[ServerTool]:
        """Every tool, page by page."""
        with _links.use(self.info, self._connect) as link:
            return await self._listed(link)

    async def _listed(self, link: Link) -> list[ServerTool]:
        found: list[ServerTool] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            result = await self._ask(link, "tools/list", {"cursor": cursor} if cursor else {})
            listed = result.get("tools")
            if not isinstance(listed, list):
                raise unreadable(self.title, "a list of tools")
            found += [tool for tool in map(wire.tool_of, listed) if tool is not None]
            cursor = result.get("nextCursor")
            if not isinstance(cursor, str) or not cursor or len(found) >= MOST_TOOLS:
                break
        link.tools, link.listed_at = found[:MOST_TOOLS], time.monotonic()
        return link.tools

    async def call(self, tool: str, arguments: Mapping[str, Any], *, reads: bool = False) -> ToolSaid:
        """Call a tool by exactly one request; what must be known of it is asked before."""
        if not reads:
            self._may_change(tool)
        with _links.use(self.info, self._connect) as link:
            session = await self._session(link)
            more = wire.mirrored(await self._schema(link, tool), arguments) if session.is_stateless else {}
            result = await self._ask(link, "tools/call", {"name": tool, "arguments": dict(arguments)}, tool, more)
        return answered(tool, wire.said_of(result, self.title))

    async def describe(self) -> ConnectionReport:
        """List the tools: that needs the key, if there is one."""
        with _links.use(self.info, self._connect) as link:
            tools, session = await self._listed(link), link.session
        names = ", ".join(tool.name for tool in tools[:8]) or "none"
        more = f" and {len(tools) - 8} more" if len(tools) > 8 else ""
        spoken = f" It speaks revision {session.version}." if session else ""
        summary = f"{self.title} answers. Tools: {names}{more}.{spoken}"
        return ConnectionReport(ok=True, summary=summary, can=tuple(f"call {tool.name}" for tool in tools[:8]))

    async def choices(self, name: str, q: str, given: Mapping[str, str]) -> list[Choice]:
        """The tools of the server, with what they are for."""
        if name != "tools":
            return []
        return [
            Choice(tool.name, tool.title or tool.description.partition("\n")[0][:120])
            for tool in await self.list_tools()
            if q.lower() in f"{tool.name} {tool.title} {tool.description}".lower()
        ]

    def _may_change(self, tool: str) -> None:
        """A dry run calls no tool that may change something."""
        from orchestrator_site.lib.outbound import WouldChange, check_change

        try:
            check_change(f"call of the tool {tool}")
        except WouldChange as problem:
            raise from_transport(self.title, problem) from problem

    # One request

    def _connect(self) -> Link:
        from orchestrator_site.lib.outbound import guarded_async_client

        return Link(guarded_async_client("httpx2", timeout=600.0, max_bytes=wire.MOST_ANSWER))

    async def _schema(self, link: Link, tool: str) -> Mapping[str, Any]:
        """The schema of a tool; it is listed again where it is not known or known for long."""
        known = next((one for one in link.tools if one.name == tool), None)
        if known is None or time.monotonic() - link.listed_at > FRESH:
            known = next((one for one in await self._listed(link) if one.name == tool), None)
        return known.input_schema if known else {}

    async def _ask(
        self, link: Link, method: str, params: Mapping[str, Any], name: str = "", more: Mapping[str, str] | None = None
    ) -> Json:
        session = await self._session(link)
        message = await self._send(link, session, method, params, name, more or {})
        return wire.result_of(message, self.title)

    async def _session(self, link: Link) -> Session:
        """How this server is spoken to. Finding out changes nothing there."""
        async with link.opening:
            if link.session is None:
                link.session = await self._discovered(link) or await self._handshake(link)
                era = "stateless" if link.session.is_stateless else "sessions"
                if self.info.learned.get("era") != era:
                    await remember(self.info, self.calls, {"era": era})
            return link.session

    async def _discovered(self, link: Link) -> Session | None:
        """The newer era; None where the server does not know it."""
        if self.info.learned.get("era") == "sessions":
            return None
        session = Session(STATELESS)
        try:
            message = await self._send(link, session, "server/discover", {}, "", {}, probe=True)
        except Rejected as problem:
            if problem.status in NOT_THIS_ERA:
                return None
            raise
        if message is None or wire.error_code(message) is not None:
            return None
        versions = wire.result_of(message, self.title).get("supportedVersions")
        return session if isinstance(versions, list) and STATELESS in versions else None

    async def _handshake(self, link: Link) -> Session:
        """The older era: a session is opened, and said to be open."""
        asked = {"protocolVersion": HANDSHAKE, "capabilities": {}, "clientInfo": wire.CLIENT}
        got: dict[str, str] = {}
        message = await self._send(link, Session(""), "initialize", asked, "", {}, got=got)
        version = wire.result_of(message, self.title).get("protocolVersion")
        if version not in WITH_SESSIONS:
            text = f"{self.title} speaks the revision “{str(version)[:40]}” of the protocol, which is not known here."
            raise Rejected(text, code="E_MCP_VERSION", hint="Update this program, or the server.", refused=True)
        session = Session(str(version), got.get("mcp-session-id", "")[:1000])
        await self._notify(link, session, "notifications/initialized")
        return session

    async def _notify(self, link: Link, session: Session, method: str) -> None:
        body = session.body(method, {}, None)
        async with self._answer(link, session.headers(method), body) as answer:
            await self._refuse_bad_status(answer, session, link)

    async def _send(
        self, link: Link, session: Session, method: str, params: Mapping[str, Any], name: str,
        more: Mapping[str, str], *, got: dict[str, str] | None = None, probe: bool = False,
    ) -> Any:  # fmt: skip
        """One request, and the message that answers it. With `probe` an error is given back like an answer."""
        link.number += 1
        number = link.number
        body = session.body(method, params, number)
        headers = {**session.headers(method, name), **more}
        async with self._answer(link, headers, body) as answer:
            if got is not None:
                got |= {key.lower(): value for key, value in answer.headers.items()}
            if answer.status_code >= 400:
                message = await self._message_of_error(answer)
                if wire.error_code(message) is not None and (probe or answer.status_code not in (401, 403, 429)):
                    if not probe and answer.status_code >= 500:
                        await self._refuse_bad_status(answer, session, link)
                    return message
                await self._refuse_bad_status(answer, session, link)
            return await self._message(answer, number)

    async def _message(self, answer: Any, number: int) -> Any:
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "text/event-stream":
            events = wire.Events()
            async for piece in answer.aiter_bytes():
                for data in events.feed(piece):
                    message = wire.message_of(data, self.title)
                    if wire.is_answer(message, number):
                        return message
            raise unreadable(self.title, "a whole answer: the stream broke off")
        message = wire.message_of(await answer.aread(), self.title)
        if not wire.is_answer(message, number):
            raise unreadable(self.title, "an answer of an MCP server")
        return message

    async def _message_of_error(self, answer: Any) -> Any:
        """The JSON-RPC error that came with a bad status; None where there is none."""
        try:
            return wire.message_of(await answer.aread(), self.title)
        except ServiceError:
            return None

    async def _refuse_bad_status(self, answer: Any, session: Session, link: Link) -> None:
        status = answer.status_code
        if status < 400:
            return
        if status == 404 and session.id:
            link.session = None
            text = f"{self.title} has ended our session."
            raise Unavailable(text, status=status, refused=True, hint="It is opened again by itself.")
        content = await answer.aread()
        said = " ".join(content[:2000].decode("utf-8", "replace").split())[:300]
        hint = "Open the connection and replace its key." if status in (401, 403) else ""
        raise from_status(self.title, status, said, headers=dict(answer.headers), hint=hint)

    def _answer(self, link: Link, headers: Mapping[str, str], body: bytes) -> _Answer:
        secret = self.info.secret
        if bool(secret.get("header_name")) != bool(secret.get("header_value")):
            text = "The connection has the name or the value of a header, and not both."
            raise Rejected(text, code="E_REQUIRED", hint="Fill in both, or neither.", refused=True)
        keys = {secret["header_name"]: secret["header_value"]} if secret.get("header_name") else {}
        if secret.get("token"):
            keys["Authorization"] = f"Bearer {secret['token']}"
        return _Answer(self, link.http, {**headers, **keys}, body)


class _Answer:
    """One POST while its answer is read, within the deadline; whatever breaks is one of the four kinds."""

    def __init__(self, client: RealMcp, http: Any, headers: Mapping[str, str], body: bytes) -> None:
        self.client, self.http, self.headers, self.body = client, http, headers, body
        self._time: asyncio.Timeout | None = None
        self._answer: Any = None

    async def __aenter__(self) -> Any:
        left = self.client.calls.deadline - time.monotonic()
        if left <= 0:
            text = f"There was no time left to ask {self.client.title}."
            raise Unavailable(text, code="E_TIMEOUT", refused=True)
        self._time = asyncio.timeout(left)
        await self._time.__aenter__()
        try:
            request = self.http.build_request("POST", self.client.address, headers=self.headers, content=self.body)
            self._answer = await self.http.send(request, stream=True)
        except BaseException as problem:
            await self._leave(problem)
            raise
        return self._answer

    async def __aexit__(self, kind: Any, problem: BaseException | None, trace: Any) -> None:
        await self._answer.aclose()
        await self._leave(problem)

    async def _leave(self, problem: BaseException | None) -> None:
        """Stop the clock, and say what went wrong in our words. Raises ServiceError."""
        assert self._time is not None
        try:
            await self._time.__aexit__(type(problem) if problem else None, problem, None)
        except TimeoutError as late:
            raise from_transport(self.client.title, late) from problem
        if problem is None or isinstance(problem, ServiceError) or not isinstance(problem, Exception):
            return
        raise from_transport(self.client.title, problem) from problem
