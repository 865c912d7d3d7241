"""Trying a connection: what can this key do, in words; the answer is kept as the connection's health."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts import audit
from accounts.actor import Actor
from integrations import direct
from integrations.context import Calls, ConnectionInfo, ConnectionReport
from integrations.errors import RateLimited, ServiceError, Unavailable
from integrations.models import Connection
from integrations.operations.opening import client_for, open_connection
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.redact import redact

SECONDS = 20
WORKS, BROKEN, UNKNOWN = "works", "broken", "unknown"


def test_connection(actor: Actor, connection: Connection) -> dict[str, Any]:
    """Ask the service what this connection can do: `{ok, summary, can[], missing[]}`; the health is stored.

    A service that is away or busy says nothing about the key: the health then stays unknown, with the reason.
    """
    actor.require("connections")
    report, status = _ask(connection)
    summary = redact(report.summary)[:500]
    with transaction.atomic():
        connection.status, connection.status_text, connection.checked_at = status, summary, now()
        connection.save(update_fields=["status", "status_text", "checked_at"])
        audit.record(actor, "connection.test", connection, details={"ok": report.ok})
    return {"ok": report.ok, "summary": summary, "can": list(report.can), "missing": list(report.missing)}


test_connection.__test__ = False  # type: ignore[attr-defined] # pytest: an operation, not a test


def _ask(connection: Connection) -> tuple[ConnectionReport, str]:
    try:
        info = open_connection(connection)
        report = direct.call(lambda calls: _described(info, calls), timeout=SECONDS)
    except (Unavailable, RateLimited) as problem:
        return _failure(problem), UNKNOWN
    except (ServiceError, UserError) as problem:
        return _failure(problem), BROKEN
    return report, WORKS if report.ok else BROKEN


async def _described(info: ConnectionInfo, calls: Calls) -> ConnectionReport:
    report: ConnectionReport = await client_for(info, calls).describe()
    return report


def _failure(problem: ServiceError | UserError) -> ConnectionReport:
    return ConnectionReport(ok=False, summary=" ".join(filter(None, (problem.message, problem.hint))))
