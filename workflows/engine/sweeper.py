"""Every minute: each run that has not ended is queued, owned, waiting, paused or needs attention (I13); unknown changes
of ended runs are looked up; rows of workers long gone are taken away."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

from django.db import Error

from orchestrator_site.lib.clock import now
from workflows.engine.afterlook import look_after
from workflows.engine.calls import Clients
from workflows.engine.protocol import Me
from workflows.engine.reads import Reads
from workflows.engine.times import Times

log = logging.getLogger(__name__)

LOOK_AFTER_EVERY = 6  # times a sweep
FORGET_WORKERS = timedelta(days=7)


class Sweeper:
    """Puts right what no other rule caught."""

    def __init__(self, reads: Reads, clients: Clients, times: Times, me: Me) -> None:
        self.reads, self.clients, self.times, self.me = reads, clients, times, me

    async def run(self) -> None:
        """Sweep for ever."""
        turn = 0
        while True:
            await asyncio.sleep(self.times.sweep / LOOK_AFTER_EVERY)
            turn += 1
            with suppress(Error):
                await self.reads.run(self.end_paused)
                await look_after(self.reads, self.clients)
                if turn % LOOK_AFTER_EVERY == 0:
                    await self.reads.run(self.sweep)

    def end_paused(self) -> int:
        """Queue paused runs whose deadline has passed, to be ended; how many there were."""
        reader = self.reads.reader
        sql = (
            "UPDATE workflows_run SET status = 'queued', ending = 'deadline', due_at = NOW, wake_seq = wake_seq + 1 "
            "WHERE status = 'paused' AND deadline_at <= NOW"
        )
        return int(reader.in_one(lambda: reader.store.run(sql).rowcount))

    def sweep(self) -> int:
        """Queue runs that are `running` and nobody's, or parked for nothing; how many there were."""
        reader = self.reads.reader
        count, forgotten = reader.queue_nobodys(), reader.queue_forgotten()
        if count:
            log.error("%d runs were running and nobody's: queued again", count)
        if forgotten:
            log.error("%d runs waited for nothing: queued again", forgotten)
        gone = (
            "DELETE FROM workflows_worker WHERE state IN ('dead', 'stopped') AND ended_at < %s AND NOT EXISTS "
            "(SELECT 1 FROM workflows_run r WHERE r.worker_id = workflows_worker.id)"
        )
        slots = (
            "DELETE FROM workflows_slot WHERE worker_id IN "
            "(SELECT id FROM workflows_worker WHERE state IN ('dead', 'stopped'))"
        )
        reader.in_one(lambda: reader.store.run(slots).rowcount)
        before = reader.store.rows.time(now() - FORGET_WORKERS)
        reader.in_one(lambda: reader.store.run(gone, (before,)).rowcount)
        return count + forgotten
