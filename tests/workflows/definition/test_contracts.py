"""Data contracts: what later steps read, against what earlier steps gave in the last runs."""

from __future__ import annotations

from typing import Any

from tests.workflows.definition.helpers import text_step, workflow
from workflows.engine.contracts import Seen, contract_problems, keys_read
from workflows.engine.definition import parse

ROWS = {"key": "find", "action": "notion.query", "with": {"database": "d"}}


def found(given: list[Any], *steps: dict[str, Any], **more: Any) -> list[tuple[str, str | None, str | None]]:
    """(code, step, hint) of each warning when `find` gave these outputs, newest first."""
    definition = parse(workflow(ROWS, *steps, **more))
    seen = [Seen(output, f"in run {n}") for n, output in enumerate(given, 1)]
    return [(p.code, p.step, p.hint) for p in contract_problems(definition, {"find": seen})]


def rows(**properties: Any) -> dict[str, Any]:
    """An output of `find`."""
    return {"rows": [{"id": "1", "properties": properties}], "count": 1}


READS = text_step("write", "{{ steps.find.rows[0].properties.Status }}")


def test_a_field_that_the_newest_output_lost_is_flagged_with_a_likely_name() -> None:
    assert found([rows(State="x"), rows(Status="x")], READS) == [("W_FIELD_GONE", "write", "Did you mean State?")]


def test_a_field_that_is_there_or_was_never_looked_into_is_fine() -> None:
    assert found([rows(Status=None), rows(State="x")], READS) == []
    assert found([], READS) == []


def test_a_field_that_no_output_had_is_flagged_as_never_seen() -> None:
    assert [code for code, _, _ in found([rows(State="x"), rows(State="y")], READS)] == ["W_FIELD_UNSEEN"]


def test_nothing_is_said_about_an_empty_list_or_a_value_that_is_not_there() -> None:
    assert found([{"rows": [], "count": 0}, rows(State="x")], READS) == []
    assert found([{"rows": [{"properties": None}]}], READS) == []


def test_a_default_provides_for_absence() -> None:
    step = text_step("write", "{{ steps.find.rows[0].properties.Status | default: 'none' }}")
    assert found([rows(State="x")], step) == []


def test_items_of_a_loop_conditions_outputs_and_inner_values_are_looked_at() -> None:
    inner = text_step("write", "{{ item.properties.Status }}", when="item.properties.Owner == 'me'")
    loop = {"key": "each", "action": "for_each", "with": {"items": "{{ steps.find.rows }}"}, "do": [inner]}
    codes = found([rows(State="x"), rows(Status="x", Owner="me")], loop, outputs={"n": "{{ steps.find.total }}"})
    assert [(code, step) for code, step, _ in codes] == [
        ("W_FIELD_GONE", "write"),
        ("W_FIELD_GONE", "write"),
        ("W_FIELD_UNSEEN", None),
    ]
    some = {"rows": [{"properties": {"Status": "a", "Owner": "b"}}, {"properties": {}}], "total": 1}
    assert found([some], loop) == [], "one of the items has it"


def test_sizes_and_places_in_a_list_are_no_fields() -> None:
    step = text_step("write", "{{ steps.find.rows.size }} {{ steps.find.rows.first.id }} {{ steps.find.rows[9].id }}")
    assert found([rows(State="x")], step) == []


def test_only_steps_that_others_look_into_are_asked_for() -> None:
    definition = parse(workflow(ROWS, text_step("a"), READS, outputs={"t": "{{ steps.write.text }}"}))
    assert keys_read(definition) == {"find", "write"}
