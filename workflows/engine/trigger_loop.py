"""The engine's part in triggers: each second it asks which due times have come; what it does is said elsewhere.

Every worker asks; who of them does a thing is decided in the database, so several do no harm and none is missed.
"""

from __future__ import annotations

import asyncio
import logging
import time

from django.db import Error

from orchestrator_site.lib.clock import now
from workflows.engine import alarms, forgetting, inbound, polls, schedules
from workflows.engine.calls import Clients
from workflows.engine.reads import Reads
from workflows.engine.times import Times

log = logging.getLogger(__name__)

FORGET_EVERY = 600.0
LISTEN_EVERY = 600.0
MOST_LOOKS = 64


class TriggerLoop:
    """Looks after the triggers of all workspaces."""

    def __init__(self, reads: Reads, times: Times, clients: Clients) -> None:
        self.reads, self.times, self.clients = reads, times, clients
        self._looks: set[asyncio.Task[int]] = set()
        self._forget_at = 0.0
        self._listen_at = time.monotonic() + LISTEN_EVERY / 10

    async def run(self) -> None:
        """For ever; one trigger that fails holds up no other."""
        try:
            await self._for_ever()
        finally:
            for look in self._looks:
                look.cancel()

    async def _for_ever(self) -> None:
        while True:
            try:
                while await self.reads.run(self.tick):
                    pass
                await self._look()
                await self._listen()
            except Error as problem:
                log.warning("the triggers cannot be read, trying again: %s", problem)
            except Exception:
                log.exception("looking after triggers failed")
            await asyncio.sleep(self.times.poll)

    async def _look(self) -> None:
        """Ask services what is new, several at a time; a slow one holds up no other."""
        if len(self._looks) >= MOST_LOOKS:
            return
        for look in await self.reads.run(polls.take_looks, now()):
            task = asyncio.ensure_future(polls.look_once(look, self.clients, self.reads.run))
            self._looks.add(task)
            task.add_done_callback(self._looked)

    async def _listen(self) -> None:
        """Now and then: do events stay away that usually come? Mails are sent in a thread of their own."""
        if time.monotonic() < self._listen_at:
            return
        self._listen_at = time.monotonic() + LISTEN_EVERY
        mails = await self.reads.run(alarms.look_for_silence, now())
        if mails:
            await asyncio.to_thread(alarms.send, mails)

    def _looked(self, task: asyncio.Task[int]) -> None:
        self._looks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("what a look found could not be written; it is looked for again: %s", task.exception())

    def tick(self) -> bool:
        """One look at due times and at what waits, on the reads thread; whether there may be more."""
        at = now()
        more = schedules.tick(at)
        more = inbound.drain(at) or more
        if time.monotonic() >= self._forget_at:
            full = forgetting.forget(at) >= forgetting.AT_ONCE
            self._forget_at = time.monotonic() + (0 if full else FORGET_EVERY)
        return more
