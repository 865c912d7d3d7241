"""Two edits of one definition brought together: what both changed is asked, the rest is joined. Pure.

A definition is taken apart into fields of the workflow, fields of each step, the list a step stands in, and the order
of each list. A part that only one side changed is taken from that side; a part that both changed alike is no question;
a part that both changed differently is a `Clash`, which a choice ("mine" or "theirs") settles. The result is a
definition that still has to be checked like any other.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workflows.engine.lists import BRANCH, CASE, PLAIN, own_fields, with_lists
from workflows.engine.tree import every_step

JSON = dict[str, Any]
Place = tuple[str, str]
TOP = ("name", "description")
KEYED = ("settings", "outputs")
SIDES = ("mine", "theirs")
GONE, PLACE, ORDER = "step", "place", "order"


@dataclass(frozen=True)
class Clash:
    """A part that both sides changed differently; None = not there. `step` is "" for the workflow itself."""

    step: str
    field: str
    base: Any
    mine: Any
    theirs: Any

    @property
    def id(self) -> str:
        """What a choice names it by."""
        return f"{self.step}|{self.field}"

    def as_dict(self) -> JSON:
        """As JSON."""
        sides = {"base": self.base, "mine": self.mine, "theirs": self.theirs}
        return {"id": self.id, "step": self.step, "field": self.field, **sides}


@dataclass(frozen=True)
class Merge:
    """The joined definition (open clashes stand as theirs), every clash, and those that no choice settled."""

    definition: JSON
    clashes: tuple[Clash, ...]
    open: tuple[Clash, ...]


def merge(base: JSON, mine: JSON, theirs: JSON, choices: Mapping[str, str] | None = None) -> Merge:
    """Join two definitions that came from the same base. `choices`: {clash id: "mine" | "theirs"}."""
    judge = _Judge(dict(choices or {}))
    sides = _Parts(base), _Parts(mine), _Parts(theirs)
    kept = _steps(judge, *sides)
    top = _top(judge, base, mine, theirs)
    tree = _Joined(judge, *sides, kept)
    definition = {**theirs, **top, "steps": tree.build("", "")}
    for name in ("description", "settings"):
        if not definition.get(name):
            definition.pop(name, None)
    clashes = tuple(judge.clashes.values())
    return Merge(definition, clashes, tuple(clash for clash in clashes if clash.id not in judge.choices))


@dataclass
class _Judge:
    """Decides each part, and remembers what was a question."""

    choices: dict[str, str]
    clashes: dict[str, Clash] = field(default_factory=dict)

    def part(self, step: str, name: str, base: Any, mine: Any, theirs: Any) -> Any:
        """The value of one part."""
        if mine in (theirs, base):
            return theirs
        if theirs == base:
            return mine
        return mine if self.asks(Clash(step, name, base, mine, theirs)) else theirs

    def asks(self, clash: Clash) -> bool:
        """Whether a clash was decided for my side."""
        self.clashes.setdefault(clash.id, clash)
        return self.choices.get(clash.id) == "mine"

    def fields(self, step: str, prefix: str, base: JSON, mine: JSON, theirs: JSON) -> JSON:
        """Each field of an object by itself."""
        found: JSON = {}
        for name in dict.fromkeys([*theirs, *mine]):
            value = self.part(step, f"{prefix}{name}", base.get(name), mine.get(name), theirs.get(name))
            if value is not None:
                found[name] = value
        return found


class _Parts:
    """A definition by keys: the steps, the place of each, the order of each list."""

    def __init__(self, definition: JSON) -> None:
        self.steps: dict[str, JSON] = {}
        self.places: dict[str, Place] = {}
        self.lists: dict[Place, list[str]] = {}
        for step, _, at in every_step(definition.get("steps", [])):
            place = (at.parent, self._list_id(at.parent, at.branch))
            self.steps[step["key"]], self.places[step["key"]] = step, place
            self.lists.setdefault(place, []).append(step["key"])

    def _list_id(self, parent: str, branch: str) -> str:
        """A case of a switch is known by its value, so that a case put before it does not move its steps."""
        if not branch.startswith(CASE):
            return branch
        case = self.steps[parent]["cases"][int(branch.removeprefix(CASE))]
        return f"{CASE}{case.get('equals')!r}"

    def own(self, key: str) -> JSON:
        """A step without its inputs and the steps it holds; {} when it is not there."""
        step = own_fields(self.steps[key]) if key in self.steps else {}
        return {name: value for name, value in step.items() if name not in ("with", "key")}

    def inputs(self, key: str) -> JSON:
        """A step's inputs."""
        found: JSON = self.steps.get(key, {}).get("with", {})
        return found

    def said(self, key: str) -> JSON | None:
        """The step as far as it speaks for itself, to see whether a side changed it; None when it is not there."""
        if key not in self.steps:
            return None
        return {**self.own(key), "with": self.inputs(key), "list": list(self.places[key])}


def _top(judge: _Judge, base: JSON, mine: JSON, theirs: JSON) -> JSON:
    found = {name: judge.part("", name, base.get(name), mine.get(name), theirs.get(name)) for name in TOP}
    for name in KEYED:
        found[name] = judge.fields("", f"{name}.", *(side.get(name) or {} for side in (base, mine, theirs)))
    named = [{each["name"]: each for each in side.get("inputs", [])} for side in (base, mine, theirs)]
    found["inputs"] = list(judge.fields("", "inputs.", *named).values())
    return found


def _steps(judge: _Judge, base: _Parts, mine: _Parts, theirs: _Parts) -> set[str]:
    """The keys that stay."""
    stays: dict[str, bool] = {}
    for key in dict.fromkeys([*theirs.steps, *mine.steps]):
        if key in mine.steps and key in theirs.steps:
            stays[key] = True
            continue
        keeper = mine if key in mine.steps else theirs
        around = keeper.places[key][0]
        goes_along = around in stays and (around not in mine.steps or around not in theirs.steps)
        stays[key] = stays[around] if goes_along else _stays(judge, key, base, mine, theirs)
    return {key for key, stay in stays.items() if stay}


def _stays(judge: _Judge, key: str, base: _Parts, mine: _Parts, theirs: _Parts) -> bool:
    """Whether a step that only one side has is new, or was taken away by the other and is kept all the same."""
    was = base.said(key)
    if was is None:
        return True
    keeper = mine if key in mine.steps else theirs
    touched = any(keeper.said(each) != base.said(each) for each in (key, *_inside(keeper, key)))
    return touched and judge.asks(Clash(key, GONE, was, mine.said(key), theirs.said(key))) == (keeper is mine)


def _inside(side: _Parts, key: str) -> list[str]:
    """The keys of all steps that a step holds."""
    found = []
    for (parent, _), keys in side.lists.items():
        if parent == key:
            found += [each for one in keys for each in (one, *_inside(side, one))]
    return found


class _Joined:
    """Puts the kept steps together again."""

    def __init__(self, judge: _Judge, base: _Parts, mine: _Parts, theirs: _Parts, kept: set[str]) -> None:
        self.judge, self.base, self.mine, self.theirs = judge, base, mine, theirs
        self.done: dict[str, JSON] = {key: self._merged(key) for key in self._ordered(kept)}
        self.lists: dict[Place, list[str]] = {}
        members: dict[Place, list[str]] = {}
        for key in self.done:
            members.setdefault(self._place(key), []).append(key)
        for place, keys in members.items():
            self.lists[place] = self._order(place, keys)
        self._free()

    def build(self, parent: str, branch: str) -> list[JSON]:
        """The steps of a list, with all they hold."""
        return [self._whole(key) for key in self.lists.get((parent, branch), [])]

    def _free(self) -> None:
        """Steps that two sides moved into each other hang in no list: the first of them goes to the top list."""
        while lost := [key for key in self.done if key not in self._reached("", set())]:
            for keys in self.lists.values():
                if lost[0] in keys:
                    keys.remove(lost[0])
            self.lists.setdefault(("", ""), []).append(lost[0])

    def _reached(self, parent: str, found: set[str]) -> set[str]:
        for (around, _), keys in self.lists.items():
            if around == parent:
                for key in keys:
                    found.add(key)
                    self._reached(key, found)
        return found

    def _ordered(self, kept: set[str]) -> list[str]:
        return [key for key in dict.fromkeys([*self.theirs.steps, *self.mine.steps]) if key in kept]

    def _merged(self, key: str) -> JSON:
        """A step's own fields, inputs among them; from the side that has it where one has it not."""
        here = [side for side in (self.mine, self.theirs) if key in side.steps]
        if len(here) == 1:
            return {"key": key, **here[0].own(key), **_given(here[0].inputs(key))}
        own = self.judge.fields(key, "", self.base.own(key), self.mine.own(key), self.theirs.own(key))
        inputs = [side.inputs(key) for side in (self.base, self.mine, self.theirs)]
        return {"key": key, **own, **_given(self.judge.fields(key, "with.", *inputs))}

    def _place(self, key: str) -> Place:
        base, mine, theirs = (side.places.get(key) for side in (self.base, self.mine, self.theirs))
        one_side = mine is None or theirs is None
        wanted = mine or theirs if one_side else self.judge.part(key, PLACE, base, mine, theirs)
        standing = (each for each in (wanted, theirs, mine) if each is not None and self._stands(each))
        return next(standing, ("", ""))

    def _stands(self, place: Place) -> bool:
        """Whether the list is there after the merge."""
        parent, branch = place
        if not parent:
            return True
        step = self.done.get(parent)
        if step is None:
            return False
        if branch.startswith(CASE):
            return branch in [f"{CASE}{value!r}" for value in step.get("cases", [])]
        if branch.startswith(BRANCH):
            return branch.removeprefix(BRANCH) in step.get("branches", [])
        return branch != "on_error" or step.get("on_error", {}).get("do") == "branch"

    def _order(self, place: Place, keys: list[str]) -> list[str]:
        wanted = set(keys)
        was, mine, theirs = (
            [key for key in side.lists.get(place, []) if key in wanted] for side in (self.base, self.mine, self.theirs)
        )
        both = set(mine) & set(theirs) & set(was)
        common = [[key for key in side if key in both] for side in (was, mine, theirs)]
        skeleton, rest = theirs, mine
        if common[1] != common[2]:
            chosen = self.judge.part(place[0], f"{ORDER} {place[1]}".strip(), *common)
            skeleton, rest = (mine, theirs) if chosen == common[1] else (theirs, mine)
        found = list(skeleton)
        for i, key in enumerate(rest):
            if key not in found:
                before = next((each for each in reversed(rest[:i]) if each in found), None)
                found.insert(0 if before is None else found.index(before) + 1, key)
        return [*found, *(key for key in keys if key not in found)]

    def _whole(self, key: str) -> JSON:
        step = copy.deepcopy(self.done[key])
        cases, branches = step.pop("cases", []), step.pop("branches", [])
        inner = {f"{CASE}{i}": self.build(key, f"{CASE}{value!r}") for i, value in enumerate(cases)}
        inner |= {f"{BRANCH}{name}": self.build(key, f"{BRANCH}{name}") for name in branches}
        had = {name for side in (self.mine, self.theirs) for name in _plain_lists(side.steps.get(key, {}))}
        inner |= {
            name: self.build(key, name) for name in ("then", "else", "do") if name in had or (key, name) in self.lists
        }
        if step.get("on_error", {}).get("do") == "branch":
            inner["on_error"] = self.build(key, "on_error")
        return with_lists(step, inner, cases)


def _given(inputs: JSON) -> JSON:
    return {"with": inputs} if inputs else {}


def _plain_lists(step: JSON) -> list[str]:
    return [name for name in PLAIN if isinstance(step.get(name), list)]
