"""Which records of an earlier run stand, decided without a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from workflows.engine.definition import parse
from workflows.engine.plan import make_plan
from workflows.engine.reuse import Place, Reuse, Wish, bare, covers, place_of, reuse


@dataclass
class Then:
    """A step of the earlier run."""

    key: str
    path: str = ""
    action: str = "data.format"
    kind: str = ""
    status: str = "succeeded"
    decision: Any = None

    def __post_init__(self) -> None:
        self.kind = self.kind or ("pure" if "." in self.action else "control")


def text(key: str, template: str = "x", **more: Any) -> dict:
    return {"key": key, "action": "data.format", "with": {"template": template}, **more}


def loop(key: str, *do: dict, **more: Any) -> dict:
    return {"key": key, "action": "for_each", "with": {"items": "{{ inputs.list }}"}, "do": list(do), **more}


def when(key: str, then: list[dict], otherwise: list[dict] | None = None) -> dict:
    return {
        "key": key,
        "action": "if",
        "with": {"condition": "inputs.n > 1"},
        "then": then,
        "else": otherwise or [],
    }


def decide(steps: list[dict], past: list[Then], start: str, **more: Any) -> Reuse:
    plan = make_plan(parse({"format": 1, "name": "Test", "steps": steps}))
    return reuse(plan, {Place(step.key, step.path): step for step in past}, Wish(start, **more))


def names(places: set[Place]) -> set[str]:
    return {str(place) for place in places}


def test_a_place_is_written_as_key_or_path_and_key():
    assert place_of("send") == Place("send") and place_of("a[1]/b[2]/send") == Place("send", "a[1]/b[2]")
    assert str(Place("send", "a[1]/b[2]")) == "a[1]/b[2]/send"


def test_what_comes_before_stands_and_the_rest_is_done_again():
    found = decide([text("a"), text("b"), text("c")], [Then("a"), Then("b"), Then("c")], "b")
    assert names(found.kept) == {"a"} and not found.problems


@pytest.mark.parametrize(
    "then, words",
    [
        ([], "has no output in that run"),
        ([Then("a", status="failed")], "did not succeed"),
        ([Then("a", action="ai.complete")], "was “ai.complete” in that run"),
        ([Then("a", decision={"finish": "enough"})], "ended that run"),
    ],
)
def test_a_step_before_without_an_output_is_in_the_way_until_its_output_is_given(then, words):
    steps = [text("a"), text("b")]
    found = decide(steps, then, "b")
    assert words in found.problems[0].message and found.problems[0].field == "outputs.a"
    given = decide(steps, then, "b", given={Place("a")})
    assert not given.problems and names(given.given) == {"a"}


def test_an_output_for_a_step_that_does_not_come_before_is_refused():
    found = decide([text("a"), text("b")], [Then("a"), Then("b")], "b", given={Place("b")})
    assert "does not come before" in found.problems[0].message


def test_a_step_that_is_not_there_is_named_with_the_nearest():
    found = decide([text("fetch"), text("b")], [], "fetsh")
    assert found.problems[0].field == "from" and "fetch" in found.problems[0].hint


def test_a_block_around_is_opened_with_its_decision_and_its_other_steps_stand():
    steps = [when("ask", [text("a"), text("b")]), text("after")]
    past = [Then("ask", action="if", decision={"taken": "then"}), Then("a"), Then("b"), Then("after")]
    found = decide(steps, past, "b")
    assert names(found.opened) == {"ask"} and names(found.kept) == {"a"} and not found.anew


def test_a_block_whose_reads_were_edited_decides_anew():
    steps = [when("ask", [text("a"), text("b")])]
    past = [Then("ask", action="if", decision={"taken": "then"}), Then("a"), Then("b")]
    found = decide(steps, past, "b", changed=lambda path: path[0] == "inputs")
    assert not found.opened and [spec.key for spec in found.anew] == ["ask"] and names(found.kept) == {"a"}


def test_a_step_on_the_way_that_was_not_taken_cannot_be_begun_at():
    steps = [when("ask", [text("a")], [text("b")])]
    found = decide(steps, [Then("ask", action="if", decision={"taken": "then"}), Then("a")], "b")
    assert "went the other way" in found.problems[0].message


def test_inside_a_loop_the_step_is_done_again_in_each_round_that_reached_it():
    steps = [loop("each", text("a"), text("b"), text("c")), text("after")]
    past = [Then("each", action="for_each", decision={"count": 3, "hash": "h"})]
    past += [Then(key, f"each[{n}]") for n in (0, 1) for key in "abc"] + [Then("a", "each[2]")]
    found = decide(steps, past, "b")
    assert names(found.kept) == {"each[0]/a", "each[1]/a", "each[2]/a"} and names(found.opened) == {"each"}


def test_one_round_alone_is_done_again_and_the_finished_ones_stand():
    steps = [loop("each", text("a"), text("b"))]
    past = [Then("each", action="for_each", decision={"count": 2, "hash": "h"})]
    past += [Then(key, f"each[{n}]") for n in (0, 1) for key in "ab"]
    found = decide(steps, past, "each[1]/b")
    assert names(found.kept) == {"each[0]/a", "each[0]/b", "each[1]/a"}
    assert "no record" in decide(steps, past, "each[7]/b").problems[0].message
    assert "no record" in decide(steps, past, "other[1]/b").problems[0].message


def test_a_loop_over_other_items_begins_anew_with_nothing_kept_inside():
    steps = [loop("each", text("a"), text("b"))]
    past = [Then("each", action="for_each", decision={"count": 1, "hash": "h"}), Then("a", "each[0]")]
    found = decide(steps, past, "b", changed=lambda path: path == ("inputs", "list"))
    assert not found.kept and not found.opened and [spec.key for spec in found.anew] == ["each"]


def test_a_loop_in_which_each_round_builds_on_the_one_before_drops_the_later_ones():
    steps = [loop("each", text("a"), text("b"))]
    plan = make_plan(parse({"format": 1, "name": "Test", "steps": steps}))
    object.__setattr__(plan.steps[0].step, "action", "repeat")
    past = [Then("each", action="repeat", decision={"limit": 5, "passes": 3, "met": True})]
    past += [Then(key, f"each[{n}]") for n in (0, 1, 2) for key in "ab"]
    found = reuse(plan, {Place(step.key, step.path): step for step in past}, Wish("each[1]/b"))
    assert names(found.kept) == {"each[0]/a", "each[0]/b", "each[1]/a"}


def test_where_it_failed_keeps_all_that_is_finished_and_opens_what_is_not():
    steps = [text("a"), loop("each", text("b"), text("c")), text("after")]
    past = [
        Then("a"),
        Then("each", action="for_each", status="failed", decision={"count": 3, "hash": "h"}),
        *(Then(key, "each[0]") for key in "bc"),
        Then("b", "each[1]"),
        Then("c", "each[1]", status="failed"),
        Then("b", "each[2]", status="cancelled"),
    ]
    found = decide(steps, past, "@failed")
    assert names(found.kept) == {"a", "each[0]/b", "each[0]/c", "each[1]/b"} and names(found.opened) == {"each"}


def test_a_tolerated_failure_stands_after_a_failed_run_and_is_tried_again_after_a_succeeded_one():
    steps = [text("a", on_error={"do": "continue"}), text("b")]
    past = [Then("a", status="failed"), Then("b")]
    assert names(decide(steps, past, "@failed").kept) == {"a", "b"}
    assert not decide(steps, past, "@failed", succeeded=True).kept
    assert "Nothing failed" in decide(steps, [Then("a"), Then("b")], "@failed", succeeded=True).problems[0].message


def test_a_kept_step_that_reads_what_was_edited_is_named():
    found = decide([text("a", "{{ inputs.n }}"), text("b")], [Then("a")], "b", changed=lambda p: p[0] == "inputs")
    assert [spec.key for spec in found.stale] == ["a"] and names(found.kept) == {"a"}


def test_a_place_is_covered_by_its_own_record_or_by_a_block_around_it():
    steps = [loop("each", when("ask", [text("a")])), text("b")]
    covered = covers(parse({"format": 1, "name": "Test", "steps": steps}), {Place("each"), Place("b")})
    assert covered("a", "each[4]") and covered("ask", "each[0]") and covered("b", "")
    inside = covers(parse({"format": 1, "name": "Test", "steps": steps}), {Place("ask", "each[1]")})
    assert inside("a", "each[1]") and not inside("a", "each[2]") and not inside("b", "")


def test_a_decision_is_kept_without_how_it_ended():
    assert bare({"taken": "then", "finish": "x", "warnings": [1], "stopped": 1, "winner": "a"}) == {"taken": "then"}
    assert bare(None) == {}


def after_error(key: str, *steps: dict) -> dict:
    return text(key, on_error={"do": "branch", "steps": list(steps)})


def test_a_failure_that_was_dealt_with_stands_with_the_steps_that_dealt_with_it():
    steps = [after_error("a", text("tell"), text("log")), text("b")]
    past = [Then("a", status="failed"), Then("tell"), Then("log"), Then("b")]
    assert names(decide(steps, past, "b").kept) == {"a", "tell", "log"}
    assert names(decide(steps, past, "log").kept) == {"a", "tell"}
    assert "did not fail" in decide(steps, [Then("a"), Then("b")], "log").problems[0].message


def test_where_dealing_with_a_failure_failed_itself_it_goes_on_there():
    steps = [after_error("a", text("tell"), text("log")), text("b")]
    past = [Then("a", status="failed"), Then("tell"), Then("log", status="failed")]
    assert names(decide(steps, past, "@failed").kept) == {"a", "tell"}
    assert "did not succeed" in decide(steps, past, "b").problems[0].message


def test_a_step_that_is_run_again_does_not_bring_what_followed_its_failure_along():
    steps = [after_error("a", text("tell")), text("b")]
    past = [Then("a", status="failed"), Then("tell"), Then("b")]
    assert not decide(steps, past, "a").kept
    covered = covers(parse({"format": 1, "name": "Test", "steps": steps}), {Place("a")})
    assert covered("a", "") and not covered("tell", "")


def test_other_branches_of_a_parallel_stand_and_go_on_where_they_stopped():
    branches = [{"key": "x", "steps": [text("a"), text("b")]}, {"key": "y", "steps": [text("c"), text("d")]}]
    steps = [{"key": "both", "action": "parallel", "with": {"join": "all"}, "branches": branches}]
    past = [Then("both", action="parallel", status="failed", decision={"join": "all", "stopped": "x"})]
    past += [Then("a"), Then("b", status="failed"), Then("c"), Then("d", status="cancelled")]
    found = decide(steps, past, "@failed")
    assert names(found.kept) == {"a", "c"} and names(found.opened) == {"both"}
    assert names(decide(steps, past, "b").kept) == {"a", "c"}
    assert names(decide(steps, past, "c").kept) == {"a"}
