"""The one clock: wall time, monotonic time and boot time, all of which a test can hold still."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta


class Frozen:
    """A clock that stands still until it is told to move: `with freeze(dt) as clock: clock.tick(60)`."""

    def __init__(self, at: datetime) -> None:
        self.at = at if at.tzinfo else at.replace(tzinfo=UTC)
        self.elapsed = 0.0
        self.base_monotonic = time.monotonic()
        self.base_boottime = _boottime()

    def tick(self, seconds: float) -> datetime:
        """Let `seconds` pass on all three clocks."""
        self.at += timedelta(seconds=seconds)
        self.elapsed += seconds
        return self.at

    def move_to(self, at: datetime) -> datetime:
        """Set the wall clock alone, as an administrator would."""
        self.at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return self.at


_frozen: Frozen | None = None


def now() -> datetime:
    """The time, with its zone (UTC)."""
    return _frozen.at if _frozen else datetime.now(UTC)


def moment(at: datetime | None) -> str | None:
    """A time as programs read it: ISO 8601 in UTC with a Z; None stays None."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def monotonic() -> float:
    """Seconds that never go back; they may stand still while the machine sleeps."""
    return _frozen.base_monotonic + _frozen.elapsed if _frozen else time.monotonic()


def boottime() -> float:
    """Seconds since boot, sleep included (CLOCK_BOOTTIME where the system has it)."""
    return _frozen.base_boottime + _frozen.elapsed if _frozen else _boottime()


def _boottime() -> float:
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@contextmanager
def freeze(at: datetime) -> Iterator[Frozen]:
    """Hold the clock of this process at `at`, for a test."""
    global _frozen
    before, clock = _frozen, Frozen(at)
    _frozen = clock
    try:
        yield clock
    finally:
        _frozen = before
