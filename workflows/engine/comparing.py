"""What differs between two definitions, step by step and field by field, readable. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from workflows.engine.lists import own_fields, title_of
from workflows.engine.tree import every_step

JSON = dict[str, Any]
Place = tuple[str, str]
TOP = ("name", "description", "settings", "inputs", "outputs")


@dataclass(frozen=True)
class FieldChange:
    """One field before and after; None = not there."""

    field: str
    before: Any
    after: Any

    def as_dict(self) -> JSON:
        """As JSON."""
        return {"field": self.field, "before": self.before, "after": self.after}


@dataclass(frozen=True)
class StepChange:
    """A step that was added, removed, changed or moved."""

    key: str
    change: str
    title: str
    action: str
    fields: tuple[FieldChange, ...] = ()

    def as_dict(self) -> JSON:
        """As JSON."""
        fields = [field.as_dict() for field in self.fields]
        return {"key": self.key, "change": self.change, "title": self.title, "action": self.action, "fields": fields}


@dataclass(frozen=True)
class Comparison:
    """All differences; `same` when there are none. `prompts`: those the steps use, as far as their texts differ."""

    workflow: tuple[FieldChange, ...]
    steps: tuple[StepChange, ...]
    prompts: tuple[StepChange, ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.workflow and not self.steps and not self.prompts

    def as_dict(self) -> JSON:
        """As JSON."""
        return {
            "same": self.same,
            "workflow": [field.as_dict() for field in self.workflow],
            "steps": [step.as_dict() for step in self.steps],
            "prompts": [prompt.as_dict() for prompt in self.prompts],
        }


def compare(before: JSON, after: JSON) -> Comparison:
    """The differences from one definition to another, in the reading order of the newer one, removed steps last."""
    old, new = _Tree(before), _Tree(after)
    unmoved = _unmoved(old, new)
    steps = [change for key in new.steps if (change := _step(key, old, new, unmoved))]
    steps.extend(_change(key, "removed", old.steps[key]) for key in old.steps if key not in new.steps)
    return Comparison(tuple(_fields(before, after, TOP)), tuple(steps))


class _Tree:
    """A definition's steps by key, and the keys of each list."""

    def __init__(self, definition: JSON) -> None:
        self.steps: dict[str, JSON] = {}
        self.places: dict[str, Place] = {}
        self.lists: dict[Place, list[str]] = {}
        for step, _, at in every_step(definition.get("steps", [])):
            place = (at.parent, title_of(at.branch, self._cases(at.parent)))
            self.steps[step["key"]], self.places[step["key"]] = step, place
            self.lists.setdefault(place, []).append(step["key"])

    def _cases(self, key: str) -> list[Any]:
        return [case["equals"] for case in self.steps[key].get("cases", ())] if key else []

    def where(self, key: str) -> str:
        """The place of a step in words."""
        siblings = self.lists[self.places[key]]
        at = siblings.index(key)
        return f"after {siblings[at - 1]}" if at else f"first in {_place(self.places[key])}"


def _unmoved(old: _Tree, new: _Tree) -> set[str]:
    """The steps that stand in the same list in the same order in both definitions (as many as possible)."""
    found: set[str] = set()
    for place, was in old.lists.items():
        now = new.lists.get(place, [])
        both = set(was) & set(now)
        was, now = [key for key in was if key in both], [key for key in now if key in both]
        blocks = SequenceMatcher(None, was, now, autojunk=False).get_matching_blocks()
        found.update(key for block in blocks for key in was[block.a : block.a + block.size])
    return found


def _step(key: str, old: _Tree, new: _Tree, unmoved: set[str]) -> StepChange | None:
    now, was = new.steps[key], old.steps.get(key)
    if was is None:
        return _change(key, "added", now)
    mine, its = own_fields(was), own_fields(now)
    names = [name for name in dict.fromkeys([*mine, *its]) if name not in ("key", "with")]
    fields = [*_fields(mine, its, names), *_inputs(was, now)]
    if old.places[key] != new.places[key]:
        fields.insert(0, FieldChange("place", _place(old.places[key]), _place(new.places[key])))
    elif key not in unmoved:
        fields.insert(0, FieldChange("place", old.where(key), new.where(key)))
    if not fields:
        return None
    moved = all(field.field == "place" for field in fields)
    return _change(key, "moved" if moved else "changed", now, tuple(fields))


def _change(key: str, change: str, step: JSON, fields: tuple[FieldChange, ...] = ()) -> StepChange:
    return StepChange(key, change, step.get("name") or key.replace("_", " ").capitalize(), step["action"], fields)


def _fields(before: JSON, after: JSON, names: Any) -> list[FieldChange]:
    pairs = [(name, before.get(name) or None, after.get(name) or None) for name in names]
    return [FieldChange(name, was, now) for name, was, now in pairs if was != now]


def _inputs(before: JSON, after: JSON) -> list[FieldChange]:
    was, now = before.get("with", {}), after.get("with", {})
    return [
        FieldChange(f"with.{name}", was.get(name), now.get(name))
        for name in dict.fromkeys([*was, *now])
        if was.get(name) != now.get(name)
    ]


def _place(place: Place) -> str:
    parent, branch = place
    return f"{parent}, {branch}" if parent else "the top list"
