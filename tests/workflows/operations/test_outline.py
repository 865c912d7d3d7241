"""The outline: how the tree of steps is shown."""

from __future__ import annotations

import itertools

from tests.workflows.definition.helpers import EXAMPLE, text_step, workflow
from workflows.operations.outline import outline
from workflows.operations.step_map import BOX_HEIGHT, step_map
from workflows.operations.workflows import create_workflow


def test_the_worked_example_as_an_outline(editor, connected):
    items = outline(create_workflow(editor.actor, EXAMPLE))
    fetch, loop, report = items
    assert [(item.number, item.key, item.name) for item in items] == [
        (1, "fetch", "Find mail"),
        (2, "each_mail", "For each mail"),
        (7, "report", "Report"),
    ]
    assert (fetch.service, fetch.kind, fetch.verb) == ("gmail", "read", "")
    assert loop.is_loop and [branch.branch for branch in loop.branches] == ["do"]
    summary, page, is_bug = loop.branches[0].items
    assert page.verb and page.service == "notion" and page.depth == 1
    assert page.summary.startswith("‹database› · ‹item.subject›")
    assert [(branch.branch, branch.name, len(branch.items)) for branch in is_bug.branches] == [
        ("then", "Yes", 1),
        ("else", "Otherwise", 0),
    ]
    assert report.summary == "‹each_mail.count› mails, ‹each_mail.failed› failed."
    assert summary.errors == 0


def test_a_step_with_problems_says_how_many_and_the_first(editor):
    steps = ({"key": "a", "action": "no.such", "disabled": True}, text_step("b", "{{ nope }}", when="true"))
    odd, wrong = outline(create_workflow(editor.actor, workflow(*steps), draft=True))
    assert (odd.errors, odd.disabled, odd.kind) == (1, True, "unknown")
    assert (wrong.errors, wrong.warnings, wrong.condition) == (1, 1, "true")
    assert "nope" in wrong.first_problem


def test_the_map_draws_branches_side_by_side_and_nothing_over_anything(editor):
    fork = {"key": "fork", "action": "if", "then": [text_step("a"), text_step("b")], "else": [text_step("c")]}
    loop = {"key": "loop", "action": "for_each", "do": [{"key": "deep", "action": "if", "then": [text_step("d")]}]}
    steps = (fork, loop, text_step("last"))
    drawn = step_map(outline(create_workflow(editor.actor, workflow(*steps), draft=True)), "b")
    boxes = {box["key"]: box for box in drawn["boxes"]}
    assert boxes["a"]["y"] == boxes["c"]["y"] < boxes["b"]["y"] and boxes["a"]["x"] < boxes["c"]["x"]
    assert boxes["b"]["current"] and not boxes["a"]["current"]
    found = list(boxes.values())
    for one, other in itertools.combinations(found, 2):
        beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        assert beside or abs(one["y"] - other["y"]) >= BOX_HEIGHT
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= drawn["width"] for box in found)
    assert drawn["height"] > max(box["y"] for box in found)
    assert [frame["loop"] for frame in drawn["frames"]].count(True) == 1
