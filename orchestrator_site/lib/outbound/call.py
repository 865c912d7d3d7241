"""One call to the outside: its deadline, its sockets, and the two ways it can fail: never left, or lost.

`abort()` may come from any thread: it shuts the sockets down, which ends handshakes and slow drips too.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import socket
import threading
import time
import weakref

MAX_BYTES = 10 * 1024 * 1024
CONNECT_SECONDS = 5.0
DEFAULT_SECONDS = 60.0


class TransportError(Exception):
    """A call that got no complete answer."""

    sent = True

    def __init__(self, message: str, *, timeout: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.timeout = timeout


class NotSent(TransportError):
    """Nothing left this machine: the name was not found, nobody listened, TLS failed. A certain no."""

    sent = False


class Lost(TransportError):
    """The request may have arrived; whether it was carried out is not known."""


class TooMuch(Lost):
    """The answer is longer than it may be: the same request would not fare better."""


class Call:
    """The bounds of one operation, which may make several requests one after the other (pages of a list)."""

    def __init__(
        self, *, seconds: float | None = None, deadline: float | None = None, max_bytes: int = MAX_BYTES
    ) -> None:
        limit = DEFAULT_SECONDS if seconds is None else seconds
        self.deadline = time.monotonic() + limit if deadline is None else deadline
        self.max_bytes = max_bytes
        self.aborted = ""
        self.sent = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    def remaining(self) -> float:
        """Seconds left; never below zero."""
        return max(self.deadline - time.monotonic(), 0.0)

    def check(self) -> None:
        """Raise NotSent when there is no time left to begin a request, or the call was aborted."""
        if self.aborted:
            raise NotSent(f"the call was ended ({self.aborted})", timeout=self.aborted == "deadline")
        if self.remaining() <= 0:
            raise NotSent("no time was left to begin", timeout=True)

    def attach(self, sock: socket.socket) -> None:
        """Watch a connected socket. A second handle is kept: TLS takes the first one away."""
        handle = socket.socket(fileno=os.dup(sock.fileno()))
        with self._lock:
            self._sockets.append(handle)
            ended = bool(self.aborted)
        if ended:
            _shut(handle)
        _REAPER.watch(self)

    def abort(self, reason: str = "cancelled") -> None:
        """End whatever is going on; safe to call twice and from any thread."""
        with self._lock:
            self.aborted = self.aborted or reason
            handles = list(self._sockets)
        for handle in handles:
            _shut(handle)

    @property
    def busy(self) -> bool:
        """Whether a request is going on."""
        return bool(self._sockets)

    def release(self) -> None:
        """Let go of the sockets without ending them."""
        with self._lock:
            handles, self._sockets = self._sockets, []
        for handle in handles:
            handle.close()

    def __enter__(self) -> Call:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.release()


def _shut(handle: socket.socket) -> None:
    with contextlib.suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)


class _Reaper:
    """One thread that aborts calls whose deadline has passed."""

    def __init__(self) -> None:
        self._order = itertools.count()
        self._reset()

    def _reset(self) -> None:
        self._heap: list[tuple[float, int, weakref.ref[Call]]] = []
        self._bell = threading.Condition()
        self._pid = 0

    def watch(self, call: Call) -> None:
        """Abort `call` at its deadline, unless it lets go of its sockets before."""
        if self._pid != os.getpid():
            self._reset()
            self._pid = os.getpid()
            threading.Thread(target=self._run, name="deadlines", daemon=True).start()
        with self._bell:
            mark = weakref.ref(call)
            heapq.heappush(self._heap, (call.deadline, next(self._order), mark))
            if self._heap[0][2] is mark:
                self._bell.notify()

    def _run(self) -> None:
        while True:
            with self._bell:
                wait = self._heap[0][0] - time.monotonic() if self._heap else None
                if wait is None or wait > 0:
                    self._bell.wait(wait)
                    continue
                call = heapq.heappop(self._heap)[2]()
            if call is not None and call.busy:
                call.abort("deadline")
            del call


_REAPER = _Reaper()
