"""What differs between two definitions, step by step and field by field, readable. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from workflows.engine.reading import BRANCHES
from workflows.engine.tree import every_step

JSON = dict[str, Any]
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
    """All differences; `same` when there are none."""

    workflow: tuple[FieldChange, ...]
    steps: tuple[StepChange, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.workflow and not self.steps

    def as_dict(self) -> JSON:
        """As JSON."""
        return {
            "same": self.same,
            "workflow": [field.as_dict() for field in self.workflow],
            "steps": [step.as_dict() for step in self.steps],
        }


def compare(before: JSON, after: JSON) -> Comparison:
    """The differences from one definition to another, in the reading order of the newer one, removed steps last."""
    old, new = _flat(before), _flat(after)
    steps = [change for key in new if (change := _step(key, old.get(key), new[key], old, new))]
    steps.extend(_change(key, "removed", old[key][0]) for key in old if key not in new)
    return Comparison(tuple(_fields(before, after, TOP)), tuple(steps))


def _flat(definition: JSON) -> dict[str, tuple[JSON, tuple[str, str]]]:
    return {step["key"]: (step, (at.parent, at.branch)) for step, _, at in every_step(definition.get("steps", []))}


def _step(key: str, was: Any, now: Any, old: Any, new: Any) -> StepChange | None:
    if was is None:
        return _change(key, "added", now[0])
    names = [name for name in dict.fromkeys([*was[0], *now[0]]) if name not in (*BRANCHES, "key", "with")]
    fields = [*_fields(was[0], now[0], names), *_inputs(was[0], now[0])]
    if was[1] != now[1]:
        fields.insert(0, FieldChange("place", _place(was[1]), _place(now[1])))
    elif key not in _unmoved(was[1], old, new):
        fields.insert(0, FieldChange("place", _follows(key, was[1], old), _follows(key, now[1], new)))
    if not fields:
        return None
    moved = all(field.field == "place" for field in fields)
    return _change(key, "moved" if moved else "changed", now[0], tuple(fields))


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


def _siblings(place: tuple[str, str], flat: Any) -> list[str]:
    return [key for key, (_, at) in flat.items() if at == place]


def _unmoved(place: tuple[str, str], old: Any, new: Any) -> set[str]:
    """The steps of one list that stand in the same order in both definitions (as many as possible)."""
    was, now = _siblings(place, old), _siblings(place, new)
    both = set(was) & set(now)
    was, now = [key for key in was if key in both], [key for key in now if key in both]
    blocks = SequenceMatcher(None, was, now, autojunk=False).get_matching_blocks()
    return {key for block in blocks for key in was[block.a : block.a + block.size]}


def _follows(key: str, place: tuple[str, str], flat: Any) -> str:
    siblings = _siblings(place, flat)
    at = siblings.index(key)
    return f"after {siblings[at - 1]}" if at else f"first in {_place(place)}"


def _place(place: tuple[str, str]) -> str:
    parent, branch = place
    return f"{parent}, {branch}" if parent else "the top list"
