"""Every minute: each run that has not ended is queued, owned, waiting, paused or needs attention (I13)."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from django.db import Error

from workflows.engine.calls import Clients
from workflows.engine.protocol import Me
from workflows.engine.reads import Reads
from workflows.engine.times import Times

log = logging.getLogger(__name__)


class Sweeper:
    """Puts right what no other rule caught."""

    def __init__(self, reads: Reads, clients: Clients, times: Times, me: Me) -> None:
        self.reads, self.clients, self.times, self.me = reads, clients, times, me

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            await asyncio.sleep(self.times.sweep)
            with suppress(Error):
                await self.reads.run(self.sweep)

    def sweep(self) -> int:
        """Queue runs that are `running` and nobody's; how many there were."""
        reader = self.reads.reader
        sql = (
            "UPDATE workflows_run SET status = 'queued' WHERE status = 'running' AND worker_id IS NULL "
            "AND id IN (SELECT id FROM workflows_run WHERE status = 'running' AND worker_id IS NULL LIMIT 500)"
        )
        count = int(reader._in_one(lambda: reader.store.run(sql).rowcount))
        if count:
            log.error("%d runs were running and nobody's: queued again", count)
        return count
