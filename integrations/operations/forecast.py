"""What will break next, told before it does: on the page, and once by mail to those who can repair it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Member
from accounts.roles import ROLE_PERMISSIONS
from integrations import registry
from integrations.models import Connection
from orchestrator_site.lib.clock import now

SOON = timedelta(days=3)
APART = timedelta(hours=20)
REPAIRERS = tuple(role for role, may in ROLE_PERMISSIONS.items() if "connections" in may)


@dataclass(frozen=True)
class Letter:
    """One mail to the admins of a workspace about its connections."""

    to: tuple[str, ...]
    subject: str
    text: str
    about: tuple[tuple[str, str], ...]


def ends_soon(connection: Connection, at: datetime | None = None) -> bool:
    """Whether its credential ends within three days, or has ended."""
    return connection.expires_at is not None and connection.expires_at - (at or now()) <= SOON


def next_to_break(connections: Sequence[Connection]) -> list[Connection]:
    """Those that are refused now, then those that end soon, the nearest first."""
    found = [one for one in connections if not one.sandbox and (one.broken_at or ends_soon(one))]
    return sorted(found, key=lambda one: (one.broken_at is None, one.broken_at or one.expires_at or now()))


def letters_due() -> list[Letter]:
    """The mails to write now, one a workspace; what they are about is marked first, so no other worker writes them too.

    Once for each end that is foreseen and for each break; about one connection at most one in twenty hours.
    """
    if not settings.EMAIL_URL:
        return []
    at = now()
    rows = Connection.objects.unscoped("connections of every workspace are looked after")
    due = rows.filter(deleted_at__isnull=True, sandbox=False).filter(
        Q(broken_at__isnull=False) | Q(expires_at__lte=at + SOON, expires_at__gt=at)
    )
    due = due.filter(Q(warned_at__isnull=True) | Q(warned_at__lte=at - APART)).select_related("workspace")
    mine: dict[object, list[Connection]] = {}
    for row in due.order_by("workspace_id", "name")[:200]:
        said = _said(row)
        if row.warned_of != said and rows.filter(pk=row.pk, warned_of=row.warned_of).update(
            warned_of=said, warned_at=at
        ):
            row.warned_of = said
            mine.setdefault(row.workspace_id, []).append(row)
    return [letter for found in mine.values() if (letter := _letter(found)) is not None]


def unsent(letter: Letter) -> None:
    """The mail could not be sent: what it was about is due again."""
    rows = Connection.objects.unscoped("connections of every workspace are looked after")
    for pk, said in letter.about:
        rows.filter(pk=pk, warned_of=said).update(warned_of="", warned_at=None)


def _said(row: Connection) -> str:
    return f"broken {row.broken_at:%Y-%m-%dT%H:%M:%S}" if row.broken_at else f"ends {row.expires_at:%Y-%m-%dT%H:%M:%S}"


def _letter(rows: list[Connection]) -> Letter | None:
    workspace = rows[0].workspace
    members = Member.objects.of(workspace).filter(role__in=REPAIRERS, user__is_active=True).select_related("user")
    to = tuple(member.user.email for member in members if member.user.email)
    if not to:
        return None
    told = [{"row": row, "title": title_of(row), "url": _url(row)} for row in rows]
    text = render_to_string("integrations/mail/connections.txt", {"workspace": workspace, "told": told})
    first = rows[0]
    what = f"{first.name} has to be repaired" if first.broken_at else f"{first.name} ends soon"
    more = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
    about = tuple((str(row.pk), row.warned_of) for row in rows)
    return Letter(to, f"{workspace.name}: the connection {what}{more}".replace("\n", " "), text, about)


def title_of(row: Connection) -> str:
    """The service of a connection in words."""
    found = registry.get_integration(row.service)
    return found.title if found else row.service


def _url(row: Connection) -> str:
    return settings.PUBLIC_URL + reverse("connection", kwargs={"workspace": row.workspace.slug, "pk": row.pk})
