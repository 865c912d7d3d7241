"""A walk without a database: a log in memory, an executor of functions, a clock that jumps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from orchestrator_site.lib.ids import uuid7
from workflows.engine.definition import parse
from workflows.engine.interfaces import Done, Released, Task, Traits
from workflows.engine.plan import make_plan
from workflows.engine.records import ChunkRecord, Encoded, Failure, Record, StepRecord
from workflows.engine.shelf import Shelf
from workflows.engine.walk import Walk

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
Action = Callable[[dict[str, Any]], Any]


class FakeLog:
    """Keeps what is put; `crash_after` puts nothing more is remembered (the process died there)."""

    def __init__(self, steps: dict[tuple[str, str], StepRecord] | None = None) -> None:
        self.stored: dict[tuple[str, str], StepRecord] = dict(steps or {})
        self.known = {place: step.copy() for place, step in self.stored.items()}
        self.puts: list[Record] = []
        self.commits = 0
        self.crash_after: int | None = None

    def find(self, key: str, path: str) -> StepRecord | None:
        return self.known.pop((key, path), None)

    async def open(self, paths: Any, keys: Any) -> None: ...

    async def chunks(self, loop: UUID) -> dict[int, Any]:
        return {}

    def keep(self, shelf: Shelf, value: Any, size: int) -> None: ...

    async def load(self, shelf: Shelf) -> Any:
        return read_back(self.puts, shelf)

    def put(self, *records: Record) -> None:
        for record in records:
            if self.crash_after is not None and len(self.puts) >= self.crash_after:
                return
            self.puts.append(record.copy() if isinstance(record, StepRecord) else record)
            if isinstance(record, StepRecord):
                self.stored[(record.key, record.path)] = record.copy()

    async def room(self) -> None: ...

    async def commit(self) -> None:
        self.commits += 1

    def new_id(self) -> UUID:
        return uuid7()


def read_back(records: Iterable[Record], shelf: Shelf) -> Any:
    """A value as it was put last."""
    for record in reversed(list(records)):
        if shelf.chunk < 0 and isinstance(record, StepRecord) and record.id == shelf.step:
            return json.loads(record.output.text) if isinstance(record.output, Encoded) else record.output
        if isinstance(record, ChunkRecord) and (record.step_run_id, record.number) == shelf:
            return record.results.text[1:-1]
    raise AssertionError(f"{shelf} was never put")


class FakeClock:
    """Time passes at once when somebody waits for it."""

    def __init__(self) -> None:
        self.at = NOW
        self.waited: list[float] = []
        self.alarms: list[tuple[datetime, Callable[[], None]]] = []

    def call_at(self, due: datetime, function: Callable[[], None]) -> Callable[[], None]:
        alarm = (due, function)
        self.alarms.append(alarm)
        return lambda: alarm in self.alarms and self.alarms.remove(alarm)

    def now(self) -> datetime:
        return self.at

    async def wait(self, event: asyncio.Event, due: datetime | None) -> None:
        await asyncio.sleep(0)
        if due is None or event.is_set():
            await event.wait()
            return
        if due > self.at:
            self.waited.append((due - self.at).total_seconds())
        while not event.is_set() and (first := min((at for at, _ in self.alarms if at <= due), default=None)):
            self.at = max(self.at, first)
            for alarm in [alarm for alarm in self.alarms if alarm[0] <= self.at]:
                self.alarms.remove(alarm)
                alarm[1]()
        if not event.is_set():
            self.at = max(self.at, due)


class HeldClock(FakeClock):
    """Time stands still."""

    async def wait(self, event: asyncio.Event, due: datetime | None) -> None:
        await event.wait()


class FakeExecutor:
    """Actions by name: `pure.x`, `read.x`, `effect.x`; the word before the dot is the kind."""

    def __init__(self, **actions: Action) -> None:
        self.actions, self.calls = actions, []

    def traits(self, action: str) -> Traits:
        kind = action.partition(".")[0]
        return Traits(kind, 0 if kind == "pure" else 2, kind == "read", frozenset({"to"}), frozenset({"id", "text"}))

    def check(self, plan: Any, values: dict[str, Any], tainted: set[str]) -> UUID | None:
        if "to" in tainted:
            raise Failure("E_TAINT", "tainted")
        return None

    def last_change(self, task: Task) -> tuple[str, None]:
        return "", None

    def abandon(self, step: StepRecord, at: Any, new_id: Any) -> list[Record]:
        return []

    async def admit(self, task: Task) -> None:
        return None

    def leave(self, task: Task) -> None: ...

    async def call(self, task: Task) -> Any:
        name = task.plan.step.action.partition(".")[2]
        self.calls.append((task.plan.key, task.record.path))
        found = self.actions[name](task.record.input)
        return await found if isinstance(found, Awaitable) else found


def walk_of(
    steps: list[dict], log: FakeLog, executor: FakeExecutor, clock: FakeClock | None = None, **more: Any
) -> Walk:
    """A walk over these steps."""
    definition = parse({"format": 1, "name": "Test", "steps": steps, "outputs": more.pop("outputs", {})})
    base = {
        "inputs": more.pop("inputs", {}),
        "trigger": {},
        "run": {},
        "workspace": {"variables": {}},
        "frozen_now": NOW,
    }
    return Walk(make_plan(definition), base, log, executor, clock or FakeClock(), **more)


def run(walk: Walk) -> Done | Released:
    """Walk to the end."""
    return asyncio.run(walk.run())
