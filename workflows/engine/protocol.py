"""Who owns a run, and which writes count: the engine's transactions as sequences of statements. Pure.

Each function is one transaction over a `Store`, whose methods are single SQL statements. `tests/workflows/engine/
test_protocol.py` runs them on a model of the database with two workers, in every order of statements, with a crash
between any two and a lost answer to any commit. `workflows.engine.sql` is the Store that speaks to the real database.

Order of rows: worker, then run, then what hangs on it. A take-over bumps the worker's row first, so a batch of the old
owner either committed before it or finds its fence moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol


class Verdict(Enum):
    """What became of a batch."""

    COMMITTED = "committed"
    TAKEN_OVER = "taken over"


@dataclass(frozen=True)
class Me:
    """One lease: a row of Worker as it was when this process made it."""

    worker: Any
    fence: int


@dataclass(frozen=True)
class Sighting:
    """A worker as an observer saw it: unchanged for lease + 5 s, or proven dead.

    `innocent`: it ended by its own will (drain, soft fence), which counts against no run.
    """

    worker: Any
    fence: int
    beat: int
    seq: int
    innocent: bool = False


@dataclass
class Memo:
    """What a batch found out before its commit: needed again when the answer to the commit is lost."""

    results: list[Any] = field(default_factory=list)


class Store(Protocol):
    """Single statements; those that change rows return how many."""

    def begin(self) -> None:
        """Begin a transaction."""

    def commit(self) -> None:
        """Commit it."""

    def rollback(self) -> None:
        """Undo it."""

    def advance_worker(self, me: Me, n: int) -> int:
        """seq = n and a beat, where the fence is mine and seq is n - 1."""

    def read_worker(self, worker: Any) -> tuple[int, int] | None:
        """(fence, seq) of a worker's row."""

    def hold_worker(self, me: Me) -> int:
        """Lock my row and mark a claim, where the fence is mine."""

    def bump_worker(self, seen: Sighting) -> int:
        """fence + 1 and state dead, where fence, beat and seq are as seen."""

    def write(self, me: Me, puts: Sequence[Any]) -> list[Any]:
        """The records of each put whose run is mine at the put's fence; one result a put."""

    def orphans(self, worker: Any) -> list[Any]:
        """The runs of a dead worker, locked, with what each was doing."""

    def requeue(self, seen: Sighting, orphans: Sequence[Any]) -> int:
        """Queue them again and count deaths."""

    def take_queued(self, me: Me, limit: int) -> list[Any]:
        """worker = me, fence + 1, claims + 1 on queued runs that are due."""

    def wake_run(self, run: Any, changes: Any) -> int:
        """wake_seq + 1 and waiting becomes queued, where the run is not terminal; with the change itself."""


def batch(store: Store, me: Me, n: int, puts: Sequence[Any], memo: Memo) -> Verdict:
    """Write one batch of the journal. Called again unchanged (same n) when its outcome is in doubt."""
    store.begin()
    if store.advance_worker(me, n) == 0:
        seen = store.read_worker(me.worker)
        store.rollback()
        return Verdict.COMMITTED if seen == (me.fence, n) else Verdict.TAKEN_OVER
    memo.results = store.write(me, puts)
    store.commit()
    return Verdict.COMMITTED


def claim(store: Store, me: Me, limit: int) -> list[Any] | None:
    """Take runs that are queued and due; None: I have been taken over."""
    store.begin()
    if store.hold_worker(me) == 0:
        store.rollback()
        return None
    taken = store.take_queued(me, limit)
    store.commit()
    return taken


def take_over(store: Store, seen: Sighting) -> int | None:
    """Declare a worker dead and queue its runs again; None: it has moved since, so it lives."""
    store.begin()
    if store.bump_worker(seen) == 0:
        store.rollback()
        return None
    count = store.requeue(seen, store.orphans(seen.worker))
    store.commit()
    return count


def change_from_outside(store: Store, run: Any, changes: Any) -> bool:
    """A decision, a cancel, an event: seen by the owner, or wakes the run; False: the run is terminal."""
    store.begin()
    changed = store.wake_run(run, changes)
    store.commit()
    return changed == 1
