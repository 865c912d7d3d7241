"""The page of a dry run: what would be sent, before and after, what nobody can tell; and the buttons that start one."""

from __future__ import annotations

import pytest

from orchestrator_site.lib.clock import now
from tests.personas import persona
from workflows.models import PlannedEffect, Run, StepRun, WorkflowVersion
from workflows.operations.plans import compared
from workflows.operations.runs import start_run


@pytest.fixture
def dry(greeting, operator):
    """A dry run of “Greeting” that has ended: a mail, a page, and a call that nobody can tell."""
    run = start_run(operator.actor, "greeting", {"who": "Ada"}, mode="dry")
    step = StepRun.objects.create(
        workspace=run.workspace, run=run, key="hello", action="gmail.send", kind="effect", status="succeeded",
        decision={"assumed": "“Send it?” was taken as approved; nobody was asked."}, started_at=now(),
    )  # fmt: skip
    add = {"workspace": run.workspace, "run": run, "step_run": step, "state": "planned"}
    PlannedEffect.objects.create(
        **add, seq=1, action="notion.update_page", op="update_page", summary="Changes the page “Order”.",
        target={"page": "1f2e"}, before={"Status": "New", "Owner": None, "Topic": "Bikes"},
        after={"Status": "Refund offered", "Owner": "Mara", "Topic": "Bikes"},
    )  # fmt: skip
    PlannedEffect.objects.create(
        **add, seq=2, action="gmail.send", op="create_draft", summary="Writes the draft.", target={}, after={"to": []}
    )
    PlannedEffect.objects.create(
        **add, seq=3, action="gmail.send", op="send_draft", summary="Sends “Re: Refund” to anna.keller@example.org.",
        target={"to": ["anna.keller@example.org"], "draft": "planned-draft-1"},
        after={"to": ["anna.keller@example.org"], "subject": "Re: Refund", "text": "Hi Anna,\n\nthank you."},
    )  # fmt: skip
    PlannedEffect.objects.create(
        **{**add, "state": "stopped"}, seq=4, action="other.call", op="call", summary="It cannot tell.", target={}
    )
    Run.objects.of(run.workspace).filter(pk=run.pk).update(status="succeeded", started_at=now(), finished_at=now())
    return Run.objects.of(run.workspace).get(pk=run.pk)


def test_what_is_hardest_to_take_back_stands_first_and_each_change_is_shown_before_and_after(viewer, dry):
    page = viewer.client.get(viewer.path(f"runs/{dry.pk}")).text
    assert page.index("Sends “Re: Refund” to anna.keller@example.org") < page.index("Changes the page “Order”")
    assert "Nothing was sent" in page and "Would change 2 of 3 fields" in page and "Would send" in page
    assert "Refund offered" in page and "Writes the draft" not in page and "planned-draft-1" not in page
    assert "Not shown, not sent" in page and "taken as approved" in page


def test_only_whoever_may_run_is_offered_the_real_run_and_no_outsider_sees_it(viewer, operator, outsider, dry):
    assert "Run for real" not in viewer.client.get(viewer.path(f"runs/{dry.pk}")).text
    page = operator.client.get(operator.path(f"runs/{dry.pk}")).text
    assert "Run for real" in page and "Dry run again" in page
    assert outsider.client.get(operator.path(f"runs/{dry.pk}")).status_code == 404


def test_the_form_starts_a_dry_run_and_its_page_a_real_one(operator, dry):
    operator.client.post(operator.path("workflows/greeting/run"), {"input_who": "Bo", "mode": "dry"})
    newest = Run.objects.of(dry.workspace).order_by("-id").first()
    assert (newest.mode, newest.inputs) == ("dry", {"who": "Bo"})
    operator.client.post(operator.path(f"runs/{dry.pk}/again"), {"version": "newest", "mode": "live"})
    newest = Run.objects.of(dry.workspace).order_by("-id").first()
    assert (newest.mode, newest.inputs, newest.replay_of_id) == ("live", {"who": "Ada"}, dry.pk)


def test_the_api_lists_what_would_be_changed_in_the_shape_of_effects(workspace, dry):
    found = persona(workspace, "viewer").api.get(f"/api/v1/runs/{dry.pk}/effects").json()["results"]
    assert [one["state"] for one in found] == ["planned", "planned", "planned", "stopped"]
    assert found[0]["after"]["Status"] == "Refund offered" and found[0]["before"]["Status"] == "New"
    assert found[0]["sent_at"] is None and found[0]["summary"]


def test_it_is_compared_with_the_same_dry_run_of_another_version(editor, dry):
    other = start_run(editor.actor, "greeting", {"who": "Ada"}, mode="dry")
    then = other.version
    other.version = WorkflowVersion.objects.create(
        workspace=dry.workspace, workflow=other.workflow, number=2, definition=then.definition, sha256=then.sha256
    )
    other.save()
    step = StepRun.objects.create(
        workspace=dry.workspace, run=other, key="hello", action="gmail.send", kind="effect", status="succeeded"
    )
    PlannedEffect.objects.create(
        workspace=dry.workspace, run=other, step_run=step, seq=1, state="planned", action="notion.update_page",
        op="update_page", target={"page": "1f2e"}, summary="Changes the page.", after={"Status": "Other"},
    )  # fmt: skip
    against = compared(editor.actor, other)
    assert against is not None and against.run == dry
    assert (len(against.new), len(against.other), len(against.gone), against.same) == (0, 1, 1, 0)
