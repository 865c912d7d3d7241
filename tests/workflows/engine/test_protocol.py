"""The protocol on a model of the database: two workers and an outsider, every order of statements, a crash between any
two of them, and a lost answer to any commit (whether it was done or not)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from workflows.engine import protocol
from workflows.engine.protocol import Me, Memo, Sighting, Verdict

A, B = Me("A", 1), Me("B", 1)


class Pause(Exception):
    """The program wants its next statement."""


class LostAnswer(Exception):
    """The connection broke at a commit."""


@dataclass(frozen=True)
class Row:
    """The run and the two workers, as committed."""

    a_fence: int = 1
    a_seq: int = 0
    b_fence: int = 1
    b_seq: int = 0
    status: str = "running"
    worker: str | None = "A"
    fence: int = 1
    wake_seq: int = 0
    decided: bool = False
    writes: tuple[tuple[str, int, str], ...] = ()


@dataclass(frozen=True)
class State:
    """The database, who holds which locks, what is pending in open transactions, and how far each program is."""

    row: Row
    locks: tuple[tuple[str, str], ...] = ()
    pending: tuple[tuple[str, Row], ...] = ()
    progress: tuple[tuple[Any, ...], ...] = ((), (), ())
    dead: tuple[bool, ...] = (False, False, False)


class Script:
    """A Store that answers from what has happened and pauses at the next statement."""

    def __init__(self, results: tuple[Any, ...]) -> None:
        self.results, self.at, self.next = results, 0, None

    def begin(self) -> None:
        """READ COMMITTED: a begin sees and locks nothing, so nothing can happen between it and the first statement."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def statement(*args: Any) -> Any:
            if self.at == len(self.results):
                self.next = (name, args)
                raise Pause
            found = self.results[self.at]
            self.at += 1
            if found == "lost":
                raise LostAnswer
            return found

        return statement


def settle(store: Any, me: Me, n: int, puts: list[Any]) -> tuple[Verdict | None, list[Any]]:
    """As the journal does: the same batch again until its outcome is known."""
    memo = Memo()
    for _ in range(MISFORTUNES + 1):
        try:
            return protocol.batch(store, me, n, puts, memo), memo.results
        except LostAnswer:
            continue
    return None, []


def owner(store: Any) -> None:
    """Worker A writes a record, then releases the run (it has seen wake_seq 0)."""
    verdict, _ = settle(store, A, 1, [("record", 1)])
    if verdict is Verdict.COMMITTED:
        settle(store, A, 2, [("release", 1)])


def heir(store: Any) -> None:
    """Worker B thinks A is dead, takes over, claims and writes."""
    seen = store.observe()
    try:
        if protocol.take_over(store, Sighting("A", *seen)) is None:
            return
    except LostAnswer:
        pass
    try:
        taken = protocol.claim(store, B, 10)
    except LostAnswer:
        return
    if taken:
        settle(store, B, 1, [("record", taken[0][1])])


def outsider(store: Any) -> None:
    """A decision from outside."""
    try:
        protocol.change_from_outside(store, "r", None)
    except LostAnswer:
        return


PROGRAMS = (owner, heir, outsider)
NEEDS = {  # which rows a statement locks
    "advance_worker": lambda args: [f"worker {args[0].worker}"],
    "hold_worker": lambda args: [f"worker {args[0].worker}"],
    "bump_worker": lambda args: ["worker A"],
    "orphans": lambda args: ["run"],
    "requeue": lambda args: ["run"],
    "wake_run": lambda args: ["run"],
    "write": lambda args: ["run"] if any(kind == "release" for kind, _ in args[1]) else [],
}


class Model:
    """READ COMMITTED with row locks: a statement whose row is locked by another cannot run yet."""

    def __init__(self, state: State, who: int) -> None:
        self.state, self.who = state, str(who)

    def may(self, name: str, args: tuple[Any, ...]) -> bool:
        held = dict(self.state.locks)
        return all(held.get(lock, self.who) == self.who for lock in NEEDS.get(name, lambda _: [])(args))

    def view(self) -> Row:
        """Committed rows, with this transaction's own changes (it holds the locks of what it changed)."""
        mine = dict(self.state.pending).get(self.who)
        if mine is None:
            return self.state.row
        held = {lock for lock, who in self.state.locks if who == self.who}
        now = self.state.row
        if "worker A" in held:
            now = replace(now, a_fence=mine.a_fence, a_seq=mine.a_seq)
        if "worker B" in held:
            now = replace(now, b_fence=mine.b_fence, b_seq=mine.b_seq)
        if "run" in held:
            now = replace(
                now,
                status=mine.status,
                worker=mine.worker,
                fence=mine.fence,
                wake_seq=mine.wake_seq,
                decided=mine.decided,
            )
        return replace(now, writes=now.writes + mine.writes)

    def run(self, name: str, args: tuple[Any, ...]) -> list[tuple[Any, State]]:
        """The possible outcomes: (answer, state after)."""
        if name == "rollback":
            return [(None, self._ended(self.state.row))]
        if name == "commit":
            done = self._ended(self.view())
            lost = (
                [("lost", done), ("lost", self._ended(self.state.row))] if misfortunes(self.state) < MISFORTUNES else []
            )
            return [(None, done), *lost]
        if name == "observe":
            return [((self.state.row.a_fence, 0, self.state.row.a_seq), self.state)]
        row, answer = getattr(self, f"do_{name}")(self.view(), *args)
        row = replace(row, writes=row.writes[len(self.state.row.writes) :])  # its own, until it commits
        locks = {lock: self.who for lock in NEEDS.get(name, lambda _: [])(args)} if answer != 0 else {}
        if name == "take_queued" and answer:
            locks = {"run": self.who}
        return [(answer, self._with(pending={self.who: row}, locks=locks))]

    def _with(self, pending: dict[str, Row], locks: dict[str, str] | None = None) -> State:
        return replace(
            self.state,
            pending=tuple(sorted({**dict(self.state.pending), **pending}.items())),
            locks=tuple(sorted({**dict(self.state.locks), **(locks or {})}.items())),
        )

    def _ended(self, row: Row) -> State:
        return replace(
            self.state,
            row=row,
            pending=tuple(item for item in self.state.pending if item[0] != self.who),
            locks=tuple(item for item in self.state.locks if item[1] != self.who),
        )

    # Statements

    def do_advance_worker(self, row: Row, me: Me, n: int) -> tuple[Row, int]:
        fence, seq = (row.a_fence, row.a_seq) if me.worker == "A" else (row.b_fence, row.b_seq)
        if (fence, seq) != (me.fence, n - 1):
            return row, 0
        return (replace(row, a_seq=n) if me.worker == "A" else replace(row, b_seq=n)), 1

    def do_read_worker(self, row: Row, worker: str) -> tuple[Row, tuple[int, int]]:
        return row, (row.a_fence, row.a_seq) if worker == "A" else (row.b_fence, row.b_seq)

    def do_hold_worker(self, row: Row, me: Me) -> tuple[Row, int]:
        return row, int((row.a_fence if me.worker == "A" else row.b_fence) == me.fence)

    def do_bump_worker(self, row: Row, seen: Sighting) -> tuple[Row, int]:
        if (row.a_fence, row.a_seq) != (seen.fence, seen.seq):
            return row, 0
        return replace(row, a_fence=row.a_fence + 1), 1

    def do_orphans(self, row: Row, worker: str) -> tuple[Row, tuple[str, ...]]:
        return row, ("r",) if row.worker == worker else ()

    def do_requeue(self, row: Row, seen: Sighting, orphans: tuple[str, ...]) -> tuple[Row, int]:
        if not orphans:
            return row, -1
        return replace(row, status="queued", worker=None), len(orphans)

    def do_take_queued(self, row: Row, me: Me, limit: int) -> tuple[Row, tuple[tuple[str, int], ...]]:
        locked = dict(self.state.locks).get("run", self.who) != self.who
        if locked or row.status != "queued":
            return row, ()
        return replace(row, status="running", worker=me.worker, fence=row.fence + 1), (("r", row.fence + 1),)

    def do_wake_run(self, row: Row, run: str, changes: Any) -> tuple[Row, int]:
        status = "queued" if row.status == "waiting" else row.status
        return replace(row, wake_seq=row.wake_seq + 1, status=status, decided=True), 1

    def do_write(self, row: Row, me: Me, puts: list[tuple[str, int]]) -> tuple[Row, tuple[Any, ...]]:
        results = []
        for kind, fence in puts:
            if row.fence != fence or row.worker != me.worker:
                results.append("stale")
            elif kind == "record":
                row = replace(row, writes=(*row.writes, (me.worker, fence, kind)))
                results.append(True)
            elif row.wake_seq != 0:
                results.append(False)
            else:
                row = replace(row, status="waiting", worker=None)
                results.append(True)
        return row, tuple(results)


MISFORTUNES = 2


def misfortunes(state: State) -> int:
    """Crashes and lost answers so far; at most two of them happen to one story."""
    return sum(state.dead) + sum(progress.count("lost") for progress in state.progress)


def successors(state: State) -> list[State]:
    """Every state that one statement, or one crash, leads to."""
    found = []
    for who, program in enumerate(PROGRAMS):
        if state.dead[who]:
            continue
        script = Script(state.progress[who])
        try:
            program(script)
            continue
        except Pause:
            pass
        if misfortunes(state) < MISFORTUNES:
            dead = tuple(d or w == who for w, d in enumerate(state.dead))
            found.append(replace(Model(state, who)._ended(state.row), dead=dead))
        name, args = script.next
        model = Model(state, who)
        if not model.may(name, args):
            continue
        for answer, after in model.run(name, args):
            progress = tuple((*p, answer) if w == who else p for w, p in enumerate(after.progress))
            found.append(replace(after, progress=progress))
    return found


def explore(check: Callable[[State, bool], None]) -> int:
    """Visit every reachable state; `check(state, final)`."""
    start = State(Row())
    seen, todo = {start}, [start]
    while todo:
        state = todo.pop()
        following = successors(state)
        check(state, not following)
        for after in following:
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return len(seen)


def sound(state: State) -> None:
    """What must hold in every state."""
    row, owners = state.row, [worker for worker, _, _ in state.row.writes]
    assert len(set(row.writes)) == len(row.writes), "a batch was written twice"
    assert owners == sorted(owners), "A wrote after B had taken over"
    assert not (row.status == "waiting" and row.decided), "the run sleeps on a decision"
    assert (row.worker is not None) == (row.status == "running"), "the run is nobody's and not queued"
    assert row.worker != "B" or row.fence == 2, "two owners at one fence"


def test_no_order_no_crash_and_no_lost_answer_breaks_the_protocol():
    seen = explore(lambda state, final: sound(state))
    assert seen > 2_000


@pytest.mark.parametrize("broken", ["no fence in advance", "no wake_seq in release"])
def test_the_checker_finds_the_fault_when_the_protocol_is_broken(broken, monkeypatch):
    """The checker is tried too: without the guard it must find the fault."""
    original = Model.do_write
    if broken == "no fence in advance":

        def advance(self, row, me, n):
            return (replace(row, a_seq=n) if me.worker == "A" else replace(row, b_seq=n)), 1

        monkeypatch.setattr(Model, "do_advance_worker", advance)
    else:

        def write(self, row, me, puts):
            if puts[0][0] == "release" and row.worker == "A":
                return replace(row, status="waiting", worker=None), (True,)
            return original(self, row, me, puts)

        monkeypatch.setattr(Model, "do_write", write)
    with pytest.raises(AssertionError):
        explore(lambda state, final: sound(state))
