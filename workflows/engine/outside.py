"""What others say to a run, asked on the reads thread: decisions, events, and the runs it started."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connections
from django.db.models import Sum

from orchestrator_site.lib.clock import moment
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.names import did_you_mean
from workflows.engine.bells import CHANNEL, ring_sockets
from workflows.engine.control.subworkflow import MAX_DEPTH
from workflows.engine.findings import DefinitionProblems
from workflows.engine.loading import ClaimedRun
from workflows.engine.loading import moment as time_of
from workflows.engine.newrun import new_run
from workflows.engine.records import TERMINAL_RUN, ChildRecord, Failure, StepUse
from workflows.engine.waiting import Answer, ChildState, Event
from workflows.models import Run, StepRun, Workflow

if TYPE_CHECKING:
    from workflows.engine.reads import Reads

_END = (
    "UPDATE workflows_run SET wake_seq = wake_seq + 1, ending = 'cancel', "
    "due_at = CASE WHEN status IN ('waiting', 'attention', 'paused') THEN NOW ELSE due_at END, "
    "status = CASE WHEN status IN ('waiting', 'attention', 'paused') THEN 'queued' ELSE status END "
    "WHERE id = %s AND ending <> 'cancel' AND status NOT IN ('succeeded', 'failed', 'cancelled', 'timed_out')"
)


class RunOutside:
    """driver.Family of one run."""

    def __init__(self, reads: Reads, run: ClaimedRun, url_of: Callable[[ClaimedRun], str]) -> None:
        self.reads, self.claimed, self.url_of = reads, run, url_of

    # Waits

    async def answer(self, wait: UUID) -> Answer | None:
        """What was decided; None while nobody has."""
        return await self.reads.run(self._answer, wait)

    def _answer(self, wait: UUID) -> Answer | None:
        store = self.reads.reader.store
        sql = (
            'SELECT decision, "values", comment, decided_by, decided_at FROM workflows_wait '
            "WHERE id = %s AND decided_at IS NOT NULL"
        )
        row = store.run(sql, (store.id(wait),)).fetchone()
        if row is None:
            return None
        return Answer(row[0], self.reads.reader.value(row[1]), row[2], row[3], moment(time_of(row[4])) or "")

    async def event(self, name: str, taken: set[UUID]) -> Event | None:
        """The oldest event of that name that nobody took."""
        return await self.reads.run(self._event, name, set(taken))

    def _event(self, name: str, taken: set[UUID]) -> Event | None:
        store = self.reads.reader.store
        sql = (
            "SELECT id, data FROM workflows_deliveredevent WHERE run_id = %s AND name = %s AND taken_by_id IS NULL "
            "ORDER BY id LIMIT %s"
        )
        rows = store.run(sql, (store.id(self.claimed.id), name, len(taken) + 1)).fetchall()
        free = ((store.uuid(row[0]), row[1]) for row in rows)
        return next((Event(id, self.reads.reader.value(data)) for id, data in free if id not in taken), None)

    # Runs of steps

    async def new_child(self, workflow: str, inputs: dict[str, Any], step: UUID, *, tainted: bool) -> ChildRecord:
        """A run of that workflow's published version, not stored yet. Raises Failure."""
        return await self.reads.run(self._new_child, workflow, inputs, step, tainted)

    def _new_child(self, slug: str, inputs: dict[str, Any], step: UUID, tainted: bool) -> ChildRecord:
        mine, found = self.claimed, self._workflow(slug)
        assert found.published is not None
        callers = [*(mine.frozen.get("callers") or ()), str(mine.workflow_id)]
        if str(found.pk) in callers:
            text = f"“{found.name}” cannot run itself, by way of other workflows neither: it is running already."
            raise Failure("E_CYCLE", text, "Take the step out of one of them.")
        if len(callers) > MAX_DEPTH:
            text = f"Workflows run each other at most {MAX_DEPTH} deep."
            raise Failure("E_DEPTH", text, "Do the work in fewer workflows.")
        frozen: dict[str, Any] = {"callers": callers}
        if tainted or mine.frozen.get("tainted_inputs"):
            frozen["tainted_inputs"] = True
        try:
            run = new_run(
                found, found.published, inputs, frozen=frozen, mode=mine.mode, trigger_kind="workflow",
                trigger_id=str(mine.id), started_by=mine.started_by, starter_id=mine.starter_id, parent_step_id=step,
            )  # fmt: skip
        except DefinitionProblems as wrong:
            raise Failure(wrong.code, f"“{found.name}” does not take these inputs: {wrong.message}") from None
        except UserError as wrong:
            raise Failure(wrong.code, wrong.message, wrong.hint or "") from None
        return _as_record(run, self.reads.alias)

    def _workflow(self, slug: str) -> Workflow:
        rows = Workflow.objects.of(self.claimed.workspace_id).filter(deleted_at__isnull=True)
        found: Workflow | None = rows.select_related("published", "workspace").filter(slug=slug).first()
        if found is None:
            hint = did_you_mean(slug, list(rows.values_list("slug", flat=True)[:1000])) or ""
            raise Failure("E_NOT_FOUND", f"There is no workflow “{slug}” in this workspace.", hint)
        if found.published is None:
            raise Failure("E_NOT_PUBLISHED", f"“{found.name}” has not been published.", "Publish it.")
        if not found.enabled:
            raise Failure("E_DISABLED", f"“{found.name}” is switched off.", "Switch it on.")
        return found

    async def child(self, run: UUID) -> ChildState:
        """A run that a step started."""
        return await self.reads.run(self._child, run)

    def _child(self, run: UUID) -> ChildState:
        rows = Run.objects.of(self.claimed.workspace_id).select_related("workflow")
        found = rows.filter(pk=run).first()
        if found is None:
            error = {"code": "E_NOT_FOUND", "message": "Its run was deleted."}
            return ChildState("failed", "The workflow", "", error=error)
        url = self.url_of(self.claimed).replace(str(self.claimed.id), str(run))
        return ChildState(found.status, found.workflow.name, url, found.outputs, found.error, _usage(found))

    async def cancel_child(self, run: UUID) -> None:
        """Let nothing new start in it."""
        await self.reads.run(self._end_all, [run])

    async def end_children(self) -> bool:
        """Tell the runs that this one started to end; whether one of them still goes on."""
        going_on = await self.reads.run(self._going_on)
        if going_on:
            await self.reads.run(self._end_all, going_on)
        return bool(going_on)

    def _going_on(self) -> list[UUID]:
        rows = Run.objects.of(self.claimed.workspace_id).filter(parent_step__run_id=self.claimed.id)
        return list(rows.exclude(status__in=TERMINAL_RUN).values_list("pk", flat=True))

    async def uncounted(self) -> list[tuple[StepUse, StepUse]]:
        """What runs used that ended after the steps that had started them; and what of it these steps lack."""
        return await self.reads.run(self._uncounted)

    def _uncounted(self) -> list[tuple[StepUse, StepUse]]:
        rows = Run.objects.of(self.claimed.workspace_id).filter(parent_step__run_id=self.claimed.id)
        found = []
        for child in rows.select_related("parent_step"):
            step, use = child.parent_step, _usage(child)
            assert step is not None
            lacks = {name: value - getattr(step, name) for name, value in use.items()}
            if any(lacks.values()):
                found.append((StepUse(step.pk, **use), StepUse(step.pk, **lacks)))
        return found

    def _end_all(self, runs: list[UUID]) -> None:
        """Cancel, where that has not been said; its owner, or whoever claims it, ends it."""
        store = self.reads.reader.store
        for run in sorted(runs):
            if self.reads.reader.in_one(partial(_changed, store, run)):
                self._ring(run)

    async def ring(self, run: UUID | None = None) -> None:
        """There is a new run to be claimed; or this run was changed."""
        await self.reads.run(self._ring, run)

    def _ring(self, run: UUID | None) -> None:
        store = self.reads.reader.store
        if store.sqlite:
            ring_sockets(run)
        else:
            store.run("SELECT pg_notify(%s, %s)", (CHANNEL, run.hex if run else ""))


def _changed(store: Any, run: UUID) -> bool:
    return bool(store.run(_END, (store.id(run),)).rowcount)


def _as_record(run: Run, alias: str) -> ChildRecord:
    """The row of a run that the journal will write."""
    connection = connections[alias]
    fields = Run._meta.concrete_fields
    values = [field.get_db_prep_save(getattr(run, field.attname), connection) for field in fields]
    return ChildRecord(run.pk, tuple(str(field.column) for field in fields), tuple(values))


def _usage(run: Run) -> dict[str, Any]:
    """What a run used, with the runs below it (of an old run their use stands in the steps that started them)."""
    names = ("input_tokens", "output_tokens", "cost_usd")
    if run.counts_children:
        return {name: getattr(run, name) for name in names}
    steps = StepRun.objects.of(run.workspace_id).filter(run=run, action="run_workflow")
    below = steps.aggregate(**{f"below_{name}": Sum(name) for name in names})
    return {name: getattr(run, name) + (below[f"below_{name}"] or 0) for name in names}
