"""The conditions of n8n's If, Filter and Switch as Liquid conditions. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from workflows.operations.imports.n8n.expressions import Unproven

# A value of n8n as an operand of ours; raises Unproven.
Operand = Callable[[Any], str]
_COMPARE = {
    "equals": "==", "equal": "==", "notEquals": "!=", "notEqual": "!=", "gt": ">", "larger": ">", "lt": "<",
    "smaller": "<", "gte": ">=", "largerEqual": ">=", "lte": "<=", "smallerEqual": "<=", "after": ">", "before": "<",
    "afterOrEquals": ">=", "beforeOrEquals": "<=", "contains": "contains",
}  # fmt: skip
_ABSENT = {"empty", "isEmpty", "notExists"}
_PRESENT = {"notEmpty", "isNotEmpty", "exists"}


def condition_of(value: Any, operand: Operand, combine: str = "") -> str:
    """All conditions of a node as one. Raises Unproven for what Liquid cannot say."""
    if not isinstance(value, dict):
        raise Unproven("no conditions")
    found = [_one(*each, operand) for each in _each(value)]
    if not found:
        raise Unproven("no conditions")
    word = str(value.get("combinator") or combine or "and").lower()
    return (" or " if word in ("or", "any") else " and ").join(found)


def _each(value: dict[str, Any]) -> Iterator[tuple[Any, str, Any]]:
    """Left, operation and right of each: the form of version 2, then that of version 1."""
    listed = value.get("conditions")
    if isinstance(listed, list):
        for one in listed:
            if isinstance(one, dict):
                sign = one.get("operator")
                name = str(sign.get("operation") if isinstance(sign, dict) else sign or "equals")
                yield one.get("leftValue"), name, one.get("rightValue")
        return
    for kind, group in value.items():
        for one in group if isinstance(group, list) else ():
            if isinstance(one, dict):
                usual = "smaller" if kind == "number" else "equal"
                yield one.get("value1"), str(one.get("operation") or usual), one.get("value2")


def _one(left: Any, operation: str, right: Any, operand: Operand) -> str:
    ours = operand(left)
    if operation in ("true", "false"):
        return f"{ours} == {operation}"
    if operation in _ABSENT:
        return f"{ours} == blank"
    if operation in _PRESENT:
        return f"{ours} != blank"
    if operation == "notContains":
        return f"not ({ours} contains {operand(right)})"
    if operation not in _COMPARE:
        raise Unproven(f"the comparison “{operation[:40]}”")
    return f"{ours} {_COMPARE[operation]} {operand(right)}"


def literal(value: Any) -> str:
    """A fixed value as an operand."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nil"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    quote = "'" if '"' in text else '"'
    return f"{quote}{re.sub(quote, '', text)}{quote}"
