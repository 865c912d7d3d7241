"""One thing done to many runs: cancel them, run them again, write them as a table. At most 1,000 at a time."""

from __future__ import annotations

import csv
import hashlib
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
from workflows.engine.queue import wake_if_nobody_works
from workflows.models import Run, StepRun, Workflow
from workflows.operations.again import Preview, Wanted, prepare_again, preview, store_again
from workflows.operations.earlier import Read, read_together
from workflows.operations.starting import BATCH, another_request, check_key
from workflows.operations.steering import cancel_together
from workflows.operations.workflows import get_workflow

MOST_RUNS = 1000
MOST_ROWS = 10_000
AT_ONCE = 50
"""So many are read, and written, together."""
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
        several = runs[start : start + AT_ONCE]
        with transaction.atomic():
            cancelled = cancel_together(actor, several)
            if cancelled:
                said = {"runs": len(cancelled), "ids": sorted(str(run) for run in cancelled)}
                audit.record(actor, "runs.cancel", details=said)
        bulk.done += [run for run in several if run.pk in cancelled]
        bulk.left += [(run, "This run has ended already.") for run in several if run.pk not in cancelled]
    return bulk


def run_all_again(
    actor: Actor,
    runs: list[Run],
    start: str,
    version: int | str | None = None,
    *,
    idempotency_key: str | None = None,
) -> Bulk:
    """Run each again from `start` ("@failed", or "" for the beginning), as one batch.

    From where they failed only those that did not succeed are taken, and none whose changes would be made again. What
    was begun with a key and cut off is completed by the same call with the same key; it runs none again twice.
    """
    actor.require("run")
    key = check_key(idempotency_key)
    known = _known(actor, runs, key, _asked(start, version))
    bulk = Bulk(batch=next((run.trigger_id.removeprefix(BATCH) for run in known.values()), uuid7().hex))
    many = Many(actor, Wanted(start, version=version, batch=f"{BATCH}{bulk.batch}"), key, known)
    for begin in range(0, len(runs), AT_ONCE):
        many.several(bulk, runs[begin : begin + AT_ONCE])
    wake_if_nobody_works()
    said = {"runs": len(bulk.done), "left": bulk.reasons, "start": start, "batch": bulk.batch}
    audit.record(actor, "runs.again", details=said)
    return bulk


class Many:
    """Runs that are run again together: read in few queries, each looked at, stored in one transaction."""

    def __init__(self, actor: Actor, wanted: Wanted, key: str | None, known: dict[UUID, Run]) -> None:
        self.actor, self.wanted, self.key, self.known = actor, wanted, key, known
        self.workflows: dict[UUID, Workflow] = {}

    def several(self, bulk: Bulk, runs: list[Run]) -> None:
        """Start these, or say why not. What the same call has started before is what it gives."""
        reads = read_together(self.actor.workspace, [run.pk for run in runs if run.pk not in self.known])
        looked: list[Preview] = []
        for run in runs:
            if run.pk in self.known:
                bulk.done.append(self.known[run.pk])
                continue
            try:
                looked.append(self._look(run, reads[run.pk]))
            except UserError as problem:
                bulk.left.append((run, problem.message))
        _read_values(looked)
        sha = _asked(self.wanted.start, self.wanted.version) if self.key else ""
        made = [
            prepare_again(self.actor, each, self.wanted, _key_of(self.key, each.run.pk) if self.key else None, sha)
            for each in looked
        ]
        if made:
            with transaction.atomic():
                store_again(self.actor, made)
        bulk.done += [each.run for each in made]

    def _look(self, run: Run, read: Read) -> Preview:
        if self.wanted.start and run.status not in FAILED:
            raise UserError("E_NOT_FAILED", "It did not fail.")
        if run.workflow_id not in self.workflows:
            self.workflows[run.workflow_id] = get_workflow(self.actor, run.workflow.slug)
        run.workflow = self.workflows[run.workflow_id]
        found = preview(self.actor, run, self.wanted, workflow=run.workflow, read=read)
        if self.wanted.start and found.repeated:
            raise UserError("E_REPEATS", "Changes would be made again: run it again on its own page.")
        if found.problems:
            raise UserError(found.problems[0].code, found.problems[0].message)
        return found


def _read_values(looked: list[Preview]) -> None:
    """The values of what stands of several runs, in few queries."""
    wanted = {
        each.earlier.steps[place].pk: each.earlier.read
        for each in looked
        for place in each.found.stands | each.found.opened
        if place in each.earlier.steps
    }
    ids = list(wanted)
    for start in range(0, len(ids), 500):
        rows = StepRun.objects.of(looked[0].run.workspace_id).filter(pk__in=ids[start : start + 500])
        for step in rows:
            read = wanted[step.pk]
            if read is not None:
                read.values[step.pk] = step


def _known(actor: Actor, runs: list[Run], key: str | None, asked: str) -> dict[UUID, Run]:
    """Which of these the same call has run again already, and as what. Raises UserError 422 for another call."""
    if key is None:
        return {}
    keys = {_key_of(key, run.pk): run.pk for run in runs}
    found: dict[UUID, Run] = {}
    for start in range(0, len(keys), 500):
        rows = Run.objects.of(actor.workspace).filter(idempotency_key__in=list(keys)[start : start + 500])
        found |= {keys[str(run.idempotency_key)]: run for run in rows.select_related("workflow", "workspace")}
    if any(run.request_sha256 != asked for run in found.values()):
        raise another_request()
    return found


def _key_of(key: str, run: UUID) -> str:
    return f"bulk:{hashlib.sha256(f'{key}|{run}'.encode()).hexdigest()[:48]}"


def _asked(start: str, version: int | str | None) -> str:
    return hashlib.sha256(f"again|{start}|{version}".encode()).hexdigest()


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
