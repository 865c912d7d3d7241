"""What calls have shown of a connection's credential, in the database: refused, or in use after all.

Written by the journal, under the lock of the connection's bucket (engine.limit_rows).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from orchestrator_site.lib.clock import now
from orchestrator_site.lib.ids import uuid7

if TYPE_CHECKING:
    from workflows.engine.sql import SqlStore

FIRST_LOOK = timedelta(minutes=5)
"""When a credential that was just refused is looked at again: some services refuse good ones for a moment."""


def refuse(store: SqlStore, connection: UUID, text: str) -> None:
    """The service does not accept the credential: said at once, on the connection and among its checks of the day."""
    broken = (
        "UPDATE integrations_connection SET status = 'broken', status_text = %s, checked_at = NOW, "
        "broken_at = COALESCE(broken_at, NOW), next_check_at = CASE WHEN broken_at IS NULL THEN %s ELSE next_check_at "
        "END WHERE id = %s"
    )
    at = now()
    store.run(broken, (text, store.rows.time(at + FIRST_LOOK), store.id(connection)))
    check = (
        "INSERT INTO integrations_connectioncheck (id, workspace_id, connection_id, day, at, state, failed, text) "
        "SELECT %s, workspace_id, id, %s, NOW, 'broken', %s, %s FROM integrations_connection WHERE id = %s "
        "ON CONFLICT (connection_id, day) DO UPDATE SET at = excluded.at, state = excluded.state, "
        "failed = excluded.failed, text = excluded.text"
    )
    if not store.sqlite:
        check = check.replace("SELECT %s, workspace_id, id, %s, NOW, 'broken', %s, %s", _CHECK_TYPES)
    day = at.date().isoformat() if store.sqlite else at.date()
    store.run(check, (store.id(uuid7()), day, 1 if store.sqlite else True, text, store.id(connection)))


_CHECK_TYPES = "SELECT %s::uuid, workspace_id, id, %s::date, NOW, 'broken', %s::boolean, %s::text"


def heal(store: SqlStore, connection: UUID) -> None:
    """A real call has succeeded: what a test found wrong is no longer so. A refused credential is not healed by it."""
    sql = (
        "UPDATE integrations_connection SET status = 'works', status_text = %s, checked_at = NOW "
        "WHERE id = %s AND status = 'broken' AND broken_at IS NULL"
    )
    store.run(sql, ("A step has used it.", store.id(connection)))
