"""What models are writing right now, shown to whoever watches the run page; cheap and lossy.

Only where somebody looks: a run that was started from a page a moment ago, or one whose page has rung the bell (it does
so every few seconds while it is open). Pieces are gathered in memory and written for all runs together, at most four
times a second, outside the journal: a preview is no record, and losing one loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from orchestrator_site.lib.clock import now
from orchestrator_site.lib.json import repair_text
from workflows.models import Preview

log = logging.getLogger(__name__)

EVERY = 0.25
WATCHED_SECONDS = 15.0
FRESH = timedelta(minutes=2)
MOST_TEXT = 16_000
MOST_AT_ONCE = 100
MOST_WATCHED = 10_000
FORGOTTEN = timedelta(minutes=10)
FORGET_EVERY = 300.0


@dataclass
class _Text:
    run: UUID
    workspace: UUID
    pieces: list[str] = field(default_factory=list)
    changed: bool = False
    ended: bool = False

    @property
    def shown(self) -> str:
        """The text, of a long one its end."""
        text = "".join(self.pieces)
        self.pieces = [text]
        return repair_text(text if len(text) <= MOST_TEXT else f"…{text[-MOST_TEXT:]}")


class Previews:
    """The previews of one worker. Everything but `_write` happens on the engine's loop."""

    def __init__(self, database: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self._database = database
        self._watched: dict[UUID, float] = {}
        self._texts: dict[UUID, _Text] = {}

    def watch(self, run: UUID) -> None:
        """Somebody looks at this run now."""
        if len(self._watched) >= MOST_WATCHED:
            self._watched.clear()
        self._watched[run] = time.monotonic() + WATCHED_SECONDS

    def is_watched(self, run: UUID, trigger: str, started: datetime) -> bool:
        """Whether what a model writes for this run is worth showing."""
        return self._watched.get(run, 0.0) > time.monotonic() or (trigger == "page" and now() - started < FRESH)

    def begin(self, step_run: UUID, run: UUID, workspace: UUID) -> Callable[[str], None] | None:
        """Where the pieces of a step's text go; None when there are too many at once."""
        if len(self._texts) >= MOST_AT_ONCE:
            return None
        text = self._texts[step_run] = _Text(run, workspace)

        def tell(piece: str) -> None:
            text.pieces.append(piece)
            text.changed = True

        return tell

    def end(self, step_run: UUID) -> None:
        """The step's answer is there: its record takes over."""
        if (text := self._texts.get(step_run)) is not None:
            text.ended = True

    async def run(self) -> None:
        """Write what has changed, for ever."""
        forget_at = time.monotonic() + FORGET_EVERY
        while True:
            await asyncio.sleep(EVERY)
            if any(text.changed or text.ended for text in self._texts.values()):
                await self._flush()
            if time.monotonic() > forget_at:
                forget_at = time.monotonic() + FORGET_EVERY
                await self._quietly(_forget)

    async def _flush(self) -> None:
        ended = [step for step, text in self._texts.items() if text.ended]
        changed = {step: t for step, t in self._texts.items() if t.changed and not t.ended}
        rows = [(step, t.run, t.workspace, t.shown) for step, t in changed.items()]
        for text in changed.values():
            text.changed = False
        for step in ended:
            del self._texts[step]
        await self._quietly(lambda: _write(rows, ended))

    async def _quietly(self, function: Callable[[], None]) -> None:
        """Nothing that goes wrong with a preview may disturb a run."""
        try:
            await self._database(function)
        except Exception as problem:
            log.info("a preview was lost: %s", problem)


def _rows() -> Any:
    return Preview.objects.unscoped("the engine writes the previews of the runs it walks")


def _write(rows: list[tuple[UUID, UUID, UUID, str]], ended: list[UUID]) -> None:
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit = off")
        if ended:
            _rows().filter(step_run_id__in=ended).delete()
        made = [Preview(step_run_id=s, run_id=r, workspace_id=w, text=text, at=now()) for s, r, w, text in rows]
        if made:
            _rows().bulk_create(made, update_conflicts=True, unique_fields=["step_run"], update_fields=["text", "at"])


def _forget() -> None:
    """What a worker left that died; asked first, so that an idle engine writes nothing."""
    old = _rows().filter(at__lt=now() - FORGOTTEN)
    if old.exists():
        old.delete()
