"""A renamed property is flagged in the editor and by API as soon as a run has met it, before the next run."""

from __future__ import annotations

import pytest

from tests.workflows.definition.helpers import text_step, workflow
from workflows.models import Run, StepRun
from workflows.operations.contracts import published_problems
from workflows.operations.drafts import draft_problems, edit_step
from workflows.operations.publish import publish_workflow
from workflows.operations.workflows import create_workflow

READ = {"key": "call", "action": "http.get", "with": {"url": "https://example.com/order"}}


@pytest.fixture
def flow(editor):
    steps = (READ, text_step("write", "{{ steps.call.body.status }}"))
    made = create_workflow(editor.actor, workflow(*steps), draft=True)
    publish_workflow(editor.actor, made)
    return made


def ran(flow, mode="live", **json):
    run = Run.objects.create(
        workspace=flow.workspace, workflow=flow, version=flow.published, status="failed", mode=mode, inputs={}
    )
    StepRun.objects.create(
        workspace=flow.workspace, run=run, key="call", action="http.get", kind="read", status="succeeded", seq=1,
        output={"status": 200, "body": json},
    )  # fmt: skip


def codes(found):
    return [problem.code for problem in found if problem.code.startswith("W_FIELD")]


def test_a_renamed_field_is_flagged_in_the_draft_on_its_page_and_for_the_version_that_runs(editor, flow):
    ran(flow, status="paid")
    assert codes(draft_problems(flow)) == []
    ran(flow, state="paid")
    (problem,) = [one for one in draft_problems(flow) if one.code == "W_FIELD_GONE"]
    assert problem.step == "write" and problem.severity == "warning" and "state" in (problem.hint or "")
    assert codes(published_problems(flow)) == ["W_FIELD_GONE"]
    page = editor.client.get(editor.path(f"workflows/{flow.slug}/steps/write")).text
    assert "no longer gives" in page and "steps.call.body.status" in page
    listed = editor.api.get(f"/api/v1/workflows/{flow.slug}").json()["problems"]
    assert "W_FIELD_GONE" in [row["code"] for row in listed]


def test_the_warning_goes_when_the_reference_is_mended(editor, flow):
    ran(flow, state="paid")
    assert codes(draft_problems(flow)) == ["W_FIELD_UNSEEN"]
    mended = edit_step(editor.actor, flow, "write", {"with": {"template": "{{ steps.call.body.state }}"}}, if_match="*")
    assert codes(draft_problems(mended)) == []
    assert codes(published_problems(flow)) == ["W_FIELD_UNSEEN"], "what runs is still the old version"


def test_dry_runs_and_other_actions_under_the_same_key_teach_nothing(editor, flow):
    ran(flow, mode="dry", state="paid")
    assert codes(draft_problems(flow)) == []
    ran(flow, state="paid")
    changed = edit_step(editor.actor, flow, "call", {"action": "store.get", "with": {"name": "x"}}, if_match="*")
    assert codes(draft_problems(changed)) == []
