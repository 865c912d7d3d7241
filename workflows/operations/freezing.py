"""A definition as a version that never changes again."""

from __future__ import annotations

from accounts.actor import Actor
from workflows.engine.abi import ABI
from workflows.engine.definition import Definition, fingerprint, to_json
from workflows.models import Workflow, WorkflowVersion
from workflows.operations.prompt_changes import prompts_now


def freeze(
    actor: Actor, workflow: Workflow, definition: Definition, sha256: str, *, number: int | None = None, note: str = ""
) -> WorkflowVersion:
    """Store a checked definition; without a number it is for single runs."""
    return WorkflowVersion.objects.create(
        workspace=workflow.workspace,
        workflow=workflow,
        number=number,
        definition=to_json(definition),
        sha256=sha256,
        engine_abi=ABI,
        note=note,
        prompts=prompts_now(workflow.workspace, definition) if number else {},
        created_by=actor.label[:200],
        author=actor.user,
    )


def freeze_once(actor: Actor, workflow: Workflow, definition: Definition) -> WorkflowVersion:
    """A version without a number for single runs; an equal one is used again."""
    actor.require("run")
    sha256 = fingerprint(definition)
    rows = WorkflowVersion.objects.of(workflow.workspace).filter(workflow=workflow, number__isnull=True, sha256=sha256)
    return rows.first() or freeze(actor, workflow, definition, sha256)
