"""The pages of an agent: its tools as rows of the step's form, its turns on the page of a run."""

from __future__ import annotations

import pytest

from workflows.engine.catalogue import CATALOGUE
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
