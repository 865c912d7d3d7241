"""Every crash point × kill, stop, raise (F01): one process meets its fate at a named place; everything comes right."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.faults.judge import HONEST, OURS
from tests.faults.report import Row, row
from tests.faults.stage import Stage

# P23, P24 (schedule ticks), P26 (retention) and P27 (OAuth tokens) come with their parts.
WEB = ("P01", "P02", "P03", "P04", "P22")
OUTBOUND = ("P10", "P11", "P12", "P13")
WORKER = (
    "P05", "P06", "P07", "P08", "P09", *OUTBOUND, "P14", "P15", "P16", "P17", "P18", "P19", "P20", "P21", "P25", "P28",
)  # fmt: skip
POINTS = tuple(sorted((*WEB, *WORKER)))
TRANSPORTS = ("blocking", "async")
MODES = ("kill", "stop", "raise")
NEEDS_LOSS = {"P18": "lose", "P19": "lose", "P20": "drop", "P21": "429"}
QUESTIONS = ("blind", "asks")  # a change that nobody can look up, and an approval
QUIET = 90.0


def stories(database: str, point: str, mode: str) -> Iterator[Row]:
    """The stories of a point: in the web, or in a worker; on its way out once with each transport."""
    if point == "P22":
        for question in QUESTIONS:
            yield decided(database, mode, question)
    elif point in WEB:
        yield in_web(database, point, mode)
    elif point in OUTBOUND:
        for transport in TRANSPORTS:
            yield at_point(database, point, mode, transport)
    else:
        yield at_point(database, point, mode)


def in_web(database: str, point: str, mode: str) -> Row:
    """A process that serves a request meets its fate; who asked asks again until there is a promise."""
    with Stage(database) as stage:
        stage.start_workers()
        stage.promised("one key", **stage.crash(f"{point}:1:{mode}"))
        stage.promised("one key")
        stage.kills += stage.crashed(point)
        stage.until_quiet(QUIET)
        return row(_name(point, mode), stage, wrong=_passed(stage, point))


def decided(database: str, mode: str, question: str) -> Row:
    """Who answers a run meets its fate just after the answer was stored; it was stored all the same."""
    with Stage(database) as stage:
        stage.start_workers()
        if question == "blind":
            stage.plan("lose")
        stage.start_runs(question, 1)
        stage.until(lambda: stage.eyes.asking() == 1, 30)
        journals = [str(path) for path in stage.journals()]
        stage.attempt("answer", journals, **stage.crash(f"P22:1:{mode}"))
        stage.kills += stage.crashed("P22")
        wrong = _passed(stage, "P22") + (["the answer was lost"] if stage.eyes.asking() else [])
        stage.until_quiet(QUIET)
        return row(_name("P22", mode, question), stage, wrong=wrong)


def at_point(database: str, point: str, mode: str, transport: str = "") -> Row:
    """One worker meets its fate at a named place."""
    with Stage(database) as stage, stage.recovery() as recovery:
        stage.env["FAKE_TRANSPORT"] = transport
        if point in NEEDS_LOSS:
            stage.plan(NEEDS_LOSS[point])
        # A take-over needs a dead worker first.
        plans = ["P09:1:kill", f"P17:1:{mode}"] if point == "P17" else [f"{point}:1:{mode}"]
        stage.start_workers(**stage.crash(*plans))
        began = time.monotonic()
        stage.start_runs("big" if point == "P28" else "effects", 3)
        while not stage.crashed(point) and time.monotonic() - began < 30 and stage.eyes.unfinished():
            time.sleep(0.01)
        stage.kills += stage.crashed(point)
        for pid, _ in _hit(stage, mode):
            recovery.hit(pid)
        stage.until_quiet(QUIET)
        honest = HONEST | OURS if mode == "raise" else HONEST
        return row(_name(point, mode, transport), stage, recovery, honest=honest, wrong=_passed(stage, point))


def _hit(stage: Stage, mode: str) -> list[tuple[int, int]]:
    """The workers that do not go on now: (pid, runs)."""
    from tests.faults.eyes import state_of

    found = stage.eyes.rows("SELECT pid, 0 FROM workflows_worker WHERE state IN ('live', 'draining')")
    return [(int(pid), 0) for pid, _ in found if state_of(int(pid)) in ("", "Z", "X", "T")]


def _passed(stage: Stage, point: str) -> list[str]:
    return [] if stage.crashed(point) else [f"nobody passed {point}"]


def _name(*parts: str) -> str:
    return ":".join(filter(None, parts))
