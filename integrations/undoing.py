"""Taking changes back: which steps undo a kind of change, and how one sees that nobody changed it since. Pure.

A service has a table (`Integration.undo`, a dotted path to one): op → `Rule`. What it does not name is not undone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Step = tuple[str, Mapping[str, Any]]
"""An action and its inputs."""


@dataclass(frozen=True)
class Made:
    """A change that was made, as the ledger has it; `siblings` are those of the same step before it."""

    op: str
    target: Mapping[str, Any]
    request: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    before: Any = None
    after: Any = None
    external_id: str = ""
    siblings: tuple[Made, ...] = ()


@dataclass(frozen=True)
class Rule:
    """How one kind of change is taken back.

    `back` gives the steps, or says in a sentence why it cannot be. `still` reads whether the thing is as the change
    left it: what somebody has changed since is left alone. `remember`: what is there before the change is read and kept
    with it, by the action's `foretell`. `no` is the sentence for what is never taken back.
    """

    back: Callable[[Made], Sequence[Step] | str] | None = None
    still: Callable[[Any, Made], Awaitable[bool]] | None = None
    remember: bool = False
    no: str = ""

    def steps(self, made: Made) -> Sequence[Step] | str:
        """The steps, or why there are none."""
        if self.back is None:
            return self.no
        if self.remember and made.before is None and made.after is None:
            return "What was there before could not be read when the change was made."
        return self.back(made)
