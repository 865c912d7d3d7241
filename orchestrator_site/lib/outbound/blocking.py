"""The guarded transport for blocking SDKs: a requests adapter that owns its sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.retry import Retry

from orchestrator_site.lib.outbound import hooks
from orchestrator_site.lib.outbound.call import CONNECT_SECONDS, Call, Lost, NotSent
from orchestrator_site.lib.outbound.late import has_arrived, takes_back
from orchestrator_site.lib.outbound.reading import check_request
from orchestrator_site.lib.outbound.resolve import resolve
from orchestrator_site.lib.outbound.urls import UrlBlocked, check_url

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_REDIRECTS = 3
CREDENTIALS = ("Authorization", "Cookie", "X-Api-Key", "Proxy-Authorization")


class _Attempt:
    """One request: whose call it is, whether its first byte left, whether it needs a connection of its own."""

    def __init__(self, call: Call, fresh: bool) -> None:
        self.call = call
        self.fresh = fresh
        self.sent = False
        self.attached = False


class _Here(threading.local):
    attempt: _Attempt | None = None


_HERE = _Here()


def _connect(connection: Any) -> socket.socket:
    attempt = _HERE.attempt
    if attempt is None:
        raise NotSent("a guarded connection was used outside its adapter")
    call = attempt.call
    call.check()
    problem: OSError | None = None
    for family, address in resolve(connection.host, connection.port, timeout=min(CONNECT_SECONDS, call.remaining())):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if attempt.fresh:
                takes_back(sock)
            sock.settimeout(max(min(CONNECT_SECONDS, call.remaining()), 0.01))
            sock.connect((address, connection.port))
            call.attach(sock)
            attempt.attached = True
        except OSError as error:
            sock.close()
            problem = error
            continue
        hooks.passed("connected")
        return sock
    if isinstance(problem, TimeoutError):
        raise ConnectTimeoutError(connection, f"{connection.host} did not accept a connection in time") from problem
    raise NewConnectionError(connection, f"{connection.host} cannot be reached: {problem}") from problem


class _Watched:
    """Connects to the verified address, and notes when the first byte leaves."""

    def _new_conn(self) -> socket.socket:
        return _connect(self)

    def send(self, data: Any) -> None:
        attempt = _HERE.attempt
        in_the_body = attempt is not None and attempt.sent
        if attempt is not None:
            if getattr(self, "sock", None) is None:
                self.connect()  # type: ignore[attr-defined]
            if not attempt.attached:
                attempt.attached = True
                attempt.call.attach(self.sock)  # type: ignore[attr-defined]
            attempt.sent = attempt.call.sent = True
        if in_the_body and hooks.listening() and isinstance(data, bytes):
            middle = (len(data) + 1) // 2
            super().send(data[:middle])  # type: ignore[misc]
            hooks.passed("half")
            super().send(data[middle:])  # type: ignore[misc]
            hooks.passed("sent")
        else:
            super().send(data)  # type: ignore[misc]

    def getresponse(self) -> Any:
        sock = getattr(self, "sock", None)
        answer = super().getresponse()  # type: ignore[misc]
        has_arrived(sock)
        hooks.passed("headers")
        return answer


class _PlainConnection(_Watched, HTTPConnection):
    pass


class _TlsConnection(_Watched, HTTPSConnection):
    pass


class _FreshPool:
    """Hands out a new connection to a request that must know whether it left."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        attempt = _HERE.attempt
        if attempt is not None and attempt.fresh:
            return self._new_conn()  # type: ignore[attr-defined]
        return super()._get_conn(timeout)  # type: ignore[misc]

    def _put_conn(self, conn: Any) -> None:
        attempt = _HERE.attempt
        if attempt is not None and attempt.fresh:
            if conn is not None:
                conn.close()
            return
        super()._put_conn(conn)  # type: ignore[misc]


class _PlainPool(_FreshPool, HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(_FreshPool, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class GuardedAdapter(HTTPAdapter):
    """One request per `send`, within its call: no retries, no proxies, at most `max_bytes` of answer, read at once.

    Redirects of anything but GET and HEAD are taken away (the 3xx itself is the answer). Raises UrlBlocked, NotSent
    or Lost, wrapped in nothing.
    """

    def __init__(self, call: Call | None = None, **kwargs: Any) -> None:
        self._fixed_call = call
        kwargs["max_retries"] = Retry(0, read=False, redirect=False)
        super().__init__(**kwargs)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        """Pools of our connections."""
        manager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **kwargs)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        self.poolmanager = manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send once; the whole answer is in the response."""
        call = self._fixed_call or Call(seconds=_seconds(timeout))
        call.check()
        checked = check_url(request.url or "", look_up=False)
        request.url = checked.url
        method = (request.method or "GET").upper()
        check_request(method, checked.url)
        attempt = _Attempt(call, fresh=method not in SAFE_METHODS)
        with _doing(attempt):
            return self._exchange(request, attempt, verify, cert, method)

    def _exchange(
        self, request: requests.PreparedRequest, attempt: _Attempt, verify: bool | str, cert: Any, method: str
    ) -> requests.Response:
        call = attempt.call
        verify = verify if isinstance(verify, str) else True
        limits = (min(CONNECT_SECONDS, call.remaining()), max(call.remaining(), 0.01))
        try:
            response = super().send(request, stream=True, timeout=limits, verify=verify, cert=cert, proxies={})
            _read_body(response, call.max_bytes)
        except (UrlBlocked, NotSent, Lost):
            raise
        except Exception as error:
            raise _failure(error, attempt) from error
        if call.aborted:
            raise Lost(f"the call was ended ({call.aborted})", timeout=call.aborted == "deadline")
        if method not in SAFE_METHODS:
            response.headers.pop("Location", None)
        return response


@contextlib.contextmanager
def _doing(attempt: _Attempt) -> Iterator[None]:
    before, _HERE.attempt = _HERE.attempt, attempt
    try:
        yield
    finally:
        _HERE.attempt = before
        attempt.call.release()


def _seconds(timeout: Any) -> float | None:
    if isinstance(timeout, tuple):
        timeout = timeout[1]
    return float(timeout) if isinstance(timeout, (int, float)) else None


def _read_body(response: requests.Response, limit: int) -> None:
    parts, total = [], 0
    for part in response.raw.stream(64 * 1024, decode_content=True):
        total += len(part)
        if total > limit:
            response.close()
            raise Lost(f"the answer is larger than {limit // (1024 * 1024)} MiB")
        parts.append(part)
    response._content = b"".join(parts)
    response._content_consumed = True  # type: ignore[attr-defined]
    response.raw.release_conn()


def _failure(error: Exception, attempt: _Attempt) -> Exception:
    for link in _chain(error):
        if isinstance(link, (UrlBlocked, NotSent)):
            return link
    call = attempt.call
    late = call.aborted == "deadline" or call.remaining() <= 0 or "Timeout" in type(error).__name__
    said = f"the call was ended ({call.aborted})" if call.aborted else str(error)[:300]
    kind = Lost if attempt.sent else NotSent
    return kind(said, timeout=late)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        link = todo.pop()
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            todo += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]


class GuardedSession(requests.Session):
    """A session without environment; at most three redirects, and no credentials for another host."""

    def __init__(self, call: Call | None = None) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = MAX_REDIRECTS
        adapter = GuardedAdapter(call)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Drop credentials when a redirect leaves the host."""
        old, new = urlsplit(response.request.url or ""), urlsplit(prepared_request.url or "")
        if (old.scheme, old.hostname, old.port) != (new.scheme, new.hostname, new.port):
            for name in CREDENTIALS:
                prepared_request.headers.pop(name, None)


def guarded_session(call: Call | None = None) -> GuardedSession:
    """A session for one call; with `None` the timeout of each request is its bound."""
    return GuardedSession(call)
