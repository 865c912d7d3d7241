"""The timeline of a run: one lane per step and per item of a loop, bars and marks in percent of the run's length."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrator_site.lib.clock import now
from orchestrator_site.lib.look import duration, step_sign
from workflows.engine.catalogue import CATALOGUE
from workflows.models import Run, StepRun

if TYPE_CHECKING:
    from workflows.views.run_page import StepRow

TONES = {
    "succeeded": "ok",
    "failed": "bad",
    "running": "run",
    "attention": "need",
    "unknown": "check",
    "waiting": "idle",
}
WORDS = {
    "ok": "Done",
    "bad": "Failed",
    "run": "Running",
    "need": "Needs you",
    "check": "No answer, looking",
    "idle": "Waiting or cancelled",
}
_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30)
STEPS = (*_SECONDS, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400)
NARROWEST = 0.6


def took(started: datetime | None, finished: datetime | None) -> float | None:
    """Seconds from start to end, or up to now."""
    return None if started is None else max(0.0, ((finished or now()) - started).total_seconds())


def timeline(rows: list[StepRow], run: Run) -> dict[str, Any]:
    """Lanes, the marks of the axis, and the tones that occur (for the legend)."""
    begin = run.started_at or run.created_at
    whole = max(0.001, took(begin, run.finished_at) or 0.001)
    lanes: list[dict[str, Any]] = []
    for row in rows:
        if row.record is not None and row.record.started_at is not None:
            lanes.append(_lane(row, begin, whole))
        for item in row.inner:
            inner = [r for r in item.rows if r.record and r.record.started_at and r.record.kind != "control"]
            if inner:
                lanes.append(_item_lane(item.label, item.why, inner, begin, whole))
    tones = {bar["tone"] for lane in lanes for bar in lane["bars"]}
    legend = [{"tone": tone, "word": word} for tone, word in WORDS.items() if tone in tones]
    return {"lanes": lanes, "axis": _axis(whole), "legend": legend}


def _axis(whole: float) -> list[dict[str, Any]]:
    step = next((each for each in STEPS if whole / each <= 5), STEPS[-1])
    marks = [step * n for n in range(1, 6) if step * n < whole * 0.97]
    return [{"x": f"{mark / whole * 100:.2f}", "label": _mark(mark)} for mark in marks]


def _mark(seconds: float) -> str:
    if seconds < 0.1:
        return f"{seconds * 1000:g} ms"
    return f"{seconds:g} s" if seconds < 60 else duration(seconds).replace(" 00 s", "").replace(" 0 min", "")


def _lane(row: StepRow, begin: datetime, whole: float) -> dict[str, Any]:
    record = row.record
    assert record is not None
    seconds = duration(took(record.started_at, record.finished_at))
    tone = "frame" if row.inner else ""
    info = CATALOGUE.get(record.action)
    return {
        "no": row.number,
        "name": row.name,
        "service": info.service if info else "",
        "icon": (info.icon if info else "") or "puzzle",
        "took": seconds,
        "bars": _bars(record, row.status, begin, whole, tone),
        "say": f"{row.name}: {step_sign(row.status).word.lower()}, {seconds}",
    }


def _item_lane(label: str, why: str, rows: list[StepRow], begin: datetime, whole: float) -> dict[str, Any]:
    records = [row.record for row in rows if row.record]
    starts = [record.started_at for record in records if record.started_at]
    ends = [record.finished_at for record in records]
    end = None if None in ends else max(moment for moment in ends if moment)
    seconds = duration(took(min(starts), end))
    bars = [bar for row in rows if row.record for bar in _bars(row.record, row.status, begin, whole)]
    said = ", ".join(f"{row.name} {step_sign(row.status).word.lower()}" for row in rows)
    return {
        "name": label,
        "inner": True,
        "took": seconds,
        "bars": bars,
        "say": f"{label}: {said}, {seconds}",
        "why": why,
    }


def _bars(record: StepRun, status: str, begin: datetime, whole: float, tone: str = "") -> list[dict[str, Any]]:
    """A failed attempt is red, the pause after it a dashed line, then the bar of the state as it is."""
    assert record.started_at is not None
    failed = [each for each in sorted(record.attempts.all(), key=lambda each: each.n) if each.status != "running"]
    bars: list[dict[str, Any]] = []
    last = record.started_at
    for attempt in failed:
        if attempt.status not in ("failed", "unknown") or attempt.finished_at is None:
            continue
        if attempt.started_at > last and bars:
            bars.append(_bar(begin, whole, last, attempt.started_at, "pause"))
        bars.append(
            _bar(
                begin, whole, attempt.started_at, attempt.finished_at, "bad" if attempt.status == "failed" else "check"
            )
        )
        last = attempt.finished_at
    if record.status == "failed" and bars:
        return bars
    newest = max((each.started_at for each in failed if each.status == "succeeded"), default=last)
    if bars and newest > last:
        bars.append(_bar(begin, whole, last, newest, "pause"))
        last = newest
    return [*bars, _bar(begin, whole, last, record.finished_at, tone or TONES.get(status, "idle"))]


def _bar(begin: datetime, whole: float, start: datetime, end: datetime | None, tone: str) -> dict[str, Any]:
    x = max(0.0, min(100 - NARROWEST, (start - begin).total_seconds() / whole * 100))
    width = max(NARROWEST, min(100 - x, ((end or now()) - start).total_seconds() / whole * 100))
    return {"x": x, "width": width, "end": x + width, "tone": tone}
