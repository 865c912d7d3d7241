"""`make faults`: every crash point × kill, stop, raise, then random kills; a table of what was lost, doubled and so on.

python -m tests.faults.matrix [--database sqlite|postgres] [--repeat N] [--kills N] [--points P07,P09]
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

from tests.faults.stage import Stage, Verdict

# P23, P24 (schedule ticks), P26 (retention) and P27 (OAuth tokens) come with their parts.
WEB = ("P01", "P02", "P03", "P04", "P22")
OUTBOUND = ("P10", "P11", "P12", "P13")
WORKER = (
    "P05", "P06", "P07", "P08", "P09", *OUTBOUND, "P14", "P15", "P16", "P17", "P18", "P19", "P20", "P21", "P25", "P28",
)  # fmt: skip
POINTS = tuple(sorted((*WEB, *WORKER)))
TRANSPORTS = ("blocking", "async")
MODES = ("kill", "stop", "raise")
NEEDS_LOSS = {"P18": "lose", "P19": "lose", "P20": "drop", "P21": "429", "P22": "lose"}
COLUMNS = ("story", "runs", "kills", "lost", "doubled", "phantom", "stuck", "lying", "recovery_s")


def main() -> int:
    """Run the matrix; 0 when there are five zeros everywhere."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--points", default=",".join(POINTS))
    parser.add_argument("--modes", default=",".join(MODES))
    options = parser.parse_args()
    rows = []
    print(" ".join(f"{name:>12}" for name in COLUMNS), flush=True)
    for point in [point for point in options.points.split(",") if point]:
        for mode in options.modes.split(","):
            for _ in range(options.repeat):
                rows += [shown(found) for found in stories(options.database, point, mode)]
    if options.kills:
        rows.append(shown(at_random(options.database, options.kills)))
    recoveries = sorted(row["recovery_s"] for row in rows)
    summary = {
        "database": options.database,
        "stories": len(rows),
        "runs": sum(row["runs"] for row in rows),
        **{name: sum(row[name] for row in rows) for name in COLUMNS[2:8]},
        "recovery_p50_s": recoveries[len(recoveries) // 2],
        "recovery_p95_s": recoveries[int(len(recoveries) * 0.95)],
    }
    print(json.dumps(summary))
    return 0 if not any(summary[name] for name in COLUMNS[3:8]) else 1


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """Print a row of the table."""
    print(" ".join(f"{row[name]:>12}" for name in COLUMNS), flush=True)
    for detail in row["details"][:5]:
        print("   ", detail, flush=True)
    return row


def stories(database: str, point: str, mode: str) -> Iterator[dict[str, Any]]:
    """The stories of a point: in the web, or in a worker; on its way out once with each transport."""
    if point in WEB:
        yield in_web(database, point, mode)
    elif point in OUTBOUND:
        for transport in TRANSPORTS:
            yield at_point(database, point, mode, transport)
    else:
        yield at_point(database, point, mode)


def in_web(database: str, point: str, mode: str) -> dict[str, Any]:
    """A process that serves a request meets its fate; who asked asks again until there is a promise."""
    with Stage(database) as stage:
        crash = {"AWO_CRASH": f"{point}:1:{mode}", "AWO_CRASH_ONCE": str(stage.folder / "crashed")}
        stage.start_workers()
        if point == "P22":
            stage.plan(NEEDS_LOSS[point])
            stage.start_runs("blind", 1)
            stage.until(lambda: stage.act("waits") == 1, 30)
            stage.attempt("settle", "happened", **crash)
        else:
            stage.promised("one key", **crash)
        stage.kills += (stage.folder / "crashed").exists()
        began = time.monotonic()
        if point == "P22":
            stage.act("settle", "happened")
        else:
            stage.promised("one key")
        stage.until_quiet(60)
        return row(f"{point}:{mode}", stage, time.monotonic() - began)


def at_point(database: str, point: str, mode: str, transport: str = "") -> dict[str, Any]:
    """One worker meets its fate at a named place; everything must come right."""
    with Stage(database) as stage:
        stage.env["FAKE_TRANSPORT"] = transport
        if point in NEEDS_LOSS:
            stage.plan(NEEDS_LOSS[point])
        plan = f"{'P09' if point == 'P17' else point}:1:{'kill' if point == 'P17' else mode}"
        stage.start_workers(AWO_CRASH=plan, AWO_CRASH_ONCE=str(stage.folder / "crashed"))
        began = time.monotonic()
        stage.start_runs("big" if point == "P28" else "effects", 3)
        while not (stage.folder / "crashed").exists() and time.monotonic() - began < 30:
            if stage.act("unfinished") == 0:
                break
            time.sleep(0.02)
        stage.kills += (stage.folder / "crashed").exists()
        began = time.monotonic()
        stage.until_quiet(90)
        return row(":".join(filter(None, (point, mode, transport))), stage, time.monotonic() - began)


def at_random(database: str, kills: int) -> dict[str, Any]:
    """Workers are killed at random while effects, pure and slow runs are walked."""
    chance = random.Random(kills)
    with Stage(database) as stage:
        stage.start_workers()
        stage.plan(*[chance.choice(("ok", "ok", "ok", "lose", "drop", "500done", "500")) for _ in range(kills * 2)])
        for turn in range(kills):
            if turn % 5 == 0:
                stage.start_runs("effects", 5)
                stage.start_runs("pure", 5)
            time.sleep(chance.uniform(0.05, 0.6))
            pids = stage.worker_pids()
            if pids:
                stage.kill(chance.choice(pids))
        began = time.monotonic()
        stage.until_quiet(240)
        return row("random", stage, time.monotonic() - began)


def row(story: str, stage: Stage, recovery: float) -> dict[str, Any]:
    """The verdict of a story as a row."""
    verdict: Verdict = stage.check()
    if not stage.kills:
        verdict.details.append("NOBODY passed the place")
        verdict.stuck += 1
    counts = {name: getattr(verdict, name) for name in COLUMNS[3:8]}
    details = verdict.details
    return {
        "story": story, "runs": verdict.runs, "kills": stage.kills, **counts, "recovery_s": round(recovery, 1),
        "details": details,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
