"""What a walk carries with it: the data templates see, what of it is tainted, and groups of branches that end together.

Pure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from workflows.engine.plan import Path

Taint = str | frozenset[str]
"""'' (clean), 'all', or the names of the tainted fields."""


class Ended(Exception):
    """Nothing new starts in this group: cancelled, timed_out, sibling, finished or drain."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Finished(Exception):
    """The run ends here as succeeded; `warning` where that deserves one."""

    def __init__(self, message: str, *, warning: bool) -> None:
        super().__init__(message)
        self.message = message
        self.warning = warning


class Park:
    """A branch that waits: for a moment (`due`), or for a person (`person`)."""

    __slots__ = ("due", "event", "person")

    def __init__(self, due: datetime | None, person: bool) -> None:
        self.due = due
        self.person = person
        self.event = asyncio.Event()


class Group:
    """Branches that end together: the run, or the items of one loop."""

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

    def end(self, kind: str) -> None:
        """Let nothing new start; calls that change nothing outside are aborted, except in a drain."""
        if self.ended and self.ended != "drain":
            return
        self.ended = kind
        for park in self.parks:
            park.event.set()
        if kind != "drain":
            for call in list(self.calls):
                call.cancel()
        for child in self.children:
            child.end(kind)


class Frame:
    """One list of steps being walked: its place, its data and its taint."""

    __slots__ = ("data", "group", "item_tainted", "made", "path", "taint", "warnings")

    def __init__(
        self, path: str, data: dict[str, Any], group: Group, taint: dict[str, Taint], item_tainted: bool
    ) -> None:
        self.path = path
        self.data = data
        self.group = group
        self.taint = taint
        self.item_tainted = item_tainted
        self.made: dict[str, Any] = {}
        self.warnings: list[dict[str, Any]] = []

    @classmethod
    def root(cls, base: dict[str, Any], group: Group) -> Frame:
        """The frame of the whole run."""
        return cls("", {**base, "steps": {}}, group, {}, False)

    def inner(self) -> Frame:
        """The frame of a branch: sees what is outside, is not seen from there."""
        data = {**self.data, "steps": dict(self.data["steps"])}
        return Frame(self.path, data, self.group, dict(self.taint), self.item_tainted)

    def item(self, loop: str, index: int, item: Any, group: Group, tainted: bool) -> Frame:
        """The frame of one item of a loop."""
        path = f"{self.path}/{loop}[{index}]" if self.path else f"{loop}[{index}]"
        data = {**self.data, "steps": dict(self.data["steps"]), "item": item, "index": index}
        return Frame(path, data, group, dict(self.taint), tainted)

    def keep(self, key: str, output: Any, taint: Taint) -> None:
        """Let later steps see an output."""
        self.data["steps"][key] = output
        self.made[key] = output
        self.taint[key] = taint

    def is_tainted(self, reads: Iterable[Path]) -> bool:
        """Whether any of these paths may hold text from outside."""
        return any(self._path_tainted(path) for path in reads)

    def _path_tainted(self, path: Path) -> bool:
        root = path[0]
        if root == "steps":
            if len(path) < 2:
                return any(self.taint.values())
            taint = self.taint.get(str(path[1]), "")
            return bool(taint) and (taint == "all" or len(path) < 3 or path[2] in taint)
        if root == "item":
            return self.item_tainted
        if root == "trigger":
            return True
        if root == "inputs":
            return bool(self.data.get("tainted_inputs", False))
        return False
