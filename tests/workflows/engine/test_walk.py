"""The walk alone: no database, no service, no time that really passes."""

from __future__ import annotations

import asyncio
import json

import pytest

from workflows.engine.interfaces import Done, Released
from workflows.engine.records import AttemptRecord, Encoded, Failure, StepRecord, StoreRefused

from .fakes import FakeClock, FakeExecutor, FakeLog, run, walk_of


def echo(values: dict) -> dict:
    return {"text": values.get("text"), "id": "1"}


def step(key: str, action: str = "pure.echo", **more) -> dict:
    return {"key": key, "action": action, **more}


def test_an_if_decides_once_and_its_decision_is_a_record():
    log, executor = FakeLog(), FakeExecutor(echo=echo)
    steps = [
        step("ask", "if", **{"with": {"condition": "inputs.n > 1"}, "then": [step("yes")], "else": [step("no")]}),
        step("after", **{"with": {"text": "{{ steps.ask.taken }}"}}),
    ]
    done = run(walk_of(steps, log, executor, inputs={"n": 2}, outputs={"taken": "{{ steps.after.text }}"}))
    assert done.status == "succeeded" and done.outputs == {"taken": "then"}
    assert executor.calls == [("yes", ""), ("after", "")]
    resumed = FakeExecutor(echo=echo)
    del log.stored[("after", "")], log.stored[("yes", "")]
    log.stored[("ask", "")].status = "running"
    run(walk_of(steps, FakeLog(log.stored), resumed, inputs={"n": 0}))
    assert resumed.calls == [("yes", ""), ("after", "")], "the condition is not asked again"


@pytest.mark.parametrize("lanes", [1, 3])
def test_for_each_gives_results_in_order_and_goes_on_when_told_to(lanes):
    def work(values):
        if values["text"] == "b":
            raise Failure("E_X", "b is bad")
        return {"text": values["text"].upper()}

    log, executor = FakeLog(), FakeExecutor(work=work)
    do = [step("work", "pure.work", **{"with": {"text": "{{ item }}"}})]
    loop = {"items": "{{ inputs.list }}", "parallelism": lanes, "on_item_error": "continue"}
    outputs = {
        "all": "{{ steps.loop.results }}",
        "failed": "{{ steps.loop.failed }}",
        "count": "{{ steps.loop.count }}",
    }
    walk = walk_of(
        [step("loop", "for_each", **{"with": loop, "do": do})],
        log,
        executor,
        inputs={"list": list("abc")},
        outputs=outputs,
    )
    done = run(walk)
    assert done.outputs == {"all": [{"work": {"text": "A"}}, {}, {"work": {"text": "C"}}], "failed": 1, "count": 3}
    assert any("1 of 3 items failed" in warning["message"] for warning in done.warnings)
    assert {path for _, path in executor.calls} == {"loop[0]", "loop[1]", "loop[2]"}


def test_a_failing_item_stops_the_run_and_its_siblings_start_nothing_new():
    async def work(values):
        if values["text"] == "a":
            await asyncio.sleep(0.01)
            raise Failure("E_X", "bad")
        await asyncio.sleep(0.05)
        return {"text": ""}

    executor = FakeExecutor(work=work)
    do = [
        step("work", "read.work", **{"with": {"text": "{{ item }}"}}),
        step("more", "read.work", **{"with": {"text": "b"}}),
    ]
    loop = step("loop", "for_each", **{"with": {"items": "{{ inputs.list }}", "parallelism": 3}, "do": do})
    done = run(walk_of([loop], FakeLog(), executor, inputs={"list": list("abb")}))
    assert done.status == "failed" and done.error["code"] == "E_X" and done.error["step"] == "work"
    assert not [call for call in executor.calls if call[0] == "more"]


class SlowLog(FakeLog):
    """Every commit takes a turn of the loop; at one of them the worker is told to drain."""

    drain_at, walk = 0, None

    async def commit(self) -> None:
        await super().commit()
        if self.commits == self.drain_at:
            self.walk.end("drain")
        await asyncio.sleep(0)


@pytest.mark.parametrize("drain_at", range(1, 9))
def test_a_loop_whose_worker_drains_goes_on_with_every_item(drain_at):
    """Found by killing workers: a drained lane ended the others as its siblings, and they counted as done."""
    calls: list[str] = []

    def work(values):
        calls.append(values["text"])
        return {"text": values["text"]}

    def walked(log):
        do = [step(key, "effect.work", **{"with": {"text": "{{ item }}"}}) for key in ("one", "two")]
        loop = step("loop", "for_each", **{"with": {"items": "{{ inputs.list }}", "parallelism": 3}, "do": do})
        outputs = {"all": "{{ steps.loop.results }}"}
        log.walk = walk_of([loop], log, FakeExecutor(work=work), inputs={"list": list("abcd")}, outputs=outputs)
        return run(log.walk)

    log = SlowLog()
    log.drain_at = drain_at
    assert walked(log) == Released("queued", None)
    done = walked(SlowLog(log.stored))
    assert done.outputs == {"all": [{"one": {"text": item}, "two": {"text": item}} for item in "abcd"]}
    assert sorted(calls) == sorted("abcd" * 2), "each step once"


def test_for_each_over_an_object_fails_in_words():
    loop = step("loop", "for_each", **{"with": {"items": "{{ inputs.list }}"}, "do": [step("x")]})
    done = run(walk_of([loop], FakeLog(), FakeExecutor(echo=echo), inputs={"list": {"a": 1}}))
    assert (done.status, done.error["code"]) == ("failed", "E_MAP_INPUT")


def test_a_crash_after_any_record_repeats_no_finished_step():
    """Die after every possible number of records; the next walk does what is left, and each step once."""
    steps = [
        step("one", "read.echo"),
        step(
            "loop",
            "for_each",
            **{"with": {"items": "{{ inputs.list }}", "parallelism": 2}, "do": [step("in", "effect.echo")]},
        ),
        step("ask", "if", **{"with": {"condition": "steps.loop.count == 3"}, "then": [step("yes")], "else": []}),
        step("last", **{"with": {"text": "{{ steps.loop.count }}"}}),
    ]
    for crash_after in range(40):
        first, log = FakeExecutor(echo=echo), FakeLog()
        log.crash_after = crash_after
        run(walk_of(steps, log, first, inputs={"list": [1, 2, 3]}))
        finished = {place for place, s in log.stored.items() if s.status == "succeeded"}
        second = FakeExecutor(echo=echo)
        done = run(
            walk_of(
                steps, FakeLog(log.stored), second, inputs={"list": [1, 2, 3]}, outputs={"n": "{{ steps.last.text }}"}
            )
        )
        assert done.status == "succeeded" and done.outputs == {"n": 3}, crash_after
        assert not finished & set(second.calls), f"repeated after {crash_after} records"


def test_a_temporary_failure_is_tried_again_and_each_attempt_is_on_record():
    tries = iter(
        [Failure("E_A", "busy", kind="unavailable"), Failure("E_B", "limit", kind="rate_limited", retry_after=30), None]
    )

    def work(values):
        problem = next(tries)
        if problem:
            raise problem
        return {"text": "done"}

    log, clock = FakeLog(), FakeClock()
    done = run(walk_of([step("work", "read.work")], log, FakeExecutor(work=work), clock))
    assert done.status == "succeeded"
    attempts = [r for r in log.puts if isinstance(r, AttemptRecord)]
    ended = [(a.n, a.status) for a in attempts if a.status != "running"]
    assert ended == [(1, "failed"), (2, "failed"), (3, "succeeded")]
    assert 1.5 <= clock.waited[0] <= 2.5 and clock.waited[1] >= 30


def test_a_permanent_failure_is_not_tried_again_and_an_error_is_never_an_output():
    log = FakeLog()

    def work(values):
        raise Failure("E_NO", "no", kind="rejected")

    done = run(walk_of([step("work", "read.work"), step("after")], log, FakeExecutor(work=work, echo=echo)))
    assert (done.status, done.error["step"], done.outputs) == ("failed", "work", None)
    assert log.stored[("work", "")].output is None and ("after", "") not in log.stored


@pytest.mark.parametrize(
    "on_error, text", [({"do": "continue"}, "none"), ({"do": "value", "value": {"text": "x"}}, "x")]
)
def test_on_error_says_how_the_run_goes_on_and_the_run_warns(on_error, text):
    def work(values):
        raise Failure("E_NO", "no")

    steps = [
        step("work", "read.work", on_error=on_error),
        step("after", **{"with": {"text": "{{ steps.work.text | default: 'none' }}"}}),
    ]
    done = run(walk_of(steps, FakeLog(), FakeExecutor(work=work, echo=echo), outputs={"t": "{{ steps.after.text }}"}))
    assert (done.status, done.outputs) == ("succeeded", {"t": text})
    assert "no" in done.warnings[0]["message"]


def test_when_and_disabled_skip_a_step_and_say_so():
    log = FakeLog()
    run(walk_of([step("a", when="1 == 2"), step("b", disabled=True), step("c")], log, FakeExecutor(echo=echo)))
    assert [log.stored[(key, "")].status for key in "abc"] == ["skipped", "skipped", "succeeded"]


def test_stop_ends_the_run_as_succeeded_and_fail_as_failed():
    stopped = run(
        walk_of([step("s", "stop", **{"with": {"message": "enough"}}), step("x")], FakeLog(), FakeExecutor(echo=echo))
    )
    failed = run(walk_of([step("f", "fail", **{"with": {"message": "bad"}})], FakeLog(), FakeExecutor()))
    assert stopped.status == "succeeded"
    assert (failed.status, failed.error["message"]) == ("failed", "bad")


def test_an_action_may_finish_the_run_with_a_warning():
    walk_holder = {}

    def work(values):
        walk_holder["task"].finish = "no mail"
        return {"text": ""}

    class Executor(FakeExecutor):
        async def call(self, task):
            walk_holder["task"] = task
            return await super().call(task)

    done = run(walk_of([step("work", "read.work"), step("after")], FakeLog(), Executor(work=work, echo=echo)))
    assert done.status == "succeeded" and done.warnings[0]["message"] == "no mail"


def test_a_long_wait_of_every_branch_releases_the_run_and_a_short_one_does_not():
    def work(values):
        raise Failure("E_LATER", "later", kind="rate_limited", retry_after=3600)

    released = run(walk_of([step("work", "read.work")], FakeLog(), FakeExecutor(work=work)))
    assert isinstance(released, Released) and released.status == "waiting" and released.due is not None


def test_text_from_outside_taints_what_is_made_of_it_but_not_the_ids_of_our_own_changes():
    steps = [
        step("read", "read.echo"),
        step("make", "effect.echo", **{"with": {"text": "{{ steps.read.text }}"}}),
        step("use", "effect.echo", **{"with": {"to": "{{ steps.make.id }}"}}),
        step("abuse", "effect.echo", **{"with": {"to": "{{ steps.make.text }}"}}),
    ]
    log = FakeLog()
    done = run(walk_of(steps, log, FakeExecutor(echo=echo)))
    assert (done.error["code"], done.error["step"]) == ("E_TAINT", "abuse")
    assert log.stored[("use", "")].status == "succeeded"


def test_cancel_aborts_a_read_at_once_and_awaits_a_change():
    async def story(action: str) -> tuple[Done, FakeLog]:
        async def slow(values):
            await asyncio.sleep(0.2)
            return {"text": "", "id": "1"}

        log = FakeLog()
        walk = walk_of([step("work", f"{action}.slow"), step("after", f"{action}.slow")], log, FakeExecutor(slow=slow))
        asyncio.get_running_loop().call_later(0.02, walk.end, "cancelled")
        return await walk.run(), log

    done, log = asyncio.run(story("read"))
    assert done.status == "cancelled" and log.stored[("work", "")].status == "cancelled"
    done, log = asyncio.run(story("effect"))
    assert done.status == "cancelled" and log.stored[("work", "")].status == "succeeded"
    assert ("after", "") not in log.stored


def test_an_effect_waits_for_its_record_before_it_is_called():
    log = FakeLog()
    seen = []

    def work(values):
        seen.append((log.commits, [r.status for r in log.puts if isinstance(r, StepRecord)]))
        return {"text": "", "id": ""}

    run(walk_of([step("work", "effect.work")], log, FakeExecutor(work=work)))
    assert seen == [(1, ["running"])] or seen[0][0] == 1


def test_only_light_templates_are_rendered_on_the_loop():
    aside = []

    async def offload(function):
        aside.append(function)
        return function()

    steps = [
        step("light", **{"with": {"text": "{{ inputs.short }} and more"}}),
        step("whole", **{"with": {"text": "{{ inputs.long }}"}}),
    ]
    executor = FakeExecutor(echo=echo)
    inputs = {"short": "a", "long": "x" * 5000, "list": [{"name": "y" * 50}] * 100}
    run(walk_of(steps, FakeLog(), executor, inputs=inputs, offload=offload))
    assert aside == []
    steps = [
        step("text", **{"with": {"text": "{{ inputs.long }} and more"}}),
        step("filter", **{"with": {"text": "{{ inputs.list | json }}"}}),
        step("loop", **{"with": {"text": "{% for x in inputs.short %}{{ x }}{% endfor %}"}}),
    ]
    outputs = {"size": "{{ inputs.long | size }}"}
    done = run(walk_of(steps, FakeLog(), executor, inputs=inputs, offload=offload, outputs=outputs))
    assert done.status == "succeeded" and len(aside) == 4


def test_a_large_output_is_made_text_beside_the_loop_and_later_steps_see_the_value():
    aside = []

    async def offload(function):
        aside.append(function)
        return function()

    steps = [step("big", "pure.big"), step("next", **{"with": {"text": "{{ steps.big.text }}"}})]
    log = FakeLog()
    executor = FakeExecutor(echo=lambda values: {"size": len(values["text"])}, big=lambda _: {"text": "x" * 300_000})
    done = run(walk_of(steps, log, executor, offload=offload, outputs={"size": "{{ steps.next.size }}"}))
    assert done.outputs == {"size": 300_000} and len(aside) == 2, "its text and its weight"
    assert log.stored[("big", "")].output == Encoded('{"text":"' + "x" * 300_000 + '"}')


def test_a_block_in_which_the_run_is_stopped_says_what_it_had():
    inner = step("ask", "if", **{"with": {"condition": "index == 1"}, "then": [step("enough", "stop")]})
    do = [step("work", **{"with": {"text": "{{ item }}"}}), inner]
    log = FakeLog()
    loop = step("loop", "for_each", **{"with": {"items": "{{ inputs.list }}"}, "do": do})
    done = run(walk_of([loop], log, FakeExecutor(echo=echo), inputs={"list": list("abc")}))
    assert done.status == "succeeded"
    output = log.stored[("loop", "")].output
    assert output["count"] == 3 and [r.get("work", {}).get("text") for r in output["results"]] == ["a", "b", None]
    assert log.stored[("ask", "loop[1]")].output == {"taken": "then", "results": {"enough": {"message": ""}}}


@pytest.mark.parametrize(("items", "parts"), [(99, 0), (250, 2)])
def test_a_long_loop_holds_the_text_of_what_has_ended_and_gives_all_of_it(items, parts):
    log = FakeLog()
    do = [step("work", **{"with": {"text": "{{ item }}"}})]
    loop = step("loop", "for_each", **{"with": {"items": "{{ inputs.list }}", "parallelism": 7}, "do": do})
    outputs = {"last": "{{ steps.loop.results[3].work.text }}", "count": "{{ steps.loop.count }}"}
    walk = walk_of([loop], log, FakeExecutor(echo=echo), inputs={"list": list(range(items))}, outputs=outputs)
    done = run(walk)
    assert done.outputs == {"last": 3, "count": items}
    stored = log.stored[("loop", "")].output
    text = stored.text if isinstance(stored, Encoded) else json.dumps(stored)
    whole = {"results": [{"work": echo({"text": i})} for i in range(items)], "count": items, "failed": 0}
    assert json.loads(text) == whole and isinstance(stored, Encoded) == bool(parts)


def test_results_that_nobody_reads_are_not_built_again():
    do = [step("work", **{"with": {"text": "{{ item }}"}})]
    loop = step("loop", "for_each", **{"with": {"items": "{{ inputs.list }}"}, "do": do})
    walk = walk_of([loop], FakeLog(), FakeExecutor(echo=echo), inputs={"list": [1] * 200}, outputs={})
    assert run(walk).status == "succeeded"
    assert walk._frame.data["steps"]["loop"].fields == {"count": 200, "failed": 0}


def test_results_that_cannot_be_stored_any_more_end_the_run_at_once():
    made = []

    def big(values):
        made.append(1)
        return {"text": "x" * 60_000, "id": "1"}

    loop = step("loop", "for_each", **{"with": {"items": "{{ inputs.list }}"}, "do": [step("work", "pure.big")]})
    with pytest.raises(StoreRefused):
        run(walk_of([loop], FakeLog(), FakeExecutor(big=big), inputs={"list": [1] * 900}))
    assert len(made) == 200


def test_the_items_of_a_loop_are_limited_as_the_installation_says():
    loop = step("loop", "for_each", **{"with": {"items": "{{ inputs.list }}"}, "do": [step("x")]})
    few = run(walk_of([loop], FakeLog(), FakeExecutor(echo=echo), inputs={"list": [1] * 3}, max_items=2))
    assert (few.status, few.error["code"]) == ("failed", "E_MAP_INPUT")
    many = run(walk_of([loop], FakeLog(), FakeExecutor(echo=echo), inputs={"list": [1] * 10_000}, max_items=10_000))
    assert many.status == "succeeded"
