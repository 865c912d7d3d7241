"""Forms made from declarations: literals of their type, expressions everywhere, errors in plain words."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from integrations.forms import cleaned_inputs, form_for
from integrations.spec import Model, content, setting, target


class Everything(Model):
    """One of each."""

    name: str = target("Name", help="Who.", example="Ada", min_length=1, max_length=10)
    text: str = content("Text", default="", widget="long")
    count: int = setting("Count", default=3, ge=1, le=9)
    share: float | None = setting("Share", default=None, ge=0, le=1)
    style: Literal["plain", "bold"] = setting("Style", default="plain")
    loud: bool = setting("Loud", default=False)
    tags: list[str] = content("Tags", default=[])
    more: dict[str, Any] = content("More", default={})
    anything: Any = content("Anything", default=None, widget="any")


def filled(**values):
    return form_for(Everything, data={f"with-{name}": value for name, value in {"name": "Ada", **values}.items()})


def value_of(name, typed):
    form = filled(**{name: typed})
    assert form.is_valid(), form.errors
    return cleaned_inputs(form).get(name)


@pytest.mark.parametrize(
    "name, typed, expected",
    [
        ("count", "5", 5),
        ("count", "{{ inputs.n }}", "{{ inputs.n }}"),
        ("share", "0.5", 0.5),
        ("share", "1", 1),
        ("style", "bold", "bold"),
        ("style", "{{ inputs.style }}", "{{ inputs.style }}"),
        ("loud", "true", True),
        ("loud", "false", False),
        ("tags", '["a", "{{ inputs.b }}"]', ["a", "{{ inputs.b }}"]),
        ("tags", "one\ntwo\n", ["one", "two"]),
        ("tags", "{{ steps.a.tags }}", "{{ steps.a.tags }}"),
        ("more", '{"k": [1, null]}', {"k": [1, None]}),
        ("more", "{{ inputs.m }}", "{{ inputs.m }}"),
        ("anything", "plain words", "plain words"),
        ("anything", "[1, 2]", [1, 2]),
        ("anything", '"[1, 2]"', "[1, 2]"),
        ("text", "  kept as typed\n", "  kept as typed\n"),
    ],
)
def test_what_is_typed_becomes_a_value(name, typed, expected):
    assert value_of(name, typed) == expected


@pytest.mark.parametrize(
    "name, typed, words",
    [
        ("name", "", "required"),
        ("name", "far too long a name", "at most 10"),
        ("count", "0", "from 1 to 9"),
        ("count", "many", "whole number"),
        ("count", "1e3", "whole number"),
        ("share", "NaN", "number"),
        ("style", "shouting", "plain, bold"),
        ("tags", '{"a": 1}', "list"),
        ("more", "[1]", "object"),
        ("more", '{"a": 1, "a": 2}', "twice"),
        ("text", "{{ unfinished", ""),
        ("text", "a\x00b", ""),
    ],
)
def test_what_is_wrong_is_said_at_its_field(name, typed, words):
    form = filled(**{name: typed})
    assert not form.is_valid()
    assert list(form.errors) == [name]
    assert words in str(form.errors[name])


def test_what_is_left_empty_is_left_out():
    form = filled()
    assert form.is_valid()
    assert cleaned_inputs(form) == {"name": "Ada"}


def test_stored_inputs_come_back_as_they_were():
    stored = {
        "name": "Ada", "count": "{{ inputs.n }}", "style": "{{ inputs.s }}", "tags": ["a"], "more": {"k": 1},
        "anything": "[1]", "loud": True, "text": "x",
    }  # fmt: skip
    shown = form_for(Everything, initial=stored)
    again = form_for(Everything, data={bound.html_name: bound.value() for bound in shown}, initial=stored)
    assert again.is_valid(), again.errors
    assert cleaned_inputs(again) == stored


def test_a_wrong_value_is_shown_again_as_it_was_typed():
    form = filled(more="{not json")
    assert not form.is_valid()
    assert "{not json" in str(form["more"])


def test_help_example_and_role_are_shown():
    shown = form_for(Everything)
    assert shown.fields["name"].help_text == "Who. Example: Ada"
    assert shown.targets() == ["name"]
    assert 'data-role="target"' in str(shown["name"])
