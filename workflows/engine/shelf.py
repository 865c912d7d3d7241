"""Large outputs that a walk does not hold: where each stands, and what of it is at hand all the same. Pure.

An output that is on record need not stay in memory. The walk keeps a reference (`Away`) and asks for the value when a
step reads it. Values asked for lately are at hand, for all walks of the process together within so many bytes.
"""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

MOST_INLINE = 16 * 1024
"""An output of about this many bytes stays with the walk; a larger one is referred to."""
SHORT = 200


class Shelf(NamedTuple):
    """Where a value stands: the output of a step's row, or what one chunk of a loop gave."""

    step: UUID
    chunk: int = -1


@dataclass(frozen=True, slots=True)
class Away:
    """A value that is not held. `fields` of it are known; what it lacks is answered from `under`."""

    shelf: Shelf
    fields: Mapping[str, Any] = field(default_factory=dict)
    under: Mapping[str, Any] = field(default_factory=dict)

    def whole(self, value: Any) -> Any:
        """The value itself, once it is there."""
        return {**self.under, **value} if self.under and isinstance(value, dict) else value


@dataclass(frozen=True, slots=True)
class Parts:
    """The outputs of a list of steps under one name, some of them away."""

    name: str
    made: Mapping[str, Any]
    under: Mapping[str, Any] = field(default_factory=dict)


def short_fields(value: Any) -> dict[str, Any]:
    """What of an output is so short that it is worth keeping: numbers, ids, states, addresses."""
    if not isinstance(value, dict):
        return {}
    return {
        name: part
        for name, part in value.items()
        if part is None or isinstance(part, (bool, int, float)) or (isinstance(part, str) and len(part) <= SHORT)
    }


def weight(value: Any) -> int:
    """The bytes that a JSON value takes in memory, as Python counts them; keys are shared and not counted."""
    total, todo = 0, [value]
    while todo:
        each = todo.pop()
        total += sys.getsizeof(each)
        if isinstance(each, dict):
            todo.extend(each.values())
        elif isinstance(each, list):
            todo.extend(each)
    return total


class AtHand:
    """The values used last, at most so many bytes of them together. On the loop's thread only."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self._values: OrderedDict[Shelf, tuple[Any, int]] = OrderedDict()
        self._coming: dict[Shelf, asyncio.Future[Any]] = {}

    def put(self, shelf: Shelf, value: Any, size: int) -> None:
        """Have a value at hand; those used longest ago make room for it. One that is larger than all is not kept."""
        self._drop(shelf)
        if size > self.most_bytes:
            return
        self._values[shelf] = (value, size)
        self.bytes += size
        while self.bytes > self.most_bytes:
            self._drop(next(iter(self._values)))

    async def get(self, shelf: Shelf, fetch: Callable[[], Awaitable[tuple[Any, int]]]) -> Any:
        """The value; fetched where it is not at hand, once for all who ask at the same time."""
        known = self._values.get(shelf)
        if known is not None:
            self._values.move_to_end(shelf)
            return known[0]
        coming = self._coming.get(shelf)
        if coming is None:
            coming = self._coming[shelf] = asyncio.ensure_future(self._fetched(shelf, fetch))
            coming.add_done_callback(lambda _: self._coming.pop(shelf, None))
        return await asyncio.shield(coming)

    async def _fetched(self, shelf: Shelf, fetch: Callable[[], Awaitable[tuple[Any, int]]]) -> Any:
        value, size = await fetch()
        self.put(shelf, value, size)
        return value

    def _drop(self, shelf: Shelf) -> None:
        found = self._values.pop(shelf, None)
        if found is not None:
            self.bytes -= found[1]
