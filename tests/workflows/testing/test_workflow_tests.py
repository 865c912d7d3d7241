"""Tests kept with a workflow: run dry over the sandbox, by page, API and command; and before publishing."""

import json
from xml.dom import minidom

import pytest
from django.core.management import call_command

from integrations.models import SandboxObject
from orchestrator_site.lib.errors import Conflict
from tests.workflows.definition.helpers import text_step, workflow
from tests.workflows.gallery.conftest import PATIENT
from workflows.models import Effect, Run
from workflows.operations import runs
from workflows.operations.drafts import edit_step
from workflows.operations.exports import export_folder
from workflows.operations.gallery import get_item, use_item
from workflows.operations.imports import import_folder
from workflows.operations.publish import publish_workflow
from workflows.operations.testing import keeping, running
from workflows.operations.testing.results import results_of
from workflows.operations.workflows import create_workflow, get_workflow

MAIL = {
    "id": "m1", "thread_id": "t1", "message_id": "<m1@x>", "sender": {"name": "Ada", "email": "ada@example.com"},
    "to": [], "cc": [], "reply_to": [], "subject": "Bug: it stops", "date": "2026-01-01T00:00:00Z", "snippet": "",
    "text": "It stops at once.", "html": "", "labels": [], "attachments": [], "url": "",
}  # fmt: skip
PINS = {"read": {"messages": [MAIL], "count": 1, "text": "It stops."}}
DOCUMENT = {
    "format": 1,
    "tests": [
        {
            "name": "A bug becomes an issue",
            "inputs": {"repository": "your-username/your-repo"},
            "pins": {**PINS, "weight": {"category": "it looks wrong", "confidence": 1, "reason": "pinned", "model": "",
                                        "input_tokens": 0, "output_tokens": 0, "cost_usd": None}},
            "expect": {
                "outputs": {"reports": 1},
                "steps": {"issue": "ran"},
                "effects": [{"op": "create_issue", "after": {"title": "it stops", "body": {"contains": "wrong"}}}],
            },
        },
        {
            "name": "It is wrong on purpose",
            "inputs": {"repository": "your-username/your-repo"},
            "pins": PINS,
            "expect": {"outputs": {"reports": 7}, "effects": [{"op": "send"}]},
        },
    ],
}  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_tests_run_dry_over_the_sandbox_and_say_what_differs(engine, somebody, world, tmp_path):
    flow = use_item(somebody, get_item(somebody, "bug_report_from_mail"))
    keeping.keep_tests(somebody, flow, DOCUMENT)
    before = SandboxObject.objects.of(world).count()
    engine(PATIENT)
    tests = running.start_tests(somebody, flow)
    green, red = running.wait_for_tests(somebody, flow, tests, 180)
    assert (green.state, green.failures) == ("green", ()), green.failures
    assert red.state == "red" and len(red.failures) == 2 and "outputs.reports is 1; expected: 7." in red.failures
    assert not Effect.objects.of(world).exists() and SandboxObject.objects.of(world).count() == before
    assert {run.mode for run in Run.objects.of(world)} == {"dry"}

    out = tmp_path / "junit.xml"
    with pytest.raises(SystemExit) as ended:
        call_command("test_workflow", flow.slug, workspace=world.slug, junit=str(out))
    assert ended.value.code == 1
    suite = minidom.parseString(out.read_text()).documentElement  # noqa: S318 - our own file
    assert (suite.getAttribute("tests"), suite.getAttribute("failures")) == ("2", "1")

    keeping.keep_tests(somebody, flow, {**DOCUMENT, "tests": DOCUMENT["tests"][:1]})
    kept = results_of(somebody, flow)
    assert [one.state for one in kept] == ["green"], "an unchanged test keeps its result"
    keeping.set_blocking(somebody, flow, True)
    assert publish_workflow(somebody, get_workflow(somebody, flow.slug)).number == 1
    flow = edit_step(somebody, flow, "gist", {"name": "Sum it up"}, if_match="*")
    assert [one.state for one in results_of(somebody, flow)] == ["old"]
    with pytest.raises(Conflict) as refused:
        publish_workflow(somebody, get_workflow(somebody, flow.slug))
    assert refused.value.code == "E_TESTS" and "older draft" in refused.value.message
    keeping.set_blocking(somebody, flow, False)
    assert publish_workflow(somebody, get_workflow(somebody, flow.slug)).number == 2, "else it only warns"


@pytest.mark.django_db(transaction=True)
def test_a_run_becomes_a_test_that_is_green(engine, somebody, world):
    flow = use_item(somebody, get_item(somebody, "conversation_to_note"))
    engine(PATIENT)
    run = runs.start_run(somebody, flow.slug, {}, version="draft", wait=60)
    assert run.status == "succeeded", run.error
    test = keeping.add_test_of_run(somebody, flow, run, "As it was")
    assert set(test.body["pins"]) == {"find", "read", "gist"}
    case = {**test.body["expect"], "outputs": {"url": {"is_empty": False}}}
    keeping.keep_tests(somebody, flow, {"tests": [{**test.body, "name": "As it was", "expect": case}]})
    (result,) = running.wait_for_tests(somebody, flow, running.start_tests(somebody, flow), 180)
    assert result.state in ("green", "red")
    assert [one for one in result.failures if "outputs.url" not in one] == [], "a planned page has no address yet"


@pytest.mark.django_db(transaction=True)
def test_the_command_line_of_a_ci_needs_no_worker(somebody, world, tmp_path, capsys):
    more = {"inputs": [{"name": "who", "type": "text", "required": True}], "outputs": {"text": "{{ steps.a.text }}"}}
    definition = workflow(text_step("a", "Hello {{ inputs.who }}"), name="Greeting", **more)
    (tmp_path / "greeting.json").write_text(json.dumps(definition))
    tests = {
        "format": 1,
        "tests": [{"name": "Hi", "inputs": {"who": "Ada"}, "expect": {"outputs": {"text": "Hello Ada"}}}],
    }
    (tmp_path / "greeting.tests.json").write_text(json.dumps(tests))
    with pytest.raises(SystemExit) as ended:
        call_command("test_workflow", file=str(tmp_path / "greeting.json"), workspace=world.slug)
    assert ended.value.code == 0, capsys.readouterr()
    assert "green" in capsys.readouterr().out


@pytest.mark.django_db
def test_pages_api_and_folder_carry_the_tests(editor, viewer, outsider):
    create_workflow(editor.actor, workflow(text_step("a", "hello"), name="Greeting"))
    page, api = "workflows/greeting/tests", "/api/v1/workflows/greeting/tests"
    one = {"format": 1, "tests": [{"name": "Hi", "expect": {"steps": {"a": "ran"}}}]}
    assert editor.client.post(editor.path(page), {"document": json.dumps(one)}).status_code == 302
    assert "Never run" in viewer.client.get(viewer.path(page)).text
    assert editor.client.post(editor.path(page), {"document": '{"tests": 1}'}).status_code == 422
    assert viewer.client.post(viewer.path(page), {"document": "{}"}).status_code == 403
    assert viewer.api.get(api).json()["results"] == [{"name": "Hi", "state": "new", "failures": [], "run": None}]
    assert outsider.api.get(api).status_code == 404
    results = import_folder(outsider.actor, export_folder(editor.actor))
    assert [test.name for test in keeping.tests_of(results[0].workflow)] == ["Hi"]
    assert editor.api.post_json(f"{api}/run", {"names": ["Hi"]}).json()["results"][0]["state"] == "running"
    assert editor.api.post_json(f"{api}/run", {"names": ["No"]}).status_code == 404
    assert "Not every test is green" in editor.client.get(editor.path("workflows/greeting/publish")).text
    assert editor.api.put_json(api, {"tests": []}).json()["results"] == []
