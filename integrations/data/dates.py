"""Dates: read, show in a format and a time zone, move, and measure the time between two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from integrations.context import Context
from integrations.data import INTEGRATION
from integrations.data.moments import read, shifted, written, zone_of
from integrations.spec import Kind, Model, content, setting
from orchestrator_site.lib.clock import moment as iso

Order = Literal["day first", "month first"]
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}


def the_date(label: str, default: Any = ...) -> Any:
    """A date as an input."""
    return content(
        label,
        default=default,
        help="A date, a time, seconds since 1970, or “now” (the start of the run).",
        example="{{ steps.fetch.date }}",
        widget="any",
    )


def the_zone() -> Any:
    """A time zone as an input."""
    return setting("Time zone", default="UTC", help="Its name.", example="Europe/Berlin", max_length=64)


def the_order() -> Any:
    """How 01/02/2026 is read."""
    return setting("Dates with slashes", default="day first", help="How 01/02/2026 is read.")


class DateInput(Model):
    """A date, and how it is shown."""

    date: Any = the_date("Date", default="now")
    zone: str = the_zone()
    format: str = setting(
        "Format",
        default="%Y-%m-%d",
        help="Day %d, month %m or %B, year %Y, hour %H, minute %M, weekday %A.",
        example="%d.%m.%Y %H:%M",
        max_length=100,
    )
    order: Order = the_order()


class Moment(Model):
    """A point in time and its parts in the time zone; `utc` is the same in UTC, `timestamp` in seconds."""

    text: str
    iso: str
    utc: str
    date: str
    time: str
    year: int
    month: int
    day: int
    weekday: str
    weekday_number: int
    week: int
    hour: int
    minute: int
    timestamp: int


def _moment(at: datetime, form: str, zone: str) -> Moment:
    return Moment(
        text=written(at, form, zone),
        iso=at.isoformat(timespec="seconds"),
        utc=str(iso(at.astimezone(UTC).replace(microsecond=0))),
        date=f"{at:%Y-%m-%d}",
        time=f"{at:%H:%M}",
        year=at.year,
        month=at.month,
        day=at.day,
        weekday=f"{at:%A}",
        weekday_number=at.isoweekday(),
        week=at.isocalendar().week,
        hour=at.hour,
        minute=at.minute,
        timestamp=int(at.timestamp()),
    )


@INTEGRATION.action(
    "date",
    kind=Kind.PURE,
    input=DateInput,
    output=Moment,
    title="Read and format a date",
    phrase="reads a date",
    keywords=("time", "now", "today", "format", "parse", "timezone"),
)
async def date(context: Context[None], values: DateInput) -> Moment:
    """Read a date however it is written, and give it in a format, in a time zone, and in parts. Weekday 1 is Monday."""
    return _moment(read(values.date, context.now, zone=values.zone, order=values.order), values.format, values.zone)


class MoveInput(Model):
    """A date, and by how much it is moved."""

    date: Any = the_date("Date", default="now")
    years: int = setting("Years", default=0, help="Negative: back.", ge=-500, le=500)
    months: int = setting("Months", default=0, help="31 January + 1 is the last of February.", ge=-6000, le=6000)
    weeks: int = setting("Weeks", default=0, ge=-20_000, le=20_000)
    days: int = setting("Days", default=0, ge=-100_000, le=100_000)
    hours: int = setting("Hours", default=0, ge=-1_000_000, le=1_000_000)
    minutes: int = setting("Minutes", default=0, ge=-10_000_000, le=10_000_000)
    zone: str = the_zone()
    format: str = setting("Format", default="%Y-%m-%d", example="%d.%m.%Y", max_length=100)
    order: Order = the_order()


@INTEGRATION.action(
    "date_add",
    kind=Kind.PURE,
    input=MoveInput,
    output=Moment,
    title="Move a date",
    phrase="moves a date",
    keywords=("add", "subtract", "deadline", "tomorrow", "due"),
)
async def date_add(context: Context[None], values: MoveInput) -> Moment:
    """Move a date forward or back. Days and months follow the calendar of the time zone, hours the clock."""
    at = read(values.date, context.now, zone=values.zone, order=values.order)
    moved = shifted(
        at,
        months=12 * values.years + values.months,
        days=7 * values.weeks + values.days,
        seconds=3600 * values.hours + 60 * values.minutes,
    )
    return _moment(moved, values.format, values.zone)


class DifferenceInput(Model):
    """Two dates."""

    start: Any = the_date("From")
    end: Any = the_date("To", default="now")
    unit: Literal["seconds", "minutes", "hours", "days", "weeks"] = setting("In", default="days")
    zone: str = the_zone()
    order: Order = the_order()


class Difference(Model):
    """The time between: exact, in whole units (towards zero), and whether the second date is the later one."""

    value: float
    whole: int
    seconds: int
    calendar_days: int
    later: bool


@INTEGRATION.action(
    "date_difference",
    kind=Kind.PURE,
    input=DifferenceInput,
    output=Difference,
    title="Time between two dates",
    phrase="measures the time between two dates",
    keywords=("age", "since", "until", "duration", "overdue", "compare"),
)
async def date_difference(context: Context[None], values: DifferenceInput) -> Difference:
    """Measure the time between two dates. Calendar days count midnights in the time zone."""
    zone_of(values.zone)
    start = read(values.start, context.now, zone=values.zone, order=values.order)
    end = read(values.end, context.now, zone=values.zone, order=values.order)
    seconds = end.timestamp() - start.timestamp()
    exact = seconds / UNITS[values.unit]
    return Difference(
        value=round(exact, 6),
        whole=int(exact),
        seconds=int(seconds),
        calendar_days=(end.date() - start.date()).days,
        later=seconds > 0,
    )
