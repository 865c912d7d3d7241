"""Each process of the product is killed by itself, all of them at once, and told to stop (F04, F06, F29, F30, F43)."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from tests.faults.eyes import state_of
from tests.faults.judge import HONEST, OURS
from tests.faults.report import Row, row
from tests.faults.stage import Stage

GOES_ON = 37.0
PROBES = 10
QUIET = 120.0


def stories(database: str, times: int = 3) -> Iterator[Row]:
    """Every process, then all of them, then the polite ways."""
    for name in FINDERS:
        yield one_process(database, name, times)
    yield everything(database, times)
    yield terminated(database, "parent", lambda stage, top: top.send_signal(signal.SIGTERM))
    yield terminated(database, "whole group", _tell_all)
    yield terminated(database, "container, 10 s", lambda stage, top: top.send_signal(signal.SIGTERM), patience=10.0)
    yield hungry(database)
    yield poison(database)


# Which process is which: below the supervisor a cluster's main process, below it the sentinel, below it workers,
# then the monitor and the pusher, in the order of their start.


def _cluster(stage: Stage, top: subprocess.Popen[bytes]) -> int:
    """The newest leader of a process group of its own (orphans of older clusters are the supervisor's children too)."""
    return max(pid for pid in _children(top.pid) if os.getpgid(pid) == pid)


def _sentinel(stage: Stage, top: subprocess.Popen[bytes]) -> int:
    return _children(_cluster(stage, top))[0]


def _whole(stage: Stage, top: subprocess.Popen[bytes]) -> bool:
    """Whether a cluster is there with all of its processes."""
    try:
        workers, there = set(stage.live()), set(_children(_sentinel(stage, top)))
    except (IndexError, ValueError, ProcessLookupError):
        return False
    return len(workers & there) >= 2 and len(there - workers) >= 2


def _helpers(stage: Stage, top: subprocess.Popen[bytes]) -> list[int]:
    workers = {int(pid) for (pid,) in stage.eyes.rows("SELECT pid FROM workflows_worker")}
    return [pid for pid in _children(_sentinel(stage, top)) if pid not in workers]


def _monitor(stage: Stage, top: subprocess.Popen[bytes]) -> int:
    return _helpers(stage, top)[0]


def _pusher(stage: Stage, top: subprocess.Popen[bytes]) -> int:
    return _helpers(stage, top)[1]


def _lock_holder(stage: Stage, top: subprocess.Popen[bytes]) -> int:
    """The worker that waits at django-q2's queue with its lock in hand: its main thread reads from a pipe."""
    return next(pid for pid in _mine(stage, top) if Path(f"/proc/{pid}/syscall").read_text().split()[0] == "0")


def _other_worker(stage: Stage, top: subprocess.Popen[bytes]) -> int:
    return next(pid for pid in _mine(stage, top) if pid != _lock_holder(stage, top))


def _mine(stage: Stage, top: subprocess.Popen[bytes]) -> list[int]:
    return sorted(set(stage.live()) & set(_children(_sentinel(stage, top))))


FINDERS: dict[str, Callable[[Stage, subprocess.Popen[bytes]], int]] = {
    "idle lock holder": _lock_holder,
    "other worker": _other_worker,
    "sentinel": _sentinel,
    "monitor": _monitor,
    "pusher": _pusher,
    "cluster": _cluster,
}


def one_process(database: str, name: str, times: int) -> Row:
    """One process of the cluster is killed under load: claims go on, and no run is lost."""
    longest = 0.0
    with Stage(database, lease=30, scale=1.0) as stage, stage.recovery() as recovery:
        top = stage.start_workers()
        for _ in range(times):
            stage.until(lambda: _whole(stage, top), 60)
            _some_load(stage)
            time.sleep(0.3)
            victim = _find(stage, top, name)
            stage.kill(victim)
            recovery.hit(victim)
            for _ in range(PROBES):
                waited = _until_claimed(stage, stage.start_runs("pure", 1))
                longest = max(longest, waited)
                time.sleep(0.3)
        wrong = [f"no claim for {longest:.0f} s"] if longest > GOES_ON else []
        stage.until_quiet(QUIET, answer=True)
        return row(
            f"kill {name}", stage, recovery, said=[f"new runs were claimed after {longest:.1f} s at most"], wrong=wrong
        )


def _find(stage: Stage, top: subprocess.Popen[bytes], name: str) -> int:
    """The process of this name; looked for again while the cluster is being replaced."""
    end = time.monotonic() + 20
    while True:
        try:
            return FINDERS[name](stage, top)
        except (IndexError, ValueError, OSError, StopIteration):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _until_claimed(stage: Stage, ids: list[str]) -> float:
    began = time.monotonic()
    stage.until(lambda: stage.eyes.claimed(ids) == len(ids), QUIET)
    return time.monotonic() - began


def everything(database: str, times: int) -> Row:
    """kill -9 of supervisor, cluster and web at once, then all are started again on the same machine."""
    longest = 0.0
    with Stage(database, lease=30, scale=1.0) as stage:
        for turn in range(times + 1):
            claims, began = stage.eyes.claims(), time.monotonic()
            top = stage.start_workers(wait=False)
            stage.start_web()
            if turn:
                stage.until(lambda before=claims: stage.eyes.claims() > before, 60)
                longest = max(longest, time.monotonic() - began)
            if turn < times:
                stage.until(lambda: len(stage.live()) >= 2, 60)
                _some_load(stage)
                stage.start_runs("slow", 4)  # under way when everything dies, so that there is something to claim
                time.sleep(0.5)
                for process in (top, stage.web):
                    stage.kill_all(process)
                stage.kills += 1
        stage.until_quiet(QUIET, answer=True)
        said = [f"first claim {longest:.1f} s after the start at most"]
        wrong = [f"no claim for {longest:.0f} s"] if longest > GOES_ON else []
        return row("kill everything, start again", stage, said=said, wrong=wrong)


def terminated(
    database: str, name: str, tell: Callable[[Stage, subprocess.Popen[bytes]], None], patience: float = 40.0
) -> Row:
    """SIGTERM under load: what is in flight is finished or handed back, nothing is done twice."""
    with Stage(database, lease=30, scale=1.0) as stage:
        stage.plan(*["slow:2"] * 6)
        top = stage.start_workers()
        _some_load(stage)
        stage.start_runs("slow", 4)
        time.sleep(1.0)
        tell(stage, top)
        stage.kills += 1
        began = time.monotonic()
        with suppress(subprocess.TimeoutExpired):
            top.wait(patience)
        took = time.monotonic() - began
        owned = int(stage.eyes.one("SELECT count(*) FROM workflows_run WHERE worker_id IS NOT NULL"))
        stage.kill_all(top)
        wrong = [f"{owned} runs were still owned"] if owned and took < patience else []
        stage.start_workers()
        stage.until_quiet(QUIET, answer=True)
        return row(f"SIGTERM to {name}", stage, said=[f"ended after {took:.1f} s"], wrong=wrong)


def _tell_all(stage: Stage, top: subprocess.Popen[bytes]) -> None:
    for pid in [top.pid, *stage.tree(top)]:
        stage.kill(pid, signal.SIGTERM)
    stage.kills = 0


def hungry(database: str) -> Row:
    """A step that asks for more memory than there is (ulimit -v): it fails, and the others do not."""
    limited = ("bash", "-c", 'ulimit -v 4000000; exec "$@"', "--")
    with Stage(database) as stage:
        stage.start_workers(prefix=limited)
        stage.start_runs("hungry", 2)
        stage.start_runs("effects", 4)
        stage.kills += 1
        stage.until_quiet(QUIET)
        return row("out of memory in a step", stage, honest=HONEST | OURS, wrong=_others_failed(stage, "hungry"))


def poison(database: str) -> Row:
    """A step that takes its worker along: stopped after three deaths alone, and the others are not harmed."""
    with Stage(database) as stage:
        stage.start_workers()
        stage.start_runs("poison", 2)
        stage.start_runs("effects", 4)
        stage.until_quiet(QUIET)
        stage.kills = int(stage.eyes.one("SELECT count(*) FROM workflows_worker WHERE state = 'dead'"))
        return row("poison", stage, wrong=_others_failed(stage, "poison"))


def _others_failed(stage: Stage, slug: str) -> list[str]:
    sql = (
        "SELECT w.slug, r.status FROM workflows_run r JOIN workflows_workflow w ON w.id = r.workflow_id "
        "WHERE r.status <> CASE WHEN w.slug = %s THEN 'failed' ELSE 'succeeded' END"
    )
    return [f"{name} is {status}" for name, status in stage.eyes.rows(sql, (slug,))]


def steady(database: str, seconds: float = 150.0) -> Row:
    """Many runs one after the other: open files, memory and database connections stay where they are (F43)."""
    with Stage(database, lease=30, scale=1.0) as stage:
        stage.start_workers()
        measured = []
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            for slug in ("pure", "effects", "pair"):
                stage.start_runs(slug, 20)
            stage.until_quiet(QUIET)
            measured.append((*_weighed(stage.live()), _connections(stage)))
        warm, last = measured[len(measured) // 4], measured[-1]
        files, memory = last[0] - warm[0], last[1] / max(1.0, warm[1]) - 1
        wrong = [f"{files} more open files"] if files > 8 else []
        wrong += [f"{memory:.0%} more memory"] if memory > 0.05 else []
        wrong += [f"{last[2] - warm[2]} more database connections"] if last[2] > warm[2] else []
        stage.kills = 0
        said = [f"{len(stage.acked)} runs: open files {warm[0]} → {last[0]}, memory {warm[1]:.0f} → {last[1]:.0f} MB"]
        return row("steady", stage, said=said, wrong=wrong)


def _weighed(pids: list[int]) -> tuple[int, float]:
    """Open files, and resident memory of their own in MB, of these processes."""
    files = sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return files, pages * 4096 / 1e6


def _connections(stage: Stage) -> int:
    """Connections to this PostgreSQL database; SQLite's are open files."""
    if stage.database == "sqlite":
        return 0
    return int(stage.eyes.one("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"))


def _some_load(stage: Stage) -> None:
    for slug, count in (("effects", 2), ("pair", 3), ("each", 1), ("forks", 1), ("parent", 1), ("pure", 2)):
        stage.start_runs(slug, count)


def _children(pid: int) -> list[int]:
    """Children that are there, oldest first."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in path.read_text().split()]
    return sorted(child for child in found if state_of(child) not in ("", "Z", "X"))
