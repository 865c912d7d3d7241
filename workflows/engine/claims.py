"""Claims, loads and take-overs: what the engine's reads thread does with the database.

Every function here runs on that one thread, on its own connection, outside the event loop.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from integrations.context import Foreseen, Plan
from workflows.engine import protocol
from workflows.engine.identity import Identity, certainly_dead, lock_is_free
from workflows.engine.protocol import Me, Sighting
from workflows.engine.records import CacheRecord, EffectRecord, StepRecord
from workflows.engine.sql import SqlStore, _marks
from workflows.engine.times import Times


@dataclass(frozen=True)
class ClaimedRun:
    """A run as it was when this worker took it."""

    id: UUID
    fence: int
    workspace_id: UUID
    workspace_slug: str
    workflow_slug: str
    version_id: UUID
    status: str
    mode: str
    inputs: Any
    frozen: Any
    trigger_kind: str
    claims: int
    deaths: int
    wake_seq: int
    ending: str
    deadline_at: datetime | None
    created_at: datetime
    started_at: datetime
    warnings: Any
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    workflow_id: UUID
    takes_turns: bool
    starter_id: int | None
    started_by: str
    parent: UUID | None

    @property
    def has_records(self) -> bool:
        """Whether steps of it may be stored already: it was walked before, or it goes on from an earlier run."""
        return self.claims > 1 or "reused" in self.frozen


# Said in the words of the partial indexes: with a parameter, or less, SQLite reads every run there ever was.
UNFINISHED = "status IN ('running', 'paused', 'attention')"
PARKED = ("status = 'waiting'", f"{UNFINISHED} AND status = 'attention'")
_RUN = (
    "SELECT r.id, r.fence, r.workspace_id, a.slug, w.slug, r.version_id, r.status, r.mode, r.inputs, r.frozen, "
    "r.trigger_kind, r.claims, r.deaths, r.wake_seq, r.ending, r.deadline_at, r.created_at, r.started_at, r.warnings, "
    "r.input_tokens, r.output_tokens, r.cost_usd, r.workflow_id, r.admitted_at IS NOT NULL, r.starter_id, "
    "r.started_by, p.run_id FROM workflows_run r "
    "JOIN workflows_workflow w ON w.id = r.workflow_id JOIN accounts_workspace a ON a.id = r.workspace_id "
    "LEFT JOIN workflows_steprun p ON p.id = r.parent_step_id "
)
_STEP_COLUMNS = (
    "id, key, path, action, kind, status, seq, connection_id, input, output, decision, error, tainted, "
    "attempts_count, input_tokens, output_tokens, cost_usd, due_at, started_at, finished_at, workspace_id"
)
_EFFECT_COLUMNS = (
    "id, step_run_id, seq, attempt, key, connection_id, op, target, request, request_sha256, state, sent_at, "
    "settle_after, settled_at, result, error, external_id, external_url, search_url, resolution, resolved_by, looks"
)


class Reader:
    """Rows as the engine's records, and the transactions of the protocol."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store

    # Claims

    def claim(self, me: Me, limit: int, crowd: frozenset[UUID] = frozenset()) -> list[ClaimedRun] | None:
        """Take due runs and load them, none of the workspaces that crowd us; None: taken over."""
        self.store.crowd = [self.store.id(workspace) for workspace in crowd]
        taken = self._tried(lambda: protocol.claim(self.store, me, limit))
        return None if taken is None else self.load_runs(taken)

    def claim_suspects(self, me: Me, limit: int) -> list[ClaimedRun] | None:
        """Take runs that were there when a worker died: several, or one that must be alone."""

        def take() -> list[tuple[UUID, int]] | None:
            self.store.begin()
            if self.store.hold_worker(me) == 0:
                self.store.rollback()
                return None
            taken = self.store.take_suspects(me, limit)
            self.store.commit()
            return taken

        taken = self._tried(take)
        return None if taken is None else self.load_runs(taken)

    def _tried(self, transaction: Callable[[], Any]) -> Any:
        try:
            return transaction()
        except BaseException:
            self.store.rollback()
            raise

    def due(self, most: int = 2000) -> tuple[int, int]:
        """How many runs are due (counted up to `most`), and how many of them are suspects."""
        sql = (
            "SELECT count(*), COALESCE(sum(CASE WHEN deaths > 0 THEN 1 ELSE 0 END), 0) FROM (SELECT deaths FROM "
            "workflows_run WHERE status = 'queued' AND due_at <= NOW LIMIT %s) q"
        )
        row = self.store.run(sql, (most,)).fetchone()
        return int(row[0]), int(row[1])

    def is_shared(self) -> bool:
        """Whether there is more than one workspace."""
        return len(self.store.run("SELECT 1 FROM accounts_workspace LIMIT 2").fetchall()) > 1

    def wake_due(self) -> int:
        """Queue parked runs whose moment has come."""
        count = 0
        for parked in PARKED:
            found = f"SELECT id FROM workflows_run WHERE {parked} AND due_at <= NOW LIMIT 500"
            ids = [row[0] for row in self.store.run(found).fetchall()]
            if ids:
                sql = (
                    f"UPDATE workflows_run SET status = 'queued' WHERE id IN ({_marks(ids)}) AND {parked} "
                    "AND due_at <= NOW"
                )
                count += self.in_one(partial(self._changed, sql, ids))
        return count

    def queue_nobodys(self) -> int:
        """Queue runs that are `running` and owned by no worker; how many there were."""
        # An index of worker_id would lead through all runs that have ended: so this asks for it in other words.
        nobodys = "status = 'running' AND CASE WHEN worker_id IS NULL THEN 1 ELSE 0 END = 1"
        found = self.store.run(f"SELECT id FROM workflows_run WHERE {UNFINISHED} AND {nobodys} LIMIT 500").fetchall()
        sql = f"UPDATE workflows_run SET status = 'queued' WHERE id = %s AND {nobodys}"
        return int(self.in_one(lambda: self.store.many(sql, found))) if found else 0

    def queue_forgotten(self) -> int:
        """Queue parked runs that nothing will ever wake: no moment, no open question, no run below; how many."""
        unasked = (
            "AND due_at > '9000-01-01' "
            "AND NOT EXISTS (SELECT 1 FROM workflows_wait w "
            "WHERE w.run_id = workflows_run.id AND w.decided_at IS NULL) "
            "AND NOT EXISTS (SELECT 1 FROM workflows_steprun s JOIN workflows_run c ON c.parent_step_id = s.id "
            "WHERE s.run_id = workflows_run.id AND c.finished_at IS NULL) LIMIT 500"
        )
        queries = [f"SELECT workflows_run.id FROM workflows_run WHERE {_named(parked)} {unasked}" for parked in PARKED]
        found = [row for sql in queries for row in self.store.run(sql).fetchall()]
        change = (
            "UPDATE workflows_run SET status = 'queued', due_at = NOW, wake_seq = wake_seq + 1 "
            "WHERE id = %s AND status IN ('waiting', 'attention')"
        )
        return int(self.in_one(lambda: self.store.many(change, found))) if found else 0

    def _changed(self, sql: str, values: Sequence[Any]) -> int:
        return int(self.store.run(sql, values).rowcount)

    def in_one(self, work: Callable[[], Any]) -> Any:
        """A write transaction of its own."""

        def transaction() -> Any:
            self.store.begin()
            result = work()
            self.store.commit()
            return result

        return self._tried(transaction)

    # Loading

    def load_runs(self, taken: Sequence[tuple[UUID, int]]) -> list[ClaimedRun]:
        """The rows of runs just taken, where they are still at that fence."""
        if not taken:
            return []
        fences = dict(taken)
        ids = [self.store.id(run) for run in fences]
        rows = self.store.run(f"{_RUN} WHERE r.id IN ({_marks(ids)})", ids).fetchall()
        found = {run.id: run for run in map(self._run, rows)}
        return [found[run] for run, fence in taken if run in found and found[run].fence == fence]

    def _run(self, row: Sequence[Any]) -> ClaimedRun:
        return ClaimedRun(
            self.store.uuid(row[0]), int(row[1]), self.store.uuid(row[2]), row[3], row[4], self.store.uuid(row[5]),
            row[6], row[7], _json(row[8]), _json(row[9]), row[10], int(row[11]), int(row[12]), int(row[13]), row[14],
            moment(row[15]), _moment(row[16]), _moment(row[17]), _json(row[18]), int(row[19]), int(row[20]),
            Decimal(str(row[21])), self.store.uuid(row[22]), bool(row[23]), row[24], row[25],
            None if row[26] is None else self.store.uuid(row[26]),
        )  # fmt: skip

    def definition(self, version: UUID) -> Any:
        """The frozen definition of a version."""
        sql = "SELECT definition FROM workflows_workflowversion WHERE id = %s"
        return _json(self.store.run(sql, (self.store.id(version),)).fetchone()[0])

    def steps(self, run: UUID, prefix: str | None = None) -> list[StepRecord]:
        """The step records outside loops, or those below an open loop."""
        where, values = "path = ''", [self.store.id(run)]
        if prefix is not None:
            where = "path >= %s AND path < %s"
            values += [prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)]
            if not self.store.sqlite:
                where = 'path COLLATE "C" >= %s AND path COLLATE "C" < %s'
        sql = f"SELECT {_STEP_COLUMNS} FROM workflows_steprun WHERE run_id = %s AND {where}"
        return [self._step(row) for row in self.store.run(sql, values).fetchall()]

    def _step(self, row: Sequence[Any]) -> StepRecord:
        connection = None if row[7] is None else self.store.uuid(row[7])
        return StepRecord(
            self.store.uuid(row[0]), row[1], row[2], row[3], row[4], row[5], int(row[6]), connection,
            _json(row[8]), self._output(row[9], row[20]), _json(row[10]), _json(row[11]), bool(row[12]), int(row[13]),
            int(row[14]), int(row[15]), Decimal(str(row[16])), moment(row[17]), moment(row[18]), moment(row[19]),
        )  # fmt: skip

    def value(self, text: Any) -> Any:
        """A JSON column's value."""
        return _json(text)

    def _output(self, text: Any, workspace: Any) -> Any:
        value = _json(text)
        if isinstance(value, dict) and value.keys() == {"$blob", "size"} and isinstance(value["$blob"], str):
            sql = "SELECT content FROM workflows_blob WHERE workspace_id = %s AND sha256 = %s"
            found = self.store.run(sql, (workspace, value["$blob"])).fetchone()
            return value if found is None else json.loads(bytes(found[0]))
        return value

    def cached(self, workspace: UUID, key: str) -> CacheRecord | None:
        """The result that is kept under a key, while it is fresh; one whose large value is gone counts as none."""
        sql = (
            "SELECT id, run_id, step, output, tainted, made_at, expires_at, workspace_id FROM workflows_stepcache "
            "WHERE workspace_id = %s AND key = %s AND expires_at > NOW"
        )
        row = self.store.run(sql, (self.store.id(workspace), key)).fetchone()
        if row is None:
            return None
        output, made, expires = self._output(row[3], row[7]), moment(row[5]), moment(row[6])
        if made is None or expires is None or (isinstance(output, dict) and output.keys() == {"$blob", "size"}):
            return None
        return CacheRecord(
            self.store.uuid(row[0]), key, self.store.uuid(row[1]), row[2], output, bool(row[4]), made, expires
        )

    def forget_results(self) -> int:
        """Delete kept results that are no longer fresh; how many there were."""
        among = "SELECT id FROM workflows_stepcache WHERE expires_at <= NOW LIMIT 1000"
        sql = f"DELETE FROM workflows_stepcache WHERE id IN ({among})"
        return int(self.in_one(lambda: self._changed(sql, ())))

    def last_seq(self, run: UUID) -> int:
        """The highest seq a step of the run has."""
        sql = "SELECT max(seq) FROM workflows_steprun WHERE run_id = %s"
        row = self.store.run(sql, (self.store.id(run),)).fetchone()
        return int(row[0] or 0)

    def effects(self, run: UUID) -> dict[str, list[EffectRecord]]:
        """The run's effects of steps that are not finished, by key, first attempt first."""
        sql = (
            f"SELECT {_EFFECT_COLUMNS} FROM workflows_effect WHERE run_id = %s AND step_run_id IN "
            "(SELECT id FROM workflows_steprun WHERE run_id = %s AND status NOT IN ('succeeded', 'skipped')) "
            "ORDER BY key, attempt"
        )
        found: dict[str, list[EffectRecord]] = {}
        for row in self.store.run(sql, (self.store.id(run), self.store.id(run))).fetchall():
            effect = self._effect(row)
            found.setdefault(effect.key, []).append(effect)
        return found

    def foreseen(self, run: UUID) -> Foreseen:
        """What a dry run has planned in an earlier claim."""
        sql = (
            "SELECT op, target, summary, before, after, external_id FROM workflows_plannedeffect "
            "WHERE run_id = %s AND state = 'planned' ORDER BY id"
        )
        rows = self.store.run(sql, (self.store.id(run),)).fetchall()
        plans = [Plan(op, _json(t), said, _json(b), _json(a), external_id=id) for op, t, said, b, a, id in rows]
        return Foreseen(plans, given=len(plans) * 100)

    def effect(self, effect: UUID) -> EffectRecord | None:
        """One effect's row as it is now."""
        sql = f"SELECT {_EFFECT_COLUMNS} FROM workflows_effect WHERE id = %s"
        row = self.store.run(sql, (self.store.id(effect),)).fetchone()
        return self._effect(row) if row else None

    def _effect(self, row: Sequence[Any]) -> EffectRecord:
        connection = None if row[5] is None else self.store.uuid(row[5])
        return EffectRecord(
            self.store.uuid(row[0]), self.store.uuid(row[1]), int(row[2]), int(row[3]), row[4], connection, row[6],
            _json(row[7]), _json(row[8]), row[9], row[10], _moment(row[11]), moment(row[12]), moment(row[13]),
            _json(row[14]), _json(row[15]), row[16], row[17], row[18], row[19], row[20], int(row[21]),
        )  # fmt: skip

    # What changed outside

    def owned(self, me: Me, only: Iterable[UUID] | None = None) -> dict[UUID, tuple[int, int, str]]:
        """(fence, wake_seq, ending) of the runs this worker owns, or of some of them."""
        sql = "SELECT id, fence, wake_seq, ending FROM workflows_run WHERE worker_id = %s"
        values: list[Any] = [self.store.id(me.worker)]
        if only is not None:
            ids = [self.store.id(run) for run in only]
            sql += f" AND id IN ({_marks(ids)})"
            values += ids
        rows = self.store.run(sql, values).fetchall()
        return {self.store.uuid(row[0]): (int(row[1]), int(row[2]), row[3]) for row in rows}

    def release(self, me: Me, runs: Iterable[UUID]) -> int:
        """Queue runs that this worker owns and does not walk (I22)."""
        ids = [self.store.id(run) for run in runs]
        sql = (
            "UPDATE workflows_run SET worker_id = NULL, status = 'queued' WHERE worker_id = %s AND status = 'running' "
            f"AND id IN ({_marks(ids)})"
        )
        return int(self.in_one(lambda: self.store.run(sql, (self.store.id(me.worker), *ids)).rowcount))

    def acquit(self, me: Me, run: UUID, fence: int) -> int:
        """A run of mine is under suspicion no more."""
        sql = "UPDATE workflows_run SET deaths = 0 WHERE id = %s AND worker_id = %s AND fence = %s"
        values = (self.store.id(run), self.store.id(me.worker), fence)
        return int(self.in_one(lambda: self.store.run(sql, values).rowcount))

    # Workers

    def register(self, me: Me, who: Identity, abi: tuple[int, int]) -> None:
        """A row for this lease."""
        sql = (
            "INSERT INTO workflows_worker (id, fence, seq, beat, state, host, boot_id, pid_ns, pid, pid_start, "
            "abi_min, abi_max, in_flight, beat_at, started_at) "
            "VALUES (%s, %s, 0, 0, 'live', %s, %s, %s, %s, %s, %s, %s, 0, NOW, NOW)"
        )
        values = (self.store.id(me.worker), me.fence, who.host, who.boot_id, who.pid_ns, who.pid, who.pid_start, *abi)
        self.in_one(lambda: self.store.run(sql, values))

    def touch(self, me: Me) -> None:
        """The claim loop lives."""
        self.in_one(lambda: self.store.hold_worker(me))

    def end_worker(self, me: Me, state: str) -> None:
        """The lease ends by our own will (draining, stopped)."""
        sql = (
            "UPDATE workflows_worker SET state = %s, ended_at = CASE WHEN %s = 'stopped' THEN NOW ELSE ended_at END "
            "WHERE id = %s AND fence = %s"
        )
        self.in_one(lambda: self.store.run(sql, (state, state, self.store.id(me.worker), me.fence)))

    def workers(self) -> list[tuple[Sighting, Identity, str]]:
        """Those that have not ended, with who they are; and those declared dead that still own runs."""
        sql = (
            "SELECT id, fence, beat, seq, host, boot_id, pid_ns, pid, pid_start, state FROM workflows_worker "
            "WHERE state IN ('live', 'draining') OR (state IN ('dead', 'stopped') AND EXISTS "
            "(SELECT 1 FROM workflows_run r WHERE r.worker_id = workflows_worker.id))"
        )
        found = []
        for row in self.store.run(sql).fetchall():
            seen = Sighting(self.store.uuid(row[0]), int(row[1]), int(row[2]), int(row[3]))
            found.append((seen, Identity(row[4], row[5], row[6], int(row[7]), row[8]), row[9]))
        return found

    def take_over(self, seen: Sighting) -> int | None:
        """Declare a worker dead and queue its runs again."""
        return self._tried(lambda: protocol.take_over(self.store, seen))  # type: ignore[no-any-return]


class Watch:
    """Finds dead workers: by proof on this machine, elsewhere by seeing them unchanged on one clock."""

    def __init__(self, times: Times, me: Identity, files: Path | None) -> None:
        self.times, self.me, self.files = times, me, files
        self._seen: dict[UUID, tuple[Sighting, float]] = {}

    def dead(self, workers: Iterable[tuple[Sighting, Identity, str]], mine: UUID) -> list[Sighting]:
        """Those of the workers that are dead now."""
        now = time.monotonic()
        found, present = [], set()
        for seen, who, state in workers:
            if seen.worker == mine:
                continue
            present.add(seen.worker)
            if state in ("dead", "stopped"):
                found.append(replace(seen, innocent=state == "stopped"))
            elif self._proven(seen, who) or self._unchanged(seen, now):
                found.append(seen)
        self._seen = {worker: sighting for worker, sighting in self._seen.items() if worker in present}
        return found

    def _proven(self, seen: Sighting, who: Identity) -> bool:
        if certainly_dead(who, self.me):
            return True
        same_machine = bool(who.boot_id) and who.boot_id == self.me.boot_id
        return self.files is not None and same_machine and lock_is_free(self.files, seen.worker)

    def _unchanged(self, seen: Sighting, now: float) -> bool:
        before = self._seen.get(seen.worker)
        if before is None or before[0] != seen:
            self._seen[seen.worker] = (seen, now)
            return False
        return now - before[1] > self.times.observed_dead


def _named(condition: str) -> str:
    """A condition on runs, where other tables have a status too."""
    return condition.replace("status", "workflows_run.status")


def _json(text: Any) -> Any:
    return None if text is None else json.loads(text)


def _moment(value: Any) -> datetime:
    found = moment(value)
    assert found is not None
    return found


def moment(value: Any) -> datetime | None:
    """A moment as either database gives it."""
    if value is None:
        return None
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
