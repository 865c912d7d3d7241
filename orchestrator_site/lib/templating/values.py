"""How values are measured, compared and written; every function stops early instead of working without end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orchestrator_site.lib.json import dumps
from orchestrator_site.lib.templating.limits import MAX_OUTPUT
from orchestrator_site.lib.templating.problems import too_big

Charge = Callable[[int], None]


def as_text(value: Any, what: str = "The result") -> str:
    """A value inside text: text as it is, nothing for null, JSON for lists and objects."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, (dict, list, tuple)):
        return as_json(value, what)
    if isinstance(value, Mapping):
        return as_json(dict(value), what)
    return str(value)


def as_json(value: Any, what: str = "The result") -> str:
    """Compact JSON, refused before it is built if it would be larger than an output may be."""
    if isinstance(value, (dict, list, tuple)) and weigh(value, MAX_OUTPUT) > MAX_OUTPUT:
        raise too_big(what, MAX_OUTPUT)
    return dumps(value)


def weigh(value: Any, stop: int) -> int:
    """About how many characters `value` is as JSON; gives up above `stop`."""
    total, todo = 0, [value]
    while todo and total <= stop:
        item = todo.pop()
        if isinstance(item, str):
            total += len(item) + 2
        elif isinstance(item, Mapping):
            total += 2 + sum(len(key) + 4 for key in item)
            todo.extend(item.values())
        elif isinstance(item, (list, tuple)):
            total += 2 + len(item)
            todo.extend(item)
        else:
            total += 4
    return total


def shallow_size(value: Any) -> int:
    """What a name may cost: its text, or its items and their texts (deeper things are only referred to)."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
    if isinstance(value, (list, tuple)):
        return 16 + sum(16 + (len(item) if isinstance(item, str) else 0) for item in value)
    return 16


def same(left: Any, right: Any, charge: Charge) -> bool:
    """Equality of JSON values: true is not 1, order of keys does not matter."""
    todo = [(left, right)]
    while todo:
        one, other = todo.pop()
        if one is other and not isinstance(one, float):
            continue
        if isinstance(one, bool) or isinstance(other, bool):
            return False
        if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
            if len(one) != len(other):
                return False
            charge(1 + len(one) // 4)
            todo.extend(zip(one, other, strict=True))
        elif isinstance(one, Mapping) and isinstance(other, Mapping):
            if len(one) != len(other):
                return False
            charge(1 + len(one) // 4)
            for key in one:
                if key not in other:
                    return False
                todo.append((one[key], other[key]))
        else:
            if isinstance(one, str) and isinstance(other, str):
                charge(len(one) // 4096)
            if one != other:
                return False
    return True


def holds(items: Sequence[Any], wanted: Any, charge: Charge) -> bool:
    """Whether a list holds a value."""
    if isinstance(wanted, str) or wanted is None:
        charge(1 + len(items) // 16)
        return wanted in items
    charge(1 + len(items) // 2)
    return any(same(item, wanted, charge) for item in items)


def sort_key(value: Any) -> tuple[int, Any]:
    """An order over everything: booleans, numbers, text, the rest as JSON, null last."""
    if value is None:
        return (9, 0)
    if isinstance(value, bool):
        return (0, value)
    if isinstance(value, (int, float)):
        return (1, value)
    if isinstance(value, str):
        return (2, value)
    return (3, as_json(value))
