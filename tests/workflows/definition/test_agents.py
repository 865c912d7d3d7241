"""What is checked of an agent before anything is saved: its tools, what is fixed, and where text may go."""

from __future__ import annotations

import pytest

from tests.workflows.definition.helpers import FETCH, codes, problems, text_step

PAGE = {"action": "notion.create_page", "with": {"parent": "abc"}}


def agent(*tools: dict, **given) -> dict:
    return {"key": "work", "action": "agent", "with": {"task": "Do it", "tools": list(tools), **given}}


@pytest.mark.parametrize(
    "tool, code, field",
    [
        ({"action": "gmail.search"}, None, ""),
        (PAGE, None, ""),
        ({"action": "notion.create_page"}, None, ""),  # a person approves where it goes
        ({**PAGE, "approve": "never"}, None, ""),
        ({"action": "notion.create_page", "approve": "never", "allow": {"parent": ["a", "b"]}}, None, ""),
        ({"action": "notion.create_page", "approve": "never"}, "E_TAINT", "with.tools[0].approve"),
        ({"action": "notion.create_page", "allow": {"title": ["x"]}}, "E_UNKNOWN_FIELD", "with.tools[0].allow.title"),
        ({"action": "notion.creat_page"}, "E_KIND", "with.tools[0].action"),
        ({"action": "for_each"}, "E_KIND", "with.tools[0].action"),
        ({"action": "notion.create_page", "with": {"parnt": "x"}}, "E_UNKNOWN_FIELD", "with.tools[0].with.parnt"),
        ({"action": "gmail.search", "with": {"limit": 1000}}, "E_RANGE", "with.tools[0].with.limit"),
        ({**PAGE, "approve": "sometimes"}, "E_CHOICE", "with.tools[0].approve"),
        ({**PAGE, "note": "x"}, "E_UNKNOWN_FIELD", "with.tools[0].note"),
        ({**PAGE, "connection": "nowhere"}, "E_NOT_FOUND", "with.tools[0].connection"),
        ({"action": "notion.create_page", "with": {"parent": "{{ steps.fetch.text }}"}}, "E_TAINT",
         "with.tools[0].with.parent"),
        ({"action": "notion.create_page", "with": {"parent": "a", "title": "{{ steps.fetch.text }}"}}, None, ""),
        ({"action": "notion.create_page", "with": {"parent": "{{ steps.nope.text }}"}}, "E_DEF_REF",
         "with.tools[0].with.parent"),
    ],
)  # fmt: skip
def test_a_tool_is_checked_like_a_step_of_its_action(tool, code, field):
    found = [one for one in problems(FETCH, agent(tool)) if one.code != "W_NO_CONNECTION"]
    assert ([(one.code, one.field) for one in found] or [(None, "")])[0] == (code, field)


def test_tools_have_names_of_their_own_and_an_agent_without_tools_is_a_warning():
    twice = [{**PAGE, "name": "write"}, {**PAGE, "name": "write"}]
    assert "E_DEF_DUP" in codes(agent(*twice))
    assert "W_EMPTY" in codes(agent()) and "W_EMPTY" not in codes(agent(PAGE))


def test_orders_from_outside_are_a_warning_and_data_is_not():
    assert "W_ORDERS" in codes(FETCH, agent(PAGE, task="{{ steps.fetch.text }}"))
    assert "W_ORDERS" not in codes(FETCH, agent(PAGE, data="{{ steps.fetch.text }}"))


def test_a_change_that_nobody_sees_beside_text_from_outside_is_a_warning():
    unseen, search = {**PAGE, "approve": "never"}, {"action": "gmail.search"}
    assert "W_OUTWARD" in codes(agent(search, unseen)) and "W_OUTWARD" not in codes(agent(search, PAGE))
    assert "W_OUTWARD" not in codes(agent(unseen))
    assert "W_OUTWARD" in codes(FETCH, agent(unseen, data="{{ steps.fetch.text }}"))


def test_what_an_agent_says_fills_no_target():
    later = {"key": "page", "action": "notion.create_page", "with": {"parent": "{{ steps.work.text }}", "title": "x"}}
    assert "E_TAINT" in codes(agent(PAGE), later)
    assert "E_TAINT" not in codes(agent(PAGE), text_step("say", "{{ steps.work.turns }} {{ steps.work.text }}"))


def test_limits_are_ranges_and_a_schema_is_one():
    assert "E_RANGE" in codes(agent(PAGE, turns=51)) and "E_RANGE" in codes(agent(PAGE, seconds=0))
    assert "E_SCHEMA" in codes(agent(PAGE, answer_schema={"type": "array"}))
