"""What the steps of a workflow gave in its last runs, and which later steps rely on what is no longer there."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from orchestrator_site.lib.clock import moment
from workflows.engine.contracts import Seen, contract_problems, keys_read
from workflows.engine.definition import Definition, parse
from workflows.engine.findings import Problem
from workflows.models import Run, StepRun, Workflow
from workflows.operations.blobs import is_reference

RUNS = 10
ENDED = ("succeeded", "failed", "cancelled", "timed_out")
ROWS = 500


def learned_problems(workflow: Workflow, definition: Definition) -> list[Problem]:
    """Warnings for what a definition reads and the outputs of the last ten live runs do not have."""
    keys = keys_read(definition)
    if not keys:
        return []
    actions = {step.key: step.action for step, _ in definition.walk()}
    return contract_problems(definition, _outputs(workflow, {key: actions[key] for key in keys if key in actions}))


def published_problems(workflow: Workflow) -> list[Problem]:
    """The same for the version that runs: what its next run will not find."""
    if workflow.published is None:
        return []
    return learned_problems(workflow, parse(workflow.published.definition, trusted=True))


def _outputs(workflow: Workflow, actions: dict[str, str]) -> dict[str, list[Seen]]:
    """By step key the outputs of the last runs, newest first; of a step in a loop that of its first round."""
    runs = Run.objects.of(workflow.workspace_id).filter(workflow=workflow, mode="live", status__in=ENDED)
    times = dict(runs.order_by("-id").values_list("id", "created_at")[:RUNS])
    rows = StepRun.objects.of(workflow.workspace_id).filter(
        run__in=list(times), key__in=list(actions), status="succeeded", output__isnull=False
    )
    found: dict[str, dict[UUID, Any]] = {}
    for row in rows.order_by("-run_id", "seq").only("run_id", "key", "action", "output")[:ROWS]:
        if row.action == actions[row.key] and not is_reference(row.output):
            found.setdefault(row.key, {}).setdefault(row.run_id, row.output)
    return {
        key: [Seen(output, f"in the run of {_words(times[run])}") for run, output in outputs.items()]
        for key, outputs in found.items()
    }


def _words(at: Any) -> str:
    text = str(moment(at))
    return f"{text[:10]} {text[11:16]} UTC"
