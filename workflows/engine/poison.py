"""Which deaths of a worker count against a run (engine.md §8). Pure.

`Run.deaths`: 0 innocent; 1 died in company: a suspect, walked among such suspects only; 2 died among suspects too:
walked alone from now on; each further one is a death alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

AMONG_SUSPECTS = 1
DEATHS_ALONE = 3
FATAL = AMONG_SUSPECTS + 1 + DEATHS_ALONE


@dataclass(frozen=True)
class Orphan:
    """A run of a dead worker: was a call on its way, or was it parked?"""

    run: Any
    deaths: int
    calling: bool
    parked: bool


def deaths_after(orphan: Orphan, alone: bool) -> int:
    """The run's deaths after its worker died: steps started and unfinished count, parked branches do not."""
    if orphan.parked and not orphan.calling:
        return orphan.deaths
    before = max(orphan.deaths, AMONG_SUSPECTS + 1) if alone else orphan.deaths
    return before + 1
