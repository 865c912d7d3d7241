"""When a schedule is due: cron or plain choices in a time zone, exact across changes of the clock. Pure.

Crons with a fixed minute and hour are due once where the clock is put back, and once after the gap where it is put
forward; crons with a star there follow the elapsed time, as Debian's cron does (cronsim). `every` counts elapsed time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import merge
from itertools import islice
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import Field

from orchestrator_site.lib.body import Body, read_body
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.names import did_you_mean

LEAST = 60
MOST = 366 * 86400
MOST_CRON = 200
COUNTED = 10_000
"""How far missed due times are counted."""
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_ANCHOR = datetime(2000, 1, 3, tzinfo=UTC)  # a Monday
_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
_BOUNDS = ("0 to 59", "0 to 23", "1 to 31, or L for the last", "1 to 12, or JAN to DEC", "0 to 7, or MON to SUN")
_AT = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)$")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_WORDS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
UNITS = {"minutes": 60, "hours": 3600, "days": 86400, "seconds": 1}


class Every(Body):
    """A length of time, in one or several units."""

    days: int = Field(default=0, ge=0)
    hours: int = Field(default=0, ge=0)
    minutes: int = Field(default=0, ge=0)
    seconds: int = Field(default=0, ge=0)


class ScheduleConfig(Body):
    """Exactly one of `cron` (five fields), `every` (seconds, or {"minutes": 15}), `at` ("09:00", with `weekdays`)."""

    cron: str | None = None
    every: Every | None = None
    at: list[str] | None = None
    weekdays: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] | None = None
    timezone: str = "UTC"
    misfire: Literal["coalesce", "skip", "all"] = "coalesce"


def read_schedule(said: Mapping[str, Any]) -> ScheduleConfig:
    """A config as somebody wrote it; short forms are written out. Raises UserError."""
    config = dict(said)
    every, at = config.get("every"), config.get("at")
    if isinstance(every, int) and not isinstance(every, bool):
        config["every"] = {"seconds": every} if every >= 0 else {}
    if isinstance(at, str):
        config["at"] = [at]
    return read_body(config, ScheduleConfig, read_only=())


@dataclass(frozen=True)
class Schedule:
    """A schedule that can be asked when it is due."""

    crons: tuple[str, ...]
    every: int
    zone: ZoneInfo
    misfire: str
    sentence: str

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The due times later than `moment`, in UTC, in order."""
        if self.every:
            return _steps(self.every, moment)
        return _without_doubles(merge(*(_of_cron(cron, self.zone, moment) for cron in self.crons)))

    def next(self, moment: datetime) -> datetime | None:
        """The first due time later than `moment`; None when there is none."""
        return next(self.after(moment), None)

    def upcoming(self, moment: datetime, count: int = 5) -> list[datetime]:
        """The next due times."""
        return list(islice(self.after(moment), count))

    def between(self, start: datetime, end: datetime, most: int = COUNTED) -> list[datetime]:
        """The due times from `start` to `end` (both count), at most so many."""
        found: list[datetime] = []
        for due in self.after(start - timedelta(microseconds=1)):
            if due > end or len(found) >= most:
                break
            found.append(due)
        return found


def _steps(every: int, moment: datetime) -> Iterator[datetime]:
    """Multiples of the length since a Monday at midnight, UTC."""
    done = (moment - _ANCHOR) // timedelta(seconds=every)
    while True:
        done += 1
        yield _ANCHOR + timedelta(seconds=every * done)


def _of_cron(cron: str, zone: ZoneInfo, moment: datetime) -> Iterator[datetime]:
    """Due times later than `moment`: by the clock on the wall, or by elapsed time where minute or hour is a star."""
    minute, hour = cron.split()[:2]
    found = _elapsed if minute.startswith("*") or hour.startswith("*") or zone.key == "UTC" else _on_the_wall
    try:
        yield from (due for due in found(cron, zone, moment) if due > moment)
    except OverflowError:
        return


def _on_the_wall(cron: str, zone: ZoneInfo, moment: datetime) -> Iterator[datetime]:
    """cronsim forgets which of two equal hours it starts in, so it begins earlier; what is not later is left out."""
    for due in CronSim(cron, moment.astimezone(zone) - timedelta(hours=3)):
        yield due.astimezone(UTC)


def _elapsed(cron: str, zone: ZoneInfo, moment: datetime) -> Iterator[datetime]:
    """Every minute that matches, one after the other as time passes: by the offset from UTC that holds then.

    cronsim's own walk through a zone leaves out times where the clock is put back by half an hour (Lord Howe).
    """
    offset, change = _offset(zone, moment), None
    while True:
        for local in CronSim(cron, (moment + offset).replace(tzinfo=None)):
            due = local.replace(tzinfo=UTC) - offset
            change = _first_change(zone, moment, due, offset)
            if change is not None:  # the wall shows another time from then on: go on from there, that second included
                break
            yield due
            moment = due
        else:
            return
        moment, offset = change - timedelta(seconds=1), _offset(zone, change)


def _first_change(zone: ZoneInfo, start: datetime, end: datetime, offset: timedelta) -> datetime | None:
    """The first second after `start`, up to `end`, at which the offset is another one."""
    seen = start
    while seen < end:
        later = min(end, seen + timedelta(days=7))
        if _offset(zone, later) != offset:
            while later - seen > timedelta(seconds=1):
                middle = (seen + (later - seen) / 2).replace(microsecond=0)
                seen, later = (middle, later) if _offset(zone, middle) == offset else (seen, middle)
            return later.replace(microsecond=0)
        seen = later
    return None


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _without_doubles(times: Iterator[datetime]) -> Iterator[datetime]:
    last: datetime | None = None
    for due in times:
        if due != last:
            yield due
        last = due


# ---- Reading ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """The time zones there are."""
    return frozenset(available_timezones())


def schedule_of(config: ScheduleConfig, field: str = "config") -> Schedule:
    """The schedule of a config. Raises UserError: E_CRON, E_CRON_NEVER, E_CRON_TOO_OFTEN, E_LENGTH, E_TZ …"""
    said = [name for name in ("cron", "every", "at") if getattr(config, name) not in (None, "")]
    if len(said) != 1:
        text = "A schedule has exactly one of cron, every and at."
        hint = 'Like {"cron": "0 9 * * 1-5"}, {"every": {"minutes": 15}} or {"at": "09:00", "weekdays": ["mon"]}.'
        raise UserError("E_SCHEDULE", text, field=field, hint=hint)
    if config.weekdays is not None and said != ["at"]:
        raise UserError("E_SCHEDULE", "weekdays go with at.", field=f"{field}.weekdays")
    zone = _zone(config.timezone, f"{field}.timezone")
    return _READ[said[0]](config, zone, field)


def read(config: dict[str, Any]) -> Schedule:
    """The schedule of a stored config, which was checked when it was stored."""
    return schedule_of(ScheduleConfig.model_validate(config))


def _zone(name: str, field: str) -> ZoneInfo:
    if len(name) > 64 or name not in zones():
        hint = did_you_mean(name[:64], zones()) or "Use a name like Europe/Berlin."
        raise UserError("E_TZ", f"There is no time zone “{name[:64]}”.", field=field, hint=hint)
    return ZoneInfo(name)


def _from_cron(config: ScheduleConfig, zone: ZoneInfo, field: str) -> Schedule:
    cron = " ".join(check_cron(config.cron or "", f"{field}.cron").split())
    made = Schedule((cron,), 0, zone, config.misfire, f"{_words_of_cron(cron)}, {_place(zone)}")
    if made.next(datetime(2024, 1, 1, tzinfo=UTC)) is None:
        raise _never(cron, f"{field}.cron")
    return made


def check_cron(cron: str, field: str) -> str:
    """A cron expression of five fields, each in its bounds. Raises UserError."""
    if len(cron) > MOST_CRON:
        raise UserError("E_LENGTH", f"A cron has at most {MOST_CRON} characters.", field=field, limit=MOST_CRON)
    parts = cron.split()
    if len(parts) != 5:
        text = "A cron has five fields: minute, hour, day of the month, month, day of the week."
        hint = "Write 0 0 * * * for @daily." if cron.strip().startswith("@") else "0 9 * * 1-5 is 09:00 on weekdays."
        hint = "Fields of seconds are not taken; once a minute is the most." if len(parts) == 6 else hint
        raise UserError("E_CRON", text, field=field, hint=hint)
    for place, part in enumerate(parts):
        alone = ["*"] * 5
        alone[place] = part
        if len(part) > 100 or not re.fullmatch(r"[0-9A-Za-z*,/#-]+", part) or not _is_cron(" ".join(alone)):
            text = f"“{part[:40]}” is no {_FIELDS[place]} of a cron."
            raise UserError("E_CRON", text, field=field, hint=f"The {_FIELDS[place]} is {_BOUNDS[place]}, or *.")
    if not _is_cron(cron):
        raise _never(cron, field)
    return cron


def _never(cron: str, field: str) -> UserError:
    return UserError("E_CRON_NEVER", f"“{cron[:60]}” is a day that never comes.", field=field, hint="Look at the day.")


def _is_cron(cron: str) -> bool:
    try:
        CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC))
    except (CronSimError, ValueError, AssertionError, TypeError):
        return False
    return True


def _from_every(config: ScheduleConfig, zone: ZoneInfo, field: str) -> Schedule:
    seconds = sum(getattr(config.every, name) * unit for name, unit in UNITS.items())
    where = f"{field}.every"
    if seconds < LEAST:
        text = f"Every {seconds} seconds is too often; once in {LEAST} seconds is the most."
        raise UserError("E_CRON_TOO_OFTEN", text, field=where, limit=LEAST)
    if seconds > MOST:
        raise UserError("E_RANGE", "A schedule is due at least once in 366 days.", field=where, limit=MOST)
    return Schedule((), seconds, zone, config.misfire, f"Every {_length(seconds)}")


def _length(seconds: int) -> str:
    parts: list[str] = []
    for name in ("days", "hours", "minutes", "seconds"):
        count, seconds = divmod(seconds, UNITS[name])
        if count:
            parts.append(f"{count} {name}" if count > 1 else f"1 {name[:-1]}")
    return parts[0].removeprefix("1 ") if len(parts) == 1 else " and ".join(parts)


def _from_at(config: ScheduleConfig, zone: ZoneInfo, field: str) -> Schedule:
    times = list(config.at or ())
    if not 1 <= len(times) <= 24:
        raise UserError("E_LENGTH", "A schedule has 1 to 24 times of the day.", field=f"{field}.at", limit=24)
    found = []
    for time in times:
        clock = _AT.match(time)
        if clock is None:
            text = f"“{time[:20]}” is no time of the day."
            raise UserError("E_TIME", text, field=f"{field}.at", hint="Write 09:00 or 17:30.")
        found.append((int(clock[1]), int(clock[2])))
    if config.weekdays == []:
        raise UserError("E_LENGTH", "Choose at least one weekday.", field=f"{field}.weekdays", limit=1)
    days = sorted({DAYS.index(day) for day in config.weekdays or DAYS})
    week = "*" if len(days) == 7 else ",".join(str(day + 1) for day in days)
    crons = tuple(f"{minute} {hour} * * {week}" for hour, minute in sorted(set(found)))
    clock_words = _listed([f"{hour:02d}:{minute:02d}" for hour, minute in sorted(set(found))])
    return Schedule(crons, 0, zone, config.misfire, f"{_week_words(days)} at {clock_words}, {_place(zone)}")


def _week_words(days: list[int]) -> str:
    if len(days) == 7:
        return "Every day"
    if days == [0, 1, 2, 3, 4]:
        return "Every weekday"
    return f"Every {_listed([_DAY_WORDS[day] for day in days])}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _words_of_cron(cron: str) -> str:
    try:
        return str(CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC)).explain())
    except Exception:  # its words are a courtesy
        return f"By the cron {cron}"


def _place(zone: ZoneInfo) -> str:
    return "UTC" if zone.key == "UTC" else f"{zone.key.replace('_', ' ')} time"


_READ: dict[str, Callable[[ScheduleConfig, ZoneInfo, str], Schedule]] = {
    "cron": _from_cron,
    "every": _from_every,
    "at": _from_at,
}


# ---- What has become due ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Due:
    """What to do about a schedule now: a run for each of `runs` (the due time, and how many it stands for besides)."""

    runs: tuple[tuple[datetime, int], ...]
    missed: int
    last: datetime
    next: datetime | None


ALL_AT_ONCE = 100
GRACE = timedelta(seconds=15)


def what_is_due(schedule: Schedule, first: datetime, now: datetime) -> Due:
    """The due times from `first` up to now, dealt with by the policy for those that were missed.

    A due time is missed when it is more than 15 s late. `coalesce`: one run for all; `skip`: none for what was missed;
    `all`: a run for each, at most 100 of the newest. `missed` counts those that get no run of their own.
    """
    times = schedule.between(first, now)
    if len(times) >= COUNTED:  # a year of minutes: the newest matter, and the next
        times = [*times[: COUNTED - ALL_AT_ONCE], *_newest(schedule, now)]
    times = times or [first]
    late = [due for due in times if now - due > GRACE]
    chosen: list[tuple[datetime, int]]
    if schedule.misfire == "skip":
        chosen = [(due, 0) for due in times[len(late) :]]
    elif schedule.misfire == "all":
        chosen = [(due, 0) for due in times[-ALL_AT_ONCE:]]
    else:
        chosen = [(times[-1], len(times) - 1)]
    return Due(tuple(chosen), len(times) - len(chosen), times[-1], schedule.next(now))


def _newest(schedule: Schedule, now: datetime) -> list[datetime]:
    """The last hundred due times up to now."""
    length = timedelta(hours=2)
    while True:
        found = schedule.between(now - length, now)
        if len(found) >= ALL_AT_ONCE:
            return found[-ALL_AT_ONCE:]
        length *= 8
