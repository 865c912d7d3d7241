"""A walk holds what is under way, not what it has done: large outputs are away, loops are told by the hundred."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given

from orchestrator_site.lib.ids import uuid7
from workflows.engine import chunks, rendering
from workflows.engine.shelf import AtHand, Shelf, short_fields, weight
from workflows.engine.times import Times
from workflows.models import LoopChunk, Run, RunStatus, StepRun
from workflows.operations.runs import start_run, wait_for
from workflows.operations.steering import cancel_run
from workflows.operations.waits import deliver_event

from .conftest import publish, until
from .dying import Store, World, ended
from .fakes import FakeExecutor, FakeLog, run, walk_of
from .test_crashes import CURE, FIXED, PROPERTY, block, check_equal, do, stories, tell

ITEMS = 230
LOOP: dict[str, Any] = {
    "steps": [
        block("all", "for_each", {"items": "{{ inputs.list }}", "parallelism": 3, "on_item_error": "continue"}, do=[
            do("a", "pure.do", text="{{ item }}"),
            do("b", text="{{ steps.a.text }}", when="index > 90"),
            do("bad", "pure.do", when="index == 3 or index == 120"),
        ]),
        do("z", text="{{ steps.all.count }} {{ steps.all.failed }} {{ steps.all.results[150].b.text }}"),
    ],
    "inputs": {"n": 1, "list": list(range(ITEMS))},
    "outcomes": {"bad": "fails", "b": "lost"},
}  # fmt: skip


PATIENT = Times(lease=30.0, scale=1.0)


@contextmanager
def tight() -> Iterator[None]:
    """Every output is large, and two items are a chunk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendering, "MOST_INLINE", 8)
        patch.setattr(chunks, "CHUNK", 2)
        yield


# Nothing changes by it


@pytest.mark.parametrize("keeps", [0.0, 1.0])
def test_a_worker_that_dies_anywhere_in_a_loop_of_more_than_a_hundred_items_changes_nothing(keeps):
    whole = tell(LOOP)[2]
    assert len(whole.chunks) == ITEMS // chunks.CHUNK
    for part in (0.1, 0.4, 0.7, 0.99):
        check_equal(LOOP, [(int(part * whole.operations), keeps)])
    check_equal(LOOP, [(int(part * whole.operations), keeps) for part in (0.6, 0.3, 0.2)])


def test_a_loop_goes_on_from_its_chunks_and_reads_only_the_items_of_those_that_are_open():
    last, store, logs = int(0.95 * tell(LOOP)[2].operations), Store(), []
    done = ended(LOOP["steps"], World(LOOP["outcomes"]), store, iter([(last, 1.0)]), inputs=LOOP["inputs"], logs=logs)
    assert done.status == "succeeded" and len(store.chunks) == 2
    assert 0 < logs[1].opened <= 3 * (ITEMS % chunks.CHUNK)


def test_a_loop_whose_chunks_were_never_written_goes_on_from_its_items():
    """A run that an earlier release has begun."""
    (alone, quiet, whole), world, store, logs = tell(LOOP), World(LOOP["outcomes"]), Store(), []

    def forgetful() -> Iterator[tuple[int, float]]:
        yield int(0.95 * whole.operations), 1.0
        store.chunks.clear()

    done = ended(LOOP["steps"], world, store, forgetful(), inputs=LOOP["inputs"], logs=logs)
    assert (done.status, done.warnings, world.made) == (alone.status, alone.warnings, quiet.made)
    assert logs[1].opened > 2 * chunks.CHUNK


@pytest.mark.parametrize("name", ["each", "errors", "inside", "repeat", "any"])
def test_with_every_output_away_a_death_at_any_record_changes_nothing(name):
    story = {"steps": FIXED[name], "inputs": {"n": 1}, "outcomes": {"a": "lost", "bad": "fails"}}
    with tight():
        for at in range(0, tell(story)[2].operations, 3):
            check_equal(story, [(at, 1.0)])


@PROPERTY
@given(stories(concurrent=True, failing=False))
def test_with_every_output_away_random_runs_end_the_same(story):
    with tight():
        check_equal(story)


def test_an_output_behind_an_error_and_that_of_the_pass_before_are_fetched_whole():
    seen = "{{ last.bad.on_error.cure.text | default: '' }}{{ last.a.text | default: '' }}"
    steps = [
        block("again", "repeat", {"until": "index == 1"}, do=[do("bad", on_error=CURE), do("a", "pure.do", text=seen)]),
        do("z", "pure.do", text="{{ steps.again.results.a.text }} {{ steps.again.count }}"),
    ]
    story = {"steps": steps, "inputs": {"n": 1}, "outcomes": {"bad": "fails"}}
    before = tell(story)[0].outputs
    assert "a(cure(E_REJECTED)" in before["z"]["text"]
    with tight():
        assert tell(story)[0].outputs == before
        check_equal(story, [(9, 1.0), (14, 0.5)])


# What is held


class ElsewhereLog(FakeLog):
    """What is put stands elsewhere."""

    def put(self, *records):
        """Nothing is remembered."""


def held_at_last(steps: list[dict], last: str, size: int, **more: Any) -> int:
    """The bytes that a walk holds, beyond what it began with, when the input of an action is `last`."""
    held = []

    def make(values):
        if str(values["text"]) == last:
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
        return {"text": f"{values['text']}" + "x" * size}

    walk = walk_of(steps, ElsewhereLog(), FakeExecutor(make=make), **more)
    walk.executor.calls = Uncounted()
    walk.log.load = nothing_there
    tracemalloc.start()
    try:
        run(walk)
    finally:
        tracemalloc.stop()
    return held[0]


class Uncounted(list):
    """The calls are not what is measured."""

    def append(self, place):
        """Forgotten."""


async def nothing_there(shelf: Shelf) -> str:
    return "[]" if shelf.chunk < 0 else ""


@pytest.mark.parametrize("lanes", [1, 20])
def test_what_a_loop_holds_does_not_grow_with_its_items(lanes):
    def held(items: int) -> int:
        given_ = {"items": "{{ inputs.list }}", "parallelism": lanes}
        loop = block("all", "for_each", given_, do=[do("one", "pure.make", text="{{ item }}")])
        return held_at_last([loop], str(items - 1), 2000, inputs={"list": list(range(items))}, max_items=items)

    few, many = held(400), held(4000)
    assert many < few + 250_000, "3,600 more results of 2,000 characters, and no more is held"


def test_what_a_chain_holds_does_not_grow_with_its_outputs():
    steps = [do(f"s{number}", "pure.make", text=str(number)) for number in range(60)]
    assert held_at_last(steps, "59", 100_000) < 300_000


def test_values_are_at_hand_within_their_bytes_and_fetched_once_for_all_who_ask():
    fetched, hand = [], AtHand(10_000)
    shelves = [Shelf(uuid7()) for _ in range(5)]

    async def fetch():
        fetched.append(1)
        await asyncio.sleep(0)
        return "x" * 3000, weight("x" * 3000)

    async def story():
        assert await asyncio.gather(*(hand.get(shelves[0], fetch) for _ in range(3))) == ["x" * 3000] * 3
        assert len(fetched) == 1
        for shelf in shelves[1:4]:
            await hand.get(shelf, fetch)
        assert hand.bytes <= 10_000 and len(fetched) == 4
        await hand.get(shelves[3], fetch)
        assert len(fetched) == 4, "used last, so it is still there"
        await hand.get(shelves[0], fetch)
        assert len(fetched) == 5, "used longest ago, so it made room"
        hand.put(shelves[4], "y" * 20_000, weight("y" * 20_000))
        assert hand.bytes <= 10_000

    asyncio.run(story())


def test_short_fields_are_known_without_the_value():
    output = {"id": 7, "url": "u", "ok": True, "gone": None, "text": "x" * 300, "items": [1]}
    assert short_fields(output) == {"id": 7, "url": "u", "ok": True, "gone": None}
    assert weight([1, "a" * 1000]) > 1000


# In the database


def formatted(key: str, template: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "action": "data.format", "with": {"template": template}, **more}


def test_a_loop_that_waits_goes_on_from_its_chunks_even_without_the_records_of_its_items(workspace, actor, engine):
    waits = {"key": "go", "action": "wait", "with": {"event": "go"}, "when": "index == 320"}
    loop = block(
        "all", "for_each", {"items": list(range(350)), "parallelism": 4}, do=[formatted("one", "n{{ item }}"), waits]
    )
    outputs = {"first": "{{ steps.all.results[5].one.text }}", "last": "{{ steps.all.results[349].one.text }}"}
    slug = publish(workspace, {"steps": [loop], "outputs": {**outputs, "count": "{{ steps.all.count }}"}}).slug
    engine(PATIENT)
    found = start_run(actor, slug)
    until(lambda: Run.objects.of(workspace).get(pk=found.pk).status == RunStatus.WAITING, 20)
    parts = LoopChunk.objects.of(workspace).filter(run=found)
    assert sorted(parts.values_list("number", flat=True)) == [0, 1, 2]
    items = StepRun.objects.of(workspace).filter(run=found, key="one")
    items.filter(path__in=[f"all[{index}]" for index in range(300)]).delete()
    deliver_event(actor, found, "go")
    found = wait_for(found, 20)
    assert (found.status, found.outputs) == ("succeeded", {"first": "n5", "last": "n349", "count": 350})
    assert items.count() == 50 and not parts.exists(), "the items that were over are not walked again"
    whole = StepRun.objects.of(workspace).get(run=found, key="all").output
    assert [each["one"]["text"] for each in whole["results"]] == [f"n{number}" for number in range(350)]


def test_what_an_open_loop_began_is_closed_when_the_run_is_cancelled_while_it_waits(workspace, actor, engine):
    waits = {"key": "go", "action": "wait", "with": {"event": "go"}}
    slug = publish(
        workspace, {"steps": [block("all", "for_each", {"items": [1, 2], "parallelism": 2}, do=[waits])]}
    ).slug
    engine(PATIENT)
    found = start_run(actor, slug)
    until(lambda: Run.objects.of(workspace).get(pk=found.pk).status == RunStatus.WAITING, 20)
    cancel_run(actor, found)
    assert wait_for(found, 20).status == "cancelled"
    rows = StepRun.objects.of(workspace).filter(run=found)
    assert set(rows.values_list("status", flat=True)) == {"cancelled"}


@override_settings(ENGINE_VALUES_MB=1)
def test_outputs_larger_than_what_may_be_at_hand_are_read_back_rows_and_blobs(workspace, actor, engine):
    size = 250_000
    big = [formatted(f"s{n}", f"{{{{ inputs.text }}}}{n}") for n in range(4)]
    branches = [{"key": f"k{n}", "steps": [formatted(f"h{n}", "{{ inputs.text }}")]} for n in range(5)]
    huge = block("huge", "parallel", {}, branches=branches)
    sizes = " ".join(f"{{{{ steps.s{n}.text | size }}}}{{{{ steps.s{n}.text | slice: -1 }}}}" for n in range(4))
    steps = [*big, huge, {"key": "go", "action": "wait", "with": {"event": "go"}}, formatted("end", sizes)]
    outputs = {"sizes": "{{ steps.end.text }}", "huge": "{{ steps.huge.results.k4.h4.text | size }}"}
    inputs = [{"name": "text", "type": "long_text"}]
    slug = publish(workspace, {"inputs": inputs, "steps": steps, "outputs": outputs}).slug
    one = engine(PATIENT)
    found = start_run(actor, slug, {"text": "x" * size})
    until(lambda: Run.objects.of(workspace).get(pk=found.pk).status not in ("queued", "running"), 20)
    assert one.at_hand.bytes <= 1024 * 1024
    deliver_event(actor, found, "go")
    found = wait_for(found, 20)
    wanted = {"sizes": " ".join(f"{size + 1}{n}" for n in range(4)), "huge": size}
    assert (found.status, found.outputs) == ("succeeded", wanted)
    assert one.at_hand.bytes <= 1024 * 1024
