"""A published workflow with one input, and triggers of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.actor import Actor
from tests.workflows.engine.conftest import make_workspace, publish
from workflows.models import Trigger, Workflow
from workflows.operations.triggers import NewTrigger, create_trigger

GREETING: dict[str, Any] = {
    "name": "Greeting",
    "inputs": [{"name": "who", "type": "text", "required": False}],
    "steps": [{"key": "hello", "action": "data.format", "with": {"template": "Hello {{ inputs.who }}"}}],
    "outputs": {"text": "{{ steps.hello.text }}"},
}


@pytest.fixture
def greet(workspace) -> Workflow:
    """The published workflow."""
    return publish(workspace, GREETING)


@pytest.fixture
def real(transactional_db: None) -> Workflow:
    """The same in a workspace of its own, in a database whose transactions really commit."""
    return publish(make_workspace(), GREETING)


Make = Callable[..., Trigger]


def trigger_of(workflow: Workflow, kind: str = "schedule", **said: Any) -> Trigger:
    """A trigger that is on, made by the system."""
    actor = Actor.system(workflow.workspace, "test")
    said.setdefault("enabled", True)
    return create_trigger(actor, NewTrigger(workflow.slug, kind, **said)).trigger
