"""Large outputs are shown as they are, wherever one looks, and never those of another workspace."""

from __future__ import annotations

import json

import pytest

from tests.workflows.engine.conftest import make_workspace, publish
from workflows.models import Blob, Run, StepRun
from workflows.operations.blobs import WHOLE, beginning, resolve, with_outputs

BIG = {"text": "x" * (1024 * 1024 + 10), "list": list(range(100))}


@pytest.fixture
def workspace(db):
    return make_workspace()


def _blob(workspace, value, sha: str = "a" * 64) -> dict:
    content = json.dumps(value).encode()
    Blob.objects.create(workspace=workspace, sha256=sha, size=len(content), content=content)
    return {"$blob": sha, "size": len(content)}


def _step(workspace, output) -> StepRun:
    workflow = publish(workspace, {"steps": [{"key": "a", "action": "data.format", "with": {"template": "x"}}]})
    run = Run.objects.create(workspace=workspace, workflow=workflow, version=workflow.published, status="succeeded")
    return StepRun.objects.create(
        workspace=workspace, run=run, key="a", action="data.format", kind="pure", output=output
    )


def test_a_reference_becomes_the_value(workspace):
    assert resolve(_blob(workspace, BIG), workspace) == BIG
    assert with_outputs([_step(workspace, {"$blob": "a" * 64, "size": 1})])[0].output == BIG


def test_another_workspaces_value_stays_a_reference(workspace):
    foreign = _blob(make_workspace(), BIG)
    assert resolve(foreign, workspace) == foreign
    assert with_outputs([_step(workspace, foreign)])[0].output == foreign


def test_all_outputs_of_an_answer_together_are_at_most_what_was_asked_for(workspace):
    first, second = _blob(workspace, BIG), _blob(workspace, BIG, "b" * 64)
    steps = [_step(workspace, first), _step(workspace, second), _step(workspace, {"small": 1})]
    shown = [step.output for step in with_outputs(steps, most=first["size"] + 5)]
    assert shown == [BIG, second, {"small": 1}]
    assert WHOLE == 10 * 1024 * 1024


def test_a_page_shows_the_first_part_and_says_so(workspace):
    shown = with_outputs([_step(workspace, _blob(workspace, BIG))], first_part=True)[0].output
    assert len(json.dumps(shown)) < 10_000
    assert "of 1,048,586 characters" in shown["text"] and shown["list"][-1] == "… and 80 more"
    assert "bytes" in beginning({"$blob": "c" * 64, "size": 5_000_000})
