"""A walk that can die at any record: a store that survives, an outside world, the real ledger of changes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from typing import Any
from uuid import UUID

from integrations.context import Found, LookFor, Order, Outcome
from integrations.errors import RateLimited, Rejected, Unavailable
from orchestrator_site.lib.ids import uuid7
from workflows.engine import attempts, rendering
from workflows.engine.definition import parse
from workflows.engine.effects import Ledger, Passage, failure_of
from workflows.engine.interfaces import Done, Released, Task, Traits
from workflows.engine.plan import make_plan
from workflows.engine.records import ChunkRecord, EffectRecord, Encoded, Failure, Record, StepRecord
from workflows.engine.shelf import Away, Shelf
from workflows.engine.times import Times
from workflows.engine.walk import Walk

from .fakes import NOW, FakeClock, read_back

RUN = UUID(int=7)


class Died(BaseException):
    """The worker is gone; nothing it does from here on counts."""


class Store:
    """What is committed."""

    def __init__(self) -> None:
        self.steps: dict[tuple[str, str], StepRecord] = {}
        self.effects: dict[UUID, EffectRecord] = {}
        self.chunks: dict[tuple[UUID, int], ChunkRecord] = {}
        self.operations = 0

    def write(self, records: tuple[Record, ...]) -> None:
        for record in records:
            if isinstance(record, StepRecord):
                self.steps[(record.key, record.path)] = record
            elif isinstance(record, EffectRecord):
                self.effects[record.id] = record
            elif isinstance(record, ChunkRecord):
                self.chunks[(record.step_run_id, record.number)] = record

    def history(self) -> dict[str, list[EffectRecord]]:
        """The changes by key, first attempt first, as a worker reads them."""
        found: dict[str, list[EffectRecord]] = {}
        for effect in sorted(self.effects.values(), key=lambda effect: effect.attempt):
            found.setdefault(effect.key, []).append(effect.copy())
        return found


class DyingLog:
    """interfaces.Log over a store; dies at operation `dies_at`, when a part of what was not committed is kept."""

    def __init__(self, store: Store, dies_at: int | None = None, keeps: float = 0.0) -> None:
        self.store, self.dies_at, self.keeps = store, dies_at, keeps
        self.known = {place: self._image(step) for place, step in store.steps.items() if not place[1]}
        self.opened = 0
        self.pending: list[tuple[Record, ...]] = []
        self.operations = 0
        self.dead = False

    def alive(self) -> None:
        if self.dead:
            raise Died

    def _operation(self) -> None:
        self.alive()
        self.operations += 1
        self.store.operations += 1
        if self.dies_at is not None and self.operations > self.dies_at:
            self.dead = True
            self.flush(int(len(self.pending) * self.keeps))
            raise Died

    def flush(self, most: int | None = None) -> None:
        for put in self.pending[:most]:
            self.store.write(put)
        self.pending = []

    def find(self, key: str, path: str) -> StepRecord | None:
        return self.known.pop((key, path), None)

    async def open(self, paths: Collection[str], keys: Collection[str]) -> None:
        for place, step in self.store.steps.items():
            if place[1] in paths and place[0] in keys:
                self.known[place] = self._image(step)
                self.opened += 1

    async def chunks(self, loop: UUID) -> dict[int, Any]:
        return {number: chunk.facts for (step, number), chunk in self.store.chunks.items() if step == loop}

    def keep(self, shelf: Shelf, value: Any, size: int) -> None:
        """Nothing is at hand: each value is read back."""

    async def load(self, shelf: Shelf) -> Any:
        await self.commit()
        return read_back([*self.store.steps.values(), *self.store.chunks.values()], shelf)

    def _image(self, step: StepRecord) -> StepRecord:
        """A step as it is loaded: a large output is away, and what it was given is not asked for any more."""
        image = step.copy()
        if step.finished:
            image.input = None
            if isinstance(step.output, Encoded) or len(json.dumps(step.output)) > rendering.MOST_INLINE:
                image.output = Away(Shelf(step.id))
        return image

    def put(self, *records: Record) -> None:
        self._operation()
        kept = [record.copy() for record in records if isinstance(record, (StepRecord, EffectRecord))]
        self.pending.append((*kept, *(record for record in records if isinstance(record, ChunkRecord))))

    async def room(self) -> None:
        self.alive()

    async def commit(self) -> None:
        self._operation()
        await asyncio.sleep(0)
        self.alive()
        self.flush()

    def new_id(self) -> UUID:
        return uuid7()


class World:
    """Everything outside; it stays as it is when a worker dies."""

    def __init__(self, outcomes: dict[str, str]) -> None:
        self.outcomes = outcomes
        self.made: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.answers: dict[str, Any] = {}
        self.calls: list[tuple[str, str]] = []


class DyingExecutor:
    """interfaces.Executor: `pure.do`, `read.do`, `effect.do`; what happens is said by the world, by the step's key."""

    def __init__(self, world: World, log: DyingLog) -> None:
        self.world, self.log, self.history = world, log, log.store.history()

    def traits(self, action: str) -> Traits:
        kind = action.partition(".")[0]
        return Traits(kind, 0 if kind == "pure" else 10, kind == "read", frozenset(), frozenset({"text"}))

    def check(self, plan: Any, values: dict[str, Any], tainted: set[str]) -> None:
        return None

    def last_change(self, task: Task) -> Any:
        return attempts.last_change(self.history, task.record.id)

    def abandon(self, step: StepRecord, at: Any, new_id: Any) -> list[Record]:
        return attempts.abandoned(self.history, step, at, new_id)

    async def call(self, task: Task) -> Any:
        self.log.alive()
        place = (task.record.key, task.record.path)
        self.world.calls.append(place)
        output = {"text": f"{task.record.key}({task.record.input.get('text', '')})"[:60]}
        outcome = self.world.outcomes.get(task.record.key, "ok")
        if task.plan.step.action.startswith("effect"):
            return await self._change(task, output, outcome)
        name = "/".join(place)
        self.world.asked[name] += 1
        if task.plan.step.action.startswith("read"):
            await asyncio.sleep(0)
        if outcome == "fails":
            raise Failure("E_BAD", f"{task.record.key} is bad")
        if outcome == "busy" and self.world.asked[name] == 1 and not task.plan.step.action.startswith("pure"):
            raise Failure("E_BUSY", "busy", kind="unavailable")
        return output

    async def _change(self, task: Task, output: dict[str, Any], outcome: str) -> Any:
        async def send(key: str) -> Outcome:
            self.log.alive()
            await asyncio.sleep(0)
            self.log.alive()
            self.world.asked[key] += 1
            first = self.world.asked[key] == 1
            if outcome == "fails":
                raise Rejected("no", status=400, refused=True)
            if outcome == "busy" and first:
                raise RateLimited("slower", status=429, refused=True, retry_after=1)
            if outcome == "absent" and first:
                raise Unavailable("no answer")
            self.world.made[key] += 1
            self.world.answers[key] = output
            if outcome == "lost" and first:
                raise Unavailable("no answer")
            return Outcome(key, "", output)

        async def look(what: LookFor) -> Found | None:
            self.log.alive()
            known = self.world.answers.get(what.key)
            return None if known is None else Found(what.key, "", known)

        async def still(repeated: bool) -> None: ...

        ledger = Ledger(self, task, RUN, self.history, 5.0, Passage(self, nullcontext, still))
        try:
            done = await ledger.change(Order("make", {}, task.record.input, send, look))
        except (Rejected, RateLimited, Unavailable) as error:
            raise failure_of(error) from error
        return dict(done.data)

    # effects.Gate: nothing is held back

    async def admit(self, task: Task) -> None:
        return None

    def leave(self, task: Task) -> None: ...

    def spend(self, task: Task) -> None: ...

    def note(self, task: Task, error: Any) -> None: ...

    # effects.House

    times = Times()

    async def before_send(self) -> None:
        self.log.alive()

    async def read_effect(self, effect: UUID) -> None:
        return None


def ended(steps: list[dict], world: World, store: Store, deaths: Iterator[tuple[int, float]], **more: Any) -> Done:
    """Walk, die, walk again, until the run has ended."""
    definition = parse({"format": 1, "name": "Test", "steps": steps, "outputs": more.get("outputs", {})})
    plan, clock = make_plan(definition), FakeClock()
    base = {"inputs": more.get("inputs", {}), "trigger": {}, "run": {}, "workspace": {"variables": {}}}
    while True:
        log = DyingLog(store, *next(deaths, ()))
        more.get("logs", []).append(log)
        executor = more.get("executor", DyingExecutor)(world, log)
        walk = Walk(plan, {**base, "frozen_now": NOW}, log, executor, clock, outside=more.get("outside"))
        try:
            found = asyncio.run(walk.run())
        except Died:
            continue
        log.flush()
        if isinstance(found, Done):
            return found
        assert isinstance(found, Released)
        clock.at = max(clock.at, found.due or clock.at)
