"""How states, times, money and durations read on a page: words, icons and tones as values. Knows nothing of HTML."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

MINUTE, HOUR, DAY = 60, 3600, 86400


class Sign(NamedTuple):
    """A state as it is shown: a word, an icon and a tone (ok, run, need, check, bad, idle, dry)."""

    word: str
    icon: str
    tone: str


RUN = {
    "queued": Sign("Queued", "clock", "idle"),
    "running": Sign("Running", "loader-2", "run"),
    "waiting": Sign("Waiting", "clock-pause", "need"),
    "paused": Sign("Paused", "player-pause", "idle"),
    "attention": Sign("Needs you", "hand-stop", "need"),
    "succeeded": Sign("Succeeded", "circle-check", "ok"),
    "failed": Sign("Failed", "alert-triangle", "bad"),
    "cancelled": Sign("Cancelled", "ban", "idle"),
    "timed_out": Sign("Timed out", "clock-x", "bad"),
}
EFFECT = {
    "sent": Sign("Sent", "send", "run"),
    "unknown": Sign("Checking", "zoom-question", "check"),
    "confirmed": Sign("Confirmed", "circle-check", "ok"),
    "refused": Sign("Refused", "ban", "bad"),
    "absent": Sign("Not there", "circle-off", "idle"),
    "needs_you": Sign("Needs you", "hand-stop", "need"),
    "planned": Sign("Would send", "flask", "dry"),
}
STEP = {
    "pending": Sign("Not started", "circle-dashed", "idle"),
    "running": Sign("Running", "loader-2", "run"),
    "waiting": Sign("Waiting", "clock-pause", "need"),
    "attention": Sign("Needs you", "hand-stop", "need"),
    "unknown": Sign("Checking", "zoom-question", "check"),
    "succeeded": Sign("Succeeded", "circle-check-filled", "ok"),
    "failed": Sign("Failed", "alert-triangle", "bad"),
    "skipped": Sign("Not taken", "circle-minus", "idle"),
    "cancelled": Sign("Cancelled", "ban", "idle"),
}
TONE_ICONS = {
    "ok": "circle-check",
    "run": "loader-2",
    "need": "alert-circle",
    "check": "zoom-question",
    "bad": "alert-triangle",
    "idle": "circle-minus",
    "dry": "flask",
}
MOVING = "loader-2"
"""The one icon that turns."""


def plain(state: str) -> Sign:
    """A state that has no row of its own is shown in its own words, without a colour."""
    return Sign(state.replace("_", " ").capitalize(), "circle", "idle")


def run_sign(status: str, warnings: int = 0, waiting_for: str = "", mode: str = "live") -> Sign:
    """The one badge of a run: what it waits for, how many warnings, or that it was only a dry run."""
    sign = RUN.get(status) or plain(status)
    if status == "waiting" and waiting_for:
        return sign._replace(word=f"Waiting for {waiting_for}")
    if status != "succeeded":
        return sign
    if mode == "dry":
        return Sign("Dry run", "flask", "dry")
    if warnings:
        return Sign(f"Succeeded, {warnings} warning{'s' if warnings > 1 else ''}", "alert-circle", "need")
    return sign


def effect_sign(state: str) -> Sign:
    """The badge of one effect."""
    return EFFECT.get(state) or plain(state)


def step_sign(status: str) -> Sign:
    """The badge of one step of a run."""
    return STEP.get(status) or plain(status)


def age(moment: datetime, now: datetime) -> str:
    """Minutes up to an hour, then the clock, then the day. Both times in the zone of the reader."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < HOUR:
        return _minutes(seconds)
    days = (now.date() - moment.date()).days
    if days == 0:
        return f"{moment:%H:%M}"
    if days in (1, -1):
        return "Yesterday" if days == 1 else "Tomorrow"
    return f"{moment.day} {moment:%b}" + ("" if moment.year == now.year else f" {moment.year}")


def _minutes(seconds: float) -> str:
    minutes = int(abs(seconds) // MINUTE)
    if minutes == 0:
        return "just now" if seconds >= 0 else "in a moment"
    return f"{minutes} min ago" if seconds >= 0 else f"in {minutes} min"


def duration(seconds: float | None) -> str:
    """`40 ms`, `0.6 s`, `41 s`, `1 min 31 s`, `1 h 12 min`, `2 d 4 h`."""
    if seconds is None:
        return "–"
    if 0 < seconds < 0.095:
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02d} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def money(value: Decimal | float | str | None, decimals: int = 4) -> str:
    """Dollars, with 4 decimals for a run and 2 for a total."""
    return "–" if value is None or value == "" else f"${Decimal(str(value)):,.{decimals}f}"


def size(count: int) -> str:
    """A number of bytes: `940 B`, `12 KB`, `3.4 MB`."""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1000:.0f} KB"
    return f"{count / 1_000_000:.1f} MB"


def initials(name: str) -> str:
    """Two letters for a person: `ML` for Mara Lindqvist, `OW` for owner."""
    parts = name.replace(".", " ").replace("@", " ").split()
    return ("".join(part[0] for part in parts[:2]) if len(parts) > 1 else name[:2]).upper()
