"""Lists and objects as rows of a form: what goes into rows comes out of them the same, the rest stays JSON."""

from typing import Any

import pytest
from django.http import QueryDict

from integrations.fields import RowsWidget
from integrations.forms import cleaned_inputs, form_for
from integrations.spec import Model


class Person(Model):
    name: str
    age: int | None = None
    member: bool = False
    tags: list[str] = []
    note: Any = None


class Inputs(Model):
    labels: list[str] = []
    headers: dict[str, str] = {}
    values: dict[str, Any] = {}
    people: list[Person] = []
    anything: list[Any] = []


STORED: list[tuple[str, Any]] = [
    ("labels", ["a", "{{ steps.x.y }}", "7"]),
    ("headers", {"Accept": "5", "X": "true"}),
    ("values", {"n": 5, "text": "5", "yes": True, "list": [1, {"a": 2}], "from": "{{ item.x }}"}),
    ("people", [{"name": "Ada", "age": 36, "member": True, "tags": ["x", "y"], "note": "7"}, {"name": "Bob"}]),
]


def posted(name: str, value: Any) -> QueryDict:
    """What a browser sends for the rows that the form shows for a value."""
    form = form_for(Inputs, initial={name: value})
    widget = form.fields[name].widget
    assert isinstance(widget, RowsWidget)
    rows = widget.rows_of(form[name].value())
    assert rows is not None
    data = QueryDict(mutable=True)
    data[f"with-{name}-as"] = "rows"
    for row in [*rows, {column.name: "" for column in widget.columns}]:
        for column, text in row.items():
            data.appendlist(f"with-{name}-{column}", text)
    return data


@pytest.mark.parametrize(("name", "value"), STORED, ids=[name for name, _ in STORED])
def test_a_value_that_is_shown_in_rows_comes_back_the_same(name, value):
    form = form_for(Inputs, data=posted(name, value))
    assert form.is_valid(), form.errors
    assert cleaned_inputs(form)[name] == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("labels", "{{ steps.x.all }}"),
        ("labels", ["two\nlines"]),
        ("labels", [1]),
        ("people", [{"name": "Ada", "unknown": 1}]),
        ("people", [{"name": "Ada", "tags": ["a, b"]}]),
        ("anything", [1, [2]]),
    ],
)
def test_what_does_not_go_into_rows_is_json_and_kept(name, value):
    form = form_for(Inputs, initial={name: value})
    assert "<textarea" in str(form[name]) and "data-rows" not in str(form[name])
    again = form_for(Inputs, data={f"with-{name}": form[name].value()})
    assert again.is_valid() and cleaned_inputs(again)[name] == value


def test_json_is_understood_where_rows_are_shown_and_rows_can_be_switched_off():
    form = form_for(Inputs, data={"with-labels": '["a"]'})
    assert form.is_valid() and cleaned_inputs(form)["labels"] == ["a"]
    assert "<textarea" in str(form_for(Inputs, initial={"labels": ["a"]}, plain=["labels"])["labels"])


def test_only_empty_rows_are_no_value_and_a_bad_template_is_an_error_at_the_field():
    data = QueryDict(mutable=True)
    data["with-labels-as"] = "rows"
    data.setlist("with-labels-row", ["", " "])
    assert "labels" not in cleaned_inputs(valid(form_for(Inputs, data=data)))
    data.setlist("with-labels-row", ["{{ open"])
    form = form_for(Inputs, data=data)
    assert not form.is_valid() and "labels" in form.errors
    assert "{{ open" in str(form["labels"])


def valid(form):
    assert form.is_valid(), form.errors
    return form
