"""Points in time: read from what services and people write, moved, compared, shown in a time zone. Pure."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator_site.lib import clock
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.templating.dates import format_moment, read_moment

YEARS = (1970, 2200)
KNOWN_FORMATS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y")


def moment_or_none(value: Any, now: datetime | None) -> datetime | None:
    """A moment with its zone, or None where the value holds none."""
    return read_moment(value, SimpleNamespace(now=now or clock.now(), globals={}))


def read(value: Any, now: datetime | None, *, zone: str = "UTC", order: str = "day first") -> datetime:
    """A moment in `zone`. A time without a zone is one of that zone. Raises E_DATE, E_TZ."""
    place = zone_of(zone)
    moment = _plain(value, place, order) or moment_or_none(value, now)
    if moment is None:
        shown = str(value)[:60]
        raise UserError(
            "E_DATE",
            f"“{shown}” is no date that can be read.",
            field="with.date",
            hint="Write it like 2026-07-29, 2026-07-29T14:30:00Z, 29.07.2026, 29 July 2026 or a number of seconds.",
        )
    return in_range(moment).astimezone(place)


def _plain(value: Any, place: ZoneInfo, order: str) -> datetime | None:
    """What is written without a zone: ISO, and the usual ways to write a day."""
    text = value.strip() if isinstance(value, str) and len(value) <= 40 else ""
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=place)
    except ValueError:
        pass
    skipped = "%m/%d/%Y" if order == "day first" else "%d/%m/%Y"
    for form in (form for form in KNOWN_FORMATS if form != skipped):
        try:
            return datetime.strptime(text, form).replace(tzinfo=place)
        except ValueError:
            continue
    return None


def in_range(moment: datetime) -> datetime:
    """The moment. Raises E_DATE outside the years that are kept."""
    low, high = YEARS
    if not low <= moment.year <= high:
        raise UserError("E_DATE", f"A date lies between {low} and {high}; this one is in {moment.year}.")
    return moment


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name. Raises E_TZ."""
    try:
        format_moment(datetime(2000, 1, 1, tzinfo=UTC), "%Y", name)
    except UserError:
        raise UserError(
            "E_TZ", f"There is no time zone “{name[:40]}”.", field="with.zone", hint="Use a name such as Europe/Berlin."
        ) from None
    return ZoneInfo(name)


def shifted(moment: datetime, *, months: int = 0, days: int = 0, seconds: float = 0) -> datetime:
    """Months and days by the calendar of the moment's zone, then time: 31 January + 1 month is the last of February."""
    total = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(total, 12)
    if not 1 <= year <= 9998:
        raise UserError("E_DATE", "That date lies outside the calendar.")
    last = calendar.monthrange(year, month + 1)[1]
    try:
        wall = moment.replace(year=year, month=month + 1, day=min(moment.day, last)) + timedelta(days=days)
        exact = wall.astimezone(UTC) + timedelta(seconds=seconds)
        return in_range(exact.astimezone(moment.tzinfo))
    except OverflowError:
        raise UserError("E_DATE", "That date lies outside the calendar.") from None


def written(moment: datetime, form: str, zone: str) -> str:
    """The moment in a format such as %d.%m.%Y. Raises E_TPL_VALUE for a directive that does not exist."""
    return format_moment(moment, form, zone)
