"""How clients reach the outside from the engine: pool threads for blocking SDKs, the reads thread for the sandbox.

Pool threads never touch the database. One client per connection; the deadline is that of the task that calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from integrations.context import ConnectionInfo
from orchestrator_site.lib.database import forbidding_writes
from orchestrator_site.lib.outbound import reads_only

T = TypeVar("T")
log = logging.getLogger(__name__)

POOL_THREADS = 64
THREADS_A_CONNECTION = 16
LEAK_AFTER = 5.0
MOST_LEAKS = 8
MOST_KEYLESS = 1000

_deadline: ContextVar[float] = ContextVar("deadline", default=0.0)
_holds_slot: ContextVar[object | None] = ContextVar("holds_slot", default=None)


def set_deadline(seconds: float) -> None:
    """The current task's call must end within so many seconds."""
    _deadline.set(time.monotonic() + seconds)


class Pool:
    """Threads for blocking calls, and the count of those that did not end."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=POOL_THREADS, thread_name_prefix="call")
        self.leaked = 0

    async def run(self, function: Callable[[], T]) -> T:
        """Run on a pool thread. When the caller is cancelled the thread is watched until it ends."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, function)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not future.done():
                self._watch(future)
            raise

    def _watch(self, future: asyncio.Future[Any]) -> None:
        self.leaked += 1

        def ended(done: asyncio.Future[Any]) -> None:
            self.leaked -= 1
            if not done.cancelled():
                done.exception()

        future.add_done_callback(ended)

    def close(self) -> None:
        """Take no more calls."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class ConnectionCalls:
    """`integrations.context.Calls` for one connection."""

    def __init__(self, pool: Pool, database: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self._pool = pool
        self._database = database
        self._slots = asyncio.Semaphore(THREADS_A_CONNECTION)

    @property
    def deadline(self) -> float:
        """`time.monotonic()` at which the current call must have ended."""
        return _deadline.get() or time.monotonic() + 60.0

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """One of the connection's threads; taken before an intent is written, and used by the call within."""
        if _holds_slot.get() is self:
            yield
            return
        async with self._slots:
            token = _holds_slot.set(self)
            try:
                yield
            finally:
                _holds_slot.reset(token)

    async def blocking(self, function: Callable[[], T]) -> T:
        """Run a blocking SDK call in a pool thread."""
        async with self.slot():
            return await self._pool.run(partial(copy_context().run, function) if reads_only() else function)

    async def database(self, function: Callable[[], T]) -> T:
        """Run a function that uses Django's database, in a transaction of its own on the reads thread.

        Where only reading is allowed (a dry run) the database refuses every write in it.
        """
        result: T = await self._database(partial(forbidding_writes, function) if reads_only() else function)
        return result


@dataclass(eq=False)
class Open:
    """A connection opened for use: its client, the row it was made from, and when that was last seen to hold."""

    info: ConnectionInfo
    client: Any
    calls: ConnectionCalls
    stamp: Any
    seen: float


@dataclass(eq=False)
class Opening:
    """A look at a connection's row on its way; who comes before it has begun may share it."""

    begun: bool = False
    task: asyncio.Future[Open] | None = None

    def begin(self) -> None:
        """The row is read from now on: what is changed later is not seen by this look."""
        self.begun = True


Begin = Callable[[], None]
ReadConnection = Callable[[UUID, Any, Begin], Awaitable[tuple[ConnectionInfo | None, Any]]]


class Clients:
    """One client per connection. Each call looks at the row first: a deleted or changed connection is never used."""

    def __init__(
        self,
        pool: Pool,
        database: Callable[[Callable[[], Any]], Awaitable[Any]],
        read: ReadConnection,
        make: Callable[[ConnectionInfo, ConnectionCalls], Any],
    ) -> None:
        self._pool, self._database, self._read, self._make = pool, database, read, make
        self._open: dict[UUID, Open] = {}
        self._keyless: OrderedDict[tuple[str, UUID], Open] = OrderedDict()
        self._opening: dict[UUID, Opening] = {}

    async def get(self, connection: UUID) -> Open:
        """The open connection, as its row is now. Raises UserError when it is gone or cannot be read."""
        opening = self._opening.get(connection)
        if opening is None or opening.begun:
            opening = self._opening[connection] = Opening()
            opening.task = asyncio.ensure_future(self._refresh(connection, opening))
        assert opening.task is not None
        return await asyncio.shield(opening.task)

    def keyless(self, service: str, workspace: UUID) -> Open:
        """The client of a service in a workspace without a connection: it holds no secret."""
        place = (service, workspace)
        if place not in self._keyless:
            info, calls = ConnectionInfo(None, workspace, service, ""), ConnectionCalls(self._pool, self._database)
            self._keyless[place] = Open(info, self._make(info, calls), calls, None, time.monotonic())
            if len(self._keyless) > MOST_KEYLESS:
                self._keyless.popitem(last=False)
        self._keyless.move_to_end(place)
        return self._keyless[place]

    async def _refresh(self, connection: UUID, opening: Opening) -> Open:
        known = self._open.get(connection)
        try:
            info, stamp = await self._read(connection, known.stamp if known else None, opening.begin)
        except Exception:
            self._open.pop(connection, None)
            raise
        finally:
            if self._opening.get(connection) is opening:
                del self._opening[connection]
        found = self._open.get(connection, known)
        if info is not None and (found is None or found.stamp != stamp):
            calls = ConnectionCalls(self._pool, self._database)
            found = Open(info, self._make(info, calls), calls, stamp, 0.0)
        assert found is not None
        found.seen = time.monotonic()
        self._open[connection] = found
        return found
