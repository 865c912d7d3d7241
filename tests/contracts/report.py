"""The two tables, as lines of text: what conforms, and what every fault came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from integrations import registry
from tests.contracts.faults import FAULTS
from tests.contracts.meanings import ENDS, comes_to

if TYPE_CHECKING:
    from tests.contracts.stage import Play

KINDS = ("read", "model", "effect")


def kind_of(play: Play) -> str:
    """The kind of its action."""
    action = registry.get_action(play.case.action)
    assert action
    return action.kind.value


def conforming(plays: Sequence[Play], where: dict[str, str]) -> list[str]:
    """action | tried against | requests, of them changes."""
    rows = [("action", "tried against", "requests", "changes")]
    for play in plays:
        changes = len(play.effects)
        requests = str(len(play.calls)) if play.mails is None else "1 mail"
        rows.append((play.case.name, where[play.name], requests, str(changes) if changes else ""))
    return _aligned(rows)


def faults(plays: Sequence[tuple[Play, Play]], wrong: Sequence[Play]) -> list[str]:
    """A row for each fault: for each kind of step how many were tried and what they came to."""
    bad = {id(play) for play in wrong}
    rows = [("fault", *KINDS, "what they came to", "wrong")]
    for fault in FAULTS:
        mine = [(play, plain) for play, plain in plays if play.fault is fault]
        kinds = Counter(kind_of(play) for play, _ in mine)
        ends = Counter(comes_to(play, plain) for play, plain in mine)
        told = ", ".join(f"{ends[end]} {end}" for end in ENDS if ends[end])
        rows.append((fault.name, *(str(kinds[kind]) for kind in KINDS), told, str(sum(id(p) in bad for p, _ in mine))))
    return _aligned(rows)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
