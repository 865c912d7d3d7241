"""Which parameters a model turned out not to take: read from a refusal, left out at the next try, said once. Pure.

A new model refuses what older ones took (`max_tokens`, `temperature`). That is never a reason for a run to fail: the
parameter is left out or sent by its other name, with a warning, and this process remembers it.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST = 500
MOST_TRIES = 3
STATUSES = frozenset({400, 422})


@dataclass
class Manners:
    """What one model of one server does not take; `names` are other names of parameters, `tried` those it refused."""

    refuses: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)


class Learned:
    """The manners of models by server and model; the least recently used are forgotten."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], Manners] = OrderedDict()

    def of(self, server: str, model: str) -> Manners:
        """What is known of this model."""
        found = self._known.setdefault((server, model), Manners())
        self._known.move_to_end((server, model))
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return found

    def clear(self) -> None:
        """Forget everything (tests)."""
        self._known.clear()


@dataclass(frozen=True)
class Refusal:
    """A parameter that the server did not take, by the name it was sent, and what the server said."""

    wire: str
    said: str


def refusal_in(problem: Any, sent: Iterable[str], said: str) -> Refusal | None:
    """The parameter that a 400 is about, of those that may be left out; None when it is about something else.

    Services name it in `param` or in the sentence: "Unsupported parameter: 'max_tokens' …", "temperature: Extra inputs
    are not permitted", "Unrecognized request argument supplied: response_format".
    """
    if getattr(problem, "status_code", None) not in STATUSES:
        return None
    named = str(getattr(problem, "param", "") or "")
    names = sorted(sent, key=len, reverse=True)
    for wire in names:
        if named and (named == wire or named.startswith((f"{wire}.", f"{wire}["))):
            return Refusal(wire, said)
    if named and not any(named.startswith(wire) for wire in names):
        return None
    for wire in names:
        if re.search(rf"(?<![\w.]){re.escape(wire)}(?!\w)", said):
            return Refusal(wire, said)
    return None


def other_name(wire: str, names: Mapping[str, tuple[str, ...]], tried: Iterable[str]) -> str | None:
    """Another name under which the same parameter may be taken, if one has not been tried yet."""
    for group in names.values():
        if wire in group:
            return next((name for name in group if name not in set(tried)), None)
    return None
