"""Trying steps of a draft: alone or up to one, on samples or the last run's data; dry unless it is asked otherwise."""

from __future__ import annotations

import pytest

from integrations.models import SandboxObject
from integrations.operations.sandbox import seed_sandbox
from orchestrator_site.lib.errors import Forbidden, NotFound, Problems, UserError
from tests.personas import persona
from tests.workflows.engine.conftest import steps_of
from workflows.models import Effect, PlannedEffect, Sample
from workflows.operations.metrics import metrics_text
from workflows.operations.runs import start_run
from workflows.operations.trying import delete_sample, last_output, samples_of, save_sample, try_step
from workflows.operations.workflows import create_workflow

REPO = "your-username/your-repo"
STEPS = [
    {"key": "find", "action": "gmail.search", "with": {"query": "is:unread", "limit": 2}},
    {"key": "text", "action": "data.format", "with": {"template": "{{ steps.find.count }} mails"}},
    {"key": "maybe", "action": "if", "with": {"condition": "steps.find.count > 0"}, "then": [
        {"key": "issue", "action": "github.create_issue",
         "with": {"repository": REPO, "title": "{{ steps.text.text }}"}},
    ]},
    {"key": "later", "action": "data.format", "with": {"template": "{{ steps.text.nothing }}"}},
]  # fmt: skip


@pytest.fixture
def flow(workspace, actor):
    """A draft that was never published; its last step does not even validate."""
    seed_sandbox(workspace)
    return create_workflow(actor, {"format": 1, "name": "Mails", "steps": STEPS}, draft=True)


def test_a_step_alone_goes_on_from_samples_and_nothing_before_it_is_run(workspace, actor, engine, flow):
    engine()
    save_sample(actor, flow, "text", {"text": "7 mails"})
    save_sample(actor, flow, "find", {"messages": [], "count": 7, "text": ""})
    run = try_step(actor, flow, "issue", wait=20)
    assert (run.status, run.mode, run.trigger_kind, run.trigger_id) == ("succeeded", "dry", "try", "issue")
    found = steps_of(run)
    assert found["find"].decision == {"pinned": "sample"} and found["find"].attempts_count == 0
    assert "later" not in found
    assert PlannedEffect.objects.of(workspace).get(run=run).after["title"] == "7 mails"
    assert not Effect.objects.of(workspace).exists()


def test_up_to_a_step_runs_what_has_no_sample_and_live_only_where_it_is_asked(workspace, actor, engine, flow):
    engine()
    run = try_step(actor, flow, "issue", scope="up_to", mode="live", wait=20)
    assert run.status == "succeeded", run.error
    assert steps_of(run)["find"].attempts_count == 1
    assert Effect.objects.of(workspace).get(run=run).state == "confirmed"
    assert SandboxObject.objects.of(workspace).filter(kind="issue", title="2 mails").exists()


def test_alone_on_the_last_run_takes_what_that_gave_with_its_mark_from_outside(workspace, actor, engine, flow):
    engine()
    first = try_step(actor, flow, "text", scope="up_to", wait=20)
    assert last_output(actor, flow, "find") is None, "a try is no run whose data counts"
    assert first.status == "succeeded"
    again = try_step(actor, flow, "text", wait=20)
    assert again.status == "succeeded" and steps_of(again)["find"].attempts_count == 1, (
        "nothing to go on from: it is run"
    )


def test_samples_are_outputs_of_their_action_and_belong_to_whoever_may_edit(workspace, actor, flow):
    with pytest.raises((Problems, UserError)) as refused:
        save_sample(actor, flow, "text", {"text": 7})
    assert "text" in str(refused.value.as_dict())
    with pytest.raises(UserError):
        save_sample(actor, flow, "text", ["no object"])
    with pytest.raises(NotFound):
        save_sample(actor, flow, "nobody", {})
    with pytest.raises(Forbidden):
        save_sample(persona(workspace, "operator").actor, flow, "text", {"text": "x"})
    save_sample(actor, flow, "text", {"text": "x"})
    assert samples_of(actor, flow)["text"].output == {"text": "x"}
    delete_sample(actor, flow, "text")
    assert not Sample.objects.of(workspace).exists()


def test_tries_are_counted_in_no_statistics(workspace, actor, engine, flow):
    engine()
    try_step(actor, flow, "text", scope="up_to", wait=20)
    assert b'orchestrator_runs{status="succeeded"} 0.0' in metrics_text(actor)


def test_a_dry_run_goes_on_with_a_sample_where_nobody_can_know_the_answer(workspace, actor, engine):
    engine()
    seed_sandbox(workspace)
    steps = [
        {"key": "post", "action": "http.send", "connection": "http",
         "with": {"url": "https://sandbox.example/items", "body": {"a": 1}}},
        {"key": "use", "action": "data.format", "with": {"template": "{{ steps.post.body.id }}"}},
        {"key": "ask", "action": "approve", "with": {"title": "So?", "on_reject": "continue"}},
    ]  # fmt: skip
    flow = create_workflow(actor, {"format": 1, "name": "Post", "steps": steps})
    bare = start_run(actor, flow.slug, version="draft", mode="dry", wait=20)
    assert (bare.status, bare.error["step"]) == ("failed", "use")
    answer = {"status": 201, "ok": True, "headers": {}, "body": {"id": "9"}, "text": "", "url": "", "truncated": False}
    save_sample(actor, flow, "post", {**answer, "file": None})
    save_sample(actor, flow, "ask", {"decision": "reject", "values": {}, "edited": [], "decided_by": "", "comment": "",
                                     "decided_at": ""})  # fmt: skip
    run = start_run(actor, flow.slug, version="draft", mode="dry", wait=20)
    assert run.status == "succeeded", run.error
    assert steps_of(run)["use"].output == {"text": "9"} and steps_of(run)["ask"].output["decision"] == "reject"
    assert PlannedEffect.objects.of(workspace).filter(run=run).count() == 1
