"""The journal of a run that was there when a worker died: it says when the run has survived what it is suspected of."""

from __future__ import annotations

from collections.abc import Callable, Collection
from uuid import UUID

from workflows.engine.journal import Journal, RunLog
from workflows.engine.records import Record, StepRecord
from workflows.engine.stored import RunRecords

CALLING = frozenset({"read", "model", "effect"})


class SuspectLog(RunLog):
    """Calls `acquitted` once: when all calls that were on their way at the death have come to an end, and it is stored.

    A run that had none (it was computing) is acquitted by the first step it finishes.
    """

    def __init__(
        self,
        journal: Journal,
        run_id: UUID,
        fence: int,
        steps: list[StepRecord],
        stored: RunRecords | None,
        seq: int,
        acquitted: Callable[[], None],
    ) -> None:
        super().__init__(journal, run_id, fence, steps, stored, seq)
        self._acquitted: Callable[[], None] | None = acquitted
        self._survived = False
        self._under_suspicion: set[UUID] = set()
        self._suspect(steps)

    def _suspect(self, steps: list[StepRecord]) -> None:
        self._under_suspicion |= {step.id for step in steps if step.status == "running" and step.kind in CALLING}

    async def open(self, paths: Collection[str], keys: Collection[str]) -> None:
        """Load records within an unfinished loop; calls among them are under suspicion too."""
        known = set(self.steps)
        await super().open(paths, keys)
        self._suspect([step for place, step in self.steps.items() if place not in known])

    def put(self, *records: Record) -> None:
        """Hand in records."""
        super().put(*records)
        for record in records:
            if isinstance(record, StepRecord) and record.finished and record.kind != "control":
                self._survived = True
                self._under_suspicion.discard(record.id)

    async def commit(self) -> None:
        """Wait for the commit; the proof of innocence counts once it is stored."""
        await super().commit()
        if self._survived and not self._under_suspicion and self._acquitted is not None:
            tell, self._acquitted = self._acquitted, None
            tell()
