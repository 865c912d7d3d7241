"""The health of connections in words: the badge, the line below it, the button that repairs, what breaks next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from integrations import registry
from integrations.models import Connection
from integrations.neighbours import Uses
from integrations.operations import connections as operations
from integrations.operations.checking import history
from integrations.operations.forecast import ends_soon, next_to_break, title_of
from integrations.spec import Integration
from orchestrator_site.lib.clock import now

WORDS: dict[str, tuple[str, str]] = {
    "works": ("Works", "ok"),
    "broken": ("Needs you", "need"),
    "unknown": ("Not tested", "idle"),
    "away": ("No answer", "idle"),
    "sandbox": ("Sandbox", "dry"),
    "slowed": ("Slowed down", "need"),
    "failing": ("Failing", "bad"),
    "trying": ("Failing", "bad"),
}
DAY_WORDS = {"works": "worked", "broken": "refused", "unknown": "no answer", "none": "not looked at"}


def rows_of(connections: Sequence[Connection], uses: Mapping[UUID, Uses], workspace: str) -> list[dict[str, Any]]:
    """One row for each connection of a list, what breaks next on top."""
    days = history(list(connections))
    first = [connection.pk for connection in next_to_break(connections)]
    rows = [row_of(one, uses.get(one.pk, Uses()), days[one.pk], workspace) for one in connections]
    rank = {pk: place for place, pk in enumerate(first)}
    return sorted(rows, key=lambda row: rank.get(row["connection"].pk, len(rank)))


def row_of(connection: Connection, uses: Uses, days: list[dict[str, Any]], workspace: str) -> dict[str, Any]:
    """What a list and a page say of one connection."""
    integration = registry.get_integration(connection.service)
    trouble = operations.health_of(connection)
    word, tone = health_words(connection, trouble["state"], integration)
    endings = [value.strip("•") for value in connection.masked.values() if value.startswith("•") and value.strip("•")]
    for day in days:
        day["word"] = f"{day['day']:%d %b}: {'failed' if day['failed'] else DAY_WORDS[day['state']]}"
        day["tone"] = "bad" if day["failed"] else {"works": "ok", "unknown": "need"}.get(day["state"], "none")
    return {
        "connection": connection,
        "title": title_of(connection),
        "ends_in": endings[0] if endings else "",
        "word": word,
        "tone": tone,
        "line": line_of(connection),
        "trouble": trouble,
        "uses": uses,
        "days": days,
        "days_text": f"{sum(d['failed'] for d in days)} of the last {len(days)} days had a failure",
        "repair": repair_of(connection, integration, workspace),
        "shared": bool(connection.sharing),
    }


def health_words(connection: Connection, state: str, integration: Integration | None) -> tuple[str, str]:
    """The badge: word and tone."""
    if connection.sandbox:
        return WORDS["sandbox"]
    signs_in = bool(integration and integration.oauth)
    if connection.broken_at is not None:
        return ("Sign-in ended" if signs_in else "Key refused"), "need"
    if state != "ok":
        return WORDS[state]
    if connection.expires_at is not None and ends_soon(connection):
        return f"{'Sign-in' if signs_in else 'Key'} {_when(connection.expires_at)}", "need"
    away = connection.status == "unknown" and connection.checked_at is not None
    return WORDS["away" if away else connection.status]


def line_of(connection: Connection) -> str:
    """The line below the badge: the newest check in words, and when it ends."""
    end = connection.expires_at
    if end is None or connection.broken_at is not None:
        return connection.status_text
    if ends_soon(connection):
        return connection.expires_text or connection.status_text
    return f"{connection.status_text} Ends {end:%d %b %Y}.".strip()


def repair_of(connection: Connection, integration: Integration | None, workspace: str) -> dict[str, str] | None:
    """The button of a row where something is to be repaired: {label, url}; None: a test is what helps."""
    if connection.sandbox or integration is None:
        return None
    here = reverse("connection", kwargs={"workspace": workspace, "pk": connection.pk})
    ends = connection.broken_at is not None or ends_soon(connection)
    if ends and integration.oauth and "refresh_token" in connection.masked:
        start = reverse("oauth_start", kwargs={"workspace": workspace, "service": connection.service})
        return {"label": "Sign in again", "url": f"{start}?connection={connection.pk}"}
    if ends:
        return {"label": "Replace the key", "url": f"{here}#change"}
    return {"label": "Fix", "url": here} if connection.status == "broken" else None


def alerts_of(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What stands above the list: what is refused now, and what ends soon, the nearest first."""
    by_pk = {row["connection"].pk: row for row in rows}
    return [alert_of(by_pk[one.pk]) for one in next_to_break([row["connection"] for row in rows])[:5]]


def alert_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """One line above: what happens to whom, and that nothing is lost."""
    connection, uses = row["connection"], row["uses"]
    count = len(uses.workflows)
    used = f"{count} workflow{'s' if count != 1 else ''} use{'s' if count == 1 else ''} it."
    if connection.broken_at is not None:
        waiting = uses.waiting_runs
        held = f" {waiting:,} run{'s wait' if waiting != 1 else ' waits'} for it." if waiting else ""
        return {
            "title": f"{row['title']} does not accept “{connection.name}” any more",
            "text": f"{used}{held} Runs that need it wait and go on by themselves when it is repaired; none is lost.",
            "repair": row["repair"],
        }
    end = connection.expires_at
    over = end <= now()
    return {
        "title": f"{row['title']}: “{connection.name}” {'ended' if over else 'ends'} on {end:%A %d %b, %H:%M} UTC",
        "text": f"{used} After that their runs wait and go on when it is repaired; none is lost.",
        "repair": row["repair"],
    }


def _when(end: datetime) -> str:
    left = end - now()
    if left.total_seconds() <= 0:
        return "has ended"
    if left.days >= 1:
        return f"ends in {left.days} day{'s' if left.days > 1 else ''}"
    hours = int(left.total_seconds() // 3600)
    return f"ends in {hours} hours" if hours > 1 else "ends within the hour"
