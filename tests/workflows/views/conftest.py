"""What the tests of the pages share: a workspace with a sandbox, and workflows made through the operations."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.operations.sandbox import seed_sandbox
from workflows.operations import workflows as operations
from workflows.operations.drafts import draft_definition
from workflows.operations.publish import publish_workflow

STEPS: list[dict[str, Any]] = [
    {"key": "hello", "name": "Say hello", "action": "data.format", "with": {"template": "Hello {{ inputs.who }}"}},
    {
        "key": "any",
        "name": "If it is long",
        "action": "if",
        "with": {"condition": "steps.hello.text.size > 100"},
        "then": [{"key": "cut", "name": "Cut it", "action": "data.format", "with": {"template": "short"}}],
    },
]


@pytest.fixture
def sandboxed(workspace):
    """The workspace with its sandbox connections."""
    seed_sandbox(workspace)
    return workspace


@pytest.fixture
def greeting(workspace, editor):
    """“Greeting”, published: two steps and a branch, one input."""
    definition = {
        "format": 1,
        "name": "Greeting",
        "inputs": [{"name": "who", "type": "text", "required": True, "label": "Whom to greet"}],
        "steps": STEPS,
        "outputs": {"text": "{{ steps.hello.text }}"},
    }
    made = operations.create_workflow(editor.actor, definition)
    publish_workflow(editor.actor, made, "first")
    return operations.get_workflow(editor.actor, made.slug)


@pytest.fixture
def keys(greeting, editor):
    """The keys of the draft's steps at the top, read anew at each call."""

    def read(slug: str = "greeting") -> list[str]:
        found = operations.get_workflow(editor.actor, slug)
        return [step["key"] for step in draft_definition(found)["steps"]]

    return read


@pytest.fixture
def draft(editor):
    """The draft of a workflow, read anew."""

    def read(slug: str = "greeting") -> dict[str, Any]:
        return draft_definition(operations.get_workflow(editor.actor, slug))

    return read
