"""A service in a storm (F15): every answer is of no use for a while. Its breaker opens, and other services go on."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.faults.report import Row, row
from tests.faults.stage import Stage

SECONDS = 12.0
CALM_AT_MOST = 8.0
IN_FLIGHT = 12
QUIET = 150.0
# Requests in the storm: those in flight when it begins, five failures, then one probe now and then, and looks.
MOST_REQUESTS = {"500": 60, "hang": 60, "429": 60, "drip": 150, "truncated": 150, "html": 150, "bomb": 150}


def stories(database: str) -> Iterator[Row]:
    """Every kind of storm."""
    for mood, most in MOST_REQUESTS.items():
        yield storm(database, mood, most)


def storm(database: str, mood: str, most: int) -> Row:
    """Changes are under way to a service in a storm, and to another one; then the storm is over."""
    with Stage(database, lease=30, scale=1.0, two_services=True, FAKE_TRANSPORT="blocking") as stage:
        stage.start_workers()
        before = stage.mood(mood)
        stage.kills += 1
        stage.start_runs("effects", IN_FLIGHT)
        slowest, began = 0.0, time.monotonic()
        while time.monotonic() - began < SECONDS:
            slowest = max(slowest, _calm(stage))
            time.sleep(0.5)
        requests = stage.mood("") - before
        stage.until_quiet(QUIET, answer=True)
        said = [f"{requests} requests in {SECONDS:.0f} s; runs with the other service took {slowest:.1f} s at most"]
        wrong = [f"{requests} requests in the storm"] if requests > most else []
        wrong += [f"a run with the other service took {slowest:.1f} s"] if slowest > CALM_AT_MOST else []
        return row(f"service storm: {mood}", stage, said=said, wrong=wrong)


def _calm(stage: Stage) -> float:
    """How long a run with the other service takes."""
    began = time.monotonic()
    (run,) = stage.start_runs("calm", 1)
    sql = "SELECT count(*) FROM workflows_run WHERE status = 'succeeded' AND id = %s"
    stage.until(lambda: stage.eyes.one(sql, stage.eyes.ids([run])) == 1, 30)
    return time.monotonic() - began
