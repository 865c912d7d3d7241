"""What a walk carries with it: the data templates see, what of it is tainted, and groups of branches that end together.

Pure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from workflows.engine.plan import Path
from workflows.engine.shelf import Away, Parts

OUTSIDE: Path = ("outside",)
"""What a value reads that was not written down by the author but said by a model."""
Taint = str | frozenset[str]
"""'' (clean), 'all', or the names of the tainted fields."""


SOFT = frozenset({"drain", "pause"})
"""Endings after which the run goes on, here or elsewhere: no call is aborted, no step is closed."""


class Ended(Exception):
    """Nothing new starts in this group: cancelled, timed_out, sibling, finished, timeout, or (softly) drain, pause."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    @property
    def soft(self) -> bool:
        """Whether the run goes on later."""
        return self.kind in SOFT


class Finished(Exception):
    """The run ends here as succeeded; `warning` where that deserves one."""

    def __init__(self, message: str, *, warning: bool) -> None:
        super().__init__(message)
        self.message = message
        self.warning = warning


class Park:
    """A branch that waits: for a moment (`due`), for a person (`person`), or for a change from outside."""

    __slots__ = ("due", "event", "outside", "person")

    def __init__(self, due: datetime | None, person: bool, outside: bool = False) -> None:
        self.due = due
        self.person = person
        self.outside = outside or person
        self.event = asyncio.Event()


class Group:
    """Branches that end together: the run, or what is inside one block."""

    __slots__ = ("calls", "children", "ended", "parks")

    def __init__(self, parent: Group | None = None) -> None:
        self.ended = ""
        self.children: set[Group] = set()
        self.calls: set[asyncio.Future[Any]] = set()
        self.parks: set[Park] = set()
        if parent is not None:
            self.ended = parent.ended
            parent.children.add(self)

    def check(self) -> None:
        """Raise Ended if nothing new may start."""
        if self.ended:
            raise Ended(self.ended)

    @property
    def is_over(self) -> bool:
        """Whether it has ended and does not go on later."""
        return bool(self.ended) and self.ended not in SOFT

    def end(self, kind: str) -> None:
        """Let nothing new start; calls that change nothing outside are aborted, unless the run goes on later."""
        if self.ended and self.ended not in SOFT:
            return
        self.ended = kind
        for park in self.parks:
            park.event.set()
        if kind not in SOFT:
            for call in list(self.calls):
                call.cancel()
        for child in self.children:
            child.end(kind)


def place_of(path: str, key: str) -> str:
    """Where a step stands, with the places of the loops around it: `outer[3]/inner`."""
    return f"{path}/{key}" if path else key


class Frame:
    """One list of steps being walked: its place, its data and its taint.

    `held` names what of the data is away: an output of a step, or one of the pass before.
    """

    __slots__ = ("data", "group", "held", "item_tainted", "last_taint", "made", "path", "taint", "warnings")

    def __init__(
        self,
        path: str,
        data: dict[str, Any],
        group: Group,
        taint: dict[str, Taint],
        item_tainted: bool,
        last_taint: Mapping[str, Taint],
    ) -> None:
        self.path = path
        self.data = data
        self.group = group
        self.taint = taint
        self.item_tainted = item_tainted
        self.last_taint = last_taint
        self.held: set[tuple[str, str]] = set()
        self.made: dict[str, Any] = {}
        self.warnings: list[dict[str, Any]] = []

    @classmethod
    def root(cls, base: dict[str, Any], group: Group) -> Frame:
        """The frame of the whole run."""
        return cls("", {**base, "steps": {}}, group, {}, False, {})

    def inner(self, group: Group | None = None, **names: Any) -> Frame:
        """The frame of a list inside: sees what is outside and `names`, is not seen from there."""
        data = {**self.data, "steps": dict(self.data["steps"]), **names}
        found = Frame(self.path, data, group or self.group, dict(self.taint), self.item_tainted, self.last_taint)
        found.held = set(self.held)
        return found

    def within(self, group: Group) -> Frame:
        """This very frame, for as long as a group of its own goes on."""
        same = Frame(self.path, self.data, group, self.taint, self.item_tainted, self.last_taint)
        same.made, same.warnings, same.held = self.made, self.warnings, self.held
        return same

    def item(self, loop: str, index: int, item: Any, group: Group, tainted: bool) -> Frame:
        """The frame of one item of a loop."""
        frame = self.inner(group, item=item, index=index)
        frame.path, frame.item_tainted = f"{place_of(self.path, loop)}[{index}]", tainted
        return frame

    def one_pass(self, loop: str, index: int, last: dict[str, Any], last_taint: Mapping[str, Taint]) -> Frame:
        """The frame of one pass of a repeat; `last` is what the pass before gave."""
        frame = self.inner(index=index, last=last)
        frame.path, frame.last_taint = f"{place_of(self.path, loop)}[{index}]", last_taint
        frame.held = {place for place in frame.held if place[0] != "last"}
        frame.held |= {("last", key) for key, output in last.items() if type(output) in (Away, Parts)}
        return frame

    def keep(self, key: str, output: Any, taint: Taint) -> None:
        """Let later steps see an output."""
        self.data["steps"][key] = output
        if type(output) is Away or type(output) is Parts:
            self.held.add(("steps", key))
        elif self.held:
            self.held.discard(("steps", key))
        self.made[key] = output
        self.taint[key] = taint

    def is_tainted(self, reads: Iterable[Path]) -> bool:
        """Whether any of these paths may hold text from outside."""
        return any(self._path_tainted(path) for path in reads)

    def _path_tainted(self, path: Path) -> bool:
        root = path[0]
        if root in ("steps", "last"):
            known = self.taint if root == "steps" else self.last_taint
            if len(path) < 2:
                return any(known.values())
            taint = known.get(str(path[1]), "")
            return bool(taint) and (taint == "all" or len(path) < 3 or path[2] in taint)
        if root == "error":
            return path[1:2] not in (("code",), ("step",))
        if root == "item":
            return self.item_tainted
        if root in ("trigger", "outside"):
            return True
        if root == "inputs":
            return bool(self.data.get("tainted_inputs", False))
        return False
