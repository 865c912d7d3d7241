"""Runs a client's coroutine from synchronous web or test code. The engine has its own way and never uses this.

The coroutine lives on one background loop of this process (clients keep their connections open there); whatever needs
the database is carried back and executed on the calling thread, so that transactions and tests see it.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from integrations.context import Calls
from integrations.errors import Unavailable

T = TypeVar("T")
Errand = tuple[Callable[[], Any], "asyncio.Future[Any]"]

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner = 0


def call(function: Callable[[Calls], Awaitable[T]], timeout: float = 20) -> T:
    """Await `function(calls)` and return what it gives. Raises what it raises, Unavailable when time is up."""
    errands: queue.SimpleQueue[Errand | None] = queue.SimpleQueue()
    loop = _running_loop()
    calls = DirectCalls(loop, errands, timeout)
    task = asyncio.run_coroutine_threadsafe(_awaited(function, calls), loop)
    task.add_done_callback(lambda _: errands.put(None))
    while True:
        try:
            errand = errands.get(timeout=max(0.0, calls.deadline - time.monotonic()))
        except queue.Empty:
            task.cancel()
            raise Unavailable(
                f"There was no answer within {timeout:g} seconds.", code="E_TIMEOUT", hint="Try again in a minute."
            ) from None
        if errand is None:
            return task.result()
        _do(loop, *errand)


class DirectCalls:
    """The `Calls` of `call`: blocking work on threads, database work on the thread that called."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, errands: queue.SimpleQueue[Errand | None], timeout: float
    ) -> None:
        self._loop, self._errands = loop, errands
        self._deadline = time.monotonic() + timeout

    @property
    def deadline(self) -> float:
        """`time.monotonic()` at which the call must have ended."""
        return self._deadline

    async def blocking(self, function: Callable[[], T]) -> T:
        """Run on a thread of its own, at most until the deadline."""
        left = max(0.05, self.deadline - time.monotonic())
        return await asyncio.wait_for(asyncio.to_thread(function), left)

    async def database(self, function: Callable[[], T]) -> T:
        """Run on the calling thread, which waits for exactly this."""
        done: asyncio.Future[T] = self._loop.create_future()
        self._errands.put((function, done))
        return await done


async def _awaited(function: Callable[[Calls], Awaitable[T]], calls: Calls) -> T:
    return await function(calls)


def _do(loop: asyncio.AbstractEventLoop, function: Callable[[], Any], done: asyncio.Future[Any]) -> None:
    try:
        result = function()
    except BaseException as problem:
        loop.call_soon_threadsafe(_settle, done, None, problem)
        if not isinstance(problem, Exception):
            raise
    else:
        loop.call_soon_threadsafe(_settle, done, result, None)


def _settle(done: asyncio.Future[Any], result: Any, problem: BaseException | None) -> None:
    if done.done():
        return
    if problem is None:
        done.set_result(result)
    else:
        done.set_exception(problem)


def _running_loop() -> asyncio.AbstractEventLoop:
    """The background loop of this process; a forked child starts its own."""
    global _loop, _owner
    with _lock:
        if _loop is None or _owner != os.getpid() or _loop.is_closed():
            _loop, _owner = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_loop.run_forever, name="integrations-direct", daemon=True).start()
        return _loop
