"""Filters over lists, and `default` and `size` over anything."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orchestrator_site.lib.templating.filters import list_of, plain, register, text_of, whole
from orchestrator_site.lib.templating.filters_number import number_of
from orchestrator_site.lib.templating.problems import bad_value
from orchestrator_site.lib.templating.undefined import Missing, found
from orchestrator_site.lib.templating.values import as_text, same, sort_key, weigh


@register("default")
def default(left: Any, value: Any = "", *, allow_false: Any = False) -> Any:
    """The value, or another one where it is absent, null, false or empty."""
    if isinstance(left, Missing) or left is None or (left is False and allow_false is not True):
        return plain(found(value))
    return plain(found(value)) if isinstance(left, (str, list, dict)) and not left else left


@register("size")
def size(left: Any) -> int:
    """How many characters, items or keys."""
    return len(left) if isinstance(left, (str, list, Mapping)) else 0


@register("first")
def first(left: Any) -> Any:
    """The first item or character, or null."""
    return left[0] if isinstance(left, (str, list)) and left else None


@register("last")
def last(left: Any) -> Any:
    """The last item or character, or null."""
    return left[-1] if isinstance(left, (str, list)) and left else None


@register("slice")
def slice_(left: Any, start: Any, length: Any = 1) -> Any:
    """`length` items or characters from `start` (from the end when negative)."""
    source = left if isinstance(left, list) else text_of("slice", left)
    begin, count = whole("slice", start), whole("slice", length)
    begin = max(begin + len(source), 0) if begin < 0 else begin
    return source[begin : begin + max(count, 0)]


@register("map")
def map_(left: Any, key: Any) -> list[Any]:
    """That field of each item; null where it has none."""
    name = as_text(key)
    return [_field(item, name) for item in list_of("map", left)]


@register("where")
def where(left: Any, key: Any, value: Any = None, *, context: Any) -> list[Any]:
    """The items whose field equals the value, or is there and not false."""
    return [item for item in list_of("where", left) if _matches(item, as_text(key), value, context)]


@register("reject")
def reject(left: Any, key: Any, value: Any = None, *, context: Any) -> list[Any]:
    """The items that `where` would leave out."""
    return [item for item in list_of("reject", left) if not _matches(item, as_text(key), value, context)]


@register("find")
def find(left: Any, key: Any, value: Any = None, *, context: Any) -> Any:
    """The first item that `where` would keep, or null."""
    return next((item for item in list_of("find", left) if _matches(item, as_text(key), value, context)), None)


def _matches(item: Any, key: str, value: Any, context: Any) -> bool:
    held = _field(item, key)
    return held not in (None, False) if value is None else same(held, value, context.charge)


def _field(item: Any, key: str) -> Any:
    return item.get(key) if isinstance(item, Mapping) else None


@register("sort")
def sort(left: Any, key: Any = None, *, context: Any) -> list[Any]:
    """In order (numbers, text, the rest; null last), by a field if one is named."""
    items = list_of("sort", left)
    context.charge(len(items) // 2)
    return sorted(items, key=lambda item: _sort_key(item if key is None else _field(item, as_text(key)), context))


@register("sort_natural")
def sort_natural(left: Any, key: Any = None, *, context: Any) -> list[Any]:
    """In order, capitals and small letters alike."""
    items = list_of("sort_natural", left)
    context.charge(len(items) // 1)
    return sorted(items, key=lambda item: as_text(item if key is None else _field(item, as_text(key))).lower())


def _sort_key(value: Any, context: Any) -> tuple[int, Any]:
    if isinstance(value, (dict, list)):
        context.charge(weigh(value, 10_000) // 50)
    return sort_key(value)


@register("reverse")
def reverse(left: Any) -> list[Any]:
    """The other way round."""
    return list(reversed(list_of("reverse", left)))


@register("uniq")
def uniq(left: Any, key: Any = None, *, context: Any) -> list[Any]:
    """Each value once."""
    seen: set[tuple[int, Any]] = set()
    kept = []
    for item in list_of("uniq", left):
        mark = _sort_key(item if key is None else _field(item, as_text(key)), context)
        if mark not in seen:
            seen.add(mark)
            kept.append(item)
    return kept


@register("compact")
def compact(left: Any, key: Any = None) -> list[Any]:
    """Without null."""
    items = list_of("compact", left)
    return [item for item in items if (item if key is None else _field(item, as_text(key))) is not None]


@register("concat")
def concat(left: Any, other: Any) -> list[Any]:
    """Two lists as one."""
    if not isinstance(other, list):
        raise bad_value("concat", "needs a list")
    return list_of("concat", [*list_of("concat", left), *list_of("concat", other)])  # type: ignore[return-value]


@register("sum")
def sum_(left: Any, key: Any = None) -> int | float:
    """All numbers added; null counts as nothing."""
    total = Decimal(0)
    for item in list_of("sum", left):
        value = item if key is None else _field(item, as_text(key))
        total += Decimal(str(number_of("sum", value))) if value is not None else 0
    return int(total) if total == total.to_integral_value() and abs(total) < 2**63 else float(total)
