"""Buckets, breakers and slots in the database: what the journal applies, and what a worker reads before a call.

The bucket's row is the lock of its connection: whoever holds it may read and write all three. Moments are the
database's own; a worker is told seconds from now, so that no two clocks are compared.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from integrations.context import mark_of
from integrations.spec import Limit
from workflows.engine import credential_rows
from workflows.engine.pace import LONGEST_BLOCK, Circuit, Share, grant, share

if TYPE_CHECKING:
    from workflows.engine.protocol import Me
    from workflows.engine.sql import SqlStore


@dataclass(frozen=True, slots=True)
class Ask:
    """What a worker wants of a connection's limits, or has learned; a record of the journal.

    `tokens` of `limits`; `block`: the service asks to wait so many seconds; `outcome`: worked, failed, or refused (the
    credential of this `mark` is not accepted); `probe`: to try once while the breaker is open; `slots`: (calls under
    way, calls wanted, limit).
    """

    connection: UUID
    tokens: int = 0
    limits: tuple[Limit, ...] = ()
    block: float = 0.0
    outcome: str = ""
    error: str = ""
    probe: bool = False
    slots: tuple[int, int, int] | None = None
    mark: str = ""


@dataclass(slots=True)
class View:
    """A connection's limits as they were when they were looked at; seconds count from then."""

    blocked: float = 0.0
    state: str = "closed"
    failures: int = 0
    since: datetime | None = None
    retry: float = 0.0
    error: str = ""
    service: str = ""
    sandbox: bool = False
    base_url: str = ""
    per_minute: int | None = None
    at_once: int = 0
    name: str = ""
    status: str = ""
    broken: str = ""


@dataclass(slots=True)
class Answer:
    """What came of an Ask: tokens as seconds from now, and when the first after them may be had; calls at once that
    the worker holds, and up to how many it may begin (`slots`)."""

    tokens: list[float] = field(default_factory=list)
    later: float = 0.0
    probe: bool = False
    held: int = 0
    slots: int = 0


_ROW = (
    "SELECT b.blocked_until, b.taken, k.state, k.failures, k.trips, k.since, k.opened_at, k.retry_at, k.last_error, "
    "c.service, c.base_url, c.sandbox, c.requests_per_minute, c.at_once, c.updated_at, c.checked_at, c.status, "
    "c.name, c.broken_at, c.status_text, c.secret "
    "FROM integrations_connection c LEFT JOIN integrations_bucket b ON b.connection_id = c.id "
    "LEFT JOIN integrations_breaker k ON k.connection_id = c.id WHERE c.id = %s"
)


def look(store: SqlStore, connection: UUID) -> View:
    """What holds for a connection now. On the reads thread."""
    at = _clock(store)
    row = store.run(_ROW, (store.id(connection),)).fetchone()
    if row is None:
        return View(sandbox=True)
    circuit = _circuit(row)
    since = datetime.fromtimestamp(circuit.since, UTC) if circuit.since else None
    return View(
        max(0.0, _epoch(row[0]) - at), circuit.state, circuit.failures, since, circuit.retry - at, circuit.error,
        row[9], bool(row[11]), row[10], row[12], int(row[13] or 0), row[17], row[16],
        (row[19] or "It was refused.") if row[18] else "",
    )  # fmt: skip


def apply(store: SqlStore, me: Me, asks: Sequence[Ask]) -> list[Answer]:
    """Answer the asks of a batch, connection by connection in one order, each connection's in theirs."""
    answers: dict[int, Answer] = {}
    for connection in sorted({ask.connection for ask in asks}):
        mine = [(at, ask) for at, ask in enumerate(asks) if ask.connection == connection]
        answers |= _apply_to(store, me, connection, mine)
    return [answers[at] for at in range(len(asks))]


def _apply_to(store: SqlStore, me: Me, connection: UUID, asks: list[tuple[int, Ask]]) -> dict[int, Answer]:
    row = _locked(store, connection)
    if row is None:  # the connection is gone
        return {at: Answer(probe=True, slots=ask.slots[1] if ask.slots else 0) for at, ask in asks}
    at = _clock(store)
    blocked, taken, circuit = _epoch(row[0]), dict(json.loads(row[1] or "{}")), _circuit(row)
    before = (blocked, dict(taken), _said(circuit))
    answers: dict[int, Answer] = {}
    for place, ask in asks:
        answer = answers[place] = Answer()
        if ask.tokens:
            given, next_at = grant(taken, ask.limits, ask.tokens, at)
            answer.tokens, answer.later = [moment - at for moment in given], next_at - at
        if ask.block:
            blocked = max(blocked, at + min(ask.block, LONGEST_BLOCK))
        if ask.outcome == "failed":
            circuit.failed(at, ask.error[:500])
        elif ask.outcome == "worked":
            circuit.worked()
            credential_rows.heal(store, connection)
        elif ask.outcome == "refused" and ask.mark == mark_of(row[20], row[10]):
            credential_rows.refuse(store, connection, ask.error[:500])
        if ask.probe:
            answer.probe = circuit.probe(at)
        if ask.slots is not None:
            answer.held, answer.slots = _slots(store, me, connection, *ask.slots)
    if (blocked, taken) != before[:2]:
        _save_bucket(store, connection, blocked, taken)
    if _said(circuit) != before[2]:
        _save_breaker(store, connection, circuit)
    return answers


def _locked(store: SqlStore, connection: UUID) -> Any:
    """The connection's rows once its bucket is locked: read after the lock is held, so what is read is the newest."""
    place = store.id(connection)
    made = (
        "INSERT INTO integrations_bucket (connection_id, workspace_id, taken) "
        "SELECT id, workspace_id, '{}' FROM integrations_connection WHERE id = %s ON CONFLICT DO NOTHING"
    )
    lock = "SELECT 1 FROM integrations_bucket WHERE connection_id = %s" + ("" if store.sqlite else " FOR UPDATE")
    if store.run(lock, (place,)).fetchone() is None:
        store.run(made, (place,))
        if store.run(lock, (place,)).fetchone() is None:
            return None
    return store.run(_ROW, (place,)).fetchone()


def _circuit(row: Sequence[Any]) -> Circuit:
    """The breaker of a row; what was changed or tried with success since it opened begins anew."""
    if row[2] is None:
        return Circuit()
    circuit = Circuit(row[2], int(row[3]), int(row[4]), _epoch(row[5]), _epoch(row[6]), _epoch(row[7]), row[8])
    healed = max(_epoch(row[14]), _epoch(row[15]) if row[16] == "works" else 0.0)
    if circuit.state != "closed" and healed > circuit.opened:
        circuit.reset()
    return circuit


def _said(circuit: Circuit) -> tuple[Any, ...]:
    return tuple(getattr(circuit, name) for name in Circuit.__slots__)


def _save_bucket(store: SqlStore, connection: UUID, blocked: float, taken: dict[str, float]) -> None:
    sql = "UPDATE integrations_bucket SET blocked_until = %s, taken = %s WHERE connection_id = %s"
    store.run(sql, (_time(store, blocked), json.dumps(taken), store.id(connection)))


def _save_breaker(store: SqlStore, connection: UUID, circuit: Circuit) -> None:
    names = "state, failures, trips, since, opened_at, retry_at, last_error"
    new = ", ".join(f"{name} = excluded.{name}" for name in names.split(", "))
    sql = (
        f"INSERT INTO integrations_breaker (connection_id, workspace_id, {names}) "
        "SELECT id, workspace_id, %s, %s, %s, %s, %s, %s, %s FROM integrations_connection WHERE id = %s "
        f"ON CONFLICT (connection_id) DO UPDATE SET {new}"
    )
    if not store.sqlite:
        given = "%s::text, %s::int, %s::int, %s::timestamptz, %s::timestamptz, %s::timestamptz, %s::text FROM"
        sql = sql.replace("%s, %s, %s, %s, %s, %s, %s FROM", given)
    times = [_time(store, moment) for moment in (circuit.since, circuit.opened, circuit.retry)]
    values = (circuit.state, circuit.failures, circuit.trips, *times, circuit.error, store.id(connection))
    store.run(sql, values)


def _slots(store: SqlStore, me: Me, connection: UUID, in_use: int, wanted: int, limit: int) -> tuple[int, int]:
    sql = (
        "SELECT s.held, s.wanted, s.worker_id FROM workflows_slot s JOIN workflows_worker w ON w.id = s.worker_id "
        "WHERE s.connection_id = %s AND w.state IN ('live', 'draining')"
    )
    rows = store.run(sql, (store.id(connection),)).fetchall()
    others = [Share(int(row[0]), int(row[1])) for row in rows if store.uuid(row[2]) != me.worker]
    before = next((int(row[0]) for row in rows if store.uuid(row[2]) == me.worker), 0)
    held, allowed = share(limit, Share(before, wanted), in_use, others)
    put = (
        "INSERT INTO workflows_slot (connection_id, worker_id, held, wanted) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (connection_id, worker_id) DO UPDATE SET held = excluded.held, wanted = excluded.wanted"
    )
    store.run(put, (store.id(connection), store.id(me.worker), held, wanted))
    return held, allowed


def _clock(store: SqlStore) -> float:
    if store.sqlite:
        return float(store.run("SELECT (julianday('now') - 2440587.5) * 86400.0").fetchone()[0])
    return float(store.run("SELECT extract(epoch FROM clock_timestamp())").fetchone()[0])


def _epoch(value: Any) -> float:
    """A stored moment in seconds; 0 where there is none."""
    if value is None:
        return 0.0
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return float((found.replace(tzinfo=UTC) if found.tzinfo is None else found).timestamp())


def _time(store: SqlStore, seconds: float) -> Any:
    return store.rows.time(datetime.fromtimestamp(seconds, UTC)) if seconds else None
