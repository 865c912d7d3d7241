"""The API of triggers: made off, switched on where there is a version, told in words, and nobody else's."""

from __future__ import annotations

import pytest

from tests.workflows.triggers.conftest import greet  # noqa: F401
from workflows.models import Run, Trigger
from workflows.operations.publish import publish_workflow
from workflows.operations.workflows import create_workflow

pytestmark = pytest.mark.django_db
URL = "/api/v1/triggers"
DAILY = {"at": "09:00", "weekdays": ["mon", "tue", "wed", "thu", "fri"], "timezone": "Europe/Berlin"}


@pytest.fixture
def made(greet, editor):  # noqa: F811
    said = {"workflow": greet.slug, "kind": "schedule", "name": "Each morning", "config": DAILY}
    answer = editor.api.post_json(URL, {**said, "inputs": {"who": "{{ trigger.date }}"}})
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_schedule_is_made_off_and_said_in_words(made, editor):
    assert (made["enabled"], made["state"], made["version"]) == (False, "off", 1)
    assert made["sentence"] == "Every weekday at 09:00, Europe/Berlin time" and len(made["next"]) == 5
    assert made["health"]["next_due_at"] is None and made["health"]["missed_count"] == 0
    on = editor.api.patch_json(f"{URL}/{made['id']}", {"enabled": True}).json()
    assert on["state"] == "on" and on["health"]["next_due_at"] == on["next"][0]
    listed = editor.api.get(f"{URL}?kind=schedule&workflow={made['workflow']}").json()["results"]
    assert [row["id"] for row in listed] == [made["id"]]
    assert editor.api.delete(f"{URL}/{made['id']}").status_code == 204
    assert editor.api.get(f"{URL}/{made['id']}").status_code == 404


def test_what_is_wrong_is_said_with_its_field(greet, editor):  # noqa: F811
    def refused(**said):
        answer = editor.api.post_json(URL, {"workflow": greet.slug, "kind": "schedule", "config": DAILY, **said})
        assert answer.status_code in (400, 404), answer.content
        return answer.json()["error"]["code"], answer.json()["error"]["field"]

    assert refused(config={"cron": "60 * * * *"}) == ("E_CRON", "config.cron")
    assert refused(config={"every": "10s"})[0] == "E_TYPE"
    assert refused(config={"every": 10}) == ("E_CRON_TOO_OFTEN", "config.every")
    assert refused(config={"crom": "* * * * *"}) == ("E_UNKNOWN_FIELD", "config.crom")
    assert refused(kind="shedule") == ("E_CHOICE", "kind")
    assert refused(inputs={"whom": "x"}) == ("E_UNKNOWN_FIELD", "inputs.whom")
    assert refused(inputs={"who": "{{ steps.x.y }}"}) == ("E_TPL_UNDEFINED", "inputs.who")
    assert refused(inputs={"who": "{{ trigger."}) == ("E_TPL_SYNTAX", "inputs.who")
    assert refused(filter="trigger.date ==") == ("E_TPL_SYNTAX", "filter")
    assert refused(filter="inputs.x == 1") == ("E_TPL_UNDEFINED", "filter")
    assert refused(connection="x") == ("E_UNKNOWN_FIELD", "connection")
    assert refused(workflow="nowhere")[0] == "E_NOT_FOUND"
    assert not Trigger.objects.of(greet.workspace).exists()


def test_a_trigger_belongs_to_the_published_version(editor, workspace):
    definition = {
        "name": "Letter", "format": 1, "steps": [{"key": "a", "action": "data.format", "with": {"template": "x"}}]
    }  # fmt: skip
    workflow = create_workflow(editor.actor, definition)
    said = {"workflow": workflow.slug, "kind": "schedule", "config": DAILY}
    answer = editor.api.post_json(URL, {**said, "enabled": True})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "E_NOT_PUBLISHED")
    publish_workflow(editor.actor, workflow)
    made = editor.api.post_json(URL, {**said, "enabled": True}).json()

    needy = {**definition, "slug": workflow.slug, "inputs": [{"name": "who", "type": "text", "required": True}]}
    path = f"/api/v1/workflows/{workflow.slug}"
    assert editor.api.put_json(path, needy, headers={"If-Match": "*"}).status_code == 200
    refused = editor.api.post_json(f"{path}/publish", {})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "E_TRIGGER_INPUTS")
    assert editor.api.patch_json(f"{URL}/{made['id']}", {"inputs": {"who": "Ada"}}).status_code == 200
    assert editor.api.post_json(f"{path}/publish", {}).status_code in (200, 201)
    assert editor.api.get(f"{URL}/{made['id']}").json()["version"] == 2


def test_a_schedule_is_looked_at_before_it_is_stored(viewer):
    answer = viewer.api.post_json(f"{URL}/preview", {"config": {"cron": "*/15 8-17 * * 1-5"}})
    assert answer.status_code == 200 and len(answer.json()["next"]) == 5 and "Monday" in answer.json()["sentence"]
    assert viewer.api.post_json(f"{URL}/preview", {"config": {"cron": "61 * * * *"}}).status_code == 400
    kinds = viewer.api.get(f"{URL}/kinds").json()["results"]
    assert "due_at" in next(kind for kind in kinds if kind["kind"] == "schedule")["sees"]


def test_past_times_are_backfilled_once(made, operator, workspace):
    path = f"{URL}/{made['id']}/backfill"
    week = {"from": "2026-11-09", "to": "2026-11-16"}
    told = operator.api.post_json(path, {**week, "check": True})
    assert (told.status_code, len(told.json()["due"]), told.json()["runs"]) == (200, 5, [])
    started = operator.api.post_json(path, week)
    assert started.status_code == 202 and len(started.json()["runs"]) == 5
    assert operator.api.post_json(path, week).json() == {"due": [], "done": 5, "runs": []}
    assert Run.objects.of(workspace).count() == 5
    for wrong in ({"from": "monday", "to": "2026-11-16"}, {"from": "2026-11-16", "to": "2026-11-09"}):
        assert operator.api.post_json(path, wrong).status_code == 400


def test_who_may_what(made, viewer, operator, outsider):
    path = f"{URL}/{made['id']}"
    assert viewer.api.get(path).status_code == 200
    for someone in (viewer, operator):
        assert someone.api.patch_json(path, {"enabled": True}).status_code == 403
    assert viewer.api.post_json(f"{path}/backfill", {}).status_code == 403
    for send in (outsider.api.get(path), outsider.api.patch_json(path, {"enabled": True}), outsider.api.delete(path)):
        assert send.status_code == 404
    assert outsider.api.get(URL).json()["results"] == []
