"""What the items of a loop gave. Each hundred that have ended well are put on record as one, and let go. Pure.

So a loop holds the items under way, and a loop that goes on in another process reads what its hundreds were, not what
each item did. The records of the items stay the truth: a chunk that is not there is made again from them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from workflows.engine.blocks import MOST_WARNINGS, any_taint
from workflows.engine.plan import outweighs
from workflows.engine.records import ChunkRecord, Encoded, StepRecord, StoreRefused
from workflows.engine.rows import encoded_text, json_text
from workflows.engine.shelf import Shelf

if TYPE_CHECKING:
    from workflows.engine.frames import Frame
    from workflows.engine.walk import Walk

CHUNK = 100
MOST_RESULTS = 10 * 1024 * 1024


@dataclass
class Told:
    """What is told of the items of one chunk; warnings come with the number of their item."""

    size: int = 0
    failed: int = 0
    tainted: bool = False
    warnings: list[list[Any]] = field(default_factory=list)

    def add(self, index: int, inner: Frame, failed: bool) -> None:
        """An item has ended, well or not."""
        self.failed += failed
        self.tainted = self.tainted or any_taint(inner)
        if inner.warnings:
            said = [[index, warning] for warning in inner.warnings]
            self.warnings = sorted([*self.warnings, *said], key=_item_of)[:MOST_WARNINGS]


class Results:
    """The results of one loop in their order; an item that never began has an empty one."""

    def __init__(self, walk: Walk, record: StepRecord, count: int) -> None:
        self.walk, self.record, self.count = walk, record, count
        self.told: dict[int, Told] = {}
        self.on_record: set[int] = set()
        self._open: dict[int, dict[int, dict[str, Any]]] = {}
        self._well: dict[int, int] = {}

    async def take_up(self) -> None:
        """Resumed: what the chunks on record tell; their items are over."""
        for number, facts in (await self.walk.log.chunks(self.record.id)).items():
            if 0 <= number < self.count // CHUNK:
                self.told[number] = Told(**facts)
                self.on_record.add(number)

    def todo(self) -> Iterator[int]:
        """The items that are not over, in their order."""
        return (index for index in range(self.count) if index // CHUNK not in self.on_record)

    async def put(self, index: int, inner: Frame, *, failed: bool, well: bool) -> None:
        """An item has ended; `well`: neither cut off nor the end of the loop. Raises StoreRefused above 10 MiB."""
        number = index // CHUNK
        self.told.setdefault(number, Told()).add(index, inner, failed)
        self._open.setdefault(number, {})[index] = inner.made
        self._well[number] = self._well.get(number, 0) + well
        if self._well[number] == CHUNK:
            await self._put_on_record(number)

    async def _put_on_record(self, number: int) -> None:
        text, told = await self._text_of(number), self.told[number]
        told.size = len(text)
        if sum(each.size for each in self.told.values()) > MOST_RESULTS:
            message = f"What the items of a loop gave has more than {MOST_RESULTS:,} characters; at most that is kept."
            raise StoreRefused(message)
        log, loop = self.walk.log, self.record.id
        log.put(ChunkRecord(log.new_id(), loop, number, Encoded(f"[{text}]"), asdict(told)))
        log.keep(Shelf(loop, number), text, sys.getsizeof(text))
        self.walk.waited = True
        self.on_record.add(number)
        del self._open[number]

    # All of them

    @property
    def failed(self) -> int:
        """How many items failed."""
        return sum(told.failed for told in self.told.values())

    @property
    def tainted(self) -> bool:
        """Whether anything of it is from outside."""
        return any(told.tainted for told in self.told.values())

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """Those of the first items that have some."""
        said = sorted((each for told in self.told.values() for each in told.warnings), key=_item_of)
        return [warning for _, warning in said[:MOST_WARNINGS]]

    async def all(self) -> list[dict[str, Any]]:
        """Every result."""
        found: list[dict[str, Any]] = []
        for number in self._numbers():
            known = number in self.on_record
            found += json.loads(f"[{await self._recorded(number)}]") if known else await self._made(number)
        return found

    async def as_text(self, counts: Mapping[str, int]) -> Encoded:
        """An object with every result and these counts, as text, put together from the chunks."""
        parts = []
        for number in self._numbers():
            parts.append(await (self._recorded(number) if number in self.on_record else self._text_of(number)))
        tail = (json_text(dict(counts)) or "{}")[1:]
        found: Encoded = await self.walk.aside(lambda: encoded_text(f'{{"results":[{",".join(parts)}],{tail}'))
        return found

    def _numbers(self) -> range:
        return range(-(-self.count // CHUNK))

    async def _recorded(self, number: int) -> str:
        return str(await self.walk.log.load(Shelf(self.record.id, number)))

    async def _made(self, number: int) -> list[dict[str, Any]]:
        chunk = self._open.get(number, {})
        last = min(self.count, (number + 1) * CHUNK)
        return [await self.walk.whole(chunk.get(index, {})) for index in range(number * CHUNK, last)]

    async def _text_of(self, number: int) -> str:
        made = await self._made(number)

        def text() -> str:
            return (json_text(made) or "[]")[1:-1]

        return str(await self.walk.aside(text)) if outweighs(made, ((),), self.walk.large) else text()


class Known:
    """A loop that goes on reads what is known of its items a hundred at a time, when the first of them is reached."""

    def __init__(self, walk: Walk, place: str, keys: Collection[str], count: int) -> None:
        self.walk, self.place, self.keys, self.count = walk, place, keys, count
        self._asked: set[int] = set()
        self._turn = asyncio.Lock()

    async def of(self, index: int) -> None:
        """Have the records of an item loaded, with those around it."""
        number = index // CHUNK
        if number in self._asked:
            return
        async with self._turn:
            if number not in self._asked:
                around = range(number * CHUNK, min(self.count, (number + 1) * CHUNK))
                await self.walk.log.open([f"{self.place}[{each}]" for each in around], self.keys)
                self._asked.add(number)


def _item_of(said: list[Any]) -> int:
    return int(said[0])
