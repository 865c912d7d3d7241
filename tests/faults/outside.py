"""What people do while workers die: cancel at each crash point (F33), take away what a run needs (F34)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

from tests.faults.eyes import state_of
from tests.faults.judge import HONEST, TAKEN_AWAY
from tests.faults.matrix import NEEDS_LOSS, OUTBOUND, WORKER
from tests.faults.report import Row, row, together
from tests.faults.stage import Stage

# A take-over and a large output are nothing one could cancel differently.
POINTS = tuple(point for point in WORKER if point not in ("P05", "P17", "P28"))
NOTHING_NEW_AFTER = 10.0
QUIET = 60.0


def stories(database: str) -> Iterator[Row]:
    """Cancel at every place, then take things away."""
    for mode in ("kill", "stop"):
        yield together(f"cancel at each point:{mode}", [cancelled(database, point, mode) for point in POINTS])
    yield taken_away(database, "workflow")
    yield taken_away(database, "connection")


def cancelled(database: str, point: str, mode: str) -> Row:
    """A worker dies or stands still at a place; its runs are cancelled; then it wakes, or another takes over.

    The lease (12 s) is longer than the stillness, so the frozen worker goes on where it was.
    """
    with Stage(database, lease=12, scale=1.0) as stage:
        stage.env["FAKE_TRANSPORT"] = "blocking" if point in OUTBOUND else ""
        if point in NEEDS_LOSS:
            stage.plan(NEEDS_LOSS[point])
        stage.start_workers(**stage.crash(f"{point}:1:{mode}"))
        ids = stage.start_runs("effects", 2)
        stage.until(lambda: stage.crashed(point), 30)
        stage.kills += stage.crashed(point)
        at = time.time()
        for run in ids:
            stage.act("cancel", run)
        time.sleep(0.5)
        _wake(stage)
        stage.until_quiet(QUIET)
        late = [line["key"] for line in stage.lines() if line["at"] > at + NOTHING_NEW_AFTER]
        wrong = [f"{key} was made {NOTHING_NEW_AFTER:.0f} s after the cancel" for key in late]
        wrong += [] if stage.crashed(point) else [f"nobody passed {point}"]
        return row(f"cancel at {point}:{mode}", stage, wrong=wrong)


def _wake(stage: Stage) -> None:
    for (pid,) in stage.eyes.rows("SELECT pid FROM workflows_worker WHERE state IN ('live', 'draining')"):
        if state_of(int(pid)) == "T":
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGCONT)


def taken_away(database: str, what: str) -> Row:
    """The workflow or the connection is deleted while its runs are walked and workers die."""
    with Stage(database) as stage:
        stage.start_workers()
        stage.plan(*["slow:1", "ok", "lose", "drop"] * 3)
        stage.start_runs("effects", 6)
        time.sleep(0.7)
        if what == "workflow":
            stage.act("delete_workflow", "effects")
        else:
            stage.act("delete_connection")
        for pid in stage.live()[:1]:
            stage.kill(pid)
        stage.until_quiet(QUIET)
        return row(f"{what} deleted under its runs", stage, honest=HONEST | TAKEN_AWAY)
