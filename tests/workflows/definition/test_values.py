"""Filling in a step's values, and checking them against its action and against a workflow's inputs."""

from __future__ import annotations

import pytest

from tests.workflows.definition.catalogue import IssueInput, PageInput, SummarizeInput
from workflows.engine.definition import InputSpec
from workflows.engine.expressions import TemplateProblem, compile_value, is_template
from workflows.engine.findings import DefinitionProblems
from workflows.engine.inputs import check_inputs
from workflows.engine.values import take_inputs

DATA = {"inputs": {"n": 5, "names": ["a", "b"], "text": "{{ inputs.n }}"}, "steps": {}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        (5, 5),
        ("{{ inputs.n }}", 5),
        ("{{ inputs.names }}", ["a", "b"]),
        ("n is {{ inputs.n }}", "n is 5"),
        ("all: {{ inputs.names }}", 'all: ["a","b"]'),
        ({"a": ["x", "{{ inputs.n }}"], "b": {"c": "{{ inputs.n }}!"}}, {"a": ["x", 5], "b": {"c": "5!"}}),
        ("{{ inputs.text }}", "{{ inputs.n }}"),
    ],
)
def test_values_are_filled_in_once_and_keep_their_type(value, expected):
    assert compile_value(value).render(DATA) == expected


def test_a_value_without_braces_is_a_literal():
    assert compile_value({"a": "x"}).is_literal
    assert not is_template(5) and is_template("{% if inputs.n %}x{% endif %}")


def test_a_value_says_what_it_reads():
    paths = [reference.path for reference in compile_value(["{{ inputs.n }}", "{{ steps.a.b }}"]).references()]
    assert paths == [("inputs", "n"), ("steps", "a", "b")]


def test_a_template_that_cannot_be_read_names_its_place():
    with pytest.raises(TemplateProblem) as caught:
        compile_value({"labels": ["ok", "{{"]})
    assert caught.value.field == "labels[1]"


def test_a_missing_value_at_run_names_its_place():
    with pytest.raises(TemplateProblem) as caught:
        compile_value({"labels": ["{{ inputs.nope }}"]}).render(DATA)
    assert (caught.value.code, caught.value.field) == ("E_TPL_UNDEFINED", "labels[0]")


def test_numbers_become_text_where_text_is_wanted():
    taken = take_inputs(PageInput, {"parent": "p", "title": 42})
    assert taken.title == "42"


def test_null_is_left_out_where_the_input_is_optional():
    assert take_inputs(SummarizeInput, {"text": "x", "max_words": None}).max_words == 500


def test_a_list_is_written_as_json_where_text_is_wanted():
    assert take_inputs(PageInput, {"parent": "p", "title": ["a", {"b": 1}]}).title == '["a",{"b":1}]'


def test_a_text_is_not_a_list():
    with pytest.raises(DefinitionProblems) as caught:
        take_inputs(IssueInput, {"repository": "a/b", "title": "x", "labels": "bug"})
    assert (caught.value.code, caught.value.field) == ("E_TYPE", "with.labels")


def test_a_required_value_that_turned_out_null_is_missing_by_type():
    with pytest.raises(DefinitionProblems) as caught:
        take_inputs(IssueInput, {"repository": None, "title": "x"})
    assert caught.value.field == "with.repository"


SPECS = [
    InputSpec("query", "text", has_default=True, default="is:unread"),
    InputSpec("database", "text", required=True, label="Notion database"),
    InputSpec("limit", "integer"),
    InputSpec("kind", "choice", options=("bug", "idea")),
    InputSpec("day", "date"),
    InputSpec("at", "datetime"),
    InputSpec("names", "list"),
    InputSpec("data", "json"),
    InputSpec("yes", "boolean"),
    InputSpec("ratio", "number"),
]


def test_defaults_fill_what_was_left_out_and_the_rest_is_null():
    taken = check_inputs(SPECS, {"database": "abc"})
    assert taken["query"] == "is:unread" and taken["database"] == "abc" and taken["limit"] is None


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("database", 5, "E_TYPE"),
        ("limit", "5", "E_TYPE"),
        ("limit", 1.5, "E_TYPE"),
        ("limit", True, "E_TYPE"),
        ("kind", "question", "E_CHOICE"),
        ("day", "tomorrow", "E_DATE"),
        ("day", "1969-12-31", "E_DATE"),
        ("at", "2026-13-01T00:00:00Z", "E_DATE"),
        ("names", "a,b", "E_TYPE"),
        ("yes", "yes", "E_TYPE"),
        ("ratio", "0.5", "E_TYPE"),
        ("nope", 1, "E_UNKNOWN_FIELD"),
        ("database", "", "E_REQUIRED"),
        ("database", None, "E_REQUIRED"),
    ],
)
def test_an_input_of_the_wrong_kind_is_refused(name, value, code):
    with pytest.raises(DefinitionProblems) as caught:
        check_inputs(SPECS, {"database": "abc", name: value})
    assert (caught.value.code, caught.value.field) == (code, f"inputs.{name}")


def test_good_inputs_are_taken_as_they_are():
    text = {"query": "", "database": "abc", "kind": "bug", "day": "2026-07-29", "at": "2026-07-29T14:30:00+02:00"}
    values = {**text, "limit": 5, "names": [1], "data": {"a": None}, "yes": False, "ratio": 1}
    assert check_inputs(SPECS, values) == values
