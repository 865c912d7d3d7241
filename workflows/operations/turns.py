"""What is in the way of a run that waits for its turn, and of a step that the limits of its connection hold back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integrations.models import Connection
from workflows.engine.holding import CONNECTION
from workflows.models import Run, RunStatus, StepRun
from workflows.operations.waking import steps_held


def waits_for(run: Run) -> Run | None:
    """The run that a queued run with a concurrency key waits for; None when it waits for none."""
    if run.concurrency_key is None or run.admitted_at is not None or run.status != RunStatus.QUEUED:
        return None
    rivals = Run.objects.of(run.workspace_id).filter(
        workflow=run.workflow_id, concurrency_key=run.concurrency_key, finished_at__isnull=True
    )
    return rivals.exclude(pk=run.pk).filter(admitted_at__isnull=False).order_by("id").first()


@dataclass(frozen=True)
class Repair:
    """What a run waits for: a connection whose credential is refused, why in words, and until when at most."""

    connection: Connection
    step: str
    text: str
    until: datetime | None


def repairs(runs: Iterable[Run]) -> dict[Any, list[Repair]]:
    """The connections that waiting runs of one workspace need repaired, by run; no query where none waits."""
    waiting = [run for run in runs if run.status in (RunStatus.WAITING, RunStatus.RUNNING, RunStatus.PAUSED)]
    found: dict[Any, list[Repair]] = {}
    if waiting:
        steps = steps_held().filter(workspace=waiting[0].workspace_id, run__in=[run.pk for run in waiting])
        for step in steps.select_related("connection").order_by("run_id", "id"):
            held = held_back(step)
            if held is not None and step.connection is not None:
                said = Repair(step.connection, step.key, held["text"], held["until"])
                found.setdefault(step.run_id, []).append(said)
    return found


def held_back(step: StepRun) -> dict[str, Any] | None:
    """Why a step's call may not leave yet: {why (limit, failing, rate, at_once, connection), text, until}; None where
    it may. A step that waits for the repair of its `connection` (its id) goes on before `until`, the most it waits."""
    decision = step.decision if isinstance(step.decision, dict) else {}
    held = decision.get("held")
    if step.status != "waiting" or not held or step.due_at is None:
        return None
    said = {"why": held.get("why", ""), "text": held.get("text", ""), "until": step.due_at}
    return {**said, "connection": str(step.connection_id)} if said["why"] == CONNECTION else said
