"""Lists: each item changed, some kept, in order, in groups, together."""

from __future__ import annotations

import pytest

from integrations import registry
from orchestrator_site.lib.errors import UserError
from tests.integrations.gate import run_action
from workflows.engine.values import literal_problems

MAILS = [
    {"id": 1, "subject": "Ärger", "sender": {"email": "bob@example.com"}, "size": 30, "date": "2026-03-02T08:00:00Z"},
    {
        "id": 2,
        "subject": "alpha",
        "sender": {"email": "ada@example.com"},
        "size": 5,
        "date": "1 Mar 2026 10:00 +0100",
    },
    {"id": 3, "subject": "Beta", "sender": {"email": "bob@example.com"}, "size": None, "date": "2026-02-01"},
]


def ids(output):
    return [item["id"] for item in output["items"]]


def test_each_item_becomes_what_the_expression_gives():
    given = {"items": MAILS, "each": "item.subject | upcase | prepend: values.mark", "values": {"mark": "> "}}
    assert run_action("data.map", given).output == {"items": ["> ÄRGER", "> ALPHA", "> BETA"], "count": 3}


def test_or_an_object_whose_fields_keep_their_types():
    given = {"items": MAILS, "fields": {"who": "item.sender", "big": "item.size", "n": "index"}}
    first = run_action("data.map", given).output["items"][0]
    assert first == {"who": {"email": "bob@example.com"}, "big": 30, "n": 0}


def test_a_map_needs_one_of_the_two():
    for given in ({}, {"each": "item", "fields": {"a": "item"}}):
        with pytest.raises(UserError) as wrong:
            run_action("data.map", {"items": MAILS, **given})
        assert wrong.value.code == "E_REQUIRED"


def test_what_the_condition_is_true_for_stays():
    given = {"items": MAILS, "condition": "item.sender.email == values.who", "values": {"who": "bob@example.com"}}
    output = run_action("data.filter", given).output
    assert (ids(output), output["count"], output["removed"]) == ([1, 3], 2, 1)


def test_a_value_of_the_run_never_becomes_part_of_a_condition():
    given = {"items": MAILS, "condition": "item.subject == values.s", "values": {"s": "x' or item.id > '0"}}
    assert run_action("data.filter", given).output["count"] == 0


def test_an_item_that_cannot_be_judged_is_named():
    with pytest.raises(UserError, match=r"Item 1: .*subjet") as wrong:
        run_action("data.filter", {"items": MAILS, "condition": "item.subjet == 'x'"})
    assert wrong.value.code == "E_TPL_UNDEFINED" and "subject" in wrong.value.hint


@pytest.mark.parametrize(
    "action, name, literal, code",
    [
        ("data.filter", "condition", "item.a ==", "E_TPL_SYNTAX"),
        ("data.filter", "condition", "''.__class__", "E_TPL_FORBIDDEN"),
        ("data.map", "each", "item | nofilter", "E_TPL_FILTER"),
        ("data.map", "each", "{% raw %}", "E_TPL_SYNTAX"),
        ("data.map", "each", "item }} {{ item", "E_TPL_SYNTAX"),
        ("data.sort", "by", "a..b", "E_TPL_SYNTAX"),
        ("data.group", "by", "__class__", "E_TPL_FORBIDDEN"),
    ],
)
def test_an_expression_that_cannot_be_read_is_told_when_it_is_saved(action, name, literal, code):
    found = literal_problems(registry.get_action(action).input, {name: literal}, whole=False)
    assert code in [problem.code for problem in found if problem.field == f"with.{name}"], found


def test_ten_thousand_items_are_one_budget():
    items = [{"text": "x" * 50}] * 10_000
    assert run_action("data.filter", {"items": items, "condition": "item.text contains 'y'"}).output["count"] == 0
    with pytest.raises(UserError) as wrong:
        run_action("data.map", {"items": items, "each": "values.big | sort | size", "values": {"big": [3, 1, 2] * 900}})
    assert wrong.value.code == "E_TPL_BUDGET"
    with pytest.raises(UserError) as wrong:
        run_action("data.sort", {"items": [1] * 10_001})
    assert (wrong.value.code, wrong.value.limit) == ("E_LENGTH", 10_000)


@pytest.mark.parametrize(
    "how, expected",
    [
        ({"by": "size"}, [2, 1, 3]),
        ({"by": "size", "order": "descending"}, [1, 2, 3]),
        ({"by": "subject", "compare": "text"}, [2, 3, 1]),
        ({"by": "date", "compare": "date"}, [3, 2, 1]),
        ({"by": "date", "compare": "date", "order": "descending", "limit": 1}, [1]),
        ({"by": "nothing"}, [1, 2, 3]),
    ],
)
def test_a_list_is_put_in_order(how, expected):
    assert ids(run_action("data.sort", {"items": MAILS, **how}).output) == expected


def test_numbers_written_as_text_can_be_ordered():
    given = {"items": ["10", "9", 2, "x"], "compare": "number"}
    assert run_action("data.sort", given).output["items"] == [2, "9", "10", "x"]


def test_items_are_put_in_groups():
    groups = run_action("data.group", {"items": MAILS, "by": "sender.email"}).output["groups"]
    assert [(group["key"], group["count"]) for group in groups] == [("bob@example.com", 2), ("ada@example.com", 1)]
    assert [
        group["key"] for group in run_action("data.group", {"items": [1, "1", None], "by": "x"}).output["groups"]
    ] == [None]


def test_doubles_are_taken_out():
    assert ids(run_action("data.dedupe", {"items": MAILS, "by": "sender.email"}).output) == [1, 2]
    assert ids(run_action("data.dedupe", {"items": MAILS, "by": "sender.email", "keep": "last"}).output) == [2, 3]
    assert run_action("data.dedupe", {"items": [1, 1.0, "1", True]}).output == {
        "items": [1, "1", True],
        "count": 3,
        "removed": 1,
    }


def test_lists_are_put_together_or_joined():
    lists = [[{"id": 1, "a": 1}, {"id": 2}], [{"id": 1, "b": 2}, "loose"]]
    assert run_action("data.merge", {"lists": lists}).output["count"] == 4
    joined = run_action("data.merge", {"lists": lists, "by": "id"}).output["items"]
    assert joined == [{"id": 1, "a": 1, "b": 2}, {"id": 2}, "loose"]


def test_numbers_are_added_up_exactly():
    output = run_action(
        "data.aggregate", {"items": [{"n": 0.1}, {"n": "0.2"}, {"n": None}, {"n": True}], "of": "n"}
    ).output
    assert output == {"count": 4, "numbers": 2, "total": 0.3, "average": 0.15, "minimum": 0.1, "maximum": 0.2}
    assert run_action("data.aggregate", {"items": [1, 2]}).output["total"] == 3
    empty = run_action("data.aggregate", {"items": []}).output
    assert (empty["total"], empty["average"]) == (0, None)
