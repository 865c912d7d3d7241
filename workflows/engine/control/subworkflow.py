"""`run_workflow`: another workflow as a step. Pure declaration."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from integrations.spec import Model, content, target

MAX_DEPTH = 5


class RunWorkflowInput(Model):
    """Which workflow, with which inputs."""

    workflow: str = target(
        "Workflow",
        help="Its slug. The newest published version runs, as a run of its own that this one waits for.",
        example="summarize_mail",
        min_length=1,
        max_length=48,
    )
    inputs: dict[str, Any] = content(
        "Inputs", default={}, help="Its inputs by name.", example={"text": "{{ steps.fetch.text }}"}, widget="json"
    )


class RunWorkflowOutput(Model):
    """What the other run gave."""

    outputs: dict[str, Any] = Field(default_factory=dict, description="The outputs of that workflow, by name.")
    run_id: str = Field("", description="That run.")
    status: str = Field("", description="How it ended: succeeded.")
