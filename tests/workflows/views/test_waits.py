"""The people's side of waiting, on pages and in the API: the inbox, one approval, events, pause and resume."""

from __future__ import annotations

import pytest

from orchestrator_site.lib.clock import now
from tests.personas import outsider_of, persona
from workflows.models import DeliveredEvent, Run, StepRun, Wait
from workflows.operations.runs import start_run

FIELDS = [
    {"name": "to", "type": "text", "label": "To", "value": "anna@example.com", "required": True, "options": []},
    {"name": "text", "type": "long_text", "label": "Text", "value": "Hello Anna\nHow are you", "options": []},
    {"name": "copies", "type": "integer", "label": "Copies", "value": 2, "options": []},
]


@pytest.fixture
def run(greeting, operator):
    """A run of “Greeting” that waits."""
    found = start_run(operator.actor, "greeting", {"who": "Ada"})
    Run.objects.of(found.workspace).filter(pk=found.pk).update(status="waiting", started_at=now(), claims=1)
    return Run.objects.of(found.workspace).get(pk=found.pk)


def asking(run, kind: str = "approval", **more) -> Wait:
    """What a step of the run waits for."""
    action = "approve" if kind == "approval" else "wait"
    step = StepRun.objects.create(
        workspace=run.workspace, run=run, key="hello", action=action, kind="control", status="waiting",
        started_at=now(), input={"title": "Send it?"},
    )  # fmt: skip
    return Wait.objects.create(
        workspace=run.workspace, run=run, step_run=step, kind=kind, **{"title": "Send it?", **more}
    )


@pytest.fixture
def wait(run):
    """An approval with a draft."""
    return asking(run, fields=FIELDS, body="It goes to a customer.", rules={"tainted": True})


def decided(wait) -> Wait:
    wait.refresh_from_db()
    return wait


def url(wait) -> str:
    return f"/api/v1/waits/{wait.pk}"


def test_the_inbox_leads_to_the_draft_and_looking_decides_nothing(operator, wait):
    inbox = operator.client.get(operator.path("inbox")).text
    assert f"/inbox/{wait.pk}" in inbox and "Send it?" in inbox
    page = operator.client.get(operator.path(f"inbox/{wait.pk}?decision=approve")).text
    for text in ("Send it?", "It goes to a customer.", "anna@example.com", "How are you", "from outside", "Reject"):
        assert text in page
    assert operator.api.get(url(wait)).json()["decisions"] == ["approve", "reject"]
    assert decided(wait).decided_at is None


def test_a_draft_is_edited_and_approved_and_the_change_is_shown(operator, run, wait):
    said = {"value_to": "bert@example.com", "value_text": "Hello Anna\r\nHow are you", "value_copies": "3"}
    answer = operator.client.post(operator.path(f"inbox/{wait.pk}"), {**said, "decision": "approve", "comment": "ok"})
    assert answer.status_code == 302 and answer.url.endswith(f"/runs/{run.pk}")
    assert decided(wait).values == {"to": "bert@example.com", "text": "Hello Anna\nHow are you", "copies": 3}
    assert (wait.decision, wait.decided_by, wait.comment) == ("approve", "Omar Operator", "ok")
    run.refresh_from_db()
    assert (run.status, run.wake_seq) == ("queued", 1)
    page = operator.client.get(operator.path(f"inbox/{wait.pk}")).text
    assert "Omar Operator approved, with changes" in page and "bert@example.com" in page and "<ins>bert</ins>" in page


def test_what_is_wrong_with_an_edited_draft_stands_at_its_field_and_nothing_is_decided(operator, wait):
    said = {"value_to": "", "value_text": "x", "value_copies": "many", "decision": "approve"}
    answer = operator.client.post(operator.path(f"inbox/{wait.pk}"), said)
    assert answer.status_code == 422 and "id_value_to" in answer.text and decided(wait).decided_at is None
    answer = operator.api.post_json(f"{url(wait)}/decide", {"decision": "approve", "values": {"copies": "many"}})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "values.copies")


def test_a_rejection_needs_no_complete_draft(operator, wait):
    said = {"value_to": "", "value_text": "x", "value_copies": "", "decision": "reject", "comment": "No"}
    assert operator.client.post(operator.path(f"inbox/{wait.pk}"), said).status_code == 302
    assert (decided(wait).decision, wait.comment) == ("reject", "No")


def test_the_api_decides_once_answers_the_same_again_and_refuses_another(operator, wait):
    decide = f"{url(wait)}/decide"
    assert operator.api.post_json(decide, {"decision": "perhaps"}).json()["error"]["code"] == "E_CHOICE"
    first = operator.api.post_json(decide, {"decision": "approve", "values": {"copies": 1}})
    again = operator.api.post_json(decide, {"decision": "approve", "values": {"copies": 1}})
    assert (first.status_code, again.status_code) == (200, 200) and first.json() == again.json()
    assert first.json()["values"]["to"] == "anna@example.com", "what is left out stays as drafted"
    for other in ({"decision": "reject"}, {"decision": "approve"}):
        refused = operator.api.post_json(decide, other)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "E_SETTLED")


def test_after_the_end_of_the_run_a_decision_is_409(operator, run, wait):
    Run.objects.of(run.workspace).filter(pk=run.pk).update(status="cancelled")
    refused = operator.api.post_json(f"{url(wait)}/decide", {"decision": "approve"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "E_ENDED")
    assert "does not wait for this any more" in operator.client.get(operator.path(f"inbox/{wait.pk}")).text
    assert decided(wait).decided_at is None


def test_choices_are_buttons_and_the_only_decisions_beside_reject(operator, run):
    wait = asking(run, rules={"choices": ["refund", "replace"]})
    page = operator.client.get(operator.path(f"inbox/{wait.pk}")).text
    assert 'value="refund"' in page and 'value="replace"' in page and 'value="approve"' not in page
    decide = f"{url(wait)}/decide"
    assert operator.api.post_json(decide, {"decision": "approve"}).status_code == 400
    assert operator.api.post_json(decide, {"decision": "replace"}).json()["decision"] == "replace"


@pytest.mark.parametrize(
    "approvers, allowed", [(["editor"], "editor"), (["omar@example.com"], "operator"), (["admin"], "")]
)
def test_only_those_who_were_asked_decide(workspace, operator, editor, run, approvers, allowed):
    operator.user.email = "Omar@example.com"
    operator.user.save()
    wait = asking(run, rules={"approvers": approvers})
    for name, who in (("operator", operator), ("editor", editor)):
        answer = who.api.post_json(f"{url(wait)}/decide", {"decision": "approve"})
        code = 200 if name == allowed or (allowed and decided(wait).decided_at and name == "editor") else 403
        if name == "editor" and allowed == "operator":
            code = 403
        assert answer.status_code == code, (name, answer.json())
    if not allowed:
        assert "Others were asked" in operator.client.get(operator.path(f"inbox/{wait.pk}")).text


def test_who_started_the_run_does_not_approve_it_where_the_step_says_so(operator, editor, run):
    wait = asking(run, rules={"no_self_approval": True})
    refused = operator.api.post_json(f"{url(wait)}/decide", {"decision": "approve"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "E_SELF_APPROVAL")
    assert editor.api.post_json(f"{url(wait)}/decide", {"decision": "approve"}).status_code == 200


def test_a_viewer_looks_and_a_stranger_finds_nothing(workspace, viewer, wait, run):
    assert viewer.client.get(viewer.path(f"inbox/{wait.pk}")).status_code == 200
    assert 'name="decision"' not in viewer.client.get(viewer.path(f"inbox/{wait.pk}")).text
    assert viewer.client.post(viewer.path(f"inbox/{wait.pk}"), {"decision": "approve"}).status_code == 403
    assert viewer.api.post_json(f"{url(wait)}/decide", {"decision": "approve"}).status_code == 403
    stranger = outsider_of(workspace)
    assert stranger.api.get(url(wait)).status_code == 404
    for path in (f"waits/{wait.pk}/decide", f"runs/{run.pk}/pause", f"runs/{run.pk}/resume", f"runs/{run.pk}/events"):
        sent = {"decision": "approve"} if "decide" in path else {"name": "go"}
        assert stranger.api.post_json(f"/api/v1/{path}", sent).status_code == 404, path
    assert stranger.client.get(operator_path(workspace, f"inbox/{wait.pk}")).status_code == 404
    assert decided(wait).decided_at is None


def operator_path(workspace, rest: str) -> str:
    return f"/w/{workspace.slug}/{rest}"


def test_waits_are_listed_by_kind_and_run(operator, run, wait):
    timer = asking_more(run, "timer")
    listed = operator.api.get("/api/v1/waits").json()["results"]
    assert [one["id"] for one in listed] == [str(timer.pk), str(wait.pk)]
    assert [one["id"] for one in operator.api.get("/api/v1/waits?kind=approval").json()["results"]] == [str(wait.pk)]
    assert operator.api.get(f"/api/v1/waits?run={run.pk}").json()["results"][0]["kind"] == "timer"
    assert operator.api.get("/api/v1/waits?kind=x").status_code == 400
    assert "1" in operator.client.get(operator.path("")).text


def asking_more(run, kind: str) -> Wait:
    step = StepRun.objects.create(
        workspace=run.workspace, run=run, key="any", action="wait", kind="control", status="waiting", started_at=now()
    )
    return Wait.objects.create(workspace=run.workspace, run=run, step_run=step, kind=kind, title="any")


def test_an_event_is_delivered_by_the_page_and_by_the_api(operator, run):
    wait = asking(run, "event", title="paid")
    page = operator.client.get(operator.path(f"runs/{run.pk}")).text
    assert "Waits for the event “paid”" in page and "Deliver “paid”" in page
    answer = operator.client.post(operator.path(f"runs/{run.pk}/deliver"), {"name": "paid", "data": '{"sum": 3}'})
    assert answer.status_code == 302
    sent = operator.api.post_json(f"/api/v1/runs/{run.pk}/events", {"name": "paid", "data": "again"})
    assert sent.status_code == 202 and sent.json()["name"] == "paid"
    assert [e.data for e in DeliveredEvent.objects.of(run.workspace).order_by("id")] == [{"sum": 3}, "again"]
    for wrong in ({"name": "Not a name"}, {"name": ""}, {"data": 1}):
        assert operator.api.post_json(f"/api/v1/runs/{run.pk}/events", wrong).status_code == 400
    key = {"headers": {"Idempotency-Key": "k"}}
    first = operator.api.post_json(f"/api/v1/runs/{run.pk}/events", {"name": "paid", "data": 1}, **key).json()
    assert operator.api.post_json(f"/api/v1/runs/{run.pk}/events", {"name": "paid", "data": 1}, **key).json() == first
    other = operator.api.post_json(f"/api/v1/runs/{run.pk}/events", {"name": "paid", "data": 2}, **key)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "E_IDEM_MISMATCH")
    assert wait.decided_at is None


def test_a_run_is_paused_and_resumed_by_page_and_api(operator, viewer, run):
    page = operator.client.get(operator.path(f"runs/{run.pk}")).text
    assert "Pause run" in page and "Resume run" not in page
    assert operator.client.post(operator.path(f"runs/{run.pk}/pause")).status_code == 302
    page = operator.client.get(operator.path(f"runs/{run.pk}")).text
    assert "Resume run" in page and "Cancel run" in page and "Paused" in page
    assert operator.api.post_json(f"/api/v1/runs/{run.pk}/resume").json()["status"] == "queued"
    assert operator.api.post_json(f"/api/v1/runs/{run.pk}/resume").status_code == 409
    assert operator.api.post_json(f"/api/v1/runs/{run.pk}/pause").json()["status"] == "paused"
    assert viewer.api.post_json(f"/api/v1/runs/{run.pk}/resume").status_code == 403
    assert viewer.client.post(viewer.path(f"runs/{run.pk}/pause")).status_code == 403


def test_runs_of_runs_are_linked_both_ways_with_their_cost(operator, run):
    step = StepRun.objects.create(
        workspace=run.workspace, run=run, key="hello", action="run_workflow", kind="control", status="succeeded",
        started_at=now(), cost_usd="0.25", input={"workflow": "greeting"}, output={"outputs": {}},
    )  # fmt: skip
    child = start_run(operator.actor, "greeting", {"who": "Bo"})
    Run.objects.of(run.workspace).filter(pk=child.pk).update(parent_step=step)
    page = operator.client.get(operator.path(f"runs/{run.pk}")).text
    assert f"/runs/{child.pk}" in page and "$0.25" in page
    assert f"/runs/{run.pk}" in operator.client.get(operator.path(f"runs/{child.pk}")).text


def test_a_question_of_another_kind_is_answered_on_the_page_of_its_run(workspace, run):
    timer = asking_more(run, "timer")
    member = persona(workspace, "operator", "Pia")
    answer = member.client.get(member.path(f"inbox/{timer.pk}"))
    assert answer.status_code == 302 and answer.url.endswith(f"/runs/{run.pk}")
    refused = member.api.post_json(f"{url(timer)}/decide", {"decision": "approve"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "E_KIND")
