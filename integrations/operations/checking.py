"""What was seen of a connection, kept: its health, one check a day, when it ends, and when it is looked at next.

Tests by hand, the daily look of a worker and the calls of steps all end here or say the same in the journal
(workflows.engine.credential_rows). What is learned of a credential that was replaced meanwhile is not kept.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from integrations import neighbours
from integrations.context import ConnectionReport, mark_of
from integrations.errors import RateLimited, ServiceError, Unavailable
from integrations.models import Connection, ConnectionCheck
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.redact import redact

WORKS, BROKEN, UNKNOWN = "works", "broken", "unknown"
DAY = timedelta(days=1)
ANOTHER_TRY = timedelta(hours=1)
FIRST_TRY, LONGEST_TRY = timedelta(minutes=5), timedelta(hours=1)
KEPT = timedelta(days=60)


@dataclass(frozen=True)
class Seen:
    """What a test found: a report, and whether the credential itself is refused."""

    report: ConnectionReport
    state: str
    refused: bool = False


def understood(describe: Callable[[], ConnectionReport]) -> Seen:
    """Ask a client what its key can do, and put what comes of it into a state and words."""
    try:
        report = describe()
    except Exception as problem:
        return failed(problem)
    return Seen(report, WORKS if report.ok else BROKEN)


def failed(problem: Exception) -> Seen:
    """What a failure says: a service that is away or busy says nothing about the key. Raises any other exception."""
    if isinstance(problem, TimeoutError):
        return Seen(ConnectionReport(ok=False, summary="There was no answer in time."), UNKNOWN)
    if not isinstance(problem, ServiceError | UserError):
        raise problem
    words = redact(" ".join(filter(None, (problem.message, problem.hint))))
    report = ConnectionReport(ok=False, summary=words)
    if isinstance(problem, Unavailable | RateLimited):
        return Seen(report, UNKNOWN)
    return Seen(report, BROKEN, refused=isinstance(problem, ServiceError) and problem.broken)


def keep(connection: Connection, mark: str, seen: Seen) -> Connection:
    """Keep what was seen of the credential with this mark ("": of whatever is there, which could not be opened).

    The runs that waited for it go on. Gives the row as it is now.
    """
    with transaction.atomic():
        rows = Connection.objects.of(connection.workspace_id).select_for_update()
        row: Connection = rows.get(pk=connection.pk)
        if row.deleted_at is None and mark in ("", mark_of(row.secret, row.base_url)):
            _keep(row, seen)
    return row


def _keep(row: Connection, seen: Seen) -> None:
    at, was_broken = now(), row.broken_at is not None
    row.status_text, row.checked_at = redact(seen.report.summary)[:500], at
    if seen.state != UNKNOWN:
        row.broken_at = (row.broken_at or at) if seen.refused else None
        row.vain_checks = row.vain_checks + 1 if seen.refused else 0
    row.status = BROKEN if row.broken_at is not None else seen.state
    row.next_check_at = at + _until_next(row, seen.state)
    if seen.report.ok and seen.report.expires_at is not None:
        row.expires_at, row.expires_text = seen.report.expires_at, seen.report.expires_text[:300]
    elif seen.report.ok and seen.report.lasts:
        row.expires_at, row.expires_text = None, ""
    row.save(update_fields=CHECKED)
    _note_day(row, at, seen.state)
    if was_broken and row.broken_at is None:
        neighbours.wake(row.pk)


CHECKED = (
    *("status", "status_text", "checked_at", "broken_at", "vain_checks", "next_check_at"),
    *("expires_at", "expires_text"),
)


def _until_next(row: Connection, state: str) -> timedelta:
    """Once a day; sooner where the service did not answer or refuses the key, less often the longer it does."""
    if row.broken_at is not None:
        return min(LONGEST_TRY, FIRST_TRY * int(2 ** min(row.vain_checks, 10)))
    return ANOTHER_TRY if state == UNKNOWN else DAY * (0.95 + 0.1 * random.random())  # noqa: S311 - spreads the checks over the day


def _note_day(row: Connection, at: datetime, state: str) -> None:
    checks = ConnectionCheck.objects.of(row.workspace_id)
    found = checks.filter(connection=row, day=at.date()).first()
    check = found or ConnectionCheck(workspace=row.workspace, connection=row, day=at.date())
    check.at, check.state, check.text = at, state, row.status_text
    check.failed = check.failed or state == BROKEN
    check.save()
    if found is None:
        checks.filter(connection=row, day__lt=(at - KEPT).date()).delete()


def history(connections: list[Connection], days: int = 20) -> dict[Any, list[dict[str, Any]]]:
    """For each connection the last days, oldest first: {day, state (none where nobody looked), failed, text}."""
    if not connections:
        return {}
    today = now().date()
    first = today - timedelta(days=days - 1)
    rows = ConnectionCheck.objects.of(connections[0].workspace_id).filter(connection__in=connections, day__gte=first)
    known = {(check.connection_id, check.day): check for check in rows}
    found = {}
    for connection in connections:
        line = []
        for back in range(days):
            day = first + timedelta(days=back)
            check = known.get((connection.pk, day))
            state = check.state if check else "none"
            line.append(
                {"day": day, "state": state, "failed": bool(check and check.failed), "text": check and check.text}
            )
        found[connection.pk] = line
    return found
