"""Gives runs with a concurrency key their turn, across all workers (engine.turns decides; here are the rows).

One worker at a time does this: SQLite has one writer, PostgreSQL an advisory lock that is only tried. Turns are only
given under that lock and only end with the run, so no more than `concurrency_limit` of them are out at a time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from orchestrator_site.lib.ids import uuid7
from workflows.engine.sql import SqlStore, _marks
from workflows.engine.turns import Contender, Decisions, decide

APART = 0.25
IDLE = 10  # a look that takes long is followed by so many times as long without one
MOST = 2000
LOCK = 0x41574F5F5455524E  # "AWO_TURN"
_UNFINISHED = "concurrency_key >= '' AND finished_at IS NULL"


class Turns:
    """Looks whose turn it is: at once when a run with a key has ended here, else a few times a second."""

    def __init__(self) -> None:
        self._looked = self._took = 0.0
        self._wanted = False
        self._from: tuple[Any, str] | None = None

    def want(self) -> None:
        """A run that had its turn has ended: look at the next claim."""
        self._wanted = True

    def give(self, store: SqlStore) -> list[UUID]:
        """Give the turns that are free; the runs owned by a worker that have to make room, to ring for."""
        if not self._wanted and time.monotonic() - self._looked < max(APART, IDLE * self._took):
            return []
        self._wanted, self._looked = False, time.monotonic()
        if not store.run(f"SELECT 1 FROM workflows_run WHERE {_UNFINISHED} LIMIT 1").fetchone():
            return []
        store.begin()
        try:
            told = self._give(store) if _alone(store) else []
            store.commit()
        except BaseException:
            store.rollback()
            raise
        self._took = time.monotonic() - self._looked
        return told

    def _give(self, store: SqlStore) -> list[UUID]:
        rows = self._contenders(store)
        told: list[UUID] = []
        for _, runs in groupby(rows, key=lambda row: (row[1], row[2])):
            told += _apply(store, decide(_contender(row) for row in runs))
        return told

    def _contenders(self, store: SqlStore) -> list[Any]:
        """The runs that have their turn and the first of those that wait for it, key by key; goes round."""
        after, values = "", []
        if self._from is not None:
            after, values = "AND (concurrency_key, workflow_id) > (%s, %s)", [self._from[1], self._from[0]]
        sql = (
            "SELECT id, workflow_id, concurrency_key, concurrency_limit, concurrency_policy, held, leaving FROM ("
            "SELECT id, workflow_id, concurrency_key, concurrency_limit, concurrency_policy, "
            "admitted_at IS NOT NULL AS held, "
            "(ending NOT IN ('', 'pause') OR COALESCE(deadline_at <= NOW, false)) AS leaving, "
            "row_number() OVER (PARTITION BY concurrency_key, workflow_id, admitted_at IS NULL ORDER BY id) AS place "
            f"FROM workflows_run WHERE {_UNFINISHED} {after} AND "
            "(admitted_at IS NOT NULL OR (status = 'queued' AND (ending = '' OR due_at > '9000-01-01')))) q "
            "WHERE held OR place <= concurrency_limit OR concurrency_policy <> 'queue' OR leaving "
            "ORDER BY concurrency_key, workflow_id, id LIMIT %s"
        )
        rows: list[Any] = store.run(sql, (*values, MOST)).fetchall()
        last = (rows[-1][1], rows[-1][2]) if len(rows) == MOST else None
        whole = [row for row in rows if (row[1], row[2]) != last] if last else rows
        self._from = last and ((whole[-1][1], whole[-1][2]) if whole else last)
        return whole or rows


def _contender(row: Sequence[Any]) -> Contender:
    return Contender(row[0], int(row[3]), row[4], bool(row[5]), bool(row[6]))


def _alone(store: SqlStore) -> bool:
    if store.sqlite:
        return True
    return bool(store.run("SELECT pg_try_advisory_xact_lock(%s)", (LOCK,)).fetchone()[0])


def _apply(store: SqlStore, found: Decisions) -> list[UUID]:
    if found.admitted:
        sql = (
            "UPDATE workflows_run SET admitted_at = NOW, due_at = NOW WHERE status = 'queued' AND admitted_at IS NULL "
            f"AND id IN ({_marks(found.admitted)})"
        )
        store.run(sql, found.admitted)
    if found.let_end:
        sql = (
            "UPDATE workflows_run SET due_at = NOW, ending = CASE WHEN ending = '' THEN 'deadline' ELSE ending END "
            f"WHERE status = 'queued' AND admitted_at IS NULL AND id IN ({_marks(found.let_end)})"
        )
        store.run(sql, found.let_end)
    for run, holder in found.dropped:
        _end(store, run, _dropped(store.uuid(holder)))
    for run, newer in found.replaced:
        _end(store, run, _replaced(store.uuid(newer)))
    return [store.uuid(run) for run, _ in found.replaced]


def _end(store: SqlStore, run: Any, error: dict[str, str]) -> None:
    """Let a run end as cancelled, and say why; its owner, or the next to claim it, ends it properly."""
    sql = (
        "UPDATE workflows_run SET ending = 'cancel', error = %s, wake_seq = wake_seq + 1, "
        "status = CASE WHEN status IN ('waiting', 'attention', 'paused') THEN 'queued' ELSE status END, "
        "due_at = CASE WHEN status IN ('waiting', 'attention', 'paused', 'queued') THEN NOW ELSE due_at END "
        "WHERE id = %s AND finished_at IS NULL AND ending IN ('', 'pause') RETURNING workspace_id"
    )
    row = store.run(sql, (json.dumps(error, ensure_ascii=False), run)).fetchone()
    if row is not None:
        event = (
            "INSERT INTO workflows_runevent (id, run_id, workspace_id, kind, data, at) "
            "VALUES (%s, %s, %s, 'cancel', '{}', NOW)"
        )
        store.run(event, (store.id(uuid7()), run, row[0]))


def _dropped(holder: UUID) -> dict[str, str]:
    return {
        "code": "E_CONCURRENCY",
        "message": f"Not started: run {holder} of this workflow is still going on, and another one is dropped.",
        "hint": "Run it again when that one has ended, or choose “queue” in the workflow's settings.",
        "step": "",
    }


def _replaced(newer: UUID) -> dict[str, str]:
    return {
        "code": "E_CONCURRENCY",
        "message": f"Cancelled: the newer run {newer} of this workflow replaces it.",
        "hint": "Choose “queue” in the workflow's settings if every run should go to its end.",
        "step": "",
    }
