"""The pages of an agent: its tools as rows of the step's form, its turns on the page of a run."""

from __future__ import annotations

import pytest

from orchestrator_site.lib.clock import now
from workflows.engine.catalogue import CATALOGUE
from workflows.models import Run, StepRun
from workflows.operations import workflows as operations
from workflows.operations.publish import publish_workflow
from workflows.operations.runs import start_run
from workflows.views.tools_form import tools_form

AT = "workflows/greeting/steps"


def said(page: str, draft: dict, **more: str) -> dict[str, str]:
    """The form of a new agent, filled in."""
    etag = page.partition('name="etag" value="')[2].partition('"')[0]
    given = {
        "etag": etag, "name": "Helper", "key": "agent", "with-task": "Sort the mail", "with-turns": "5",
        "tools-TOTAL_FORMS": "2", "tools-INITIAL_FORMS": "0", "tools-0-action": "mail.send",
        "tools-0-approve": "effects", "tools-0-with": '{"to": ["team@example.com"]}',
    }  # fmt: skip
    return {**given, **more}


@pytest.fixture
def page(editor, greeting) -> str:
    """The form of a fresh agent step."""
    editor.client.post(editor.path(f"{AT}/new?index=0"), {"action": "agent"})
    return str(editor.client.get(editor.path(f"{AT}/agent")).text)


def test_tools_are_chosen_from_the_catalogue_and_saved_in_the_draft(editor, page, draft):
    assert '<optgroup label="GitHub">' in page and 'value="mail.send"' in page
    assert '<option value="for_each"' not in page
    assert editor.client.post(editor.path(f"{AT}/agent"), said(page, draft())).status_code == 302
    given = draft()["steps"][0]["with"]
    assert given["tools"] == [{"action": "mail.send", "with": {"to": ["team@example.com"]}}]
    assert given["turns"] == 5
    again = editor.client.get(editor.path(f"{AT}/agent")).text
    assert "Tool 1: <code>mail.send</code>" in again and "team@example.com" in again


def test_a_tool_is_taken_away_and_what_is_no_json_is_said_at_its_field(editor, page, draft):
    wrong = editor.client.post(editor.path(f"{AT}/agent"), said(page, draft(), **{"tools-0-with": "{to"}))
    assert wrong.status_code == 422 and "id_tools-0-with_error" in wrong.text
    editor.client.post(editor.path(f"{AT}/agent"), said(page, draft()))
    page = editor.client.get(editor.path(f"{AT}/agent")).text
    gone = said(page, draft(), **{"tools-INITIAL_FORMS": "1", "tools-0-DELETE": "on"})
    assert editor.client.post(editor.path(f"{AT}/agent"), gone).status_code == 302
    assert draft()["steps"][0]["with"]["tools"] == []


def test_a_tool_and_a_connection_that_are_gone_stay_to_see():
    step = {"with": {"tools": [{"action": "gone.away", "connection": "old", "approve": "always"}]}}
    rows = tools_form(step, CATALOGUE.get("agent"), [], None)
    assert rows is not None
    html = str(rows.forms[0])
    assert "gone.away (not known here)" in html and "old (not here)" in html
    assert tools_form({"with": {"tools": "{{ x }}"}}, CATALOGUE.get("agent"), [], None) is None


@pytest.fixture
def worked(editor):
    """A run in which an agent has searched and then answered, as the engine leaves it."""
    values = {"task": "the whole task", "tools": [{"action": "gmail.search"}]}
    steps = [{"key": "helper", "action": "agent", "with": values}]
    made = operations.create_workflow(editor.actor, {"format": 1, "name": "Help", "steps": steps})
    publish_workflow(editor.actor, made, "first")
    run = start_run(editor.actor, made.slug)
    task = {"role": "user", "text": "the whole task"}
    asks = {"role": "assistant", "text": "", "calls": [{"id": "c1", "name": "gmail_search", "arguments": {}}]}
    told = {"role": "user", "results": [{"id": "c1", "text": "the newest result"}]}
    add = {"workspace": run.workspace, "run": run, "status": "succeeded", "started_at": now(), "finished_at": now()}
    turn = {**add, "key": "turn", "action": "ai.converse", "kind": "model"}
    StepRun.objects.create(
        **add, key="helper", action="agent", kind="control", decision={"tools": []}, output={"turns": 2, "calls": 1}
    )
    StepRun.objects.create(**turn, path="helper[0]", input={"messages": [task]}, output=asks)
    StepRun.objects.create(**add, key="call_1", path="helper[0]", action="gmail.search", kind="read", input={})
    StepRun.objects.create(
        **turn, path="helper[1]", input={"messages": [task, asks, told]}, output={"text": "It is done", "calls": []}
    )
    Run.objects.of(run.workspace).filter(pk=run.pk).update(status="succeeded", started_at=now(), finished_at=now())
    return run


def test_the_page_of_a_run_shows_turns_and_calls_and_of_each_turn_what_is_new(editor, worked):
    page = editor.client.get(editor.path(f"runs/{worked.pk}")).text
    assert "Turn 1" in page and "Turn 2" in page and "2 turns, 1 call" in page
    assert "asks for gmail_search" in page and "It is done" in page
    assert "the newest result" in page and page.count("the whole task") == 1
    assert "helper%5B0%5D" not in page, "nobody runs again from the middle of an agent"
