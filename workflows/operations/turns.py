"""Runs with a concurrency key that wait for their turn: what is in their way."""

from __future__ import annotations

from workflows.models import Run, RunStatus


def waits_for(run: Run) -> Run | None:
    """The run that a queued run with a concurrency key waits for; None when it waits for none."""
    if run.concurrency_key is None or run.admitted_at is not None or run.status != RunStatus.QUEUED:
        return None
    rivals = Run.objects.of(run.workspace_id).filter(
        workflow=run.workflow_id, concurrency_key=run.concurrency_key, finished_at__isnull=True
    )
    return rivals.exclude(pk=run.pk).filter(admitted_at__isnull=False).order_by("id").first()
