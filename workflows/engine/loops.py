"""How loops are walked: `for_each` and `repeat`. Pure. Items and passes have places of their own: `all[3]`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from orchestrator_site.lib.json import dumps
from workflows.engine.blocks import MOST_WARNINGS, any_taint, begin, close
from workflows.engine.control.repeat import MAX_PASSES
from workflows.engine.frames import Finished, Frame, Taint, place_of
from workflows.engine.plan import outweighs
from workflows.engine.records import Encoded, Failure, StepRecord, StoreRefused
from workflows.engine.rows import encoded_text, json_text
from workflows.engine.siblings import Siblings, side_by_side

if TYPE_CHECKING:
    from workflows.engine.plan import StepPlan
    from workflows.engine.walk import Walk

MOST_LANES = 50
CHUNK = 100
MOST_RESULTS = 10 * 1024 * 1024


async def each(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`for_each`: the same list for every item, up to `parallelism` at once."""
    values = await walk.render(plan, frame)
    items = _items(values.get("items"), walk.max_items)
    decision = {"count": len(items), "hash": await _hash(walk, items)}
    if record.decision is None:
        given = {name: value for name, value in values.items() if name != "items"} | {"count": len(items)}
        begin(walk, record, decision, given)
    else:
        if {name: record.decision.get(name) for name in decision} != decision:
            raise Failure("E_REPLAY", "The items of this loop are not those it began with.", "Run the workflow again.")
        await walk.log.open(f"{place_of(frame.path, plan.key)}[")
    loop = Loop(walk, plan, frame, record, items, values)
    try:
        await loop.run()
    except Finished:
        record.output, record.tainted = loop.output(loop.results.all()), loop.child_tainted
        raise
    if loop.failed:
        text = f"{loop.failed} of {len(items)} items failed."
        loop.warnings.append({"code": "W_ITEMS_FAILED", "message": text, "step": plan.key})
    stored = await walk.aside(loop.as_text) if loop.results.in_chunks else None
    read = stored is None or frame.nested or walk.plan.reads_results(plan.key)
    results = await walk.aside(loop.results.all) if stored is not None and read else loop.results.all() if read else []
    await close(walk, frame, record, loop.warnings, loop.output(results), loop.child_tainted, stored)


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
        self.walk, self.plan, self.frame, self.items = walk, plan, frame, items
        self.siblings = Siblings(walk, frame, record)
        self.parallelism = whole(values.get("parallelism", 1), 1, MOST_LANES, "At the same time")
        self.go_on = choice(values.get("on_item_error", "stop"), ("stop", "continue"), "When an item fails") != "stop"
        self.tainted = frame.is_tainted(next((value.reads for name, value in plan.values if name == "items"), ()))
        self.child_tainted = False
        self.results = Results(len(items))
        self.failed = 0
        self.warnings: list[dict[str, Any]] = []
        self.todo: Iterator[int] = iter(range(len(items)))

    async def run(self) -> None:
        """All items. Raises the first failure where items may not fail."""
        lanes = min(self.parallelism, len(self.items))
        try:
            await (self._lane() if lanes <= 1 else side_by_side(self.walk, [self._lane() for _ in range(lanes)]))
        finally:
            self.frame.group.children.discard(self.siblings.group)
        self.siblings.close()

    def output(self, results: list[Any]) -> dict[str, Any]:
        """What the loop gives, with these results."""
        return {"results": results, "count": len(self.items), "failed": self.failed}

    def as_text(self) -> Encoded:
        """The same as text, put together from the chunks."""
        counts = json_text({"count": len(self.items), "failed": self.failed}) or ""
        return encoded_text(f'{{"results":[{self.results.as_text()}],{counts[1:]}')

    async def _lane(self) -> None:
        for index in self.todo:
            if not await self.siblings.one(index, lambda at=index: self._item(at)):  # type: ignore[misc]
                return

    async def _item(self, index: int) -> None:
        group = self.siblings.group
        inner = self.frame.item(self.plan.key, index, self.items[index], group, self.tainted)
        try:
            await self.walk.walk_list(self.plan.branches.get("do", ()), inner)
        except Failure as failure:
            if not self.go_on or failure.is_fatal:
                raise
            self.failed += 1
            text = f"Item {index + 1}: {failure.message}"
            inner.warnings.append({"code": failure.code, "message": text, "step": failure.step})
        finally:
            self.results.put(index, inner.made)
            self.child_tainted = self.child_tainted or any_taint(inner)
            self.warnings.extend(inner.warnings[: max(0, MOST_WARNINGS - len(self.warnings))])


class Results:
    """What the items of a loop gave, in their order. Each hundred that have ended are made text, and let go.

    So a loop over many items holds the objects of those under way, and one text of what has ended.
    """

    def __init__(self, count: int) -> None:
        self.open: dict[int, dict[int, dict[str, Any]]] = {}
        self.texts: list[str] = [""] * -(-count // CHUNK)
        self.count, self.size = count, 0

    @property
    def in_chunks(self) -> bool:
        """Whether any of it is text already."""
        return any(self.texts)

    def put(self, index: int, made: dict[str, Any]) -> None:
        """An item has ended. Raises StoreRefused as soon as all of them together cannot be stored any more."""
        number = index // CHUNK
        chunk = self.open.setdefault(number, {})
        chunk[index] = made
        if len(chunk) == CHUNK:
            self.texts[number] = _list_text(self.open.pop(number))
            self.size += len(self.texts[number])
        if self.size > MOST_RESULTS:
            text = f"What the items of a loop gave has more than {MOST_RESULTS:,} characters; at most that is kept."
            raise StoreRefused(text)

    def all(self) -> list[dict[str, Any]]:
        """Every result; an item that never began has an empty one."""
        found: list[dict[str, Any]] = []
        for number, text in enumerate(self.texts):
            chunk = self.open.get(number, {})
            first, last = number * CHUNK, min(self.count, (number + 1) * CHUNK)
            found += json.loads(f"[{text}]") if text else [chunk.get(index, {}) for index in range(first, last)]
        return found

    def as_text(self) -> str:
        """Every result as JSON, without the brackets around them."""
        parts = []
        for number, text in enumerate(self.texts):
            chunk = self.open.get(number, {})
            first, last = number * CHUNK, min(self.count, (number + 1) * CHUNK)
            parts.append(text or _list_text({index: chunk.get(index, {}) for index in range(first, last)}))
        return ",".join(parts)


def _list_text(chunk: dict[int, dict[str, Any]]) -> str:
    return (json_text([chunk[index] for index in sorted(chunk)]) or "[]")[1:-1]


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
        record.output, record.tainted = passes.output(), passes.tainted
        raise
    if not passes.met:
        passes.used_up()
    await close(walk, frame, record, passes.warnings, passes.output(), passes.tainted)


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

    def output(self) -> dict[str, Any]:
        """What the last pass gave."""
        return {"results": self.made, "count": self.count, "met": self.met}

    async def take_up(self) -> None:
        """Resumed: the last pass that ended gives its outputs again, the one that was open goes on.

        A run that goes on from an earlier one has the records of passes but no count: it goes through all of them.
        """
        place, count = place_of(self.frame.path, self.plan.key), self.count
        if "passes" not in self.record.decision:
            await self.walk.log.open(f"{place}[")
            return
        await self.walk.log.open(f"{place}[{count}]")
        if count:
            await self.walk.log.open(f"{place}[{count - 1}]")
            self.taint = dict.fromkeys(self.empty, "all")
            inner = self._frame(count - 1)
            await self.walk.walk_list(self.steps, inner)
            self._keep(inner)

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
