"""What a run waits for, for its page: decisions, events and moments, and the runs around it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts.actor import Actor
from orchestrator_site.lib.look import money
from workflows.models import Run, StepRun, Wait
from workflows.operations.waits import why_not

if TYPE_CHECKING:
    from workflows.views.run_page import StepRow

DECIDED = {"approve": "Approved", "reject": "Rejected"}


@dataclass(frozen=True)
class Asks:
    """The open waits of a run by their steps, the runs that its steps have started, and the run that started it."""

    waits: dict[UUID, Wait] = field(default_factory=dict)
    children: dict[UUID, Run] = field(default_factory=dict)
    parent: Run | None = None
    below: Decimal = Decimal(0)

    @property
    def approvals(self) -> list[Wait]:
        """What a person must decide, oldest first."""
        return [wait for wait in self.waits.values() if wait.kind == "approval"]

    @property
    def events(self) -> list[Wait]:
        """The events that are waited for."""
        return [wait for wait in self.waits.values() if wait.kind == "event"]

    def waiting_for(self, actor: Actor) -> str:
        """Whom or what the run waits for, for its badge: you, a person, an event, a workflow."""
        if any(why_not(actor, wait) is None for wait in self.approvals):
            return "you"
        if self.approvals:
            return "a person"
        if self.events:
            return "an event"
        return "a workflow" if any(not child.is_terminal for child in self.children.values()) else ""

    @property
    def below_text(self) -> str:
        """What the runs below have cost; nothing where there are none."""
        return money(self.below) if self.below else ""


def asks_of(run: Run, steps: Iterable[StepRun]) -> Asks:
    """Read them. The cost of finished subworkflows stands in the steps that started them.

    Only of runs that were begun by an earlier release is it no part of the run's own (`below`).
    """
    rows = Wait.objects.of(run.workspace_id).filter(run=run, decided_at__isnull=True)
    waits = rows.select_related("run").order_by("created_at", "id")
    callers = [step for step in steps if step.action == "run_workflow"]
    children = Run.objects.of(run.workspace_id).select_related("workflow").filter(parent_step__in=callers)
    return Asks(
        waits={} if run.is_terminal else {wait.step_run_id: wait for wait in waits if wait.kind != "unknown"},
        children={child.parent_step_id: child for child in children if child.parent_step_id} if callers else {},
        parent=_parent(run),
        below=Decimal(0) if run.counts_children else sum((step.cost_usd for step in callers), Decimal(0)),
    )


def _parent(run: Run) -> Run | None:
    if run.parent_step_id is None:
        return None
    rows = Run.objects.of(run.workspace_id).select_related("workflow")
    found: Run | None = rows.filter(steps=run.parent_step_id).first()
    return found


def put_on(rows: Iterable[StepRow], asks: Asks) -> None:
    """Let each line say what its step waits for, or which run it started."""
    for row in rows:
        if row.record is not None:
            row.wait = asks.waits.get(row.record.pk)
            row.child = asks.children.get(row.record.pk)
            row.why = _words(row) or row.why
            row.open = row.open or (row.wait is not None and row.wait.kind != "timer")
        for item in row.inner:
            put_on(item.rows, asks)


def _words(row: StepRow) -> str:
    record = row.record
    assert record is not None
    if row.wait is not None:
        return {"approval": "Waits for a decision", "event": f"Waits for the event “{row.wait.title}”"}.get(
            row.wait.kind, "Waits"
        )
    output: dict[str, Any] = record.output if isinstance(record.output, dict) else {}
    if record.action == "approve" and record.status == "succeeded":
        decision = str(output.get("decision", ""))
        changed = ", with changes" if output.get("edited") else ""
        by = f" by {output['decided_by']}" if output.get("decided_by") else ", because nobody answered in time"
        return f"{DECIDED.get(decision, f'Decided: {decision}')}{changed}{by}"
    if record.action == "wait" and record.status == "succeeded" and output.get("event"):
        late = output.get("timed_out")
        return f"The event “{output['event']}” {'did not come in time' if late else 'came'}"
    if row.child is not None and record.status == "waiting":
        return f"“{row.child.workflow.name}” is {row.child.get_status_display().lower()}"
    return ""
