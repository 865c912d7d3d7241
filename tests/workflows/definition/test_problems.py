"""Checks of a well-formed definition: actions, inputs, connections, policies, prompts."""

from __future__ import annotations

import pytest

from tests.workflows.definition.catalogue import CATALOGUE, KNOWN
from tests.workflows.definition.helpers import EXAMPLE, FETCH, PAGE, codes, only, problems, text_step, workflow
from workflows.engine.definition import parse
from workflows.engine.problems import check


def summarize(**given: object) -> dict:
    return {"key": "sum", "action": "ai.summarize", "with": {"text": "hello", **given}}


def either(**more: object) -> dict:
    return {"key": "a", "action": "if", "with": {"condition": "run.id == 'x'"}, "then": [text_step("b")], **more}


def issue(**more: object) -> dict:
    return {"key": "issue", "action": "github.create_issue", "with": {"repository": "a/b", "title": "x"}, **more}


def test_nothing_is_wrong_with_the_worked_example():
    assert check(parse(EXAMPLE), CATALOGUE, KNOWN) == []


def test_no_steps_is_an_error_and_for_an_import_a_warning():
    empty = parse(workflow())
    assert [(p.code, p.is_error) for p in check(empty, CATALOGUE, KNOWN)] == [("E_DEF_EMPTY", True)]
    assert [(p.code, p.is_error) for p in check(empty, CATALOGUE, KNOWN, allow_empty=True)] == [("E_DEF_EMPTY", False)]


def test_an_unknown_action_names_the_nearest():
    found = only({"key": "a", "action": "github.create_isue"})
    assert found.code == "E_KIND"
    assert "github.create_issue" in found.hint


def test_a_missing_input_is_named():
    found = only({"key": "a", "action": "data.format"})
    assert (found.code, found.step, found.field) == ("E_REQUIRED", "a", "with.template")


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_an_empty_required_input_is_missing(empty):
    assert codes({**PAGE, "with": {"parent": empty, "title": "x"}}) == ["E_REQUIRED"]


def test_an_unknown_input_names_the_nearest():
    found = only(text_step("a") | {"with": {"template": "x", "templat": "y"}})
    assert found.code == "E_UNKNOWN_FIELD"
    assert "template" in found.hint


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"max_words": "5"}, "E_TYPE"),
        ({"max_words": 1.5}, "E_TYPE"),
        ({"max_words": True}, "E_TYPE"),
        ({"max_words": 0}, "E_RANGE"),
        ({"max_words": 1e12}, "E_RANGE"),
        ({"temperature": 3}, "E_RANGE"),
        ({"temperature": "warm"}, "E_TYPE"),
        ({"style": "poem"}, "E_CHOICE"),
        ({"model": "m" * 300}, "E_LENGTH"),
        ({"text": 5}, "E_TYPE"),
        ({"text": ["a"]}, "E_TYPE"),
    ],
)
def test_a_literal_that_does_not_fit_is_found_at_save(given, code):
    assert codes(summarize(**given)) == [code]


def test_a_literal_inside_a_list_is_checked_too():
    found = only({**issue(), "with": {"repository": "a/b", "title": "x", "labels": ["ok", 5]}})
    assert (found.code, found.field) == ("E_TYPE", "with.labels[1]")


def test_a_range_error_names_field_and_limit():
    found = only(summarize(temperature=3))
    assert "temperature" in found.message and found.limit == 2


def test_a_loop_over_more_than_a_thousand_written_items_is_refused():
    loop = {"key": "loop", "action": "for_each", "with": {"items": list(range(1001))}, "do": [text_step("a")]}
    found = only(loop)
    assert (found.code, found.limit) == ("E_RANGE", 1000)


def test_parallelism_has_a_range():
    loop = {"key": "loop", "action": "for_each", "with": {"items": [1], "parallelism": 51}, "do": [text_step("a")]}
    assert codes(loop) == ["E_RANGE"]


@pytest.mark.parametrize(
    ("connection", "code"), [("nobodys", "E_NOT_FOUND"), ("github", "E_CONN_SERVICE"), ("notion", None)]
)
def test_a_connection_must_be_there_and_fit(connection, code):
    assert codes({**PAGE, "connection": connection}) == ([code] if code else [])


def test_a_pure_step_takes_no_connection():
    assert codes(text_step("a", connection="notion")) == ["E_CONN_SERVICE"]


def test_without_any_connection_a_step_is_warned_about_not_refused():
    from workflows.engine.actions import Facts

    found = check(parse(workflow(PAGE)), CATALOGUE, Facts())
    assert [(problem.code, problem.severity) for problem in found] == [("W_NO_CONNECTION", "warning")]


def test_a_model_step_runs_over_any_connection_that_has_models():
    assert codes({**summarize(), "connection": "openai"}) == []


@pytest.mark.parametrize(
    "step",
    [
        issue(cache={"seconds": 60}),
        {"key": "a", "action": "stop", "cache": {"seconds": 60}},
        text_step("a", unknown="ask"),
        issue(unknown="look"),
        {"key": "a", "action": "stop", "timeout": 5},
        {"key": "a", "action": "stop", "retry": {"max": 1}},
        {"key": "a", "action": "stop", "on_error": {"do": "continue"}},
        {"key": "a", "action": "fail", "with": {"message": "x"}, "on_error": {"do": "continue"}},
        either(retry={"max": 1}),
        either(unknown="ask"),
        either(cache={"seconds": 5}),
    ],
)  # fmt: skip
def test_a_setting_is_enforced_or_refused(step):
    assert codes(step) == ["E_UNSUPPORTED"]


def test_what_cannot_be_looked_up_may_be_asked():
    assert codes(issue(unknown="ask")) == []


@pytest.mark.parametrize("condition", ["true", "1 == 1", "'a' contains 'b'"])
def test_a_condition_that_never_changes_is_a_warning(condition):
    step = {"key": "a", "action": "if", "with": {"condition": condition}, "then": [text_step("b")]}
    found = only(step)
    assert (found.code, found.severity) == ("W_CONSTANT", "warning")
    assert codes(text_step("a", when=condition)) == ["W_CONSTANT"]


def test_a_container_without_steps_is_a_warning():
    assert codes({"key": "a", "action": "for_each", "with": {"items": []}}) == ["W_EMPTY"]


@pytest.mark.parametrize("more", [{"timeout": 5}, {"on_error": {"do": "continue"}}])
def test_a_block_has_a_time_limit_and_may_fail(more):
    assert codes(either(**more)) == []


@pytest.mark.parametrize("step", [text_step("a"), summarize(), FETCH])
def test_what_changes_nothing_may_be_kept(step):
    assert codes({**step, "cache": {"seconds": 60}}) == []


def test_steps_after_an_error_are_expected_where_they_are_announced():
    assert codes(text_step("a", on_error={"do": "branch"})) == ["W_EMPTY"]
    assert codes(text_step("a", on_error={"do": "branch", "steps": [text_step("b")]})) == []


def switch(*values: object, value: object = "{{ inputs.kind }}", **more: object) -> dict:
    cases = [{"equals": one, "steps": [text_step(f"s{i}")]} for i, one in enumerate(values)]
    return {"key": "sort", "action": "switch", "with": {"value": value}, "cases": cases, **more}


KIND = [{"name": "kind", "type": "text"}, {"name": "count", "type": "integer"}]


def test_a_switch_needs_a_case_and_its_cases_are_fixed_values():
    assert codes(switch("a", "b"), inputs=KIND) == []
    assert codes(switch(), inputs=KIND) == ["E_REQUIRED"]
    assert codes(switch("{{ inputs.kind }}"), inputs=KIND) == ["E_UNSUPPORTED"]


def test_a_case_that_the_value_never_has_is_a_warning():
    found = problems(switch("5", value="{{ inputs.count }}"), inputs=KIND)
    assert [(one.code, one.severity, one.field) for one in found] == [("W_NEVER", "warning", "cases[0].equals")]


def test_a_parallel_needs_a_branch_and_only_it_has_branches():
    branches = [{"key": "one", "steps": [text_step("a")]}]
    assert codes({"key": "both", "action": "parallel", "branches": branches}) == []
    assert codes({"key": "both", "action": "parallel"}) == ["E_REQUIRED"]
    assert codes({**PAGE, "branches": branches}) == ["E_UNKNOWN_FIELD"]
    assert codes(switch("a") | {"branches": branches}, inputs=KIND) == ["E_UNKNOWN_FIELD"]


@pytest.mark.parametrize("limit", [0, 101])
def test_the_passes_of_a_repeat_have_a_hard_limit(limit):
    step = {"key": "again", "action": "repeat", "with": {"until": "index == 1", "limit": limit}, "do": [text_step("a")]}
    assert codes(step) == ["E_RANGE"]


def test_an_action_that_holds_no_steps_refuses_them():
    assert codes({**PAGE, "do": [text_step("b")]}) == ["E_UNKNOWN_FIELD"]


def prompt_step(**given: object) -> dict:
    return {
        "key": "p",
        "action": "ai.run_prompt",
        "with": {"prompt": "support_reply", "values": {"mail": "x"}, **given},
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"prompt": "suport_reply"}, ["E_NOT_FOUND"]),
        ({"version": 2}, []),
        ({"version": 7}, ["E_NOT_FOUND"]),
        ({"label": "next"}, ["E_NOT_FOUND"]),
        ({"values": {}}, ["E_REQUIRED"]),
        ({"label": "{{ run.id }}"}, []),
    ],
)
def test_a_prompt_must_be_there_with_its_values(given, expected):
    assert codes(prompt_step(**given)) == expected


def test_a_disabled_step_keeps_its_problems():
    assert codes({"key": "a", "action": "no.such", "disabled": True}) == ["E_KIND"]


def test_problems_of_a_step_say_which_input_they_are_about():
    assert [problem.input for problem in problems(FETCH, {**PAGE, "with": {"parent": "p"}})] == ["title"]


def test_a_thousand_steps_are_checked_within_a_moment():
    import time

    steps = [text_step("s0"), *(text_step(f"s{i}", f"{{{{ steps.s{i - 1}.text }}}} {i}") for i in range(1, 1000))]
    definition = parse(workflow(*steps))
    begun = time.process_time()
    assert check(definition, CATALOGUE, KNOWN) == []
    assert time.process_time() - begun < 1.0
