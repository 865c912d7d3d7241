"""Conditions of dialect C, `{field, operator, value}`, as Liquid conditions. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from workflows.operations.imports.scope import Scope, split_path

_COMPARE = {
    "equals": "==", "eq": "==", "==": "==", "is": "==", "not_equals": "!=", "ne": "!=", "!=": "!=", "is_not": "!=",
    "greater_than": ">", "gt": ">", ">": ">", "less_than": "<", "lt": "<", "<": "<", "gte": ">=", ">=": ">=",
    "greater_than_or_equal": ">=", "greater_or_equal": ">=", "lte": "<=", "<=": "<=", "less_than_or_equal": "<=",
    "less_or_equal": "<=", "contains": "contains",
}  # fmt: skip
_PRESENT = {"exists", "not_empty", "is_not_empty", "present", "truthy", "is_true"}
_ABSENT = {"not_exists", "empty", "is_empty", "absent", "falsy", "is_false"}


def condition(said: Mapping[str, Any], scope: Scope, step: str) -> str:
    """The condition; one that cannot be read is false, so that its step does not run unasked, and says so."""
    left = _left(str(said.get("field", "")), scope)
    operator = str(said.get("operator", "equals")).strip().lower()
    value = said.get("value")
    if operator in _PRESENT:
        return f"{left} != blank"
    if operator in _ABSENT:
        return f"{left} == blank"
    if operator in _COMPARE:
        return f"{left} {_COMPARE[operator]} {_right(value, scope)}"
    if operator == "not_contains":
        return f"not ({left} contains {_right(value, scope)})"
    if operator in ("in", "not_in"):
        options = value if isinstance(value, list) else [value]
        sign, word = ("==", " or ") if operator == "in" else ("!=", " and ")
        return word.join(f"{left} {sign} {_right(option, scope)}" for option in options) or "false"
    scope.warnings.append(f"{step}: the condition's operator “{operator[:40]}” is not known; the step does not run.")
    return "false"


def _left(field: str, scope: Scope) -> str:
    found = scope.pattern.fullmatch(field.strip())
    name = found.group(1).strip() if found else field.strip()
    return scope.expression(split_path(name) or (name or "value",))


def _right(value: Any, scope: Scope) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nil"
    if isinstance(value, (int, float)):
        return json.dumps(value)
    text = str(value)
    if found := scope.pattern.fullmatch(text.strip()):
        return _left(found.group(1), scope)
    quote = "'" if '"' in text else '"'
    return f"{quote}{re.sub(quote, '', text)}{quote}"
