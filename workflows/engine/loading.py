"""Rows as the engine's records: runs, steps and their outputs, effects. On the engine's reads thread."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from integrations.context import Foreseen, Plan
from workflows.engine.records import CacheRecord, EffectRecord, StepRecord
from workflows.engine.shelf import MOST_INLINE, Away, Shelf, weight
from workflows.engine.sql import SqlStore, _marks


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
    abi: int

    @property
    def has_records(self) -> bool:
        """Whether steps of it may be stored already: it was walked before, or it goes on from an earlier run."""
        return self.claims > 1 or "reused" in self.frozen


_RUN = (
    "SELECT r.id, r.fence, r.workspace_id, a.slug, w.slug, r.version_id, r.status, r.mode, r.inputs, r.frozen, "
    "r.trigger_kind, r.claims, r.deaths, r.wake_seq, r.ending, r.deadline_at, r.created_at, r.started_at, r.warnings, "
    "r.input_tokens, r.output_tokens, r.cost_usd, r.workflow_id, r.admitted_at IS NOT NULL, r.starter_id, "
    "r.started_by, p.run_id, r.abi FROM workflows_run r "
    "JOIN workflows_workflow w ON w.id = r.workflow_id JOIN accounts_workspace a ON a.id = r.workspace_id "
    "LEFT JOIN workflows_steprun p ON p.id = r.parent_step_id "
)
_STEP_COLUMNS = (
    "id, key, path, action, kind, status, seq, connection_id, input, output, decision, error, tainted, "
    "attempts_count, input_tokens, output_tokens, cost_usd, due_at, started_at, finished_at, workspace_id"
)
_EFFECT_COLUMNS = (
    "id, step_run_id, seq, attempt, key, connection_id, op, target, request, request_sha256, state, sent_at, "
    "settle_after, settled_at, result, error, external_id, external_url, search_url, resolution, resolved_by, looks, "
    "before, after"
)

_AWAY = "away"  # no JSON text is this
_OPEN_INPUT = "CASE WHEN status IN ('running', 'waiting') THEN input END"


class Loading:
    """What is stored of runs."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store

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
            None if row[26] is None else self.store.uuid(row[26]), int(row[27]),
        )  # fmt: skip

    def definition(self, version: UUID) -> Any:
        """The frozen definition of a version."""
        sql = "SELECT definition FROM workflows_workflowversion WHERE id = %s"
        return _json(self.store.run(sql, (self.store.id(version),)).fetchone()[0])

    def steps(self, run: UUID) -> list[StepRecord]:
        """The step records outside loops; large outputs are away."""
        return self._steps("run_id = %s AND path = ''", [self.store.id(run)])

    def steps_at(self, run: UUID, paths: Collection[str], keys: Collection[str]) -> list[StepRecord]:
        """The step records with these keys at these places of loops; large outputs are away."""
        where = f"run_id = %s AND key IN ({_marks(list(keys))}) AND path IN ({_marks(list(paths))})"
        return self._steps(where, [self.store.id(run), *keys, *paths]) if keys and paths else []

    def unfinished(self, run: UUID) -> list[StepRecord]:
        """The step records of a run that have not ended, wherever they stand."""
        return self._steps("run_id = %s AND status IN ('running', 'waiting')", [self.store.id(run)])

    def _steps(self, where: str, values: list[Any]) -> list[StepRecord]:
        size = "length(output)" if self.store.sqlite else "octet_length(output)"
        output = f"CASE WHEN {size} > {MOST_INLINE} THEN '{_AWAY}' ELSE output END"
        columns = _STEP_COLUMNS.replace("input, output,", f"{_OPEN_INPUT}, {output},", 1)
        sql = f"SELECT {columns} FROM workflows_steprun WHERE {where}"
        return [self._step(row) for row in self.store.run(sql, values).fetchall()]

    def _step(self, row: Sequence[Any]) -> StepRecord:
        step, connection = self.store.uuid(row[0]), None if row[7] is None else self.store.uuid(row[7])
        output = Away(Shelf(step)) if row[9] == _AWAY or _is_blob(row[9]) else _json(row[9])
        return StepRecord(
            step, row[1], row[2], row[3], row[4], row[5], int(row[6]), connection,
            _json(row[8]), output, _json(row[10]), _json(row[11]), bool(row[12]), int(row[13]),
            int(row[14]), int(row[15]), Decimal(str(row[16])), moment(row[17]), moment(row[18]), moment(row[19]),
        )  # fmt: skip

    def output(self, step: UUID) -> tuple[Any, int] | None:
        """A step's output and its weight; None where it is not there any more."""
        sql = "SELECT output, workspace_id FROM workflows_steprun WHERE id = %s"
        row = self.store.run(sql, (self.store.id(step),)).fetchone()
        value = None if row is None else self._output(row[0], row[1])
        return None if row is None or is_blob(value) else (value, weight(value))

    def chunks(self, loop: UUID) -> dict[int, Any]:
        """What is told of the chunks of a loop's results, by their numbers."""
        sql = "SELECT number, facts FROM workflows_loopchunk WHERE step_run_id = %s ORDER BY number"
        return {int(row[0]): _json(row[1]) for row in self.store.run(sql, (self.store.id(loop),)).fetchall()}

    def chunk(self, loop: UUID, number: int) -> tuple[str, int] | None:
        """The results of a chunk as text, without the brackets around them, and its weight."""
        sql = "SELECT results FROM workflows_loopchunk WHERE step_run_id = %s AND number = %s"
        row = self.store.run(sql, (self.store.id(loop), number)).fetchone()
        return None if row is None else (row[0][1:-1], sys.getsizeof(row[0]))

    def value(self, text: Any) -> Any:
        """A JSON column's value."""
        return _json(text)

    def _output(self, text: Any, workspace: Any) -> Any:
        value = _json(text)
        if is_blob(value):
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
        if made is None or expires is None or is_blob(output):
            return None
        return CacheRecord(
            self.store.uuid(row[0]), key, self.store.uuid(row[1]), row[2], output, bool(row[4]), made, expires
        )

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
            _json(row[22]), _json(row[23]),
        )  # fmt: skip


def is_blob(value: Any) -> bool:
    """Whether a stored value only names the blob in which it is."""
    return isinstance(value, dict) and value.keys() == {"$blob", "size"} and isinstance(value["$blob"], str)


def _is_blob(text: Any) -> bool:
    return isinstance(text, str) and text.startswith('{"$blob"') and is_blob(_json(text))


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
