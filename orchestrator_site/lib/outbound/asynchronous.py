"""The guarded transport for async SDKs: aiohttp beneath, httpx or httpx2 above.

The two front libraries have the same shapes; `guarded_async_transport` makes the class for the one an SDK uses.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import aiohttp
import certifi
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from orchestrator_site.lib.outbound import hooks
from orchestrator_site.lib.outbound.call import CONNECT_SECONDS, MAX_BYTES, Lost, NotSent, TransportError
from orchestrator_site.lib.outbound.inflate import ENCODINGS, Inflater
from orchestrator_site.lib.outbound.late import has_arrived, take_back, takes_back
from orchestrator_site.lib.outbound.reading import check_request
from orchestrator_site.lib.outbound.resolve import resolve_async
from orchestrator_site.lib.outbound.urls import UrlBlocked, check_url

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_DROPPED = frozenset({b"content-encoding", b"content-length", b"transfer-encoding", b"connection", b"keep-alive"})
_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_BEFORE_THE_FIRST_BYTE = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


_made: ContextVar[list[socket.socket] | None] = ContextVar("made", default=None)


def _socket(info: Any) -> socket.socket:
    """A socket for one change."""
    sock = takes_back(socket.socket(info[0], info[1], info[2]))
    made = _made.get()
    if made is not None:
        made.append(sock)
    return sock


class _Refused(OSError):
    """Carries our own error through aiohttp's resolver, which knows only OSError."""

    def __init__(self, problem: Exception) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Resolver(AbstractResolver):
    """Looks names up through the guard, so that what was checked is what is connected to."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Verified addresses only."""
        try:
            endpoints = await resolve_async(host, port)
        except (UrlBlocked, NotSent) as problem:
            raise _Refused(problem) from problem
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in endpoints
        ]

    async def close(self) -> None:
        """Nothing to close."""


@lru_cache(maxsize=4)
def _tls(authorities: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authorities)


class _Sender:
    """Sessions of one transport: one that keeps connections, one that never does."""

    def __init__(self, reuse: bool, seconds: float, max_bytes: int, connections: int) -> None:
        self.reuse = reuse
        self.seconds = seconds
        self.max_bytes = max_bytes
        self.connections = connections
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def session(self, method: str) -> aiohttp.ClientSession:
        """The session for a method. A change gets a new connection: on a kept one nobody knows whether it left."""
        keep = self.reuse or method in SAFE_METHODS
        if keep not in self._sessions:
            connector = aiohttp.TCPConnector(
                resolver=_Resolver(),
                ssl=_tls(os.environ.get("SSL_CERT_FILE") or certifi.where()),
                limit=self.connections,
                use_dns_cache=False,
                force_close=not keep,
                socket_factory=None if keep else _socket,
            )
            session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                skip_auto_headers=_AUTOMATIC,
                trace_configs=hooks.traces(),
            )
            session._retry_connection = False
            self._sessions[keep] = session
        return self._sessions[keep]

    async def close(self) -> None:
        """Close all connections."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def send(self, method: str, url: str, headers: list[tuple[str, str]], body: bytes, read: float | None) -> Any:
        """One request; the answer's head. Raises UrlBlocked, NotSent or Lost."""
        check_request(method, url)
        checked = check_url(url, look_up=False)
        timeout = aiohttp.ClientTimeout(total=self.seconds, sock_connect=CONNECT_SECONDS, sock_read=read)
        made: list[socket.socket] = []
        _made.set(made)
        try:
            answer = await self.session(method).request(
                method,
                URL(checked.url, encoded=True),
                headers=headers,
                data=hooks.halves(body),
                allow_redirects=False,
                timeout=timeout,
            )
            for sock in made:
                has_arrived(sock)
            hooks.passed("headers")
            return answer
        except (Exception, asyncio.CancelledError) as error:
            for sock in made:
                take_back(sock)
            if isinstance(error, asyncio.CancelledError):
                raise
            raise failure(error) from error


def failure(error: BaseException) -> TransportError | UrlBlocked:
    """What an exception of aiohttp means: did the request leave?"""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, _Refused):
            problem = link.problem
            return problem if isinstance(problem, (UrlBlocked, TransportError)) else NotSent(str(problem))
        if isinstance(link, (UrlBlocked, TransportError)):
            return link
        link = link.__cause__ or link.__context__
    late = isinstance(error, TimeoutError)
    said = str(error)[:300] or type(error).__name__
    return NotSent(said, timeout=late) if isinstance(error, _BEFORE_THE_FIRST_BYTE) else Lost(said, timeout=late)


async def _pieces(answer: aiohttp.ClientResponse, inflater: Inflater) -> AsyncIterator[bytes]:
    try:
        async for part in answer.content.iter_any():
            for piece in inflater.feed(part):
                yield piece
    except TransportError:
        answer.close()
        raise
    except Exception as error:
        answer.close()
        raise failure(error) from error


def _translated(front: Any, problem: TransportError, request: Any) -> Exception:
    """The same in the words of httpx, which is what its users catch."""
    if isinstance(problem, NotSent):
        kind = front.ConnectTimeout if problem.timeout else front.ConnectError
    else:
        kind = front.ReadTimeout if problem.timeout else front.ReadError
    made: Exception = kind(problem.message, request=request)
    return made


def _headers_out(request: Any) -> list[tuple[str, str]]:
    kept = [(k, v) for k, v in request.headers.multi_items() if k.lower() != "accept-encoding"]
    return [*kept, ("Accept-Encoding", ENCODINGS)]


def _headers_in(answer: aiohttp.ClientResponse, method: str) -> list[tuple[bytes, bytes]]:
    dropped = _DROPPED if method in SAFE_METHODS else _DROPPED | {b"location"}
    return [(name, value) for name, value in answer.raw_headers if name.lower() not in dropped]


@lru_cache(maxsize=4)
def _body_class(front: Any) -> Any:
    class Body(front.AsyncByteStream):  # type: ignore[misc]
        """The answer's body, decompressed and counted."""

        def __init__(self, answer: aiohttp.ClientResponse, inflater: Inflater, request: Any) -> None:
            self.answer, self.inflater, self.request = answer, inflater, request

        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for piece in _pieces(self.answer, self.inflater):
                    yield piece
            except TransportError as problem:
                raise _translated(front, problem, self.request) from problem

        async def aclose(self) -> None:
            if self.answer.content.at_eof():
                self.answer.release()
            else:
                self.answer.close()

    return Body


@lru_cache(maxsize=4)
def _transport_class(library: str) -> Any:
    """GuardedAsyncTransport for httpx or httpx2."""
    front = importlib.import_module(library)

    class GuardedAsyncTransport(front.AsyncBaseTransport):  # type: ignore[misc, name-defined]
        """One request per call; the address guard, the size cap and the deadline included."""

        def __init__(self, sender: _Sender) -> None:
            self._sender = sender

        async def handle_async_request(self, request: Any) -> Any:
            """Send once. Raises UrlBlocked, or the library's own error with NotSent or Lost as its cause."""
            body = await request.aread()
            method = request.method.upper()
            read = (request.extensions.get("timeout") or {}).get("read")
            try:
                answer = await self._sender.send(method, str(request.url), _headers_out(request), body, read)
                inflater = Inflater(answer.headers.get("Content-Encoding", ""), self._sender.max_bytes)
            except TransportError as problem:
                raise _translated(front, problem, request) from problem
            stream = _body_class(front)(answer, inflater, request)
            return front.Response(answer.status, headers=_headers_in(answer, method), stream=stream, request=request)

        async def aclose(self) -> None:
            """Close all connections."""
            await self._sender.close()

    return GuardedAsyncTransport


# More than a worker has runs in flight (ENGINE_RUNS): a call that has to wait for a place loses time of its deadline.
CONNECTIONS = 5000


def guarded_async_transport(
    library: str,
    *,
    reuse: bool = False,
    seconds: float = 600.0,
    max_bytes: int = MAX_BYTES,
    connections: int = CONNECTIONS,
) -> Any:
    """An `AsyncBaseTransport` of `library` ("httpx" or "httpx2").

    `reuse` keeps connections for changes too; right where a repeated request does no harm (model calls). `seconds` is
    the longest a request may take in all; cancelling the task ends it at once.
    """
    return _transport_class(library)(_Sender(reuse, seconds, max_bytes, connections))


def guarded_async_client(library: str, *, timeout: float = 60.0, **kwargs: Any) -> Any:
    """An `AsyncClient` of `library` over the guarded transport: no environment, no redirects."""
    front = importlib.import_module(library)
    transport = guarded_async_transport(library, **kwargs)
    return front.AsyncClient(transport=transport, timeout=timeout, follow_redirects=False, trust_env=False)
