"""What steps see: templates and conditions over the data of a walk, and outputs that are not held. Pure.

Slow templates are worked out beside the event loop. A large output is let go once it is handed to the log, and fetched
again when a step reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from workflows.engine.frames import Frame
from workflows.engine.interfaces import Log, Offload
from workflows.engine.plan import Asked, Path, StepPlan, Value, outweighs
from workflows.engine.records import Encoded, StepRecord
from workflows.engine.rows import encoded
from workflows.engine.shelf import MOST_INLINE, Away, Parts, Shelf, short_fields, weight

LIGHT = 4 * 1024
LARGE = 256 * 1024
Values = tuple[tuple[str, Value], ...]


class Rendering:
    """What steps are given and what conditions say, at the frozen time of the run."""

    def __init__(self, log: Log, frozen_now: datetime, offload: Offload | None) -> None:
        self.log, self.frozen_now, self.offload = log, frozen_now, offload
        self.large = LARGE

    async def ask(self, question: Asked, frame: Frame) -> bool:
        """The answer to a condition; over much data it is found beside the event loop."""
        data = await self.sight(frame, question.reads) if frame.held else frame.data

        def answer() -> bool:
            return question.over(data, self.frozen_now)

        return bool(await self.aside(answer)) if outweighs(data, question.reads, LIGHT) else answer()

    async def render(self, plan: StepPlan, frame: Frame) -> dict[str, Any]:
        """The step's inputs; templates with loops, or over much data, are rendered beside the event loop."""
        data = await self.sight(frame, plan.reads) if frame.held else frame.data
        return await self.over(plan.values, data, heavy=plan.heavy or outweighs(data, plan.weighs, LIGHT))

    async def over(self, values: Values, data: dict[str, Any], *, heavy: bool) -> dict[str, Any]:
        """Values over data; `heavy` ones beside the event loop."""

        def render() -> dict[str, Any]:
            return {name: value.over(data, self.frozen_now) for name, value in values}

        return await self.aside(render) if heavy else render()

    async def aside(self, function: Callable[[], Any]) -> Any:
        """Run a slow pure function beside the event loop."""
        return function() if self.offload is None else await self.offload(function)

    async def stored(self, output: Any) -> Any:
        """An output in the form in which it is stored: a large one as its text, a very large one made so aside."""
        if not outweighs(output, ((),), MOST_INLINE):
            return output
        return await self.aside(lambda: encoded(output)) if outweighs(output, ((),), LARGE) else encoded(output)

    # Outputs that are not held

    async def shelve(self, record: StepRecord, output: Any, stored: Any) -> Any:
        """What the walk holds of an output that is in the log as `stored`: itself, or where a large one stands."""
        if type(stored) is not Encoded:
            return output
        heavy = len(stored.text) > LARGE
        size = await self.aside(lambda: weight(output)) if heavy else weight(output)
        self.log.keep(Shelf(record.id), output, size)
        return Away(Shelf(record.id), short_fields(output))

    async def sight(self, frame: Frame, reads: Iterable[Path]) -> dict[str, Any]:
        """The data of a frame in which everything is there that these paths read."""
        data = frame.data
        for (root, key), value in _wanted(frame, reads).items():
            found = value if isinstance(value, Mapping) else await self.fetch(value)
            data = {**data, root: {**data[root], key: found}}
        return data

    async def whole(self, made: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs of a list of steps, none of them away."""
        return {key: await self.fetch(output) for key, output in made.items()}

    async def fetch(self, value: Any) -> Any:
        """A value, fetched where it is away."""
        if type(value) is Away:
            return value.whole(await self.log.load(value.shelf))
        return {**value.under, value.name: await self.whole(value.made)} if type(value) is Parts else value


def _wanted(frame: Frame, reads: Iterable[Path]) -> dict[tuple[str, str], Any]:
    """What of a frame is away and read by these paths: the short fields where those are enough, else the reference."""
    found: dict[tuple[str, str], Any] = {}
    for path in reads:
        for place in _places(frame, path):
            value = frame.data[place[0]][place[1]]
            enough = type(value) is Away and len(path) > 2 and path[2] in value.fields
            if not enough:
                found[place] = value
            else:
                found.setdefault(place, value.fields)
    return found


def _places(frame: Frame, path: Path) -> list[tuple[str, str]]:
    root = str(path[0])
    if len(path) < 2:
        return [place for place in frame.held if place[0] == root]
    place = (root, str(path[1]))
    return [place] if place in frame.held else []
