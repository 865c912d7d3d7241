"""Trying a connection: what can this key do, in words; the answer is kept as the connection's health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accounts import audit
from accounts.actor import Actor
from integrations import direct
from integrations.context import Calls, ConnectionInfo, ConnectionReport, mark_of
from integrations.errors import ServiceError
from integrations.models import Connection
from integrations.operations.checking import CHECKED, Seen, failed, keep, understood
from integrations.operations.opening import client_for, open_connection
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.redact import redact

SECONDS = 20


def test_connection(actor: Actor, connection: Connection) -> dict[str, Any]:
    """Ask the service what this connection can do: `{ok, summary, can[], missing[]}`; the health is stored.

    A service that is away or busy says nothing about the key: the health then stays unknown, with the reason. Where it
    works again, the runs that waited for it go on.
    """
    actor.require("connections")
    try:
        info = open_connection(connection)
    except UserError as problem:
        mark, seen = mark_of(connection.secret, connection.base_url), failed(problem)
    else:
        mark, seen = info.mark, asked(info)
    row = keep(connection, mark, seen)
    for name in CHECKED:
        setattr(connection, name, getattr(row, name))
    audit.record(actor, "connection.test", connection, details={"ok": seen.report.ok})
    report = seen.report
    return {
        "ok": report.ok,
        "summary": redact(report.summary)[:500],
        "can": [*report.can],
        "missing": [*report.missing],
    }


test_connection.__test__ = False  # type: ignore[attr-defined] # pytest: an operation, not a test


def asked(info: ConnectionInfo) -> Seen:
    """What the service says to a connection as it is given here, stored or not."""
    return understood(lambda: direct.call(lambda calls: _described(info, calls), timeout=SECONDS))


def candidate(connection: Connection, secret: Mapping[str, str], base_url: str) -> ConnectionInfo:
    """A connection as it would be with another secret: to be tried before it takes the place of the one in use."""
    return ConnectionInfo(
        id=None,
        workspace_id=connection.workspace_id,
        service=connection.service,
        name=connection.name,
        base_url=base_url,
        secret=dict(secret),
    )


async def _described(info: ConnectionInfo, calls: Calls) -> ConnectionReport:
    report: ConnectionReport = await client_for(info, calls).describe()
    return report


def prove_connection(actor: Actor, connection: Connection) -> list[str]:
    """A few lines of what is there, as the last step of connecting: it really works. Nothing where it cannot be shown.

    A client offers them by `async proof() -> Sequence[str]` (three subject lines of a mailbox); they are not stored.
    """
    actor.require("connections")
    try:
        info = open_connection(connection)
        return [line[:200] for line in direct.call(lambda calls: _proved(info, calls), timeout=SECONDS)][:3]
    except (ServiceError, UserError):
        return []


async def _proved(info: ConnectionInfo, calls: Calls) -> Sequence[str]:
    client = client_for(info, calls)
    return await client.proof() if hasattr(client, "proof") else ()
