"""Moments in templates: read from what services send, written with a closed set of directives (none has a width)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator_site.lib import clock
from orchestrator_site.lib.templating.problems import bad_value

_DIRECTIVE = re.compile(r"%(-?)(.?)", re.DOTALL)
_KNOWN = set("aAbBcdHIjmMpSUwWxXyYzZeDFTRuVGhCk%ns")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,31}){0,2}")
_MAX_FORMAT = 100


def read_moment(value: Any, context: Any, zone: tzinfo = UTC) -> datetime | None:
    """A moment with its zone (`zone` where it says none), or None if there is none in the value."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return _from_seconds(value)
    if not isinstance(value, str) or len(value) > 100:
        return None
    text = value.strip()
    if text in ("now", "today"):
        return _now(context)
    if text.lstrip("-").isdecimal() and len(text) > 4 and len(text) != 8:
        return _from_seconds(int(text))
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return None


def _from_seconds(value: int | float) -> datetime | None:
    seconds = value / 1000 if abs(value) > 100_000_000_000 else value
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return None


def _now(context: Any) -> datetime:
    if context.now is not None:
        moment: datetime = context.now
        return moment
    run = context.globals.get("run")
    started = run.get("started_at") if isinstance(run, dict) else None
    moment_of_run = read_moment(started, context) if started not in (None, "now", "today") else None
    return moment_of_run or clock.now()


def format_moment(moment: datetime, form: str, zone: str) -> str:
    """Write a moment in a zone. Unknown directives and zones are refused."""
    if len(form) > _MAX_FORMAT:
        raise bad_value("date", f"takes a format of at most {_MAX_FORMAT} characters")
    try:
        local = moment.astimezone(zone_named(zone))
    except OverflowError:
        raise bad_value("date", "cannot show this date there") from None
    return _DIRECTIVE.sub(lambda found: _write(local, found.group(1), found.group(2)), form)


def zone_here(context: Any) -> str:
    """The zone of the workspace in whose run this is written; UTC where there is none."""
    workspace = context.globals.get("workspace")
    name = workspace.get("timezone") if isinstance(workspace, dict) else None
    return name if isinstance(name, str) and name else "UTC"


def zone_named(name: str) -> ZoneInfo:
    if _ZONE.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, LookupError):
            pass
    raise bad_value("date", f"does not know the time zone “{name[:40]}”", "Use a name such as Europe/Berlin.")


def _write(moment: datetime, bare: str, letter: str) -> str:
    if letter not in _KNOWN:
        raise bad_value("date", f"does not know %{bare}{letter}", "Use %Y-%m-%d %H:%M and the like.")
    if letter == "s":
        return str(int(moment.timestamp()))
    written = moment.strftime(f"%{letter}") if letter != "Y" else f"{moment.year:04d}"
    return (written.lstrip("0 ") or "0") if bare else written
