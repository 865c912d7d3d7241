"""The protocol's statements in SQL, on Django's connection of the calling thread: SQLite and PostgreSQL.

SQLite gets `executemany`, PostgreSQL one `INSERT … SELECT FROM unnest()` a table and batch. Every record is guarded by
(run, run.fence): one that matches nothing changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from orchestrator_site.lib.ids import uuid7
from workflows.engine import limit_rows, poison
from workflows.engine.abi import ABI, ABI_MIN
from workflows.engine.crashpoints import crashpoint
from workflows.engine.protocol import Me, Sighting
from workflows.engine.records import (
    PARKED_RUN,
    TERMINAL_RUN,
    AttemptRecord,
    BlobRecord,
    CacheRecord,
    ChildRecord,
    ChunkRecord,
    EffectRecord,
    EventTaken,
    PlanRecord,
    RunRecord,
    Stale,
    StepRecord,
    StepUse,
    WaitDone,
)
from workflows.engine.rows import DEFAULTS, EVENTS, FAR, TABLES, RowMaker, Table, json_text

NO_LIMIT = 1_000_000
_TERMINAL = "('succeeded','failed','cancelled','timed_out')"
_RUN_COLUMNS = (
    ("id", "uuid"), ("fence", "bigint"), ("status", "text"), ("release", "boolean"), ("wake_seq", "bigint"),
    ("outputs", "text"), ("warnings", "text"), ("error", "text"), ("input_tokens", "bigint"),
    ("output_tokens", "bigint"), ("cost_usd", "numeric"), ("due_at", "timestamptz"), ("finished_at", "timestamptz"),
)  # fmt: skip
_RUN_SET = """
  status = CASE WHEN {d}status = 'running' THEN {r}status ELSE {d}status END,
  worker_id = CASE WHEN {d}release THEN NULL ELSE {r}worker_id END,
  outputs = COALESCE({d}outputs, {r}outputs), warnings = COALESCE({d}warnings, {r}warnings),
  error = COALESCE({d}error, {r}error), input_tokens = {d}input_tokens, output_tokens = {d}output_tokens,
  cost_usd = {d}cost_usd, due_at = COALESCE({d}due_at, {r}due_at), finished_at = {d}finished_at
"""


def thread_settings(connection: Any) -> None:
    """What the engine's two threads set on their connections (engine.md §3)."""
    connection.ensure_connection()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout = 5000")
            cursor.execute("PRAGMA cache_size = -4000")
        else:
            cursor.execute("SET statement_timeout = '8s'")
            cursor.execute("SET lock_timeout = '8s'")


class SqlStore:
    """protocol.Store on one connection; used by one thread only."""

    def __init__(self, connection: Any, rows: RowMaker | None = None, in_flight: Callable[[], int] = lambda: 0) -> None:
        self.db = connection
        self.sqlite = connection.vendor == "sqlite"
        self.rows = rows or RowMaker(connection.vendor)
        self.in_flight = in_flight
        self.crowd: list[Any] = []
        self._statements: dict[tuple[str, int], str] = {}
        self._marks: list[str] = []

    def prepare(self) -> None:
        """Open the connection and set it up."""
        thread_settings(self.db)

    # Transactions

    def begin(self) -> None:
        """Begin a transaction (SQLite: when it is our turn)."""
        self.db.ensure_connection()
        if self.sqlite:
            self.db.turn.take()
        self.run("BEGIN IMMEDIATE" if self.sqlite else "BEGIN")

    def commit(self) -> None:
        """Commit, and let the next writer in."""
        for mark in self._marks:
            crashpoint(mark)
        self._marks = []
        self.run("COMMIT")
        if self.sqlite:
            self.db.turn.give()

    def rollback(self) -> None:
        """Undo, and let the next writer in."""
        self._marks = []
        try:
            if self.db.connection is not None and (not self.sqlite or self.db.connection.in_transaction):
                self.run("ROLLBACK")
        finally:
            if self.sqlite:
                self.db.turn.give()

    def run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """One statement; SQL is written with %s and NOW."""
        with self.db.wrap_database_errors:
            if self.sqlite:
                return self.db.connection.execute(_for_sqlite(sql), values)
            import psycopg

            return psycopg.Cursor(self.db.connection).execute(_for_postgres(sql), values or None)

    def many(self, sql: str, values: Sequence[Sequence[Any]]) -> int:
        """One statement for many rows; how many changed."""
        with self.db.wrap_database_errors:
            if self.sqlite:
                return int(self.db.connection.executemany(_for_sqlite(sql), values).rowcount)
            import psycopg

            cursor = psycopg.Cursor(self.db.connection)
            cursor.executemany(_for_postgres(sql), values)
            return int(cursor.rowcount)

    def id(self, value: Any) -> Any:
        """A UUID as this database takes it."""
        return self.rows.id(value)

    def uuid(self, value: Any) -> UUID:
        """A UUID as this database gives it."""
        return value if isinstance(value, UUID) else UUID(value)

    # The worker's row

    def advance_worker(self, me: Me, n: int) -> int:
        """seq = n and a beat, where the fence is mine and seq is n - 1."""
        sql = (
            "UPDATE workflows_worker SET seq = %s, beat = beat + 1, beat_at = NOW, in_flight = %s "
            "WHERE id = %s AND fence = %s AND seq = %s"
        )
        return int(self.run(sql, (n, self.in_flight(), self.id(me.worker), me.fence, n - 1)).rowcount)

    def read_worker(self, worker: Any) -> tuple[int, int] | None:
        """(fence, seq) of a worker's row."""
        found = self.run("SELECT fence, seq FROM workflows_worker WHERE id = %s", (self.id(worker),)).fetchone()
        return (int(found[0]), int(found[1])) if found else None

    def hold_worker(self, me: Me) -> int:
        """Lock my row and mark a claim, where the fence is mine."""
        sql = "UPDATE workflows_worker SET last_claim_at = NOW WHERE id = %s AND fence = %s"
        return int(self.run(sql, (self.id(me.worker), me.fence)).rowcount)

    def bump_worker(self, seen: Sighting) -> int:
        """fence + 1 and state dead, where fence, beat and seq are as seen."""
        sql = (
            "UPDATE workflows_worker SET fence = fence + 1, state = 'dead', ended_at = NOW "
            "WHERE id = %s AND fence = %s AND beat = %s AND seq = %s"
        )
        return int(self.run(sql, (self.id(seen.worker), seen.fence, seen.beat, seen.seq)).rowcount)

    # Take-over

    def orphans(self, worker: Any) -> list[poison.Orphan]:
        """The runs of a dead worker, locked, with what each was doing."""
        sql = (
            "SELECT r.id, r.deaths, "
            "EXISTS (SELECT 1 FROM workflows_steprun s WHERE s.run_id = r.id AND s.status = 'running' "
            "        AND s.kind IN ('read', 'model', 'effect')), "
            "EXISTS (SELECT 1 FROM workflows_steprun s WHERE s.run_id = r.id AND s.status = 'waiting') "
            "FROM workflows_run r WHERE r.worker_id = %s ORDER BY r.id" + ("" if self.sqlite else " FOR UPDATE OF r")
        )
        rows = self.run(sql, (self.id(worker),)).fetchall()
        return [poison.Orphan(row[0], int(row[1]), bool(row[2]), bool(row[3])) for row in rows]

    def requeue(self, seen: Sighting, orphans: Sequence[poison.Orphan]) -> int:
        """Queue them again and count deaths."""
        alone = len(orphans) == 1
        counted = [(o.deaths if seen.innocent else poison.deaths_after(o, alone), o.run) for o in orphans]
        sql = (
            "UPDATE workflows_run SET worker_id = NULL, status = 'queued', deaths = %s WHERE id = %s AND worker_id = %s"
        )
        if orphans:
            self.many(sql, [(deaths, run, self.id(seen.worker)) for deaths, run in counted])
        return len(orphans)

    # Claims

    def take_queued(self, me: Me, limit: int) -> list[tuple[UUID, int]]:
        """Runs that are queued and due: the least recently served workspace first. (id, fence) of each."""
        passed_over = f"AND w.id NOT IN ({_marks(self.crowd)}) " if self.crowd else ""
        due = (
            "SELECT w.id, w.quotas FROM accounts_workspace w WHERE EXISTS (SELECT 1 FROM workflows_run r WHERE "
            "r.workspace_id = w.id AND r.status = 'queued' AND r.due_at <= NOW AND r.deaths = 0) "
            f"{passed_over}ORDER BY w.served_at, w.id LIMIT 50"
        )
        workspaces = self.run(due, self.crowd).fetchall()
        share = max(20, limit // max(1, len(workspaces)))
        taken: list[tuple[UUID, int]] = []
        served = []
        for workspace, quotas in workspaces:
            if len(taken) >= limit:
                break
            served.append(workspace)
            room = min(share, limit - len(taken), self._room_of(workspace, most_in_flight(quotas)))
            taken += self._take_from(me, workspace, room) if room > 0 else []
        self._served(served)
        return taken

    def _room_of(self, workspace: Any, most: int) -> int:
        """How many more runs of a workspace may be in flight, by its quota; one worker at a time counts them."""
        if not most:
            return NO_LIMIT
        if not self.sqlite:
            lock = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 7))"
            if not self.run(lock, (str(workspace),)).fetchone()[0]:
                return 0
        sql = "SELECT count(*) FROM workflows_run WHERE workspace_id = %s AND status = 'running'"
        return most - int(self.run(sql, (workspace,)).fetchone()[0])

    def _served(self, workspaces: list[Any]) -> None:
        """Those that were looked at go to the end of the line; whoever else serves them now does the same."""
        if workspaces:
            among = f"SELECT id FROM accounts_workspace WHERE id IN ({_marks(workspaces)})"
            lock = "" if self.sqlite else " FOR NO KEY UPDATE SKIP LOCKED"
            self.run(f"UPDATE accounts_workspace SET served_at = NOW WHERE id IN ({among}{lock})", workspaces)

    def _take_from(self, me: Me, workspace: Any, limit: int) -> list[tuple[UUID, int]]:
        sql = (
            "SELECT id FROM workflows_run WHERE workspace_id = %s AND status = 'queued' AND due_at <= NOW "
            "AND deaths = 0 AND (concurrency_key IS NULL OR admitted_at IS NOT NULL OR ending <> '') "
            "ORDER BY priority, due_at, id LIMIT %s"
        )
        if not self.sqlite:
            sql += " FOR UPDATE SKIP LOCKED"
        return self.own(me, [row[0] for row in self.run(sql, (workspace, limit)).fetchall()])

    def take_suspects(self, me: Me, limit: int) -> list[tuple[UUID, int]]:
        """Runs that were there when a worker died: together after the first time, then one alone."""
        sql = (
            "SELECT id, deaths FROM workflows_run WHERE status = 'queued' AND due_at <= NOW AND deaths > 0 "
            "ORDER BY deaths, priority, due_at, id LIMIT %s" + ("" if self.sqlite else " FOR UPDATE SKIP LOCKED")
        )
        found = self.run(sql, (limit,)).fetchall()
        together = [run for run, deaths in found if deaths <= poison.AMONG_SUSPECTS]
        return self.own(me, together or [run for run, _ in found[:1]])

    def own(self, me: Me, ids: list[Any]) -> list[tuple[UUID, int]]:
        """worker = me, fence + 1, claims + 1 on these queued runs; an event for each."""
        if not ids:
            return []
        sql = (
            "UPDATE workflows_run SET worker_id = %s, fence = fence + 1, claims = claims + 1, status = 'running', "
            "started_at = COALESCE(started_at, NOW), abi = CASE WHEN abi = 0 THEN %s ELSE abi END "
            f"WHERE status = 'queued' AND (abi = 0 OR abi BETWEEN %s AND %s) AND id IN ({_marks(ids)}) "
            "RETURNING id, fence, workspace_id"
        )
        rows = self.run(sql, (self.id(me.worker), ABI, ABI_MIN, ABI, *ids)).fetchall()
        for chunk in chunks(rows):
            places = ", ".join(["(%s, %s, %s, 'running', '{}', NOW)"] * len(chunk))
            event = f"INSERT INTO {EVENTS.name} (id, run_id, workspace_id, kind, data, at) VALUES {places}"
            self.run(event, [value for row in chunk for value in (self.id(uuid7()), row[0], row[2])])
        return [(self.uuid(row[0]), int(row[1])) for row in rows]

    # Changes from outside

    def wake_parents(self, parents: Sequence[UUID]) -> None:
        """A run that ends is a change from outside to the run that waits for it."""
        sql = (
            "UPDATE workflows_run SET wake_seq = wake_seq + 1, "
            "due_at = CASE WHEN status IN ('waiting', 'attention') THEN NOW ELSE due_at END, "
            "status = CASE WHEN status IN ('waiting', 'attention') THEN 'queued' ELSE status END "
            f"WHERE id = %s AND status NOT IN {_TERMINAL}"
        )
        for parent in sorted(set(parents)):
            self.run(sql, (self.id(parent),))

    def wake_run(self, run: Any, changes: Mapping[str, str]) -> int:
        """wake_seq + 1 and a parked run becomes queued, where the run is not terminal; `changes` may set `ending`."""
        sql = (
            "UPDATE workflows_run SET wake_seq = wake_seq + 1, ending = COALESCE(%s, ending), "
            "due_at = CASE WHEN status IN ('waiting', 'attention') THEN NOW ELSE due_at END, "
            "status = CASE WHEN status IN ('waiting', 'attention') THEN 'queued' ELSE status END "
            f"WHERE id = %s AND status NOT IN {_TERMINAL}"
        )
        return int(self.run(sql, (changes.get("ending"), self.id(run))).rowcount)

    # The journal's records

    def write(self, me: Me, puts: Sequence[Any]) -> list[Any]:
        """The records of each put whose run is mine at the put's fence; one result a put."""
        live = self._live({(put.log.run_id, put.log.fence) for put in puts if put.log is not None})
        rows: dict[type, dict[Any, tuple[Any, ...]]] = {}
        runs: dict[UUID, tuple[Any, RunRecord]] = {}
        after: list[tuple[UUID, Any]] = []
        for put in puts:
            if put.log is None or (put.log.run_id, put.log.fence) not in live:
                continue
            guard = (self.id(put.log.run_id), put.log.fence)
            for kind, row in put.rows:
                if kind in (BlobRecord, CacheRecord):
                    rows.setdefault(kind, {})[(guard[0], row[1])] = (*row, *guard)
                elif kind is RunRecord:
                    runs[put.log.run_id] = (put.log, row)
                elif kind in (WaitDone, EventTaken, ChildRecord, StepUse):
                    after.append((put.log.run_id, row))
                else:
                    self._mark(kind, row)
                    rows.setdefault(kind, {})[(*guard, *_identity(kind, row))] = (*row, *guard)
        changed = self._write_runs(runs)
        for table in TABLES:
            if table.record in rows:
                self._insert(table, list(rows[table.record].values()))
                if table.record is BlobRecord:
                    crashpoint("P28")
        for run, record in after:
            self._write_special(run, record)
        self._write_endings({run: record for run, (_, record) in runs.items() if run in changed})
        answers = self._answers(me, [put for put in puts if put.log is None and put.rows])
        return [answers.get(id(put)) if put.log is None else self._result(put, live, changed) for put in puts]

    def _answers(self, me: Me, puts: Sequence[Any]) -> dict[int, Any]:
        """What became of the asks for tokens, slots and the like; the last rows that a batch touches."""
        if not puts:
            return {}
        answers = limit_rows.apply(self, me, [put.rows[0][1] for put in puts])
        return {id(put): answer for put, answer in zip(puts, answers, strict=True)}

    def _write_special(self, run: UUID, record: WaitDone | EventTaken | ChildRecord | StepUse) -> None:
        if isinstance(record, WaitDone):
            sql = "UPDATE workflows_wait SET decided_at = %s, decision = %s WHERE id = %s AND decided_at IS NULL"
            self.run(sql, (self.rows.time(record.at), record.decision, self.id(record.id)))
        elif isinstance(record, EventTaken):
            sql = "UPDATE workflows_deliveredevent SET taken_by_id = %s WHERE id = %s AND taken_by_id IS NULL"
            self.run(sql, (self.id(record.wait_id), self.id(record.id)))
        elif isinstance(record, StepUse):
            sql = "UPDATE workflows_steprun SET input_tokens = %s, output_tokens = %s, cost_usd = %s WHERE id = %s"
            self.run(sql, (record.input_tokens, record.output_tokens, str(record.cost_usd), self.id(record.id)))
        else:
            columns = ", ".join(f'"{name}"' for name in record.columns)
            values = ", ".join(["%s"] * len(record.columns))
            sql = f"INSERT INTO workflows_run ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING"
            self.run(sql, record.values)
            event = (
                f"INSERT INTO {EVENTS.name} (id, run_id, workspace_id, kind, data, at) "
                "SELECT %s, r.id, r.workspace_id, 'queued', '{}', NOW FROM workflows_run r WHERE r.id = %s"
            )
            self.run(event, (self.id(uuid7()), self.id(record.id)))

    def _write_endings(self, runs: Mapping[UUID, RunRecord]) -> None:
        """What goes with the end of runs: those that wait for them are woken, what they still asked is closed.

        What only served to go on with a loop is deleted: the results stand in the loop's own row.
        """
        ended = {run: record for run, record in runs.items() if record.status in TERMINAL_RUN}
        self.wake_parents([record.parent for record in ended.values() if record.parent is not None])
        closed = [self.id(run) for run, record in ended.items() if record.waited]
        if closed:
            sql = (
                "UPDATE workflows_wait SET decided_at = NOW, decision = 'ended' "
                f"WHERE run_id IN ({_marks(closed)}) AND decided_at IS NULL AND kind <> 'unknown'"
            )
            self.run(sql, closed)
            self.run(f"DELETE FROM workflows_loopchunk WHERE run_id IN ({_marks(closed)})", closed)

    def _result(self, put: Any, live: set[tuple[UUID, int]], changed: set[UUID]) -> Any:
        if (put.log.run_id, put.log.fence) not in live:
            return Stale("the run belongs to another worker")
        if any(kind is RunRecord for kind, _ in put.rows):
            return put.log.run_id in changed
        return True

    def _live(self, wanted: set[tuple[UUID, int]]) -> set[tuple[UUID, int]]:
        """Those (run, fence) that still hold."""
        if not wanted:
            return set()
        ids = [self.id(run) for run in {run for run, _ in wanted}]
        if self.sqlite:
            sql = f"SELECT id, fence FROM workflows_run WHERE id IN ({_marks(ids)})"
            found = self.run(sql, ids).fetchall()
        else:
            found = self.run("SELECT id, fence FROM workflows_run WHERE id = ANY(%s::uuid[])", (ids,)).fetchall()
        return wanted & {(self.uuid(run), int(fence)) for run, fence in found}

    def _write_runs(self, runs: dict[UUID, tuple[Any, RunRecord]]) -> set[UUID]:
        if not runs:
            return set()
        rows = [self._run_row(log, record) for log, record in sorted(runs.values(), key=lambda pair: pair[0].run_id)]
        if any(record.status in TERMINAL_RUN for _, record in runs.values()):
            self._marks.append("P25")
        guard = f"{{r}}fence = {{d}}fence AND {{r}}status NOT IN {_TERMINAL}"
        guard += " AND ({d}wake_seq IS NULL OR {r}wake_seq = {d}wake_seq)"
        if self.sqlite:
            return self._write_runs_sqlite(rows, guard)
        sql = (
            f"UPDATE workflows_run r SET {_RUN_SET.format(d='d.', r='r.')} FROM unnest("
            + ", ".join(f"%s::{kind}[]" for _, kind in _RUN_COLUMNS)
            + f") AS d({', '.join(name for name, _ in _RUN_COLUMNS)}) "
            + f"WHERE r.id = d.id AND {guard.format(d='d.', r='r.')} RETURNING r.id"
        )
        return {row[0] for row in self.run(sql, [list(column) for column in zip(*rows, strict=True)]).fetchall()}

    def _write_runs_sqlite(self, rows: list[tuple[Any, ...]], guard: str) -> set[UUID]:
        named = ", ".join(name for name, _ in _RUN_COLUMNS)
        setting, where = _RUN_SET.format(d="d.", r="r."), guard.format(d="d.", r="r.")
        changed: set[UUID] = set()
        for chunk in chunks(rows):
            sql = (
                f"WITH d({named}) AS (VALUES {_places(len(_RUN_COLUMNS), len(chunk))}) UPDATE workflows_run AS r "
                f"SET {setting} FROM d WHERE r.id = d.id AND {where} RETURNING id"
            )
            found = self.run(sql, [value for row in chunk for value in row]).fetchall()
            changed.update(self.uuid(row[0]) for row in found)
        return changed

    def _run_row(self, log: Any, record: RunRecord) -> tuple[Any, ...]:
        terminal = record.status in TERMINAL_RUN
        parked = record.status in PARKED_RUN and record.due_at is None
        due = FAR if parked else record.due_at  # only what happens outside wakes it
        return (
            self.id(log.run_id), log.fence, record.status, record.release, record.wake_seq,
            json_text(record.outputs), json_text(record.warnings) if terminal else None, json_text(record.error),
            record.input_tokens, record.output_tokens, str(record.cost_usd),
            self.rows.time(due), self.rows.time(record.finished_at),
        )  # fmt: skip

    def _insert(self, table: Table, rows: list[tuple[Any, ...]]) -> None:
        if not self.sqlite:
            self.run(self._statement(table, 0), [list(column) for column in zip(*rows, strict=True)])
            return
        for chunk in chunks(rows):
            self.run(self._statement(table, len(chunk)), [value for row in chunk for value in row])

    def _statement(self, table: Table, rows: int) -> str:
        found = self._statements.get((table.name, rows))
        if found is None:
            found = self._statements[(table.name, rows)] = insert_statement(table, self.sqlite, rows)
        return found

    def _mark(self, kind: type, row: tuple[Any, ...]) -> None:
        """Crash points inside the transaction: P08 before an intent is committed, P15 before a result is."""
        if kind is EffectRecord:
            self._marks.append("P08" if row[10] == "sent" else "P15")


def _identity(kind: type, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """What makes two rows of a batch images of one: steps by place, attempts and chunks by number, the rest by id."""
    return (row[1], row[2]) if kind in (StepRecord, AttemptRecord, PlanRecord, ChunkRecord) else (row[0],)


def insert_statement(table: Table, sqlite: bool, rows: int) -> str:
    """INSERT … SELECT … guarded by (run, fence), replacing an older image of the same row.

    SQLite takes `rows` rows at once: each statement lets go of Python's lock once, and getting it back beside a busy
    loop costs more than the rows do.
    """
    names = [column.name for column in table.columns]
    extra = DEFAULTS.get(table.name, {})
    into = [*names, *extra, "workspace_id", *(["run_id"] if table.has_run else [])]
    tail = ["r.workspace_id", *(["r.id"] if table.has_run else [])]
    values = ", ".join([f'd."{name}"' for name in names] + list(extra.values()) + tail)
    named = ", ".join([f'"{name}"' for name in [*names, "guard_run", "guard_fence"]])
    if sqlite:
        head = f"WITH d({named}) AS (VALUES {_places(len(names) + 2, rows)}) "
        source = "d"
    else:
        arrays = ", ".join([f"%s::{column.type}[]" for column in table.columns] + ["%s::uuid[]", "%s::bigint[]"])
        head, source = "", f"unnest({arrays}) AS d({named})"
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in table.changing)
    columns = ", ".join(f'"{name}"' for name in into)
    action = f"DO UPDATE SET {changes}" if changes else "DO NOTHING"
    return (
        f"{head}INSERT INTO {table.name} ({columns}) SELECT {values} FROM {source} JOIN workflows_run r "
        f"ON r.id = d.guard_run AND r.fence = d.guard_fence WHERE true ON CONFLICT ({', '.join(table.key)}) {action}"
    )


def most_in_flight(quotas: Any) -> int:
    """The quota `runs_in_flight` of a workspace, of its stored JSON; 0: none."""
    said = json.loads(quotas) if isinstance(quotas, str) and quotas else {}
    found = said.get("runs_in_flight") if isinstance(said, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else 0


CHUNKS = (64, 16, 4, 1)


def chunks(rows: list[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    """Rows in pieces of few sizes, so that SQLite's statements are prepared once."""
    at = 0
    for size in CHUNKS:
        while len(rows) - at >= size:
            yield rows[at : at + size]
            at += size


def _places(columns: int, rows: int) -> str:
    row = f"({', '.join(['%s'] * columns)})"
    return ", ".join([row] * rows)


_sqlite_texts: dict[str, str] = {}


def _for_sqlite(sql: str) -> str:
    text = _sqlite_texts.get(sql)
    if text is None:
        text = sql.replace("%s", "?").replace(" NOW", " strftime('%Y-%m-%d %H:%M:%f', 'now')")
        if len(_sqlite_texts) < 500:
            _sqlite_texts[sql] = text
    return text


def _for_postgres(sql: str) -> str:
    return sql.replace(" NOW", " statement_timestamp()")


def _marks(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))
