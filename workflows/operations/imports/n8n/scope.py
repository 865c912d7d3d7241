"""What is known at one place of the tree: which node became which step, what came before, and whose items are used.

A branch gets a copy, so that what stands in one branch is not seen from another. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from workflows.operations.imports.n8n.expressions import Path
from workflows.operations.imports.n8n.mapping import Mapped


@dataclass
class Placed:
    """A node that has become a step. `loops` are the lists gone over around it; `block` the branch it is hidden in."""

    key: str
    mapped: Mapped | None = None
    loops: tuple[str, ...] = ()
    block: str = ""
    passes_on: bool = False
    off: bool = False


@dataclass
class Scope:
    """See above. `loops` are names of the nodes whose items are gone over, the innermost last."""

    placed: dict[str, Placed] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    loops: tuple[str, ...] = ()
    depth: int = 0

    def inside(self, loop: str = "") -> Scope:
        """The scope of a list of steps inside a block, perhaps of a loop over what a node gave."""
        loops = (*self.loops, loop) if loop else self.loops
        return Scope(dict(self.placed), dict(self.before), loops, self.depth + 1)

    def enter(self, name: str, key: str, mapped: Mapped | None = None, *, passes_on: bool = False) -> Placed:
        """Note that a node has its place."""
        made = self.placed[name] = Placed(key, mapped, self.loops, passes_on=passes_on)
        return made

    def source_of(self, name: str) -> str:
        """The node whose items reach this one: what only passes items on is stepped over. "" for a trigger or none."""
        seen: set[str] = set()
        found = self.before.get(name, "")
        while found in self.placed and self.placed[found].passes_on and found not in seen:
            seen.add(found)
            found = self.before.get(found, "")
        return found


def dotted(path: Path) -> str:
    """("a", 0, "b") is a[0].b."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
