"""What is in the way of a run that waits for its turn, and of a step that the limits of its connection hold back."""

from __future__ import annotations

from typing import Any

from workflows.models import Run, RunStatus, StepRun


def waits_for(run: Run) -> Run | None:
    """The run that a queued run with a concurrency key waits for; None when it waits for none."""
    if run.concurrency_key is None or run.admitted_at is not None or run.status != RunStatus.QUEUED:
        return None
    rivals = Run.objects.of(run.workspace_id).filter(
        workflow=run.workflow_id, concurrency_key=run.concurrency_key, finished_at__isnull=True
    )
    return rivals.exclude(pk=run.pk).filter(admitted_at__isnull=False).order_by("id").first()


def held_back(step: StepRun) -> dict[str, Any] | None:
    """Why a step's call may not leave yet: {why (limit, failing, rate, at_once), text, until}; None where it may."""
    decision = step.decision if isinstance(step.decision, dict) else {}
    held = decision.get("held")
    if step.status != "waiting" or not held or step.due_at is None:
        return None
    return {"why": held.get("why", ""), "text": held.get("text", ""), "until": step.due_at}
