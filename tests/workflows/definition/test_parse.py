"""Reading a definition: what is well formed, and which code says what is not."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest

from orchestrator_site.lib.errors import UserError
from tests.workflows.definition.helpers import EXAMPLE, text_step, workflow
from workflows.engine.definition import RetryPolicy, fingerprint, parse, to_json
from workflows.engine.findings import DefinitionProblems


def refusal(value: object, **options: int) -> DefinitionProblems:
    with pytest.raises(DefinitionProblems) as caught:
        parse(value, **options)
    return caught.value


def test_the_worked_example_comes_back_as_it_was():
    assert to_json(parse(EXAMPLE)) == EXAMPLE


def test_the_worked_example_is_walked_in_reading_order_with_its_parents():
    walked = [(step.key, [parent.key for parent in parents]) for step, parents in parse(EXAMPLE).walk()]
    assert walked == [
        ("fetch", []),
        ("each_mail", []),
        ("summary", ["each_mail"]),
        ("page", ["each_mail"]),
        ("is_bug", ["each_mail"]),
        ("issue", ["each_mail", "is_bug"]),
        ("report", []),
    ]


def test_equal_definitions_have_equal_fingerprints_and_others_do_not():
    other = copy.deepcopy(EXAMPLE)
    other["steps"][0]["timeout"] = 61
    assert fingerprint(parse(EXAMPLE)) == fingerprint(parse(copy.deepcopy(EXAMPLE)))
    assert fingerprint(parse(EXAMPLE)) != fingerprint(parse(other))


def test_a_step_that_says_nothing_has_the_defaults_of_the_house():
    step = parse(workflow(text_step("a"))).steps[0]
    assert step.on_error.do == "stop"
    assert step.retry_policy(3) == RetryPolicy(3, "exponential", 2.0, 60.0)


def test_a_step_may_change_one_part_of_the_retry_policy():
    step = parse(workflow(text_step("a", retry={"max": 0}))).steps[0]
    assert step.retry_policy(3) == RetryPolicy(0, "exponential", 2.0, 60.0)


@pytest.mark.parametrize("value", [[], None, "text", 5, True])
def test_anything_but_an_object_is_a_type_error(value):
    assert refusal(value).code == "E_TYPE"


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (text_step("A b"), "E_KEY"),
        (text_step("a" * 49), "E_KEY"),
        (text_step(""), "E_KEY"),
        (text_step("é"), "E_KEY"),
        (text_step("a\n"), "E_KEY"),
        ({"action": "stop"}, "E_REQUIRED"),
        ({"key": 5, "action": "stop"}, "E_TYPE"),
        ({"key": "a"}, "E_REQUIRED"),
        (text_step("a", timeout=0), "E_RANGE"),
        (text_step("a", timeout=-1), "E_RANGE"),
        (text_step("a", timeout=1e9), "E_RANGE"),
        (text_step("a", timeout="5"), "E_TYPE"),
        (text_step("a", timeout=1.5), "E_TYPE"),
        (text_step("a", timeout=True), "E_TYPE"),
        (text_step("a", retry={"max": 11}), "E_RANGE"),
        (text_step("a", retry={"max": -1}), "E_RANGE"),
        (text_step("a", retry={"backoff": "quick"}), "E_CHOICE"),
        (text_step("a", retry={"delay": "2"}), "E_TYPE"),
        (text_step("a", retry=3), "E_TYPE"),
        (text_step("a", retry={"times": 3}), "E_UNKNOWN_FIELD"),
        (text_step("a", on_error={"do": "explode"}), "E_CHOICE"),
        (text_step("a", on_error={}), "E_REQUIRED"),
        (text_step("a", on_error={"do": "value"}), "E_REQUIRED"),
        (text_step("a", on_error={"do": "stop", "value": 1}), "E_UNKNOWN_FIELD"),
        (text_step("a", on_error="stop"), "E_TYPE"),
        (text_step("a", unknown="maybe"), "E_CHOICE"),
        (text_step("a", disabled="yes"), "E_TYPE"),
        (text_step("a", name="x" * 121), "E_LENGTH"),
        (text_step("a", name="nul\x00"), "E_TEXT_CONTROL"),
        (text_step("a", colour="red"), "E_UNKNOWN_FIELD"),
        ({"key": "a", "action": "data.format", "with": []}, "E_TYPE"),
        ({"key": "a", "action": "for_each", "do": {}}, "E_TYPE"),
        ({"key": "a", "action": "switch", "cases": {}}, "E_TYPE"),
        ({"key": "a", "action": "switch", "cases": ["x"]}, "E_TYPE"),
        ({"key": "a", "action": "switch", "cases": [{"steps": []}]}, "E_REQUIRED"),
        ({"key": "a", "action": "switch", "cases": [{"equals": []}]}, "E_TYPE"),
        ({"key": "a", "action": "switch", "cases": [{"equals": 1}, {"equals": 1.0}]}, "E_DEF_DUP"),
        ({"key": "a", "action": "switch", "cases": [{"equals": 1, "then": []}]}, "E_UNKNOWN_FIELD"),
        ({"key": "a", "action": "switch", "cases": [{"equals": i} for i in range(101)]}, "E_RANGE"),
        ({"key": "a", "action": "parallel", "branches": [{"key": "x"}, {"key": "x"}]}, "E_DEF_DUP"),
        ({"key": "a", "action": "parallel", "branches": [{"key": "A b"}]}, "E_KEY"),
        ({"key": "a", "action": "parallel", "branches": [{"key": f"k{i}"} for i in range(21)]}, "E_RANGE"),
        (text_step("a", on_error={"do": "stop", "steps": []}), "E_UNKNOWN_FIELD"),
        (text_step("a", cache={"hours": 1}), "E_UNKNOWN_FIELD"),
        (text_step("a", cache={"seconds": 0}), "E_RANGE"),
        (text_step("a", cache={"seconds": "60"}), "E_TYPE"),
        (text_step("a", cache=60), "E_TYPE"),
        ("step", "E_TYPE"),
    ],
)
def test_a_step_that_is_not_well_formed_is_refused(step, code):
    with pytest.raises(UserError) as caught:
        parse(workflow(step))
    assert caught.value.code == code
    assert caught.value.message.endswith((".", ")"))


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ({"name": ""}, "E_LENGTH"),
        ({"name": None}, "E_REQUIRED"),
        ({"name": "x" * 121}, "E_LENGTH"),
        ({"name": "   "}, "E_LENGTH"),
        ({"name": "a\x00b"}, "E_TEXT_CONTROL"),
        ({"name": "a\ud800b"}, "E_TEXT_SURROGATE"),
        ({"slug": "My Flow"}, "E_KEY"),
        ({"format": 2}, "E_RANGE"),
        ({"steps": {}}, "E_TYPE"),
        ({"inputs": {}}, "E_TYPE"),
        ({"inputs": [{"name": "a", "type": "colour"}]}, "E_CHOICE"),
        ({"inputs": [{"name": "a", "type": "text"}, {"name": "a", "type": "text"}]}, "E_DEF_DUP"),
        ({"inputs": [{"name": "a", "type": "choice"}]}, "E_REQUIRED"),
        ({"inputs": [{"name": "a", "type": "integer", "default": "5"}]}, "E_TYPE"),
        ({"inputs": [{"name": "a", "type": "choice", "options": ["x"], "default": "y"}]}, "E_CHOICE"),
        ({"inputs": [{"name": "a", "type": "date", "default": "1066-10-14"}]}, "E_DATE"),
        ({"outputs": []}, "E_TYPE"),
        ({"outputs": {"A b": "x"}}, "E_KEY"),
        ({"settings": {"timeout": 0}}, "E_RANGE"),
        ({"settings": {"timeout": "900"}}, "E_TYPE"),
        ({"settings": {"budget": 5}}, "E_UNKNOWN_FIELD"),
        ({"settings": {"concurrency": {"limit": 0}}}, "E_RANGE"),
        ({"settings": {"concurrency": {"policy": "race"}}}, "E_CHOICE"),
        ({"id": "x"}, "E_READONLY"),
        ({"workspace": "other"}, "E_READONLY"),
        ({"nodes": []}, "E_UNKNOWN_FIELD"),
    ],
)
def test_a_workflow_that_is_not_well_formed_is_refused(part, code):
    with pytest.raises(UserError) as caught:
        parse({**workflow(text_step("a")), **part})
    assert caught.value.code == code


@pytest.mark.parametrize(("old", "new"), [("skip", "drop"), ("cancel_running", "replace"), ("queue", "queue")])
def test_the_policies_of_older_files_are_read_as_todays(old, new):
    parsed = parse({**workflow(text_step("a")), "settings": {"concurrency": {"limit": 1, "policy": old}}})
    assert to_json(parsed)["settings"]["concurrency"] == {"limit": 1, "policy": new}


def test_two_steps_with_one_key_are_refused_and_both_are_named():
    inner = {"key": "loop", "action": "for_each", "with": {"items": []}, "do": [text_step("a")]}
    error = refusal(workflow(text_step("a"), inner))
    assert error.code == "E_DEF_DUP"
    assert "steps[0]" in error.message and "steps[1].do[0]" in error.message


def test_a_key_error_says_the_pattern():
    assert refusal(workflow(text_step("A b"))).limit == "^[a-z][a-z0-9_]{0,47}$"


def test_a_timeout_error_says_the_range():
    assert refusal(workflow(text_step("a", timeout=0))).limit == "1 to 3600"


def test_more_steps_than_allowed_are_refused_with_the_limit():
    error = refusal(workflow(*(text_step(f"s{i}") for i in range(1001))))
    assert (error.code, error.limit) == ("E_DEF_SIZE", 1000)


def test_steps_inside_branches_count_too():
    loop = {"key": "loop", "action": "for_each", "with": {"items": []}, "do": [text_step("a"), text_step("b")]}
    assert refusal(workflow(loop), max_steps=2).code == "E_DEF_SIZE"
    assert parse(workflow(loop), max_steps=3)


def test_a_definition_over_one_mebibyte_is_refused():
    assert refusal(workflow(*(text_step(f"s{i}", "x" * 60_000) for i in range(20)))).code == "E_DEF_SIZE"


def test_loops_nest_five_deep_and_no_deeper():
    def nested(depth: int) -> dict:
        inner = nested(depth - 1) if depth > 1 else text_step("leaf")
        return {"key": f"loop{depth}", "action": "for_each", "with": {"items": []}, "do": [inner]}

    assert parse(workflow(nested(5)))
    error = refusal(workflow(nested(6)))
    assert (error.code, error.limit) == ("E_DEPTH", 5)


def test_all_findings_come_at_once_and_the_first_gives_the_code():
    error = refusal(workflow(text_step("A b"), text_step("b", timeout=0)))
    assert [found["code"] for found in error.as_dict()["errors"]] == ["E_KEY", "E_RANGE"]
    assert error.code == "E_KEY"


def test_no_steps_is_well_formed_so_that_a_draft_can_begin_empty():
    assert parse({"name": "New"}).steps == ()


def test_a_whole_number_may_be_written_as_a_decimal():
    assert parse(workflow(text_step("a", timeout=60.0))).steps[0].timeout == 60


def test_the_blocks_that_the_docs_show_are_read():
    shown = re.findall(r"```json\n(.*?)```", Path("docs/flow.md").read_text(), re.DOTALL)
    steps = [json.loads(text) for text in shown]
    assert [step.action for step in parse(workflow(*steps)).steps] == ["switch", "parallel", "repeat"]
