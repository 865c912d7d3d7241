"""Conditions into Notion's filters, by the type of the property; and the same tests for the sandbox. Pure.

Reference: https://developers.notion.com/reference/filter-data-source-entries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from integrations.errors import Rejected
from integrations.notion.properties import property_value

TESTS = (
    "equals", "does_not_equal", "contains", "does_not_contain", "starts_with", "ends_with", "greater_than", "less_than",
    "greater_than_or_equal_to", "less_than_or_equal_to", "before", "after", "on_or_before", "on_or_after", "past_week",
    "past_month", "next_week", "is_empty", "is_not_empty",
)  # fmt: skip
EMPTY = ("is_empty", "is_not_empty")
PERIODS = ("past_week", "past_month", "next_week")
TEXT = ("equals", "does_not_equal", "contains", "does_not_contain", "starts_with", "ends_with", *EMPTY)
CHOICE = ("equals", "does_not_equal", *EMPTY)
LIST = ("contains", "does_not_contain", *EMPTY)
SIZE = ("greater_than", "less_than", "greater_than_or_equal_to", "less_than_or_equal_to")
DATE = ("equals", "before", "after", "on_or_before", "on_or_after", *PERIODS, *EMPTY)
KNOWN: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("title", "rich_text", "url", "email", "phone_number"), TEXT),
    "number": ("equals", "does_not_equal", *SIZE, *EMPTY),
    "unique_id": ("equals", "does_not_equal", *SIZE),
    "checkbox": ("equals", "does_not_equal"),
    "select": CHOICE,
    "status": CHOICE,
    **dict.fromkeys(("multi_select", "people", "relation"), LIST),
    "files": EMPTY,
    **dict.fromkeys(("date", "created_time", "last_edited_time"), DATE),
}


def one_filter(schema: Mapping[str, Mapping[str, Any]], name: str, test: str, value: Any) -> dict[str, Any]:
    """One condition as Notion takes it. Raises Rejected for a property or test that does not exist."""
    spec = schema.get(name)
    if spec is None:
        near = get_close_matches(name, list(schema), 1, 0.6)
        hint = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(list(schema)[:12])}."
        raise Rejected(f"There is no property “{name[:60]}” there.", refused=True, hint=hint)
    kind = str(spec.get("type", ""))
    if kind not in KNOWN:
        raise Rejected(
            f"“{name}” is of type {kind}; rows cannot be found by it.", refused=True, hint="Use another one."
        )
    if kind in ("multi_select", "people", "relation") and test in ("equals", "does_not_equal"):
        test = {"equals": "contains", "does_not_equal": "does_not_contain"}[test]
    if test not in KNOWN[kind]:
        raise Rejected(
            f"“{name}” is of type {kind}; {test} is no test for it.",
            refused=True,
            hint=f"Use {', '.join(KNOWN[kind])}.",
        )
    return {"property": name, kind: {test: _operand(name, spec, kind, test, value)}}


def _operand(name: str, spec: Mapping[str, Any], kind: str, test: str, value: Any) -> Any:
    if test in EMPTY:
        return True
    if test in PERIODS:
        return {}
    if kind in ("created_time", "last_edited_time", "date"):
        return property_value(name, {"type": "date"}, value)["date"]["start"]
    if kind == "unique_id":
        return property_value(name, {"type": "number"}, value)["number"]
    if kind in ("number", "checkbox"):
        return property_value(name, spec, value)[kind]
    return str(value)


def test_of(tests: Sequence[Mapping[str, Any]], match: str) -> Mapping[str, Any] | None:
    """All or any of several conditions; None for none."""
    if len(tests) <= 1:
        return tests[0] if tests else None
    return {"and" if match == "all" else "or": list(tests)}


test_of.__test__ = False  # type: ignore[attr-defined] # pytest: a function, not a test


def passes(values: Mapping[str, Any], test: Mapping[str, Any] | None, times: Mapping[str, str] = {}) -> bool:
    """Whether a row with these plain values and times passes; the sandbox's own judgement."""
    if test is None:
        return True
    if "and" in test:
        return all(passes(values, one, times) for one in test["and"])
    if "or" in test:
        return any(passes(values, one, times) for one in test["or"])
    if "timestamp" in test:
        ((name, operand),) = test[test["timestamp"]].items()
        return _one(times.get(test["timestamp"], ""), name, operand)
    (kind,) = [key for key in test if key != "property"]
    ((name, operand),) = test[kind].items()
    held = values.get(str(test["property"]))
    if kind == "checkbox":
        held = bool(held)
    return _one(held, name, operand)


def _one(held: Any, name: str, operand: Any) -> bool:
    empty = held in (None, "", [])
    items = [str(item) for item in held] if isinstance(held, list) else [str(held or "")]
    words, text = str(operand), items[0] if items else ""
    same = held == operand or (not isinstance(held, (bool, int, float, list)) and text == words)
    answers = {
        "is_empty": empty,
        "is_not_empty": not empty,
        "equals": same,
        "does_not_equal": not same,
        "contains": words in items if isinstance(held, list) else words in text,
        "does_not_contain": words not in items if isinstance(held, list) else words not in text,
        "starts_with": text.startswith(words),
        "ends_with": text.endswith(words),
        "before": not empty and text < words,
        "after": not empty and text > words,
        "on_or_before": not empty and text[:10] <= words[:10],
        "on_or_after": not empty and text[:10] >= words[:10],
    }
    if name in answers:
        return answers[name]
    if name in PERIODS:
        return not empty
    if not isinstance(held, (int, float)):
        return False
    sizes: dict[str, bool] = {
        "greater_than": held > operand,
        "less_than": held < operand,
        "greater_than_or_equal_to": held >= operand,
        "less_than_or_equal_to": held <= operand,
    }
    return sizes[name]
