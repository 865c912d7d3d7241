"""Running again from a step: which records of an earlier run stand, which are opened again, what is in the way. Pure.

What stands is answered from its record, so its changes are not made again. A step that comes before the chosen one
stands, and so does what ran beside it (another branch, another item of a loop); blocks around the chosen step are
opened again with what they had decided, unless what they decided from was edited.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from orchestrator_site.lib.names import did_you_mean
from workflows.engine.definition import Definition, StepSpec
from workflows.engine.findings import Problem
from workflows.engine.lists import ON_ERROR
from workflows.engine.plan import Path, Plan, StepPlan, reads_of

WHERE_IT_FAILED = "@failed"
IN_ORDER = frozenset({"repeat"})
"""Loops in which each round builds on the one before."""
_ROUND = re.compile(r"^([a-z][a-z0-9_]*)\[\d+\]$")
_DECIDED = ("taken", "count", "hash", "join", "limit", "on_limit")
"""What a block settles before anything in it begins."""


class Place(NamedTuple):
    """A step at one place of its loops, written `key`, or `path/key` inside a loop."""

    key: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.path}/{self.key}" if self.path else self.key


def place_of(text: str) -> Place:
    """`key`, or `each_mail[3]/key`."""
    path, _, key = text.rpartition("/")
    return Place(key, path)


class Past(Protocol):
    """A step of the earlier run, as far as the decision needs it."""

    key: str
    path: str
    action: str
    kind: str
    status: str
    decision: Any


@dataclass
class Reuse:
    """What stands (`kept`, `given`), what is opened again, what is decided anew, and what is in the way."""

    kept: set[Place] = field(default_factory=set)
    given: set[Place] = field(default_factory=set)
    opened: set[Place] = field(default_factory=set)
    anew: list[StepSpec] = field(default_factory=list)
    stale: list[StepSpec] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    needed: list[StepSpec] = field(default_factory=list)

    @property
    def stands(self) -> set[Place]:
        """Every place that is answered from a record."""
        return self.kept | self.given


@dataclass(frozen=True)
class Wish:
    """From where on; with which outputs given; what differs from then (`changed` paths, `edited` steps)."""

    start: str
    given: Collection[Place] = ()
    changed: Callable[[Path], bool] = lambda path: False
    edited: Collection[str] = ()
    succeeded: bool = False


def reuse(plan: Plan, past: Mapping[Place, Past], wish: Wish) -> Reuse:
    """What of an earlier run stands when it is run again from a step of this version."""
    planner = _Planner(plan, past, wish)
    if wish.start == WHERE_IT_FAILED:
        planner.go_on()
    else:
        planner.begin_at(place_of(wish.start))
    return planner.found


def bare(decision: Any) -> dict[str, Any]:
    """What a block decided before anything in it began, without how it went on and ended."""
    said = decision if isinstance(decision, dict) else {}
    return {name: said[name] for name in _DECIDED if name in said}


def covers(definition: Definition, places: Collection[Place]) -> Callable[[str, str], bool]:
    """Whether a step at a place has its record among `places`, or lies within a block that has."""
    parents: dict[str, str] = {}
    for step, _ in definition.walk():
        parents |= {child.key: step.key for name, inner in step.branches.items() if name != ON_ERROR for child in inner}

    def covered(key: str, path: str) -> bool:
        while key:
            if (key, path) in places:
                return True
            last = path.rpartition("/")[2]
            key = parents.get(key, last.partition("[")[0])  # a step that an agent has made stands at the agent's place
            if key and last.startswith(f"{key}["):
                path = path.rpartition("/")[0]
        return False

    return covered


class _Planner:
    """Goes through the tree once; `past` are the records of the earlier run."""

    def __init__(self, plan: Plan, past: Mapping[Place, Past], wish: Wish) -> None:
        self.plan, self.past, self.wish = plan, past, wish
        self.found = Reuse()
        self.rounds = _rounds(place.path for place in past)
        self.pins: dict[str, str] = {}
        self.again = wish.succeeded and wish.start == WHERE_IT_FAILED

    def go_on(self) -> None:
        """Everything that is finished stands; what failed or never ended is done again."""
        if self._list(self.plan.steps, "") and self.wish.succeeded:
            self._refuse("Nothing failed in that run.", "from", "Run it again from a step, or from the beginning.")

    def begin_at(self, target: Place) -> None:
        """What comes before the target stands, and what is beside it; the blocks around it are opened again."""
        way = next((way for way in _ways(self.plan.steps) if way[-1].key == target.key), None)
        if way is None:
            keys = [step.key for step, _ in self.plan.definition.walk()]
            hint = did_you_mean(target.key, keys)
            self._refuse(f"There is no step “{target.key[:60]}” in this version.", "from", hint or "")
        elif self._pinned(target, way):
            self._way(self.plan.steps, "", way, needed=True)
            wrong = [p for p in self.wish.given if p not in self.found.given]
            for place in sorted(wrong):
                text = f"“{place}” does not come before “{target}”, so its output cannot be given."
                self._refuse(text, f"outputs.{place}", "Leave it out, or begin at a later step.")

    def _pinned(self, target: Place, way: tuple[StepPlan, ...]) -> bool:
        around = {step.key for step in way[:-1]}
        path = ""
        for part in target.path.split("/") if target.path else ():
            path = f"{path}/{part}" if path else part
            found = _ROUND.match(part)
            if found is None or found[1] not in around or path not in self.rounds.get(_above(path), ()):
                self._refuse(
                    f"There is no record of “{target}” in that run.", "from", "Leave out the place in the loop."
                )
                return False
            self.pins[found[1]] = path
        return True

    # The way to the target

    def _way(self, steps: tuple[StepPlan, ...], path: str, way: tuple[StepPlan, ...], *, needed: bool) -> None:
        ahead, rest = way[0], way[1:]
        for step in steps:
            if step.key == ahead.key:
                if rest:
                    self._open(step, path, rest, needed=needed)
                return
            if not self._keep(step, path, needed=needed) and not needed:
                return

    def _open(self, step: StepPlan, path: str, way: tuple[StepPlan, ...], *, needed: bool) -> None:
        """A block around the target."""
        place = Place(step.key, path)
        past = self.past.get(place)
        branch = next(name for name, inner in step.branches.items() if any(one.key == way[0].key for one in inner))
        if branch == ON_ERROR:
            self._after_failure(step, path, way, needed=needed)
            return
        anew = past is None or self._decides_anew(step, past)
        if anew and past is not None:
            self.found.anew.append(step.step)
        if not anew:
            self.found.opened.add(place)
        taken = None if past is None or anew else bare(past.decision).get("taken")
        if taken is not None and taken != branch and needed:
            text = f"“{way[-1].step.title}” was not reached in that run: “{step.step.title}” went the other way."
            self._refuse(text, "from", f"Begin at “{step.step.title}” or earlier.")
        elif place in self.rounds:
            if not anew:
                self._rounds(step, self.rounds[place], way)
        else:
            for name, inner in inside(step).items():
                if name == branch:
                    self._way(inner, path, way, needed=needed)
                else:
                    self._list(inner, path)

    def _after_failure(self, step: StepPlan, path: str, way: tuple[StepPlan, ...], *, needed: bool) -> None:
        """The target is among the steps that run after this one has failed: its failure stands."""
        place = Place(step.key, path)
        past = self.past.get(place)
        if past is not None and past.status == "failed" and past.action == step.step.action:
            self.found.kept.add(place)
            self._way(step.branches[ON_ERROR], path, way, needed=needed)
        elif needed:
            text = f"“{way[-1].step.title}” was not reached in that run: “{step.step.title}” did not fail."
            self._refuse(text, "from", f"Begin at “{step.step.title}” or earlier.")

    def _rounds(self, step: StepPlan, paths: list[str], way: tuple[StepPlan, ...]) -> None:
        """The rounds of a loop: those that reached the target (or the one named), and the others as they are."""
        pin = self.pins.get(step.key)
        for path in paths:
            reached = path == pin if pin else Place(way[0].key, path) in self.past
            for inner in inside(step).values():
                if reached:
                    self._way(inner, path, way, needed=False)
                else:
                    self._list(inner, path)
            if reached and step.step.action in IN_ORDER:
                return

    # Beside the way

    def _list(self, steps: tuple[StepPlan, ...], path: str) -> bool:
        """Keep a list as far as it is finished; whether all of it is."""
        return all(self._keep(step, path, needed=False) for step in steps)

    def _keep(self, step: StepPlan, path: str, *, needed: bool) -> bool:
        """Whether the step is answered from a record."""
        place = Place(step.key, path)
        if place in self.wish.given:
            self.found.given.add(place)
            return True
        if self._stands(step, place):
            self._note(step, place)
            return self._failed_well(step, place, needed=needed)
        if needed:
            self._missing(step, place)
            return False
        self._go_on(step, place)
        return False

    def _failed_well(self, step: StepPlan, place: Place, *, needed: bool) -> bool:
        """After a failure that stands: whether the steps that ran because of it stand too."""
        if self.past[place].status != "failed" or step.step.on_error.do != "branch":
            return True
        kept = [self._keep(child, place.path, needed=needed) for child in step.branches.get(ON_ERROR, ())]
        return all(kept)

    def _note(self, step: StepPlan, place: Place) -> None:
        self.found.kept.add(place)
        if any(self.wish.changed(read) for read in reads_of(step)) and step.step not in self.found.stale:
            self.found.stale.append(step.step)
        if place not in self.rounds:
            for inner in inside(step).values():
                for child in inner:
                    if self._stands(child, Place(child.key, place.path)):
                        self._note(child, Place(child.key, place.path))

    def _go_on(self, step: StepPlan, place: Place) -> None:
        """A block that is not finished goes on with what is finished in it."""
        past = self.past.get(place)
        if past is None or past.kind != "control" or not inside(step) or self._decides_anew(step, past):
            return
        self.found.opened.add(place)
        for path in self.rounds.get(place, [place.path]):
            for inner in inside(step).values():
                self._list(inner, path)

    # One record

    def _stands(self, step: StepPlan, place: Place) -> bool:
        past = self.past.get(place)
        if past is None or past.action != step.step.action:
            return False
        said = past.decision if isinstance(past.decision, dict) else {}
        if self.again and (past.status == "failed" or _tolerated(said)):
            return False
        if past.status == "failed":
            return step.step.on_error.do != "stop"
        return past.status == "skipped" or (past.status == "succeeded" and said.get("finish") is None)

    def _decides_anew(self, step: StepPlan, past: Past) -> bool:
        undecided = not bare(past.decision) or past.action != step.step.action
        return undecided or step.key in self.wish.edited or any(self.wish.changed(read) for read in reads_of(step))

    def _missing(self, step: StepPlan, place: Place) -> None:
        past = self.past.get(place)
        self.found.needed.append(step.step)
        said = "has no output in that run"
        if past is not None and past.action != step.step.action:
            said = f"was “{past.action}” in that run and is “{step.step.action}” in this version"
        elif past is not None:
            said = "ended that run" if past.status == "succeeded" else "did not succeed in that run"
        text = f"“{step.step.title}” comes before, but {said}."
        self._refuse(
            text, f"outputs.{place}", f"Begin at “{step.key}” or earlier, or give its output in outputs.{place}."
        )

    def _refuse(self, message: str, where: str, hint: str) -> None:
        self.found.problems.append(Problem("E_FROM_STEP", message, field=where, hint=hint or None))


def inside(step: StepPlan) -> dict[str, tuple[StepPlan, ...]]:
    """The lists of a block; not the steps that run after it has failed."""
    return {name: inner for name, inner in step.branches.items() if name != ON_ERROR}


def _tolerated(decision: Mapping[str, Any]) -> bool:
    warnings = decision.get("warnings") or ()
    codes = [str(one.get("code", "")) for one in warnings if isinstance(one, dict)]
    return any(code == "W_ITEMS_FAILED" or not code.startswith("W_") for code in codes)


def _ways(steps: tuple[StepPlan, ...], above: tuple[StepPlan, ...] = ()) -> Iterator[tuple[StepPlan, ...]]:
    """Every step, with the blocks around it before it."""
    for step in steps:
        yield (*above, step)
        for inner in step.branches.values():
            yield from _ways(inner, (*above, step))


def _above(path: str) -> Place:
    """The loop whose round this is."""
    before, _, last = path.rpartition("/")
    return Place(last.partition("[")[0], before)


def _rounds(paths: Iterable[str]) -> dict[Place, list[str]]:
    """The rounds of every loop that have records, in order."""
    found: dict[Place, set[str]] = {}
    for path in set(paths):
        while path:
            found.setdefault(_above(path), set()).add(path)
            path = path.rpartition("/")[0]
    return {place: sorted(rounds, key=lambda path: (len(path), path)) for place, rounds in found.items()}
