"""Edits of the tree of steps, and what differs between two of them."""

from __future__ import annotations

import copy

import pytest

from orchestrator_site.lib.errors import UserError
from tests.workflows.definition.helpers import EXAMPLE, text_step, workflow
from workflows.engine import moves, tree
from workflows.engine.comparing import compare
from workflows.engine.definition import parse, to_json
from workflows.engine.tree import At


@pytest.fixture
def example() -> dict:
    return copy.deepcopy(EXAMPLE)


def top(definition: dict) -> list[str]:
    return [step["key"] for step in definition["steps"]]


def test_a_step_is_added_at_a_place(example):
    tree.insert(example, text_step("a"), At(index=1))
    tree.insert(example, text_step("b"), At("is_bug", "else"))
    assert top(example) == ["fetch", "a", "each_mail", "report"]
    assert tree.find(example, "b")[2] == At("is_bug", "else", 0)


def test_a_step_moves_within_its_list_and_into_another(example):
    tree.move(example, "report", At(index=1))
    assert top(example) == ["fetch", "report", "each_mail"]
    tree.move(example, "report", At("each_mail", "do", 0))
    assert tree.find(example, "report")[2] == At("each_mail", "do", 0)


NESTED = workflow(
    text_step("a"),
    {"key": "fork", "action": "if", "with": {"condition": "true"}, "then": [text_step("b")], "else": []},
    text_step("c"),
)


def names(step):
    return ("then", "else") if step["action"] == "if" else ()


def test_a_step_travels_through_every_place_as_one_reads_and_stays_at_the_ends():
    found, definition = [], copy.deepcopy(NESTED)
    for _ in range(7):
        at = moves.travel(definition, "a", 1, names)
        found.append((at.parent, at.branch, at.index))
    inside = [("fork", "then", 0), ("fork", "then", 1), ("fork", "else", 0)]
    assert found == [*inside, ("", "", 1), ("", "", 2), ("", "", 2), ("", "", 2)]
    for _ in range(9):
        moves.travel(definition, "a", -1, names)
    assert tree.find(definition, "a")[2] == At("", "", 0)
    assert definition == NESTED


def test_a_block_travels_with_what_it_holds_and_never_into_itself():
    definition = copy.deepcopy(NESTED)
    moves.travel(definition, "fork", -1, names)
    assert top(definition) == ["fork", "a", "c"] and tree.find(definition, "b")[2].parent == "fork"


def test_a_step_is_put_into_a_block_and_the_block_taken_apart_again():
    definition = copy.deepcopy(NESTED)
    moves.wrap(definition, "c", {"key": "each", "action": "for_each", "do": []}, "do")
    assert tree.find(definition, "c")[2] == At("each", "do", 0) and top(definition) == ["a", "fork", "each"]
    assert moves.unwrap(definition, "each") == ["c"]
    assert definition == NESTED
    moves.unwrap(definition, "fork")
    assert top(definition) == ["a", "b", "c"]
    with pytest.raises(UserError):
        moves.unwrap(definition, "a")


def test_a_step_cannot_move_into_itself(example):
    with pytest.raises(UserError):
        tree.move(example, "each_mail", At("is_bug", "then"))


def test_a_step_that_is_not_there_names_the_nearest(example):
    with pytest.raises(UserError) as caught:
        tree.find(example, "fetc")
    assert caught.value.status == 404 and "fetch" in caught.value.hint


def test_a_removed_step_takes_its_steps_along(example):
    tree.remove(example, "each_mail")
    assert tree.keys_of(example) == ["fetch", "report"]


def test_a_copy_has_new_keys_and_refers_to_itself(example):
    assert tree.duplicate(example, "each_mail") == "each_mail_2"
    page = tree.find(example, "page_2")[0]
    assert page["with"]["content"].startswith("{{ steps.summary_2.text }}")
    assert parse(to_json(parse(example)))
    assert top(example) == ["fetch", "each_mail", "each_mail_2", "report"]


def test_templates_follow_a_new_key_and_plain_text_does_not():
    definition = workflow(
        text_step("a"),
        text_step("ab", "{{ steps.a.text }} {{ steps.ab.text }}"),
        text_step("c", "about steps.a.text", when="steps.a.text == 'x'"),
        outputs={"o": "{{ steps.a.text }}"},
    )
    tree.rename(definition, "a", "first")
    assert definition["steps"][1]["with"]["template"] == "{{ steps.first.text }} {{ steps.ab.text }}"
    assert definition["steps"][2]["with"]["template"] == "about steps.a.text"
    assert definition["steps"][2]["when"] == "steps.first.text == 'x'"
    assert definition["outputs"] == {"o": "{{ steps.first.text }}"}


def test_equal_definitions_do_not_differ(example):
    assert compare(EXAMPLE, example).same


def test_changes_are_told_step_by_step_and_field_by_field(example):
    tree.find(example, "summary")[0]["with"]["max_words"] = 50
    tree.remove(example, "report")
    tree.insert(example, text_step("new"), At(index=0))
    example["name"] = "Other"
    found = compare(EXAMPLE, example)
    assert [field.as_dict() for field in found.workflow] == [
        {"field": "name", "before": "Mail to Notion, bugs to GitHub", "after": "Other"}
    ]
    assert [(step.key, step.change) for step in found.steps] == [
        ("new", "added"),
        ("summary", "changed"),
        ("report", "removed"),
    ]
    assert found.steps[1].fields[0].as_dict() == {"field": "with.max_words", "before": 150, "after": 50}


def test_a_moved_step_is_told_as_moved(example):
    tree.move(example, "report", At(index=0))
    assert [(step.key, step.change) for step in compare(EXAMPLE, example).steps] == [("report", "moved")]


SWITCH = {
    "key": "sort",
    "action": "switch",
    "with": {"value": "{{ inputs.kind }}"},
    "on_error": {"do": "branch", "steps": [text_step("cure")]},
    "cases": [{"equals": "bug", "steps": [text_step("bug")]}, {"equals": 2, "steps": []}],
    "else": [text_step("other")],
}
FORK = {
    "key": "both",
    "action": "parallel",
    "branches": [{"key": "z", "steps": [text_step("x")]}, {"key": "a", "steps": []}],
}


def test_cases_branches_and_steps_after_an_error_are_lists_like_any_other():
    definition = to_json(parse(workflow(copy.deepcopy(SWITCH), copy.deepcopy(FORK))))
    assert definition["steps"] == [SWITCH, FORK]
    assert tree.keys_of(definition) == ["sort", "bug", "other", "cure", "both", "x"]
    assert tree.find(definition, "cure")[2] == At("sort", "on_error", 0)
    tree.move(definition, "other", At("sort", "case:1"))
    tree.move(definition, "bug", At("both", "branch:a"))
    assert tree.find(definition, "other")[2] == At("sort", "case:1", 0)
    assert [branch["key"] for branch in definition["steps"][1]["branches"]] == ["z", "a"]
    for place in (At("sort", "case:9"), At("both", "branch:b"), At("both", "on_error"), At("sort", "nope")):
        with pytest.raises(UserError) as caught:
            tree.insert(definition, text_step("new"), place)
        assert caught.value.code == "E_CHOICE"


def test_a_case_that_is_taken_away_does_not_look_like_a_move_of_the_others():
    cases = [{"equals": value, "steps": [text_step(f"s_{value}")]} for value in ("a", "b")]
    before = workflow({"key": "sort", "action": "switch", "cases": cases})
    after = workflow({"key": "sort", "action": "switch", "cases": cases[1:]})
    found = compare(before, after)
    assert [(step.key, step.change) for step in found.steps] == [("sort", "changed"), ("s_a", "removed")]
    assert found.steps[0].fields[0].as_dict() == {"field": "cases", "before": ["a", "b"], "after": ["b"]}
