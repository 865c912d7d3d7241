"""One thing done to many runs: cancel them, run them again, write them as a table. At most 1,000 at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.actor import Actor
from orchestrator_site.lib.clock import moment
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.ids import uuid7
from orchestrator_site.lib.tables import defused
from workflows.models import Run, Workflow
from workflows.operations.again import Wanted, preview, start_again
from workflows.operations.runs import cancel_run
from workflows.operations.starting import BATCH
from workflows.operations.workflows import get_workflow

MOST_RUNS = 1000
MOST_ROWS = 10_000
AT_ONCE = 10
FAILED = ("failed", "cancelled", "timed_out")


@dataclass
class Bulk:
    """What became of many runs: those done, and why the others were left alone."""

    done: list[Run] = field(default_factory=list)
    left: list[tuple[Run, str]] = field(default_factory=list)
    batch: str = ""

    @property
    def reasons(self) -> dict[str, int]:
        """How often each reason was given."""
        found: dict[str, int] = {}
        for _, why in self.left:
            found[why] = found.get(why, 0) + 1
        return found


def chosen(rows: QuerySet[Run], ids: Iterable[UUID] | None = None) -> list[Run]:
    """These runs of a list, or all of it, oldest first. Raises UserError above 1,000, or where there is none."""
    wanted = rows if ids is None else rows.filter(pk__in=list(ids))
    found = list(wanted.defer("version__definition").order_by("id")[: MOST_RUNS + 1])
    if len(found) > MOST_RUNS:
        hint = "Narrow the filter, and do it in parts."
        raise UserError("E_LENGTH", f"At most {MOST_RUNS:,} runs at once.", field="runs", limit=MOST_RUNS, hint=hint)
    if not found:
        hint = "Tick the runs, or choose all of the list."
        raise UserError("E_REQUIRED", "No run is chosen.", field="runs", hint=hint)
    return found


def cancel_runs(actor: Actor, runs: list[Run]) -> Bulk:
    """Cancel those that have not ended; what was sent is awaited and stays on record."""
    actor.require("run")
    bulk = Bulk()
    for start in range(0, len(runs), AT_ONCE):
        with transaction.atomic():
            for run in runs[start : start + AT_ONCE]:
                _try(bulk, run, lambda run=run: cancel_run(actor, run))  # type: ignore[misc]
    _record(actor, "runs.cancel", bulk)
    return bulk


def run_all_again(actor: Actor, runs: list[Run], start: str, version: int | str | None = None) -> Bulk:
    """Run each again from `start` ("@failed", or "" for the beginning), as one batch.

    From where they failed only those that did not succeed are taken, and none whose changes would be made again.
    """
    actor.require("run")
    bulk = Bulk(batch=uuid7().hex)
    wanted = Wanted(start, version=version, batch=f"{BATCH}{bulk.batch}")
    workflows: dict[UUID, Workflow] = {}
    for run in runs:
        _try(bulk, run, lambda run=run: _again(actor, run, wanted, workflows))  # type: ignore[misc]
    _record(actor, "runs.again", bulk, start=start)
    return bulk


def _again(actor: Actor, run: Run, wanted: Wanted, workflows: dict[UUID, Workflow]) -> Run:
    if wanted.start and run.status not in FAILED:
        raise UserError("E_NOT_FAILED", "It did not fail.")
    if run.workflow_id not in workflows:
        workflows[run.workflow_id] = get_workflow(actor, run.workflow.slug)
    found = preview(actor, run, wanted, workflow=workflows[run.workflow_id])
    if wanted.start and found.repeated:
        raise UserError("E_REPEATS", "Changes would be made again: run it again on its own page.")
    return start_again(actor, found, wanted)


def _try(bulk: Bulk, run: Run, act: Any) -> None:
    try:
        bulk.done.append(act())
    except UserError as problem:
        bulk.left.append((run, problem.message))


def _record(actor: Actor, action: str, bulk: Bulk, **more: Any) -> None:
    said = {"runs": len(bulk.done), "left": bulk.reasons, **more}
    audit.record(actor, action, details={**said, "batch": bulk.batch} if bulk.batch else said)


# As a table


def table_of(actor: Actor, rows: QuerySet[Run]) -> Iterator[str]:
    """Runs as CSV, oldest first: what each was given and gave, in columns; at most 10,000.

    Text that a spreadsheet would run as a formula is defused.
    """
    actor.require("read")
    found = rows.order_by("id")[:MOST_ROWS]
    inputs, outputs = _names(found.values_list("inputs", flat=True)), _names(found.values_list("outputs", flat=True))
    head = ["run", "workflow", "version", "status", "started_at", "finished_at", "cost_usd"]
    head += [f"input {name}" for name in inputs] + [f"output {name}" for name in outputs]
    yield "\ufeff" + _line([*head, "error"])
    for run in found.iterator(chunk_size=200):
        given, gave = run.inputs or {}, run.outputs or {}
        yield _line(
            [
                str(run.pk),
                run.workflow.slug,
                run.version.number or "draft",
                run.status,
                moment(run.started_at),
                moment(run.finished_at),
                float(run.cost_usd),
                *(given.get(name) for name in inputs),
                *(gave.get(name) for name in outputs),
                (run.error or {}).get("message"),
            ]
        )


def _names(values: Iterable[Any]) -> list[str]:
    names: dict[str, None] = {}
    for value in values:
        if isinstance(value, dict):
            names.update(dict.fromkeys(value))
    return list(names)[:200]


def _line(cells: list[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([defused(cell) for cell in cells])
    return out.getvalue()
