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
WOKEN_BY = timedelta(seconds=30)


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
                    await self.reads.run(self.wake_parents)
                    await self.reads.run(self.wake_held)

    def end_paused(self) -> int:
        """Queue paused runs whose deadline has passed, to be ended; how many there were."""
        reader = self.reads.reader
        sql = (
            "UPDATE workflows_run SET status = 'queued', ending = 'deadline', due_at = NOW, wake_seq = wake_seq + 1 "
            "WHERE status = 'paused' AND deadline_at <= NOW"
        )
        return int(reader.in_one(lambda: reader.store.run(sql).rowcount))

    def wake_parents(self) -> int:
        """Queue runs that wait for a run which has ended (it woke them as it ended; this lies under it)."""
        reader = self.reads.reader
        waits = (
            "SELECT s.run_id FROM workflows_run p JOIN workflows_steprun s ON s.run_id = p.id "
            "JOIN workflows_run c ON c.parent_step_id = s.id WHERE p.status = 'waiting' AND s.status = 'waiting' "
            "AND s.action = 'run_workflow' AND c.finished_at < %s LIMIT 500"
        )
        ids = [row[0] for row in reader.store.run(waits, (reader.store.rows.time(now() - WOKEN_BY),)).fetchall()]
        woken = [reader.store.uuid(id) for id in ids]
        reader.in_one(lambda: reader.store.wake_parents(woken))
        return len(woken)

    def wake_held(self) -> int:
        """Queue runs that wait for a connection which was repaired (the repair woke them; this lies under it)."""
        reader = self.reads.reader
        waits = (
            "SELECT DISTINCT s.run_id FROM integrations_connection c "
            "JOIN workflows_steprun s ON s.connection_id = c.id JOIN workflows_run r ON r.id = s.run_id "
            "WHERE c.broken_at IS NULL AND s.status = 'waiting' AND s.decision LIKE %s AND r.status = 'waiting' "
            "LIMIT 500"
        )
        ids = [row[0] for row in reader.store.run(waits, ('%"why":"connection"%',)).fetchall()]
        woken = [reader.store.uuid(id) for id in ids]
        reader.in_one(lambda: reader.store.wake_parents(woken))
        return len(woken)

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
        reader.forget_results()
        before = reader.store.rows.time(now() - FORGET_WORKERS)
        reader.in_one(lambda: reader.store.run(gone, (before,)).rowcount)
        return count + forgotten
