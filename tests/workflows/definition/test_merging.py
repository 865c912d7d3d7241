"""Two people edit one draft: what only one of them touched is joined, what both touched is asked."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflows.definition.helpers import text_step, workflow
from workflows.engine import tree
from workflows.engine.definition import parse, to_json
from workflows.engine.merging import merge
from workflows.engine.tree import At, keys_of

JSON = dict[str, Any]


def base() -> JSON:
    """Three steps, the second a branch with one step on each side."""
    sort = {"key": "sort", "action": "if", "with": {"condition": "inputs.x"}}
    sort |= {"then": [text_step("yes")], "else": [text_step("no")]}
    return to_json(parse(workflow(text_step("first"), sort, text_step("last"))))


def step(definition: JSON, key: str) -> JSON:
    """A step of it."""
    return tree.find(definition, key)[0]


def edited(change: Any) -> JSON:
    """The base after a change."""
    found = base()
    change(found)
    return found


def test_fields_of_two_people_are_joined_without_a_question() -> None:
    mine = edited(lambda d: step(d, "first")["with"].update(template="mine"))
    theirs = edited(lambda d: step(d, "first").update(name="Theirs"))
    theirs["name"] = "Renamed"
    joined = merge(base(), mine, theirs)
    assert joined.clashes == ()
    assert (step(joined.definition, "first")["with"], step(joined.definition, "first")["name"]) == (
        {"template": "mine"},
        "Theirs",
    )
    assert joined.definition["name"] == "Renamed"


def test_the_same_field_is_asked_and_stands_as_theirs_until_it_is_answered() -> None:
    mine = edited(lambda d: step(d, "yes")["with"].update(template="mine"))
    theirs = edited(lambda d: step(d, "yes")["with"].update(template="theirs"))
    joined = merge(base(), mine, theirs)
    (clash,) = joined.open
    assert (clash.id, clash.base, clash.mine, clash.theirs) == ("yes|with.template", "x", "mine", "theirs")
    assert step(joined.definition, "yes")["with"]["template"] == "theirs"
    answered = merge(base(), mine, theirs, {clash.id: "mine"})
    assert answered.open == () and answered.clashes == (clash,)
    assert step(answered.definition, "yes")["with"]["template"] == "mine"


def test_steps_that_both_added_stand_after_what_they_were_put_after() -> None:
    mine = edited(lambda d: tree.insert(d, text_step("my_step"), At(index=1)))
    theirs = edited(lambda d: tree.insert(d, text_step("their_step"), At("sort", "then", 1)))
    joined = merge(base(), mine, theirs)
    assert joined.clashes == ()
    assert keys_of(joined.definition) == ["first", "my_step", "sort", "yes", "their_step", "no", "last"]


def test_a_removed_step_that_the_other_changed_is_asked() -> None:
    mine = edited(lambda d: tree.remove(d, "last"))
    theirs = edited(lambda d: step(d, "last")["with"].update(template="better"))
    joined = merge(base(), mine, theirs)
    assert [clash.id for clash in joined.open] == ["last|step"]
    assert "last" in keys_of(joined.definition)
    assert "last" not in keys_of(merge(base(), mine, theirs, {"last|step": "mine"}).definition)
    assert "last" not in keys_of(merge(base(), theirs, mine).definition)
    assert "last" in keys_of(merge(base(), theirs, mine, {"last|step": "mine"}).definition)


def test_a_removed_step_that_nobody_else_touched_is_gone() -> None:
    theirs = edited(lambda d: tree.remove(d, "sort"))
    mine = edited(lambda d: step(d, "first").update(name="Mine"))
    joined = merge(base(), mine, theirs)
    assert joined.clashes == () and keys_of(joined.definition) == ["first", "last"]


def test_a_block_removed_while_the_other_put_a_step_into_it_is_asked() -> None:
    theirs = edited(lambda d: tree.remove(d, "sort"))
    mine = edited(lambda d: tree.insert(d, text_step("inner"), At("sort", "then", 0)))
    joined = merge(base(), mine, theirs)
    assert [clash.id for clash in joined.open] == ["sort|step"]
    assert "inner" in keys_of(merge(base(), mine, theirs, {"sort|step": "mine"}).definition)


def test_a_block_removed_while_the_other_edits_a_step_in_it_is_one_question() -> None:
    theirs = edited(lambda d: tree.remove(d, "sort"))
    mine = edited(lambda d: step(d, "yes").update(name="Mine"))
    assert [clash.id for clash in merge(base(), mine, theirs).open] == ["sort|step"]
    assert keys_of(merge(base(), mine, theirs).definition) == ["first", "last"]
    assert keys_of(merge(base(), mine, theirs, {"sort|step": "mine"}).definition) == keys_of(mine)


def test_a_move_and_an_edit_of_the_same_step_are_joined() -> None:
    mine = edited(lambda d: tree.move(d, "last", At("sort", "else", 0)))
    theirs = edited(lambda d: step(d, "last")["with"].update(template="theirs"))
    joined = merge(base(), mine, theirs)
    assert joined.clashes == ()
    assert keys_of(joined.definition) == ["first", "sort", "yes", "last", "no"]
    assert step(joined.definition, "last")["with"]["template"] == "theirs"


def test_two_orders_of_one_list_are_asked() -> None:
    mine = edited(lambda d: tree.move(d, "first", At(index=1)))
    theirs = edited(lambda d: tree.move(d, "last", At(index=0)))
    joined = merge(base(), mine, theirs)
    assert [clash.field for clash in joined.open] == ["order"]
    chosen = merge(base(), mine, theirs, {joined.open[0].id: "mine"})
    assert [each["key"] for each in chosen.definition["steps"]] == ["sort", "first", "last"]


def test_steps_moved_into_each_other_are_not_lost() -> None:
    start = base()
    start["steps"].append({"key": "again", "action": "if", "with": {"condition": "inputs.x"}, "then": []})
    mine, theirs = copy.deepcopy(start), copy.deepcopy(start)
    tree.move(mine, "again", At("sort", "then", 0))
    tree.move(theirs, "sort", At("again", "then", 0))
    joined = merge(start, mine, theirs).definition
    assert sorted(keys_of(joined)) == sorted(keys_of(start))


def test_a_case_put_before_another_keeps_the_steps_of_both() -> None:
    def switch(*values: str) -> JSON:
        cases = [{"equals": value, "steps": [text_step(f"do_{value}")]} for value in values]
        return to_json(parse(workflow({"key": "s", "action": "switch", "with": {"value": "a"}, "cases": cases})))

    theirs = switch("b")
    step(theirs, "do_b")["name"] = "Theirs"
    joined = merge(switch("b"), switch("a", "b"), theirs).definition
    assert [(case["equals"], [s["key"] for s in case["steps"]]) for case in joined["steps"][0]["cases"]] == [
        ("a", ["do_a"]),
        ("b", ["do_b"]),
    ]
    assert step(joined, "do_b")["name"] == "Theirs"


EDITS = st.lists(
    st.tuples(st.sampled_from(["name", "text", "remove", "add", "move"]), st.integers(0, 9), st.integers(0, 9)),
    max_size=5,
)


def _apply(definition: JSON, edits: list[tuple[str, int, int]], who: str) -> JSON:
    for n, (what, a, b) in enumerate(edits):
        keys = keys_of(definition)
        if what == "add" or not keys:
            parent = "sort" if "sort" in keys and b % 2 else ""
            tree.insert(definition, text_step(f"{who}_{n}"), At(parent, "then" if parent else "", a))
            continue
        key = keys[a % len(keys)]
        if what == "name":
            step(definition, key)["name"] = f"{who} {n}"
        elif what == "text" and step(definition, key)["action"] != "if":
            step(definition, key)["with"]["template"] = f"{who} {n}"
        elif what == "remove":
            tree.remove(definition, key)
        elif what == "move" and key != "sort":
            parent = "sort" if "sort" in keys and b % 3 == 0 else ""
            tree.move(definition, key, At(parent, "else" if parent else "", b))
    return to_json(parse(definition))


@given(EDITS, EDITS)
@settings(max_examples=60, deadline=None)
def test_any_two_edits_join_into_a_definition_and_lose_nothing(ours: Any, others: Any) -> None:
    mine, theirs = _apply(base(), ours, "mine"), _apply(base(), others, "theirs")
    joined = merge(base(), mine, theirs)
    parse(joined.definition)
    present = set(keys_of(joined.definition))
    assert {key for key in present if key.startswith(("mine_", "theirs_"))} >= {
        key for side in (mine, theirs) for key in keys_of(side) if key.startswith(("mine_", "theirs_"))
    } - {key for clash in joined.open for side in (mine, theirs) for key in _below(side, clash.step)}
    assert merge(base(), mine, base()).definition == mine, "one side alone is taken as it is"
    assert merge(base(), base(), theirs).definition == theirs
    everything = {clash.id: "mine" for clash in joined.clashes}
    assert merge(base(), mine, theirs, everything).open == ()


def _below(definition: JSON, key: str) -> list[str]:
    try:
        found, _, _ = tree.find(definition, key)
    except Exception:
        return []
    return [each["key"] for each, _, _ in tree.every_step([found])]
