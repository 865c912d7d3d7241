"""Edits of a definition's tree of steps, as JSON: find, add, move, remove, copy, rename. Pure.

A place is (parent, branch, index): the key of the step around it ("" at the top), the name of its list, the position
in that list (None: at the end).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from orchestrator_site.lib.errors import NotFound, UserError
from orchestrator_site.lib.names import did_you_mean, slugify_key
from workflows.engine.lists import list_named, lists_of

JSON = dict[str, Any]


@dataclass(frozen=True)
class At:
    """Where a step stands or shall stand."""

    parent: str = ""
    branch: str = ""
    index: int | None = None


def every_step(steps: list[JSON], parent: str = "", branch: str = "") -> Iterator[tuple[JSON, list[JSON], At]]:
    """Each step with the list it is in and its place."""
    for i, step in enumerate(list(steps)):
        yield step, steps, At(parent, branch, i)
        for name, inner in lists_of(step):
            yield from every_step(inner, step["key"], name)


def keys_of(definition: JSON) -> list[str]:
    """Every key, in reading order."""
    return [step["key"] for step, _, _ in every_step(definition["steps"])]


def find(definition: JSON, key: str) -> tuple[JSON, list[JSON], At]:
    """A step, the list it is in, its place. Raises NotFound."""
    for step, steps, at in every_step(definition["steps"]):
        if step["key"] == key:
            return step, steps, at
    hint = did_you_mean(key, keys_of(definition))
    raise NotFound(f"There is no step “{key[:60]}” in this workflow.", field="key", hint=hint)


def list_at(definition: JSON, parent: str, branch: str) -> list[JSON]:
    """The list of steps at a place, made if the branch is not there yet. Raises NotFound or UserError."""
    if not parent:
        found: list[JSON] = definition["steps"]
        return found
    step, _, _ = find(definition, parent)
    inner = list_named(step, branch)
    if inner is None:
        there = ", ".join(name for name, _ in lists_of(step)) or "then, else, do"
        text = f"There is no list “{branch[:40]}” in “{parent}”; there is {there}."
        raise UserError("E_CHOICE", text, field="branch")
    return inner


def insert(definition: JSON, step: JSON, at: At) -> None:
    """Put a step at a place."""
    steps = list_at(definition, at.parent, at.branch)
    index = len(steps) if at.index is None else max(0, min(at.index, len(steps)))
    steps.insert(index, step)


def remove(definition: JSON, key: str) -> JSON:
    """Take a step out, with all it holds."""
    step, steps, at = find(definition, key)
    assert at.index is not None
    del steps[at.index]
    return step


def move(definition: JSON, key: str, at: At) -> None:
    """Move a step; `index` counts in the list as it is without the step. Raises UserError into itself."""
    step, _, _ = find(definition, key)
    if at.parent and at.parent in [inner["key"] for inner, _, _ in every_step([step])]:
        raise UserError("E_DEPTH", f"“{key}” cannot be moved into itself.", field="parent")
    list_at(definition, at.parent, at.branch)
    insert(definition, remove(definition, key), at)


def duplicate(definition: JSON, key: str) -> str:
    """Copy a step and all it holds to behind it, under new keys that the copy refers to. Gives the new key."""
    step, _, at = find(definition, key)
    twin = copy.deepcopy(step)
    taken = set(keys_of(definition))
    for inner, _, _ in list(every_step([twin])):
        fresh = slugify_key(inner["key"], taken)
        taken.add(fresh)
        renamed = _renamed(twin, inner["key"], fresh)
        twin.clear()
        twin.update(renamed)
        found = next(one for one, _, _ in every_step([twin]) if one["key"] == inner["key"])
        found["key"] = fresh
    insert(definition, twin, At(at.parent, at.branch, (at.index or 0) + 1))
    return str(twin["key"])


def rename(definition: JSON, old: str, new: str) -> None:
    """Give a step another key; every template that names it follows."""
    step, _, _ = find(definition, old)
    step["key"] = new
    for part in ("steps", "outputs"):
        definition[part] = _renamed(definition[part], old, new)


def _renamed(value: Any, old: str, new: str) -> Any:
    pattern = re.compile(rf"\bsteps\.{re.escape(old)}(?![a-z0-9_])")
    return _replaced(value, pattern, f"steps.{new}", "")


def _replaced(value: Any, pattern: re.Pattern[str], text: str, name: str) -> Any:
    if isinstance(value, str):
        names_steps = "{{" in value or "{%" in value or name in ("when", "condition", "until")
        return pattern.sub(text, value) if names_steps else value
    if isinstance(value, list):
        return [_replaced(item, pattern, text, name) for item in value]
    if isinstance(value, dict):
        return {key: _replaced(item, pattern, text, key) for key, item in value.items()}
    return value
