"""Random workflows, random outcomes, death at any record: the run that went on ends like the one that was left alone.

The walk, the attempts and the ledger of changes are the real ones; the store loses what was not committed.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from workflows.engine.lists import lists_of

from .dying import Store, World, ended

CALM = ("ok", "ok", "ok", "busy", "lost", "absent")
ROUGH = (*CALM, "fails", "fails")
ACTIONS = st.sampled_from(["pure.do", "read.do", "effect.do", "effect.do"])
CONDITIONS = st.sampled_from(["inputs.n > 1", "inputs.n == 0", "index == 0", "inputs.n == 2"])
INSIDE = ("if", "switch", "for_each", "parallel", "repeat")
PROPERTY = settings(
    max_examples=int(os.environ.get("CRASH_EXAMPLES", "60")),
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking such stories takes minutes; the seed is printed
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
DEATHS = st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=4)
SEEN = ("item", "index", "last", "error.code")


@st.composite
def step_lists(draw: Any, depth: int, *, concurrent: bool, failing: bool, looped: bool = False) -> list[dict]:
    """Steps without keys; `concurrent`: several at once; `failing`: errors are dealt with, and runs are stopped."""
    more: dict[str, Any] = {"concurrent": concurrent, "failing": failing}
    found = []
    for _ in range(draw(st.integers(1, 3))):
        inside = depth and draw(st.integers(0, 2))
        kind = draw(st.sampled_from(INSIDE)) if inside else ""
        inner = lambda looped=looped: draw(step_lists(depth - 1, looped=looped, **more))  # noqa: E731
        step: dict[str, Any] = {"action": kind or draw(ACTIONS), "with": {}}
        condition = draw(CONDITIONS.filter(lambda text: looped or "index" not in text))
        if kind == "if":
            step |= {"with": {"condition": condition}, "then": inner(), "else": inner()}
        elif kind == "switch":
            cases = [{"equals": value, "steps": inner()} for value in range(2)]
            step |= {"with": {"value": "{{ inputs.n }}"}, "cases": cases, "else": inner()}
        elif kind == "for_each":
            lanes = draw(st.integers(1, 3)) if concurrent else 1
            step |= {"with": {"items": "{{ inputs.list }}", "parallelism": lanes}, "do": inner(True)}
            if failing:
                step["with"]["on_item_error"] = draw(st.sampled_from(["stop", "continue"]))
        elif kind == "parallel":
            join = draw(st.sampled_from(["all", "any"])) if concurrent and failing else "all"
            count = draw(st.integers(1, 3)) if concurrent else 1
            branches = [{"key": f"k{i}", "steps": inner()} for i in range(count)]
            step |= {"with": {"join": join}, "branches": branches}
        elif kind == "repeat":
            limit = draw(st.integers(1, 3))
            step |= {"with": {"until": "index == 1", "limit": limit, "on_limit": "continue"}, "do": inner(True)}
        elif failing and draw(st.integers(0, 15)) == 0:
            step["action"] = "stop"
        if failing and step["action"] != "stop":
            do = draw(st.sampled_from(["stop", "continue", "value", "branch"]))
            extra = {"value": {"value": {"text": "x"}}, "branch": {"steps": inner() if depth else []}}
            step["on_error"] = {"do": do, **extra.get(do, {})}
        if draw(st.integers(0, 5)) == 0:
            step["when"] = condition
        found.append(step)
    return found


def keyed(steps: list[dict], count: Any, seen: tuple[str, ...] = ()) -> list[dict]:
    """Give every step a key, and a text made of what it may see."""
    for step in steps:
        step["key"] = f"s{next(count)}"
        if "." in step["action"]:
            parts = [f"{{{{ steps.{key}.text | default: '-' }}}}" for key in seen[-2:]]
            parts += [f"{{{{ {name} | default: '' }}}}" for name in SEEN]
            step["with"] = {"text": ",".join(parts)}
        for _, inner in lists_of(step):
            keyed(inner, count, seen)
        seen = (*seen, step["key"])
    return steps


@st.composite
def stories(draw: Any, *, concurrent: bool, failing: bool) -> dict[str, Any]:
    """A workflow, what happens in the world, and where its workers die."""
    count = itertools.count()
    steps = keyed(draw(step_lists(2, concurrent=concurrent, failing=failing)), count)
    outcomes = st.sampled_from(ROUGH if failing else CALM)
    return {
        "steps": steps,
        "outcomes": {f"s{i}": draw(outcomes) for i in range(next(count))},
        "inputs": {"n": draw(st.integers(0, 2)), "list": ["a", "b", "c"][: draw(st.integers(0, 3))]},
        "deaths": draw(DEATHS),
    }


def tell(story: dict[str, Any], deaths: Any = ()) -> tuple[Any, World, Store]:
    world, store = World(story["outcomes"]), Store()
    outputs = {step["key"]: f"{{{{ steps.{step['key']} | default: 'none' }}}}" for step in story["steps"]}
    done = ended(story["steps"], world, store, iter(deaths), inputs=story["inputs"], outputs=outputs)
    return done, world, store


def image(store: Store) -> dict[tuple[str, str], Any]:
    """Every step as it ended, without ids, times and what is told of its attempts."""
    names = ("status", "kind", "input", "output", "tainted")
    return {
        place: ([getattr(step, name) for name in names], decided(step.decision), (step.error or {}).get("code"))
        for place, step in store.steps.items()
    }


def decided(decision: Any) -> dict[str, Any]:
    """What a step decided; how often it was slowed down is bookkeeping of its attempts."""
    return {name: said for name, said in (decision or {}).items() if name not in ("slowed", "held")}


def deaths_of(story: dict[str, Any], whole: Store) -> list[tuple[int, float]]:
    """Where the workers die, in operations of the log; each part of a run is as likely as the others."""
    return [(int(part * whole.operations), keeps) for part, keeps in story["deaths"]]


def check_equal(story: dict[str, Any], deaths: list[tuple[int, float]] | None = None) -> None:
    alone, quiet, whole = tell(story)
    done, world, store = tell(story, deaths_of(story, whole) if deaths is None else deaths)
    assert (done.status, done.outputs, done.warnings) == (alone.status, alone.outputs, alone.warnings)
    assert (done.error or {}).get("code") == (alone.error or {}).get("code")
    assert world.made == quiet.made, "the same changes were made"
    assert not [key for key, count in world.made.items() if count > 1], "none was made twice"
    assert image(store) == image(whole)


def do(key: str, action: str = "effect.do", text: str = "x", **more: Any) -> dict[str, Any]:
    return {"key": key, "action": action, "with": {"text": text}, **more}


def block(key: str, action: str, given: dict[str, Any], **lists: Any) -> dict[str, Any]:
    return {"key": key, "action": action, "with": given, **lists}


LAST = "{{ last.a.text }}{{ index }}"
CURE = {"do": "branch", "steps": [do("cure", text="{{ error.code }}"), do("more", "read.do")]}
FIXED = {
    "repeat": [block("again", "repeat", {"until": "index == 2"}, do=[do("a", text=LAST), do("b", "read.do")]), do("z")],
    "each": [block("all", "for_each", {"items": ["x", "y"], "parallelism": 2}, do=[do("a", text="{{ item }}")])],
    "errors": [do("bad", on_error=CURE), do("z", text="{{ steps.bad.on_error.cure.text }}")],
    "inside": [block("again", "repeat", {"until": "index == 1"}, do=[
        block("all", "for_each", {"items": ["x", "y"], "on_item_error": "continue"}, do=[
            do("a", text=LAST), do("bad", when="index == 1")])])],
    "switch": [block("sort", "switch", {"value": "{{ inputs.n }}"}, cases=[
        {"equals": 1, "steps": [do("a"), do("b")]}])],
    "all": [block("both", "parallel", {}, branches=[
        {"key": "p", "steps": [do("a"), do("b")]}, {"key": "q", "steps": [do("c", "read.do")]}])],
    "any": [block("both", "parallel", {"join": "any"}, branches=[
        {"key": "p", "steps": [do("bad"), do("b")]}, {"key": "q", "steps": [do("c"), do("d", "read.do")]}]), do("z")],
    "stop": [block("all", "for_each", {"items": [1, 2, 3]}, do=[do("a"), do("enough", "stop", when="index == 1")])],
}  # fmt: skip


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("outcome", ["ok", "lost"])
def test_death_at_each_record_in_turn_changes_nothing(name, outcome):
    story = {"steps": FIXED[name], "inputs": {"n": 1}, "outcomes": {"a": outcome, "c": outcome, "bad": "fails"}}
    for keeps in (0.0, 1.0):
        for at in range(tell(story)[2].operations):
            check_equal(story, [(at, keeps)])


@PROPERTY
@given(stories(concurrent=False, failing=True))
def test_a_run_that_died_and_went_on_ends_like_one_that_did_not(story):
    check_equal(story)


@PROPERTY
@given(stories(concurrent=True, failing=False))
def test_branches_that_run_at_once_end_the_same_however_often_the_worker_died(story):
    check_equal(story)


@PROPERTY
@given(stories(concurrent=True, failing=True))
def test_where_branches_race_nothing_is_made_twice_and_what_was_decided_stands(story):
    done, world, store = tell(story, deaths_of(story, tell(story)[2]))
    assert done.status in ("succeeded", "failed")
    assert not [key for key, count in world.made.items() if count > 1]
    assert not [effect for effect in store.effects.values() if effect.state == "sent"], "what was sent is settled"
    assert all(step.finished for step in store.steps.values()), "nothing is left open"
    before, made = len(world.calls), dict(world.made)
    outputs = {step["key"]: f"{{{{ steps.{step['key']} | default: 'none' }}}}" for step in story["steps"]}
    again = ended(story["steps"], world, store, iter(()), inputs=story["inputs"], outputs=outputs)
    assert (again.status, again.outputs, again.error) == (done.status, done.outputs, done.error)
    assert len(world.calls) == before and dict(world.made) == made, "an ended run is told from its records"
