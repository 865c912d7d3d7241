"""Once a day each connection is looked at by one worker, and the admins are written to before something ends.

Who looks is decided by one statement on the connection's row, so many workers make one look; a worker that dies in the
middle leaves it due again a few minutes later.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from uuid import UUID

from django.core.mail import send_mail
from django.db import Error

from integrations.errors import ServiceError
from integrations.models import Connection
from integrations.operations.checking import BROKEN, WORKS, Seen, failed, keep
from integrations.operations.forecast import Letter, letters_due, unsent
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import UserError
from workflows.engine.calls import Clients, set_deadline
from workflows.engine.reads import Reads
from workflows.engine.times import Times

log = logging.getLogger(__name__)

A_ROUND = 20
AT_ONCE = 4
SECONDS = 20.0
AGAIN_AFTER_DEATH = timedelta(minutes=5)


class Checkups:
    """One worker's part of looking after connections."""

    def __init__(self, reads: Reads, clients: Clients, times: Times) -> None:
        self.reads, self.clients, self.times = reads, clients, times

    async def run(self) -> None:
        """Look for what is due, for ever."""
        while True:
            await asyncio.sleep(self.times.sweep)
            try:
                await self.round()
            except Error:
                log.warning("the database did not answer; connections are looked at in the next round")
            except Exception:
                log.exception("a round of looks at connections failed; runs go on")

    async def round(self) -> int:
        """Look at the connections that are due, and write the letters that are; how many looks there were."""
        places = asyncio.Semaphore(AT_ONCE)
        due = await self.reads.run(self.claim)
        await asyncio.gather(*(self._look(pk, workspace, places) for pk, workspace in due))
        for letter in await self.reads.run(letters_due):
            await self._send(letter)
        return len(due)

    def claim(self) -> list[tuple[UUID, UUID]]:
        """Connections that are due and now this worker's to look at: (id, workspace). On the reads thread."""
        rows = Connection.objects.unscoped("connections of every workspace are looked after")
        waiting = rows.filter(next_check_at__lte=now(), deleted_at__isnull=True, sandbox=False)
        mine = []
        for row in waiting.order_by("next_check_at").only("pk", "workspace_id", "next_check_at")[:A_ROUND]:
            later = now() + AGAIN_AFTER_DEATH
            if rows.filter(pk=row.pk, next_check_at=row.next_check_at).update(next_check_at=later):
                mine.append((row.pk, row.workspace_id))
        return mine

    async def _look(self, pk: UUID, workspace: UUID, places: asyncio.Semaphore) -> None:
        async with places:
            mark = ""
            try:
                opened = await self.clients.get(pk)
                mark = opened.info.mark
                set_deadline(SECONDS)
                async with asyncio.timeout(SECONDS):
                    report = await opened.client.describe()
                seen = Seen(report, WORKS if report.ok else BROKEN)
            except (ServiceError, UserError, TimeoutError) as problem:
                seen = failed(problem)
            except Exception:
                log.exception("the daily look at connection %s failed", pk)
                return
            await self.reads.run(keep, Connection(pk=pk, workspace_id=workspace), mark, seen)

    async def _send(self, letter: Letter) -> None:
        try:
            await asyncio.to_thread(send_mail, letter.subject, letter.text, None, list(letter.to))
        except Exception:
            log.exception("the admins of a workspace could not be written to; it is tried again")
            await self.reads.run(unsent, letter)
