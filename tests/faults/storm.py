"""Random SIGKILL and SIGSTOP in bulk (F02): several clusters on one database, mixed load, a service that loses answers.

A blow counts only when it hits a process with a live lease. Recovery is measured a run at a time (see eyes.py).
"""

from __future__ import annotations

import heapq
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from tests.faults.eyes import Recovery, state_of
from tests.faults.report import Row, row
from tests.faults.stage import Stage

TRANSPORTS = ("", "blocking", "async")  # one cluster each
CLUSTERS = len(TRANSPORTS)
IN_FLIGHT = 40
# How many runs of each workflow a helping of load has, and what the service does with a change.
MIX = {
    "effects": 3, "pure": 3, "pair": 3, "each": 1, "slow": 1, "blind": 1, "forks": 1, "rounds": 1, "asks": 2,
    "rests": 1, "parent": 1,
}  # fmt: skip
FAULTS = ("ok", "lose", "lose", "drop", "500done", "500", "html", "429", "slow:1")
QUIET = 120.0
ANSWER_EVERY = 2.0


class Load:
    """Keeps so many runs in flight, and answers what is asked."""

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self.stage, self.chance = stage, chance
        self._answered = 0.0

    def keep(self) -> None:
        """Start another helping if there is room."""
        stage = self.stage
        if stage.eyes.unfinished() < IN_FLIGHT:
            for fault in self.chance.choices(FAULTS, k=7):
                stage.plan(fault, "ok", "ok")  # so many failures in a row that its breaker opens are another story
            for slug, count in MIX.items():
                stage.start_runs(slug, count)
        if time.monotonic() - self._answered > ANSWER_EVERY:
            self._answered = time.monotonic()
            if stage.eyes.asking():
                stage.answer_truly()


def kills(database: str, number: int, seed: int = 1, apart: float = 1.5) -> Row:
    """Workers are killed at random moments; the product's own times (lease 30 s)."""
    chance = random.Random(seed)
    with Stage(database, lease=30, scale=1.0) as stage, stage.recovery() as recovery:
        for transport in TRANSPORTS:
            stage.start_workers(FAKE_TRANSPORT=transport)
        load = Load(stage, chance)

        def blow() -> None:
            victim = _victim(stage, chance)
            if victim and stage.kill(victim):
                recovery.hit(victim)

        said = _weather(stage, load, number, blow, lambda: chance.uniform(0.0, 2 * apart))
        return _after(f"random kills, {apart:g} s apart", stage, recovery, said)


def stops(database: str, number: int, seed: int = 1) -> Row:
    """Workers are frozen for a random time, below and above the lease (6 s here), and thawed again."""
    chance = random.Random(seed)
    with Stage(database, lease=12, scale=0.5) as stage, stage.recovery() as recovery:
        for transport in TRANSPORTS:
            stage.start_workers(FAKE_TRANSPORT=transport)
        load = Load(stage, chance)
        frozen: list[tuple[float, int]] = []

        def blow() -> None:
            _thaw(frozen, time.monotonic())
            if len(frozen) >= CLUSTERS:
                return
            victim = _victim(stage, chance, {pid for _, pid in frozen})
            if victim and stage.kill(victim, signal.SIGSTOP):
                seconds = _freeze_for(chance, stage.lease_seconds)
                heapq.heappush(frozen, (time.monotonic() + seconds, victim))
                if seconds > stage.lease_seconds:
                    recovery.hit(victim)

        said = _weather(stage, load, number, blow, lambda: chance.uniform(0.0, 0.6))
        while frozen:
            _thaw(frozen, time.monotonic())
            time.sleep(0.05)
        return _after("random stops", stage, recovery, said)


def _freeze_for(chance: random.Random, lease: float) -> float:
    return chance.choice(
        (chance.uniform(0.2, lease / 2), chance.uniform(lease / 2, lease), chance.uniform(1, 2) * lease)
    )


def _thaw(frozen: list[tuple[float, int]], now: float) -> None:
    while frozen and frozen[0][0] <= now:
        _, pid = heapq.heappop(frozen)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _victim(stage: Stage, chance: random.Random, not_these: set[int] = frozenset()) -> int:  # type: ignore[assignment]
    """A live worker, whatever it does; 0: there is none now."""
    there = [pid for pid in stage.live() if pid not in not_these and state_of(pid) != "T"]
    return chance.choice(there or [0])


def _weather(stage: Stage, load: Load, number: int, blow: Callable[[], None], pause: Callable[[], float]) -> list[str]:
    """Blow until there were so many, under load."""
    began = time.monotonic()
    limit = began + 60 + 10.0 * number
    while stage.kills < number and time.monotonic() < limit:
        load.keep()
        blow()
        time.sleep(pause())
    took = time.monotonic() - began
    return [f"{stage.kills} blows in {took:.0f} s ({stage.kills / took:.2f} a second)"]


def _after(story: str, stage: Stage, recovery: Recovery, said: list[str]) -> Row:
    """The last blow has fallen: everything ends within two minutes."""
    last = time.monotonic()
    while time.monotonic() - last < QUIET and stage.eyes.unfinished():
        if stage.eyes.asking():
            stage.answer_truly()
            recovery.forget_asked()
        time.sleep(0.1)
    said.append(f"all quiet {time.monotonic() - last:.1f} s after the last blow")
    said.append(f"{stage.eyes.failed('E_POISON')} innocent runs were hit alone three times and failed as poison")
    recovery.look()
    return row(story, stage, recovery, said=said)
