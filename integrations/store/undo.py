"""How changes of stored values are taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integrations.undoing import Made, Rule, Step


def _answer(made: Made) -> dict[str, Any]:
    found = made.result.get("answer")
    return dict(found) if isinstance(found, dict) else {}


def _where(made: Made) -> dict[str, Any]:
    return {"key": made.target["key"], "scope": made.target["scope"]}


def _old_value(made: Made) -> Sequence[Step] | str:
    answer = _answer(made)
    if answer.get("stored") is False or (made.op == "store_delete" and not answer.get("existed")):
        return "It changed nothing."
    if not answer.get("existed"):
        return [("store.delete", _where(made))]
    return [("store.set", {**_where(made), "value": answer.get("previous")})]


def _count_back(made: Made) -> list[Step]:
    return [("store.increment", {**_where(made), "by": -made.request.get("by", 1)})]


RULES: dict[str, Rule] = {
    "store_set": Rule(_old_value),
    "store_delete": Rule(_old_value),
    "store_increment": Rule(_count_back),
    "store_append": Rule(no="Items may have fallen out of the list; edit it on the page of stored values."),
}
