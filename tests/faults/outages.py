"""What the product stands on goes away and comes back: PostgreSQL, Redis, the disk (F07, F09, F10)."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator

from tests.faults import servers
from tests.faults.callers import Callers
from tests.faults.report import Row, left_out, row
from tests.faults.stage import Stage

QUIET = 120.0
SLOWER_AT_MOST = 3.0


def stories(database: str, times: int = 3) -> Iterator[Row]:
    """The outages that this database and this machine know."""
    if database == "postgres":
        yield from _of_postgres(times)
    if shutil.which("redis-server"):
        yield redis_away(database)
    else:
        yield left_out("Redis away", database, "there is no redis-server on this machine")
    if os.geteuid() == 0:
        yield disk_full(database)
    else:
        yield left_out("disk full", database, "a small disk can be mounted only as root")


def _of_postgres(times: int) -> Iterator[Row]:
    for mode in ("fast", "immediate"):
        if servers.postgres_binaries() is None:
            yield left_out(f"PostgreSQL restarts ({mode})", "postgres", "there is no initdb on this machine")
        else:
            yield restarts(mode, times)


def restarts(mode: str, times: int) -> Row:
    """PostgreSQL restarts under load: an answer of the API is a promise or a 503, and every promise is kept."""
    with servers.postgres() as server, Stage("postgres", postgres=server.url) as stage:
        stage.start_workers()
        base = stage.start_web()
        with Callers(stage, base) as callers:
            for _ in range(times):
                time.sleep(4)
                server.control("restart", mode)
                stage.kills += 1
            time.sleep(3)
        stage.until_quiet(QUIET, answer=True)
        return row(f"PostgreSQL restarts ({mode})", stage, said=[callers.said()], wrong=sorted(set(callers.broken)))


def redis_away(database: str) -> Row:
    """The broker forgets, runs out of memory, dies and comes back: runs are slower to start, by 3 s at most."""
    redis = servers.Redis()
    redis.up()
    with Stage(database, lease=30, scale=1.0, REDIS_URL=redis.url) as stage:
        stage.start_workers()
        slowest: dict[str, float] = {"Redis up": _slowest(stage)}
        for name, change in _moods(redis).items():
            change()
            stage.kills += 1
            slowest[name] = _slowest(stage, redis if name == "FLUSHALL" else None)
        stage.until_quiet(QUIET)
        redis.down()
        said = [", ".join(f"{name}: {seconds:.2f} s" for name, seconds in slowest.items())]
        wrong = [f"{name}: {took:.1f} s" for name, took in slowest.items() if took > SLOWER_AT_MOST]
        return row("Redis away", stage, said=said, wrong=wrong)


def _moods(redis: servers.Redis) -> dict[str, Callable[[], object]]:
    return {
        "FLUSHALL": lambda: redis.tell("FLUSHALL"),
        "no memory": lambda: redis.tell("CONFIG", "SET", "maxmemory", "1"),
        "down": redis.down,
        "up again": redis.up,
    }


def _slowest(stage: Stage, flushed: servers.Redis | None = None, probes: int = 8) -> float:
    """How long a new run waits to be claimed, at most."""
    slowest = 0.0
    for _ in range(probes):
        began = time.monotonic()
        ids = stage.start_runs("effects", 1)
        if flushed is not None:
            flushed.tell("FLUSHALL")
        stage.until(lambda ids=ids: stage.eyes.claimed(ids) == 1, 30)
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.2)
    return slowest


def disk_full(database: str, seconds: float = 15.0) -> Row:
    """The disk of the database is full for a while: no false promise, no damage, and work goes on by itself."""
    if database == "postgres":
        with servers.small_disk(256) as disk:
            folder = disk / "pg"
            folder.mkdir()
            with servers.postgres(folder=folder) as server, Stage("postgres", postgres=server.url) as stage:
                return _full(stage, disk, seconds)
    with servers.small_disk(64) as disk, Stage("sqlite", folder=disk) as stage:
        return _full(stage, disk, seconds)


def _full(stage: Stage, disk: servers.Path, seconds: float) -> Row:
    stage.start_workers()
    base = stage.start_web()
    with Callers(stage, base, apart=0.1) as callers:
        time.sleep(3)
        before = len(stage.acked)
        servers.fill(disk)
        stage.kills += 1
        time.sleep(seconds)
        during = len(stage.acked) - before
        servers.free(disk)
        freed = time.monotonic()
        stage.until(lambda: len(stage.acked) > before + during, 60)
        again = time.monotonic() - freed
        time.sleep(3)
    stage.until_quiet(QUIET, answer=True)
    said = [callers.said(), f"{during} promises while full, the next {again:.1f} s after"]
    wrong = sorted(set(callers.broken))
    if stage.database == "sqlite":
        found = stage.act("integrity")
        wrong += [] if found == "ok" else [f"quick_check: {found}"]
    return row("disk full", stage, said=said, wrong=wrong)
