"""The engine's part in triggers: each second it asks which due times have come; what it does is said elsewhere.

Every worker asks; who of them does a thing is decided in the database, so several do no harm and none is missed.
"""

from __future__ import annotations

import asyncio
import logging

from django.db import Error

from orchestrator_site.lib.clock import now
from workflows.engine import schedules
from workflows.engine.reads import Reads
from workflows.engine.times import Times

log = logging.getLogger(__name__)


class TriggerLoop:
    """Looks after the triggers of all workspaces."""

    def __init__(self, reads: Reads, times: Times) -> None:
        self.reads, self.times = reads, times

    async def run(self) -> None:
        """For ever; one trigger that fails holds up no other."""
        while True:
            try:
                while await self.reads.run(self.tick):
                    pass
            except Error as problem:
                log.warning("the triggers cannot be read, trying again: %s", problem)
            except Exception:
                log.exception("looking after triggers failed")
            await asyncio.sleep(self.times.poll)

    def tick(self) -> bool:
        """One look at the schedules, on the reads thread; whether there may be more."""
        return schedules.tick(now())
