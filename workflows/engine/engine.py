"""The host: one asyncio loop in a thread of its own, in every worker process, that claims runs and walks them.

An `Engine` holds one lease after the other (`session.Session`); a lease that is lost to an outage is followed by a new
one, a lease that somebody else has taken ends the process.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from django.conf import settings
from django.db import Error

from integrations.cache import close_all
from workflows.engine.calls import MOST_LEAKS, Clients, Pool
from workflows.engine.identity import myself
from workflows.engine.lease import Alive
from workflows.engine.reads import Reads
from workflows.engine.session import End, Session
from workflows.engine.shelf import AtHand
from workflows.engine.times import Times, from_environment

log = logging.getLogger(__name__)

EXIT_TAKEN_OVER = 71
EXIT_BROKEN = 70
MOST_FILES = 65_536
# The journal's thread must get Python's lock back quickly beside a busy loop (the default lets it wait 5 ms each time).
SWITCH_INTERVAL = 0.0005
# Thousands of records a second live for a moment; looking for cycles among 700 of them took a fifth of all CPU.
COLLECT_AFTER = 20_000


class Engine:
    """Walks runs until it is told to drain."""

    def __init__(
        self,
        *,
        times: Times | None = None,
        alias: str = "default",
        deadly: bool = True,
        parent_alive: Callable[[], bool] | None = None,
    ) -> None:
        self.times = times or from_environment(settings.LEASE_SECONDS)
        self.alias = alias
        self.deadly = deadly
        self.parent_alive = parent_alive
        self.identity = myself()
        self.session: Session | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.at_hand = AtHand(settings.ENGINE_VALUES_MB * 1024 * 1024)
        self.helper = ThreadPoolExecutor(max_workers=1, thread_name_prefix="helper")
        self._draining = False
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._main, name="engine", daemon=False)

    def start(self) -> Engine:
        """Begin; returns at once."""
        self._thread.start()
        return self

    def wait_started(self, timeout: float = 10.0) -> bool:
        """Until the first lease is held."""
        return self._started.wait(timeout)

    def drain(self) -> None:
        """Claim nothing more, finish what is in flight, release the rest, end. From any thread or signal handler."""
        self._draining = True
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake_session)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end; whether it has come."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def ring(self) -> None:
        """Look for work now. From any thread."""
        loop, session = self._loop, self.session
        if loop is not None and session is not None and not loop.is_closed():
            loop.call_soon_threadsafe(session.ring, None)

    def _wake_session(self) -> None:
        if self.session is not None:
            self.session.drain()

    def _main(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._run())
        except BaseException:
            log.critical("the engine failed; this process ends", exc_info=True)
            if self.deadly:
                os._exit(EXIT_BROKEN)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        sys.setswitchinterval(SWITCH_INTERVAL)
        gc.set_threshold(COLLECT_AFTER)
        _raise_file_limit()
        reads, pool = Reads(self.alias), Pool()
        clients = Clients(
            pool,
            lambda function: reads.run(reads.in_transaction, function),
            lambda *wanted: reads.run(reads.open, *wanted),
            _client,
        )
        alive = asyncio.create_task(Alive(self.times).keep()) if self.deadly else None
        try:
            previous: Session | None = None
            while not self._draining:
                previous = await self._one_lease(reads, clients, pool, previous)
        finally:
            if alive is not None:
                alive.cancel()
            await close_all()
            pool.close()
            reads.close()
            self.helper.shutdown(wait=False)

    async def _one_lease(self, reads: Reads, clients: Clients, pool: Pool, previous: Session | None) -> Session | None:
        session = Session(self, reads, clients, pool)
        try:
            await session.open(previous)
        except Error as problem:
            log.warning("the database does not answer, trying again: %s", problem)
            await session.close()
            await asyncio.sleep(min(1.0, self.times.poll))
            return previous
        self.session = session
        self._started.set()
        if self._draining:
            session.drain()
        end = await session.run()
        if end is End.TAKEN_OVER and self.deadly:
            log.critical("another worker has taken over; this process ends")
            os._exit(EXIT_TAKEN_OVER)
        if end is End.DRAINED or pool.leaked >= MOST_LEAKS:
            self._draining = True
        return session


def _raise_file_limit() -> None:
    """Thousands of calls in flight are thousands of sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _client(info: object, calls: object) -> object:
    from integrations.operations.opening import client_for

    return client_for(info, calls)  # type: ignore[arg-type]
