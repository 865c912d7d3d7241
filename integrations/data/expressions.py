"""Conditions and expressions that a step writes down, evaluated over each item of a list. Pure.

They are literals of the definition: nothing that comes from a run ever becomes part of one. What they need from the run
is handed to them as `values`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from integrations.context import Context
from integrations.expressions import expression
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.templating import Meter, TemplateProblem, compile_condition, evaluate_path

T = TypeVar("T")
MAX_ITEMS = 10_000
LIGHT = 200


def at(item: Any, path: str) -> Any:
    """The value at a path inside an item; null where there is none; the item itself for an empty path."""
    return evaluate_path(item, path, None) if path else item


class Each:
    """Evaluates over the items of one list, within one budget, and says which item was the trouble."""

    def __init__(self, items: Sequence[Any], values: Mapping[str, Any], now: datetime | None) -> None:
        self.items, self.values, self.now = items, values, now
        self._meter = Meter()

    def matches(self, source: str) -> list[bool]:
        """The condition for each item."""
        found = compile_condition(source)
        return self._over(lambda data: found.evaluate(data, now=self.now, meter=self._meter))

    def results(self, source: str) -> list[Any]:
        """The expression for each item."""
        found = expression(source)
        return self._over(lambda data: found.render(data, now=self.now, meter=self._meter))

    def _over(self, evaluate: Callable[[dict[str, Any]], T]) -> list[T]:
        done: list[T] = []
        for index, item in enumerate(self.items):
            try:
                done.append(evaluate({"item": item, "index": index, "values": self.values}))
            except TemplateProblem as problem:
                raise UserError(
                    problem.code, f"Item {index + 1}: {problem.message}", hint=problem.hint, limit=problem.limit
                ) from None
        return done


async def aside(context: Context[Any], size: int, function: Callable[[], T]) -> T:
    """Run pure work here when it is little, else on a thread, so that other runs are not held up."""
    return function() if size <= LIGHT else await context.calls.blocking(function)


def check_length(items: Sequence[Any], what: str = "The list") -> None:
    """Raise E_LENGTH above MAX_ITEMS."""
    if len(items) > MAX_ITEMS:
        raise UserError(
            "E_LENGTH",
            f"{what} has {len(items):,} items; at most {MAX_ITEMS:,} are taken.",
            limit=MAX_ITEMS,
            hint="Ask the service for fewer, or go through them in parts.",
        )
