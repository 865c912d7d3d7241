"""Lists: change each item, keep some, put them in order, in groups, together."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import field_validator

from integrations.context import Context
from integrations.data import INTEGRATION
from integrations.data.expressions import Each, aside, at, check_length
from integrations.data.moments import moment_or_none
from integrations.data.numbers import number_or_none, plain_number
from integrations.expressions import Condition, Expression, Path
from integrations.spec import Kind, Model, content, setting
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.templating.values import as_text, sort_key

MAILS = "{{ steps.fetch.messages }}"


def the_list(label: str = "List", example: str = MAILS) -> Any:
    """The list an action works on."""
    return content(label, help="A list, usually from an earlier step.", example=example, widget="json")


def values_for(what: str) -> Any:
    """What an expression may use beside the item."""
    return content(
        "Values",
        default={},
        help=f"Named values from the run that {what} may use as values.<name>.",
        example={"limit": "{{ inputs.limit }}"},
        widget="json",
    )


class Items(Model):
    """A list and its length."""

    items: list[Any]
    count: int


def listed(items: list[Any]) -> Items:
    """The usual output."""
    return Items(items=items, count=len(items))


class MapInput(Model):
    """A list, and what becomes of each item."""

    items: list[Any] = the_list()
    each: Expression = setting(
        "Each item becomes",
        default="",
        help="An expression over item, index and values, without braces. Leave it empty to fill in fields below.",
        example="item.subject | truncate: 90",
        literal=True,
        max_length=4000,
    )
    fields: dict[str, Expression] = setting(
        "Or an object with these fields",
        default={},
        help="Field name to expression.",
        example={"subject": "item.subject", "from": "item.sender.email"},
        widget="json",
        literal=True,
        max_length=100,
    )
    values: dict[str, Any] = values_for("the expressions")

    @field_validator("each", mode="wrap")
    @classmethod
    def _may_be_empty(cls, value: Any, check: Any) -> Any:
        return value if value == "" else check(value)


@INTEGRATION.action(
    "map",
    kind=Kind.PURE,
    input=MapInput,
    output=Items,
    title="Change each item",
    phrase="changes each item",
    keywords=("list", "transform", "each", "project"),
)
async def map_(context: Context[None], values: MapInput) -> Items:
    """Make a list from a list: each item becomes what an expression gives, or an object with the fields you name."""
    if bool(values.each) == bool(values.fields):
        raise UserError(
            "E_REQUIRED",
            "Say what each item becomes: one expression, or an object with fields, not both.",
            field="with.each",
            hint="For example item.subject",
        )
    check_length(values.items)

    def work() -> list[Any]:
        over = Each(values.items, values.values, context.now)
        if values.each:
            return over.results(values.each)
        columns = {name: over.results(source) for name, source in values.fields.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    return listed(await aside(context, len(values.items), work))


class FilterInput(Model):
    """A list, and which of its items stay."""

    items: list[Any] = the_list()
    condition: Condition = setting(
        "Keep an item if",
        help="A condition over item, index and values, without braces.",
        example="item.labels contains 'UNREAD' and item.size < values.limit",
        literal=True,
        max_length=4000,
    )
    values: dict[str, Any] = values_for("the condition")


class Filtered(Model):
    """What stayed, and how many did not."""

    items: list[Any]
    count: int
    removed: int


@INTEGRATION.action(
    "filter",
    kind=Kind.PURE,
    input=FilterInput,
    output=Filtered,
    title="Keep some items",
    phrase="keeps some items",
    keywords=("list", "where", "only", "select"),
)
async def filter_(context: Context[None], values: FilterInput) -> Filtered:
    """Keep the items of a list for which a condition is true."""
    check_length(values.items)

    def work() -> list[bool]:
        return Each(values.items, values.values, context.now).matches(values.condition)

    keep = await aside(context, len(values.items), work)
    kept = [item for item, stays in zip(values.items, keep, strict=True) if stays]
    return Filtered(items=kept, count=len(kept), removed=len(keep) - len(kept))


class SortInput(Model):
    """A list, and its order."""

    items: list[Any] = the_list()
    by: Path = setting(
        "By", default="", help="Path inside each item; empty: the items themselves.", example="date", max_length=500
    )
    order: Literal["ascending", "descending"] = setting("Order", default="ascending")
    compare: Literal["value", "text", "number", "date"] = setting(
        "Compare as",
        default="value",
        help="value: as it is; text: capitals and small letters alike; number and date: also those written as text.",
    )
    limit: int | None = setting("At most", default=None, help="Keep only the first of them.", ge=1, le=10_000)


@INTEGRATION.action(
    "sort",
    kind=Kind.PURE,
    input=SortInput,
    output=Items,
    title="Put in order",
    phrase="puts a list in order",
    keywords=("list", "order", "top", "newest"),
)
async def sort(context: Context[None], values: SortInput) -> Items:
    """Put the items of a list in order; what cannot be compared comes last."""
    check_length(values.items)
    return listed(await aside(context, len(values.items), lambda: _ordered(values, context)[: values.limit]))


def _ordered(values: SortInput, context: Context[None]) -> list[Any]:
    held = [(_comparable(at(item, values.by), values.compare, context), item) for item in values.items]
    known = [pair for pair in held if pair[0] is not None]
    known.sort(key=lambda pair: sort_key(pair[0]), reverse=values.order == "descending")
    return [item for _, item in known] + [item for key, item in held if key is None]


def _comparable(value: Any, how: str, context: Context[None]) -> Any:
    if how == "text":
        return None if value is None else as_text(value).casefold()
    if how == "number":
        number = number_or_none(value)
        return None if number is None else plain_number(number)
    if how == "date":
        moment = moment_or_none(value, context.now)
        return None if moment is None else moment.timestamp()
    return value


class GroupInput(Model):
    """A list, and what its items have in common."""

    items: list[Any] = the_list()
    by: Path = setting("By", help="Path inside each item.", example="sender.email", min_length=1, max_length=500)


class Group(Model):
    """The items with one value."""

    key: Any
    items: list[Any]
    count: int


class Groups(Model):
    """The groups in the order in which their values first appear."""

    groups: list[Group]
    count: int


@INTEGRATION.action(
    "group",
    kind=Kind.PURE,
    input=GroupInput,
    output=Groups,
    title="Put in groups",
    phrase="puts items in groups",
    keywords=("list", "by", "bucket", "count"),
)
async def group(context: Context[None], values: GroupInput) -> Groups:
    """Put the items of a list in groups by a value they have in common."""
    check_length(values.items)

    def work() -> list[Group]:
        found: dict[Any, Group] = {}
        for item in values.items:
            key = at(item, values.by)
            held = found.setdefault(sort_key(key), Group(key=key, items=[], count=0))
            held.items.append(item)
            held.count += 1
        return list(found.values())

    groups = await aside(context, len(values.items), work)
    return Groups(groups=groups, count=len(groups))


class DedupeInput(Model):
    """A list that may hold things twice."""

    items: list[Any] = the_list()
    by: Path = setting(
        "By", default="", help="Path that must differ; empty: the whole item.", example="id", max_length=500
    )
    keep: Literal["first", "last"] = setting("Keep", default="first", help="Which of equal items stays.")


@INTEGRATION.action(
    "dedupe",
    kind=Kind.PURE,
    input=DedupeInput,
    output=Filtered,
    title="Take doubles out",
    phrase="takes doubles out",
    keywords=("list", "unique", "distinct", "duplicates"),
)
async def dedupe(context: Context[None], values: DedupeInput) -> Filtered:
    """Keep one of each: items that are equal, or equal at a path, are taken out."""
    check_length(values.items)

    def work() -> list[Any]:
        order = values.items if values.keep == "first" else list(reversed(values.items))
        found: dict[Any, Any] = {}
        for item in order:
            found.setdefault(sort_key(at(item, values.by)), item)
        kept = list(found.values())
        return kept if values.keep == "first" else kept[::-1]

    kept = await aside(context, len(values.items), work)
    return Filtered(items=kept, count=len(kept), removed=len(values.items) - len(kept))


class MergeInput(Model):
    """Several lists."""

    lists: list[list[Any]] = content(
        "Lists",
        help="A list of lists.",
        example=["{{ steps.inbox.messages }}", "{{ steps.archive.messages }}"],
        widget="json",
        min_length=1,
        max_length=20,
    )
    by: Path = setting(
        "Join by",
        default="",
        help="Empty: one list after the other. A path: objects that agree there become one, later lists win.",
        example="email",
        max_length=500,
    )


@INTEGRATION.action(
    "merge",
    kind=Kind.PURE,
    input=MergeInput,
    output=Items,
    title="Put lists together",
    phrase="puts lists together",
    keywords=("list", "join", "concat", "append", "union"),
)
async def merge(context: Context[None], values: MergeInput) -> Items:
    """Put lists together: one after the other, or joined by a value that their objects have in common."""
    together = [item for one in values.lists for item in one]
    check_length(together, "All lists together")
    if not values.by:
        return listed(together)
    return listed(await aside(context, len(together), lambda: _joined(together, values.by)))


def _joined(items: list[Any], by: str) -> list[Any]:
    found: dict[Any, Any] = {}
    for number, item in enumerate(items):
        key = at(item, by)
        mark = sort_key(key) if key is not None else ("alone", number)
        known = found.get(mark)
        found[mark] = {**known, **item} if isinstance(known, Mapping) and isinstance(item, Mapping) else item
    return list(found.values())


class AggregateInput(Model):
    """A list of numbers, or of things that have one."""

    items: list[Any] = the_list()
    of: Path = setting("Of", default="", help="Path to the number in each item.", example="amount", max_length=500)


class Aggregate(Model):
    """Numbers about numbers; the last three are null where there is none."""

    count: int
    numbers: int
    total: int | float
    average: int | float | None
    minimum: int | float | None
    maximum: int | float | None


@INTEGRATION.action(
    "aggregate",
    kind=Kind.PURE,
    input=AggregateInput,
    output=Aggregate,
    title="Add up",
    phrase="adds up numbers",
    keywords=("sum", "count", "average", "minimum", "maximum", "total", "math"),
)
async def aggregate(context: Context[None], values: AggregateInput) -> Aggregate:
    """Count, add up, and find average, minimum and maximum. What is no number only counts as an item."""
    check_length(values.items)
    held = [number for item in values.items if (number := number_or_none(at(item, values.of))) is not None]
    total = sum(held, start=Decimal(0))
    return Aggregate(
        count=len(values.items),
        numbers=len(held),
        total=plain_number(total),
        average=plain_number(total / len(held)) if held else None,
        minimum=plain_number(min(held)) if held else None,
        maximum=plain_number(max(held)) if held else None,
    )
