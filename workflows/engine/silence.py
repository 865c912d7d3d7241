"""Whether events stay away that usually come, learned from what came before. Pure.

What is usual: how many events an hour of the day has, on weekdays and on weekends apart. The whole hours since the last
event are counted in events that would have come in them; a silence is unusual when that is at least five, and clearly
more than in any silence before. So nights, weekends and bursts are no alarm, and a busy trigger is noticed in hours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

LEAST_EVENTS, LEAST_DAYS = 20, 7
LEAST_EXPECTED = 5.0  # by chance (Poisson) once in 150 times; the second rule makes it rarer
CLEARLY_MORE = 1.3
MOST_DAYS = 28


@dataclass(frozen=True)
class Usual:
    """What is usual: events an hour by (weekend, hour), events a day by kind of day, the longest silence so far."""

    hours: Mapping[tuple[bool, int], float]
    days: Mapping[bool, tuple[int, int]]
    longest: float


@dataclass(frozen=True)
class Silence:
    """Events stay away: since when, how many would have come, and it in words."""

    since: datetime
    expected: float
    words: str


def learn(history: Mapping[date, Sequence[int]], today: date) -> Usual | None:
    """What is usual, from the counts of each hour of the days before today; None while too little is known.

    A day without a row had no events; the days count from the first row on.
    """
    known = {day: list(hours) for day, hours in history.items() if today - timedelta(days=MOST_DAYS) <= day < today}
    total = sum(sum(hours) for hours in known.values())
    if not known or total < LEAST_EVENTS or (today - min(known)).days < LEAST_DAYS:
        return None
    days = [min(known) + timedelta(days=n) for n in range((today - min(known)).days)]
    counts = {day: known.get(day, [0] * 24) for day in days}
    hours = {(weekend, hour): _mean(counts, weekend, hour) for weekend in (False, True) for hour in range(24)}
    return Usual(hours, {weekend: _range(counts, weekend) for weekend in (False, True)}, _longest(counts, hours))


def is_silent(usual: Usual, last: datetime, at: datetime) -> Silence | None:
    """Whether the silence since the last event is unusual."""
    expected = _expected(usual.hours, last, at)
    if expected < max(LEAST_EXPECTED, CLEARLY_MORE * usual.longest):
        return None
    weekend = _weekend(at.date())
    low, high = usual.days[weekend]
    kind = "weekend day" if weekend else "weekday"
    since = f"{last:%a %d %b %H:%M} UTC"
    return Silence(last, expected, f"Nothing since {since}; usually {low}–{high} on a {kind}.")


def _weekend(day: date) -> bool:
    return day.weekday() >= 5


def _mean(counts: Mapping[date, Sequence[int]], weekend: bool, hour: int) -> float:
    found = [hours[hour] for day, hours in counts.items() if _weekend(day) == weekend]
    return sum(found) / len(found) if found else 0.0


def _range(counts: Mapping[date, Sequence[int]], weekend: bool) -> tuple[int, int]:
    """What nine days of ten are within."""
    found = sorted(sum(hours) for day, hours in counts.items() if _weekend(day) == weekend)
    if not found:
        return 0, 0
    cut = len(found) // 10
    return found[cut], found[-1 - cut]


def _expected(hours: Mapping[tuple[bool, int], float], start: datetime, end: datetime) -> float:
    """How many events usually come in the whole hours between two moments."""
    moment = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    last, total = min(end.astimezone(UTC), moment + timedelta(days=MOST_DAYS)) - timedelta(hours=1), 0.0
    while moment <= last:
        total += hours[_weekend(moment.date()), moment.hour]
        moment += timedelta(hours=1)
    return total


def _longest(counts: Mapping[date, Sequence[int]], hours: Mapping[tuple[bool, int], float]) -> float:
    """The longest silence so far, in events that would have come in it."""
    longest = current = 0.0
    for day in sorted(counts):
        for hour, count in enumerate(counts[day]):
            current = 0.0 if count else current + hours[_weekend(day), hour]
            longest = max(longest, current)
    return longest
