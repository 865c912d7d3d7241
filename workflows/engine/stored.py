"""What is stored of one run, read as its walk needs it, on the reads thread; values used lately are at hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workflows.engine.records import Failure, StepRecord
from workflows.engine.shelf import AtHand, Shelf

if TYPE_CHECKING:
    from workflows.engine.reads import Reads


class RunRecords:
    """The records of one run."""

    def __init__(self, reads: Reads, run: UUID, at_hand: AtHand) -> None:
        self.reads, self.run, self.at_hand = reads, run, at_hand

    async def at(self, paths: Collection[str], keys: Collection[str]) -> list[StepRecord]:
        """The steps with these keys at these places of its loops."""
        return await self.reads.run(lambda: self.reads.reader.steps_at(self.run, paths, keys))

    async def unfinished(self) -> list[StepRecord]:
        """The steps that have not ended, wherever they stand."""
        return await self.reads.run(lambda: self.reads.reader.unfinished(self.run))

    async def chunks(self, loop: UUID) -> Mapping[int, Mapping[str, Any]]:
        """The chunks of results that a loop has on record, and what is told of each."""
        return await self.reads.run(lambda: self.reads.reader.chunks(loop))

    async def value(self, shelf: Shelf) -> tuple[Any, int]:
        """A stored value and its weight. Raises Failure where it is not there any more."""
        found = await self.reads.run(lambda: self._value(shelf))
        if found is None:
            raise Failure(
                "E_STORE", "The output of an earlier step is not there any more.", "Run it again from that step."
            )
        return found

    def _value(self, shelf: Shelf) -> tuple[Any, int] | None:
        reader = self.reads.reader
        return reader.output(shelf.step) if shelf.chunk < 0 else reader.chunk(shelf.step, shelf.chunk)
