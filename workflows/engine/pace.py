"""How fast a connection may be used: rates, Retry-After, breakers, calls at once. Pure: numbers in, numbers out.

Moments are seconds on one clock, the database's. A rate gives each call a moment of its own (GCRA): what has been
given out stands in `taken`, so a block that dies with its worker is lost and nothing is given twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from integrations.spec import Limit

BLOCK = 1.0  # a worker takes the tokens that it wants of at most so many seconds ahead
OPEN_AFTER = 5
FIRST_REST, LONGEST_REST = 30.0, 300.0
PROBE_FOR = 60.0
LONGEST_BLOCK = 24 * 3600.0


# Rates


def limits_for(declared: Sequence[Limit], per_minute: int | None, lifted: bool) -> tuple[Limit, ...]:
    """What holds for a connection: its own limit where it has one (0: none), else those its service declares."""
    if per_minute is None:
        return () if lifted else tuple(declared)
    return (Limit(per_minute, 60.0, burst=max(1, per_minute // 10)),) if per_minute else ()


def applies(limits: Iterable[Limit], change: bool) -> list[Limit]:
    """The limits that a call counts against."""
    return [limit for limit in limits if change or not limit.changes]


def interval(limit: Limit) -> float:
    """Seconds between calls in the long run, such that no window of `seconds` holds more than `amount`."""
    return limit.seconds / (limit.amount - limit.burst + 1)


def grant(taken: dict[str, float], limits: Sequence[Limit], wanted: int, now: float) -> tuple[list[float], float]:
    """The moments at which so many calls may leave, within the next second; and when the first after them may.

    `taken` is moved on by what is granted.
    """
    given: list[float] = []
    for _ in range(wanted):
        at = _earliest(taken, limits, now)
        if at > now + BLOCK:
            break
        given.append(at)
        for limit in limits:
            taken[limit.name] = max(taken.get(limit.name, 0.0), at) + interval(limit)
    return given, _earliest(taken, limits, now)


def _earliest(taken: dict[str, float], limits: Sequence[Limit], now: float) -> float:
    slack = ((taken.get(limit.name, 0.0) - (limit.burst - 1) * interval(limit)) for limit in limits)
    return max(now, *slack)


# Breakers


@dataclass(slots=True)
class Circuit:
    """A breaker: closed lets all calls through, open none, half-open one. Counts connect errors, timeouts and 5xx."""

    state: str = "closed"
    failures: int = 0
    trips: int = 0
    since: float = 0.0
    opened: float = 0.0
    retry: float = 0.0
    error: str = ""

    def failed(self, now: float, error: str) -> None:
        """A call that the service did not answer."""
        self.error = error
        self.failures += 1
        if self.failures == 1:
            self.since = now
        if self.state == "half_open" or (self.state == "closed" and self.failures >= OPEN_AFTER):
            self.state, self.opened = "open", now
            self.trips += 1
            self.retry = now + min(LONGEST_REST, FIRST_REST * 2 ** (self.trips - 1))

    def worked(self) -> None:
        """A call that was answered. Late answers do not close an open breaker: the next probe does."""
        if self.state != "open":
            self.reset()

    def reset(self) -> None:
        """As if nothing had happened."""
        self.state, self.failures, self.trips = "closed", 0, 0
        self.since = self.opened = self.retry = 0.0
        self.error = ""

    def probe(self, now: float) -> bool:
        """Whether the caller may try once for all the others; if it dies, another one may a minute later."""
        if self.state == "closed":
            return True
        if now < self.retry:
            return False
        self.state, self.retry = "half_open", now + PROBE_FOR
        return True


# Calls at once


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a connection's calls at once a worker holds, and how many it could use."""

    held: int
    wanted: int


def share(limit: int, mine: Share, in_use: int, others: Sequence[Share]) -> tuple[int, int]:
    """(held, allowed): how many calls at once a worker now holds, and up to how many it may begin new ones.

    What others hold is theirs. Where there is too little for all, who holds more than its part begins no new calls
    until it is down to it; where there is less than one each, the places change hands.
    """
    free = limit - sum(other.held for other in others)
    allowed = min(mine.wanted, free)
    if any(other.wanted > other.held for other in others):
        part = limit // (1 + sum(other.wanted > 0 for other in others))
        allowed = min(allowed, part or int(mine.held == 0))
    allowed = max(allowed, 0)
    return max(in_use, allowed), allowed
