"""Records as rows: which table, which columns, in which form the database takes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any
from uuid import UUID

from workflows.engine.records import (
    AttemptRecord,
    BlobRecord,
    CacheRecord,
    ChunkRecord,
    EffectRecord,
    Encoded,
    EventRecord,
    PlanRecord,
    Record,
    StepRecord,
    WaitRecord,
)

ROW_BYTES = 1024 * 1024
"""A value of at most this size stands in its row, a larger one in a blob."""
FAR = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class Column:
    """A column, its PostgreSQL type, and where its value comes from."""

    name: str
    type: str
    source: str


@dataclass(frozen=True)
class Table:
    """A table of records that belong to a run. `once`: columns that a second image of the row does not change."""

    name: str
    record: type
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    once: frozenset[str] = frozenset({"id"})
    has_run: bool = True

    @property
    def changing(self) -> list[str]:
        """The columns that a newer image replaces."""
        return [c.name for c in self.columns if c.name not in self.once and c.name not in self.key]


def _columns(text: str) -> tuple[Column, ...]:
    found = []
    for word in text.split():
        name, _, kind = word.partition(":")
        column, _, source = name.partition("=")
        found.append(Column(column, _TYPES[kind or "t"], source or column))
    return tuple(found)


_TYPES = {
    "t": "text",
    "u": "uuid",
    "i": "bigint",
    "j": "text",
    "d": "numeric",
    "at": "timestamptz",
    "b": "boolean",
    "y": "bytea",
}

STEPS = Table(
    "workflows_steprun",
    StepRecord,
    _columns(
        "id:u key path action kind status seq:i connection_id:u input:j output:j decision:j error:j tainted:b "
        "attempts_count=attempts:i input_tokens:i output_tokens:i cost_usd:d due_at:at started_at:at finished_at:at"
    ),
    key=("run_id", "key", "path"),
)
ATTEMPTS = Table(
    "workflows_attempt",
    AttemptRecord,
    _columns(
        "id:u step_run_id:u n:i status error:j input_tokens:i output_tokens:i cost_usd:d started_at:at finished_at:at"
    ),
    key=("step_run_id", "n"),
    once=frozenset({"id", "started_at"}),
)
EFFECTS = Table(
    "workflows_effect",
    EffectRecord,
    _columns(
        "id:u step_run_id:u seq:i attempt:i key connection_id:u op target:j request:j request_sha256 state sent_at:at "
        "settle_after:at settled_at:at result:j error:j external_id external_url search_url resolution resolved_by "
        "looks:i before:j after:j"
    ),
    key=("id",),
)
PLANS = Table(
    "workflows_plannedeffect",
    PlanRecord,
    _columns(
        "id:u step_run_id:u seq:i connection_id:u action op target:j summary before:j after:j external_id state at:at"
    ),
    key=("step_run_id", "seq"),
)
WAITS = Table(
    "workflows_wait",
    WaitRecord,
    _columns("id:u step_run_id:u effect_id:u kind title body fields:j rules:j due_at:at created_at:at"),
    key=("id",),
)
EVENTS = Table("workflows_runevent", EventRecord, _columns("id:u kind data:j at:at"), key=("id",))
CACHE = Table(
    "workflows_stepcache",
    CacheRecord,
    _columns("id:u key run_id=run:u step output:j tainted:b made_at:at expires_at:at"),
    key=("workspace_id", "key"),
    has_run=False,
)
CHUNKS = Table(
    "workflows_loopchunk",
    ChunkRecord,
    _columns("id:u step_run_id:u number:i results:j facts:j"),
    key=("step_run_id", "number"),
)
BLOBS = Table(
    "workflows_blob",
    BlobRecord,
    _columns("id:u sha256 size:i name mime_type content:y created_at:at"),
    key=("workspace_id", "sha256"),
    once=frozenset({"id", "content", "created_at", "size", "name", "mime_type"}),
    has_run=False,
)
TABLES = (BLOBS, STEPS, ATTEMPTS, EFFECTS, PLANS, WAITS, EVENTS, CHUNKS, CACHE)
BY_RECORD = {table.record: table for table in TABLES}
DEFAULTS = {
    WAITS.name: {"decision": "''", "comment": "''", "decided_by": "''"},
}

# How values travel: SQLite takes what Django stores there; PostgreSQL parses text arrays cast to the column's type.


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def json_text(value: Any) -> str | None:
    """Compact JSON as JSONText stores it."""
    if type(value) is Encoded:
        return value.text
    return None if value is None else _encode(value)


def encoded(value: Any) -> Any:
    """A value made text now; one that is no JSON is left to the journal, which says so."""
    try:
        return encoded_text(_encode(value))
    except (ValueError, TypeError):
        return value


def encoded_text(text: str) -> Encoded:
    """JSON text as it is stored; of a very large one the bytes and their sha256 are made now."""
    if len(text) <= ROW_BYTES:
        return Encoded(text)
    content = text.encode()
    return Encoded(text, content, hashlib.sha256(content).hexdigest())


def sqlite_time(value: datetime | None) -> str | None:
    """As Django writes a datetime."""
    if value is None:
        return None
    return value.isoformat(" ")[:-6] if value.tzinfo is UTC else value.astimezone(UTC).isoformat(" ")[:-6]


def _id_hex(value: UUID | None) -> str | None:
    return None if value is None else value.hex


def _id_text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _decimal(value: Decimal) -> str:
    return str(value)


def _same(value: Any) -> Any:
    return value


def _iso(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


Convert = Callable[[Any], Any]
_JSON_COLUMNS = frozenset(
    {"input", "output", "decision", "error", "target", "request", "result", "before", "after", "fields", "rules"}
    | {"data", "results", "facts"}
)


def _converters(sqlite: bool) -> dict[str, Convert]:
    return {
        "uuid": _id_hex if sqlite else _id_text,
        "timestamptz": sqlite_time if sqlite else _iso,
        "numeric": _decimal,
        "boolean": int if sqlite else _same,
        "bytea": _same,
        "text": _same,
        "bigint": _same,
    }


class RowMaker:
    """Turns records into rows for one kind of database."""

    def __init__(self, vendor: str) -> None:
        self.sqlite = vendor == "sqlite"
        kinds = _converters(self.sqlite)
        self.id = kinds["uuid"]
        self.time = kinds["timestamptz"]
        self._plans: dict[type, tuple[Callable[[Any], tuple[Any, ...]], tuple[tuple[int, Convert], ...]]] = {}
        for table in TABLES:
            converts = [json_text if c.name in _JSON_COLUMNS else kinds[c.type] for c in table.columns]
            needed = tuple((at, convert) for at, convert in enumerate(converts) if convert is not _same)
            self._plans[table.record] = (attrgetter(*[c.source for c in table.columns]), needed)

    def row(self, record: Record) -> tuple[Any, ...]:
        """The values of a record in the order of its table's columns."""
        take, converts = self._plans[type(record)]
        values = list(take(record))
        for at, convert in converts:
            if values[at] is not None:
                values[at] = convert(values[at])
        return tuple(values)
