"""Runs of pure steps, walked by a real engine on a real database."""

from __future__ import annotations

from workflows.models import RunEvent
from workflows.operations.runs import start_run

from .conftest import publish, steps_of

CHAIN = {
    "inputs": [{"name": "name", "type": "text", "required": True}],
    "steps": [
        {"key": "hello", "action": "data.format", "with": {"template": "Hello {{ inputs.name }}"}},
        {"key": "loud", "action": "data.format", "with": {"template": "{{ steps.hello.text | upcase }}!"}},
    ],
    "outputs": {"text": "{{ steps.loud.text }}"},
}


def test_a_chain_of_pure_steps_runs_to_its_end_and_is_stored(workspace, actor, engine):
    workflow = publish(workspace, CHAIN)
    engine()
    run = start_run(actor, workflow.slug, {"name": "Mara"}, wait=10)
    assert run.status == "succeeded", run.error
    assert run.outputs == {"text": "HELLO MARA!"}
    steps = steps_of(run)
    assert steps["hello"].output == {"text": "Hello Mara"}
    assert steps["hello"].input == {"template": "Hello Mara"}
    assert steps["loud"].status == "succeeded"
    assert [e.kind for e in RunEvent.objects.of(workspace).filter(run=run).order_by("at")] == [
        "queued",
        "running",
        "succeeded",
    ]
