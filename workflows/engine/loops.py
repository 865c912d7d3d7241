"""How loops are walked: `for_each` and `repeat`. Pure. Items and passes have places of their own: `all[3]`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orchestrator_site.lib.json import dumps
from workflows.engine.blocks import MOST_WARNINGS, any_taint, begin, close
from workflows.engine.chunks import Known, Results
from workflows.engine.control.repeat import MAX_PASSES
from workflows.engine.frames import Finished, Frame, Taint, place_of
from workflows.engine.plan import outweighs
from workflows.engine.reading import LOOPS
from workflows.engine.records import Failure, StepRecord
from workflows.engine.shelf import Away, Parts
from workflows.engine.siblings import Siblings, side_by_side

if TYPE_CHECKING:
    from workflows.engine.plan import StepPlan
    from workflows.engine.walk import Walk

MOST_LANES = 50


async def each(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`for_each`: the same list for every item, up to `parallelism` at once."""
    values = await walk.render(plan, frame)
    items = _items(values.get("items"), walk.max_items)
    decision = {"count": len(items), "hash": await _hash(walk, items)}
    fresh = record.decision is None
    if fresh:
        given = {name: value for name, value in values.items() if name != "items"} | {"count": len(items)}
        begin(walk, record, decision, given)
    elif {name: record.decision.get(name) for name in decision} != decision:
        raise Failure("E_REPLAY", "The items of this loop are not those it began with.", "Run the workflow again.")
    loop = Loop(walk, plan, frame, record, items, values)
    if not fresh:
        await loop.take_up()
    try:
        await loop.run()
    except Finished:
        record.output = {"results": await loop.results.all(), **loop.counts}
        record.tainted = loop.results.tainted
        raise
    await loop.close()


class Loop:
    """The items of one `for_each` on their way."""

    def __init__(
        self,
        walk: Walk,
        plan: StepPlan,
        frame: Frame,
        record: StepRecord,
        items: list[Any],
        values: dict[str, Any],
    ) -> None:
        self.walk, self.plan, self.frame, self.record, self.items = walk, plan, frame, record, items
        self.steps = plan.branches.get("do", ())
        self.siblings = Siblings(walk, frame, record)
        self.parallelism = whole(values.get("parallelism", 1), 1, MOST_LANES, "At the same time")
        self.go_on = choice(values.get("on_item_error", "stop"), ("stop", "continue"), "When an item fails") != "stop"
        self.tainted = frame.is_tainted(next((value.reads for name, value in plan.values if name == "items"), ()))
        self.results = Results(walk, record, len(items))
        self.known: Known | None = None
        self.todo: Iterator[int] = iter(range(len(items)))

    @property
    def counts(self) -> dict[str, int]:
        """How many items there were, and how many of them failed."""
        return {"count": len(self.items), "failed": self.results.failed}

    async def take_up(self) -> None:
        """Resumed: the hundreds that are over stay as they are, the records of other items are read when they come."""
        await self.results.take_up()
        self.todo = self.results.todo()
        self.known = Known(
            self.walk, place_of(self.frame.path, self.plan.key), keys_within(self.steps), len(self.items)
        )

    async def run(self) -> None:
        """All items. Raises the first failure where items may not fail."""
        lanes = min(self.parallelism, len(self.items))
        try:
            await (self._lane() if lanes <= 1 else side_by_side(self.walk, [self._lane() for _ in range(lanes)]))
        finally:
            self.frame.group.children.discard(self.siblings.group)
        self.siblings.close()

    async def close(self) -> None:
        """All items are over: the loop's last record, put together from the chunks where there are some."""
        results, counts, warnings = self.results, self.counts, self.results.warnings
        if counts["failed"]:
            text = f"{counts['failed']} of {len(self.items)} items failed."
            warnings = [
                *warnings[: MOST_WARNINGS - 1],
                {"code": "W_ITEMS_FAILED", "message": text, "step": self.plan.key},
            ]
        if results.on_record:
            stored = await results.as_text(counts)
            await close(self.walk, self.frame, self.record, warnings, stored, results.tainted, counts)
        else:
            output = {"results": await results.all(), **counts}
            await close(self.walk, self.frame, self.record, warnings, output, results.tainted)

    async def _lane(self) -> None:
        for index in self.todo:
            if not await self.siblings.one(index, lambda at=index: self._item(at)):  # type: ignore[misc]
                return

    async def _item(self, index: int) -> None:
        if self.known is not None:
            await self.known.of(index)
        group = self.siblings.group
        inner = self.frame.item(self.plan.key, index, self.items[index], group, self.tainted)
        failed = well = False
        try:
            await self.walk.walk_list(self.steps, inner)
            well = True
        except Failure as failure:
            if not self.go_on or failure.is_fatal:
                raise
            failed = well = True
            text = f"Item {index + 1}: {failure.message}"
            inner.warnings.append({"code": failure.code, "message": text, "step": failure.step})
        finally:
            await self.results.put(index, inner, failed=failed, well=well)


def keys_within(steps: tuple[StepPlan, ...]) -> set[str]:
    """The keys of the steps that have the same place in the loops as these: all inside them but what loops do."""
    found: set[str] = set()
    todo = list(steps)
    while todo:
        plan = todo.pop()
        found.add(plan.key)
        for name, inner in plan.branches.items():
            if plan.step.action not in LOOPS or name != "do":
                todo.extend(inner)
    return found


async def repeat(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`repeat`: the same list again until the condition holds after a pass, or the passes are used up."""
    assert plan.condition is not None
    passes = Passes(walk, plan, frame, record)
    if record.decision is None:
        values = await walk.render(plan, frame)
        limit = whole(values.get("limit", 10), 1, MAX_PASSES, "At most")
        on_limit = choice(values.get("on_limit", "fail"), ("fail", "continue"), "When they are used up")
        given = {"limit": limit, "on_limit": on_limit}
        begin(walk, record, {**given, "passes": 0}, {"until": plan.condition.source, **given})
    else:
        await passes.take_up()
    try:
        while not passes.met and passes.count < record.decision["limit"]:
            await passes.one_more()
    except Finished:
        record.output, record.tainted = await passes.output(), passes.tainted
        raise
    if not passes.met:
        passes.used_up()
    await close(walk, frame, record, passes.warnings, await passes.output(), passes.tainted)


class Passes:
    """The passes of one `repeat`: only the newest and the one before it are in memory."""

    def __init__(self, walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
        self.walk, self.plan, self.frame, self.record = walk, plan, frame, record
        self.steps = plan.branches.get("do", ())
        self.made: dict[str, Any] = {}
        self.taint: dict[str, Taint] = {}
        self.tainted = False
        self.empty = {step.key: dict.fromkeys(walk.fields_of(step.step.action)) for step in self.steps}

    @property
    def count(self) -> int:
        """How many passes have ended."""
        return int(self.record.decision.get("passes", 0))

    @property
    def met(self) -> bool:
        """Whether the condition held after the newest."""
        return bool(self.record.decision.get("met", False))

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """Those of all passes."""
        return list(self.record.decision.get("warnings", ()))

    async def output(self) -> dict[str, Any]:
        """What the last pass gave."""
        return {"results": await self.walk.whole(self.made), "count": self.count, "met": self.met}

    async def take_up(self) -> None:
        """Resumed: the last pass that ended gives its outputs again, the one that was open goes on.

        A run that goes on from an earlier one has the records of passes but no count: it goes through all of them.
        """
        count, known = self.count, "passes" in self.record.decision
        await self._open(range(max(0, count - 1), count + 1) if known else range(int(self.record.decision["limit"])))
        if known and count:
            self.taint = dict.fromkeys(self.empty, "all")
            inner = self._frame(count - 1)
            await self.walk.walk_list(self.steps, inner)
            self._keep(inner)

    async def _open(self, passes: Iterable[int]) -> None:
        place = place_of(self.frame.path, self.plan.key)
        await self.walk.log.open([f"{place}[{number}]" for number in passes], keys_within(self.steps))

    async def one_more(self) -> None:
        """One pass, and the answer to its condition, on record together."""
        inner = self._frame(self.count)
        try:
            await self.walk.walk_list(self.steps, inner)
        except Finished:
            self._keep(inner)
            raise
        assert self.plan.condition is not None
        met = await self.walk.ask(self.plan.condition, inner)
        self._keep(inner)
        warnings = [*self.warnings, *inner.warnings][:MOST_WARNINGS]
        self.record.decision = {**self.record.decision, "passes": self.count + 1, "met": met, "warnings": warnings}
        self.walk.log.put(self.record)

    def used_up(self) -> None:
        """The condition never held. Raises Failure unless the step says: go on."""
        text = f"“{self.plan.step.title}” did its steps {self.count} times, and its condition was not met."
        if self.record.decision["on_limit"] != "continue":
            raise Failure("E_LIMIT", text, "Allow more passes, or let it go on with what the last one gave.")
        warning = {"code": "W_LIMIT", "message": text, "step": self.plan.key}
        self.record.decision = {**self.record.decision, "warnings": [warning, *self.warnings]}

    def _frame(self, number: int) -> Frame:
        last = {key: _over(empty, self.made.get(key)) for key, empty in self.empty.items()}
        return self.frame.one_pass(self.plan.key, number, last, self.taint)

    def _keep(self, inner: Frame) -> None:
        self.made = inner.made
        self.taint = {key: inner.taint.get(key, "") for key in inner.made}
        self.tainted = any_taint(inner)


def _over(empty: dict[str, Any], output: Any) -> Any:
    if isinstance(output, (Away, Parts)):
        return replace(output, under=empty)
    return {**empty, **output} if isinstance(output, dict) else empty if output is None else output


def _items(items: Any, most: int) -> list[Any]:
    if not isinstance(items, list):
        kind = {dict: "an object", str: "text", type(None): "nothing"}.get(type(items), "a single value")
        raise Failure(
            "E_MAP_INPUT", f"“For each” needs a list; this is {kind}.", "Point “items” at a list of an earlier step."
        )
    if len(items) > most:
        raise Failure(
            "E_MAP_INPUT",
            f"“For each” takes at most {most:,} items; these are {len(items):,}.",
            "Use fewer items, or raise MAX_ITEMS (at most 10,000) where the worker is started.",
        )
    return items


def whole(value: Any, low: int, high: int, label: str) -> int:
    """A whole number in its range; text of digits counts. Raises Failure."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Failure("E_RANGE", f"“{label}” must be a whole number from {low} to {high}.")
    return value


def choice(value: Any, known: tuple[str, ...], label: str) -> str:
    """One of the known words. Raises Failure."""
    if value not in known:
        raise Failure("E_CHOICE", f"“{label}” must be one of {', '.join(known)}.")
    return str(value)


async def _hash(walk: Walk, items: list[Any]) -> str:
    def made() -> str:
        return hashlib.sha256(dumps(items).encode()).hexdigest()[:32]

    return str(await walk.aside(made)) if outweighs(items, ((),), walk.large) else made()
