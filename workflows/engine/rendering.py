"""Templates and conditions over what a walk has seen; slow ones are worked out beside the event loop. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from workflows.engine.frames import Frame
from workflows.engine.interfaces import Offload
from workflows.engine.plan import Asked, StepPlan, Value, outweighs
from workflows.engine.rows import encoded

LIGHT = 4 * 1024
LARGE = 256 * 1024
Values = tuple[tuple[str, Value], ...]


class Rendering:
    """What steps are given and what conditions say, at the frozen time of the run."""

    def __init__(self, frozen_now: datetime, offload: Offload | None) -> None:
        self.frozen_now, self.offload = frozen_now, offload
        self.large = LARGE

    async def ask(self, question: Asked, frame: Frame) -> bool:
        """The answer to a condition; over much data it is found beside the event loop."""

        def answer() -> bool:
            return question.over(frame.data, self.frozen_now)

        return bool(await self.aside(answer)) if outweighs(frame.data, question.reads, LIGHT) else answer()

    async def render(self, plan: StepPlan, frame: Frame) -> dict[str, Any]:
        """The step's inputs; templates with loops, or over much data, are rendered beside the event loop."""
        return await self.over(plan.values, frame.data, heavy=plan.heavy or outweighs(frame.data, plan.weighs, LIGHT))

    async def over(self, values: Values, data: dict[str, Any], *, heavy: bool) -> dict[str, Any]:
        """Values over data; `heavy` ones beside the event loop."""

        def render() -> dict[str, Any]:
            return {name: value.over(data, self.frozen_now) for name, value in values}

        return await self.aside(render) if heavy else render()

    async def aside(self, function: Callable[[], Any]) -> Any:
        """Run a slow pure function beside the event loop."""
        return function() if self.offload is None else await self.offload(function)

    async def stored(self, output: Any) -> Any:
        """An output in the form in which it is stored: the text of a large one is made beside the event loop."""
        return await self.aside(lambda: encoded(output)) if outweighs(output, ((),), LARGE) else output
