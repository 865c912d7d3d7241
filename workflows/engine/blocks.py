"""How control steps are walked: `if`, `for_each`, `stop`, `fail`. Pure. What they decide is a record.

Another control action is one function here and one declaration in `control/`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

from orchestrator_site.lib.json import dumps
from workflows.engine.control.each import MAX_ITEMS
from workflows.engine.frames import Ended, Finished, Frame, Group
from workflows.engine.records import Failure, StepRecord

if TYPE_CHECKING:
    from workflows.engine.plan import StepPlan
    from workflows.engine.walk import Walk


async def branch(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`if`: decide once, then walk one of the two lists."""
    if record.decision is None:
        assert plan.condition is not None
        taken = "then" if plan.condition.evaluate(frame.data, now=walk.frozen_now) else "else"
        record.decision = {"taken": taken}
        record.input = {"condition": plan.condition.source}
        record.status = "running"
        walk.log.put(record)
    taken = record.decision["taken"]
    inner = frame.inner()
    try:
        await walk.walk_list(plan.branches.get(taken, ()), inner)
    except Finished:
        record.output, record.tainted = {"taken": taken, "results": inner.made}, _any_taint(inner)
        raise
    _close(walk, frame, record, inner.warnings, {"taken": taken, "results": inner.made}, _any_taint(inner))


async def each(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`for_each`: the same list for every item, up to `parallelism` at once."""
    values = await walk.render(plan, frame)
    loop = Loop(walk, plan, frame, _items(values.get("items")), values)
    loop.tainted = frame.is_tainted(next((value.reads for name, value in plan.values if name == "items"), ()))
    decision = {"count": len(loop.items), "hash": _hash(loop.items)}
    if record.decision is None:
        record.decision = decision
        record.input = {name: value for name, value in values.items() if name != "items"} | {"count": len(loop.items)}
        record.status = "running"
        walk.log.put(record)
    else:
        if {name: record.decision.get(name) for name in decision} != decision:
            raise Failure("E_REPLAY", "The items of this loop are not those it began with.", "Run the workflow again.")
        await walk.log.open(f"{frame.path}/{plan.key}[" if frame.path else f"{plan.key}[")
    try:
        await loop.run()
    except Finished:
        record.output, record.tainted = loop.output(), loop.child_tainted
        raise
    output = loop.output()
    if loop.failed:
        text = f"{loop.failed} of {len(loop.items)} items failed."
        loop.warnings.append({"code": "W_ITEMS_FAILED", "message": text, "step": plan.key})
    _close(walk, frame, record, loop.warnings, output, loop.child_tainted)


class Loop:
    """The items of one `for_each` on their way."""

    def __init__(self, walk: Walk, plan: StepPlan, frame: Frame, items: list[Any], values: dict[str, Any]) -> None:
        self.walk, self.plan, self.frame, self.items = walk, plan, frame, items
        self.group = Group(frame.group)
        self.parallelism = _whole(values.get("parallelism", 1), 1, 50)
        self.go_on = values.get("on_item_error", "stop") == "continue"
        self.tainted = self.child_tainted = False
        self.results: list[dict[str, Any]] = [{} for _ in items]
        self.failed = 0
        self.warnings: list[dict[str, Any]] = []
        self.todo: Iterator[int] = iter(range(len(items)))
        self.stopped: BaseException | None = None

    async def run(self) -> None:
        """All items. Raises the first failure where items may not fail."""
        lanes = min(self.parallelism, len(self.items))
        try:
            await (self._lane() if lanes <= 1 else self._lanes(lanes))
        finally:
            self.frame.group.children.discard(self.group)
        if self.stopped is not None:
            raise self.stopped

    def output(self) -> dict[str, Any]:
        """What is known of the items so far."""
        return {"results": self.results, "count": len(self.items), "failed": self.failed}

    async def _lanes(self, lanes: int) -> None:
        walk = self.walk
        walk.active -= 1
        tasks = [asyncio.ensure_future(self._counted()) for _ in range(lanes)]
        walk.active += lanes
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        finally:
            walk.active += 1

    async def _counted(self) -> None:
        try:
            await self._lane()
        finally:
            self.walk.active -= 1
            self.walk.release_if_parked()

    async def _lane(self) -> None:
        for index in self.todo:
            try:
                self.group.check()
                await self._item(index)
            except (Failure, Finished, Ended) as problem:
                if isinstance(problem, Ended) and not self.group.ended:
                    continue  # resumed: this item was cut off when another one failed; that one speaks
                if self.stopped is None or (isinstance(self.stopped, Ended) and not isinstance(problem, Ended)):
                    self.stopped = problem
                if not isinstance(
                    problem, Ended
                ):  # then it is the whole group that has ended, maybe only to go on later
                    self.group.end("finished" if isinstance(problem, Finished) else "sibling")
                return

    async def _item(self, index: int) -> None:
        inner = self.frame.item(self.plan.key, index, self.items[index], self.group, self.tainted)
        try:
            await self.walk.walk_list(self.plan.branches.get("do", ()), inner)
        except Failure as failure:
            if not self.go_on:
                raise
            self.failed += 1
            text = f"Item {index + 1}: {failure.message}"
            inner.warnings.append({"code": failure.code, "message": text, "step": failure.step})
        finally:
            self.results[index] = inner.made
            self.child_tainted = self.child_tainted or _any_taint(inner)
            self.warnings.extend(inner.warnings[: max(0, 50 - len(self.warnings))])


async def stop(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`stop`: the run ends here as succeeded."""
    message = await _message(walk, plan, frame)
    record.input, record.output, record.decision = {"message": message}, {"message": message}, {"finish": message}
    walk.finish(record, "succeeded")
    raise Finished(message, warning=False)


async def fail(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`fail`: the run ends here as failed."""
    message = await _message(walk, plan, frame)
    record.input = {"message": message}
    raise Failure("E_FAILED", message or "The workflow says: fail.", step=plan.key)


Handler = Callable[["Walk", "StepPlan", Frame, StepRecord], Awaitable[None]]
HANDLERS: dict[str, Handler] = {"if": branch, "for_each": each, "stop": stop, "fail": fail}


def _close(
    walk: Walk, frame: Frame, record: StepRecord, warnings: list[dict[str, Any]], output: Any, tainted: bool
) -> None:
    record.decision = {**record.decision, "warnings": warnings[:50]}
    record.output, record.tainted, record.error = output, tainted, None
    walk.finish(record, "succeeded")
    frame.warnings.extend(warnings[:50])
    frame.keep(record.key, output, frozenset({"results"}) if tainted else "")


def _any_taint(frame: Frame) -> bool:
    return any(frame.taint.get(key) for key in frame.made)


async def _message(walk: Walk, plan: StepPlan, frame: Frame) -> str:
    values = await walk.render(plan, frame)
    return str(values.get("message") or "")[:1000]


def _items(items: Any) -> list[Any]:
    if not isinstance(items, list):
        kind = {dict: "an object", str: "text", type(None): "nothing"}.get(type(items), "a single value")
        raise Failure(
            "E_MAP_INPUT", f"“For each” needs a list; this is {kind}.", "Point “items” at a list of an earlier step."
        )
    if len(items) > MAX_ITEMS:
        raise Failure(
            "E_MAP_INPUT",
            f"“For each” takes at most {MAX_ITEMS:,} items; these are {len(items):,}.",
            "Use fewer items.",
        )
    return items


def _whole(value: Any, low: int, high: int) -> int:
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Failure("E_RANGE", f"“At the same time” must be a whole number from {low} to {high}.")
    return value


def _hash(items: list[Any]) -> str:
    return hashlib.sha256(dumps(items).encode()).hexdigest()[:32]
