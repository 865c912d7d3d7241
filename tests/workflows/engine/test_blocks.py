"""Switch, parallel, repeat, steps after an error and time limits of blocks: the walk alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from workflows.engine.interfaces import Done, Released
from workflows.engine.records import Failure

from .fakes import NOW, FakeClock, FakeExecutor, FakeLog, HeldClock, run, walk_of


def echo(values: dict) -> dict:
    return {"text": values.get("text"), "id": "1"}


def step(key: str, action: str = "pure.echo", **more) -> dict:
    return {"key": key, "action": action, **more}


def says(key: str, text: str, **more) -> dict:
    return step(key, **{"with": {"text": text}}, **more)


# ---- Switch --------------------------------------------------------------------------------------------------

CASES = [{"equals": "bug", "steps": [step("bug")]}, {"equals": 1, "steps": [step("one")]}]


@pytest.mark.parametrize(
    ("value", "ran", "taken"),
    [("bug", "bug", "bug"), (1, "one", 1), (1.0, "one", 1), ("1", "other", None), (True, "other", None)],
)
def test_a_switch_goes_the_way_of_the_equal_case_and_else_the_other(value, ran, taken):
    log, executor = FakeLog(), FakeExecutor(echo=echo)
    switch = step("sort", "switch", **{"with": {"value": "{{ inputs.v }}"}, "cases": CASES, "else": [step("other")]})
    done = run(walk_of([switch], log, executor, inputs={"v": value}, outputs={"taken": "{{ steps.sort.taken }}"}))
    assert [key for key, _ in executor.calls] == [ran] and done.outputs == {"taken": taken}
    assert list(log.stored[("sort", "")].output["results"]) == [ran]


def test_the_choice_of_a_switch_is_a_record():
    switch = step("sort", "switch", **{"with": {"value": "{{ inputs.v }}"}, "cases": CASES})
    log = FakeLog()
    run(walk_of([switch], log, FakeExecutor(echo=echo), inputs={"v": "bug"}))
    del log.stored[("bug", "")]
    log.stored[("sort", "")].status = "running"
    resumed = FakeExecutor(echo=echo)
    run(walk_of([switch], FakeLog(log.stored), resumed, inputs={"v": 1}))
    assert resumed.calls == [("bug", "")]


# ---- Parallel ------------------------------------------------------------------------------------------------


def parallel(join: str = "all", **branches: list) -> dict:
    lists = [{"key": key, "steps": steps} for key, steps in branches.items()]
    return step("both", "parallel", **{"with": {"join": join}, "branches": lists})


async def slow(values: dict) -> dict:
    await asyncio.sleep(0.2)
    return {"text": "slow", "id": "1"}


async def quick(values: dict) -> dict:
    await asyncio.sleep(0.01)
    return {"text": "quick", "id": "1"}


async def broken(values: dict) -> dict:
    await asyncio.sleep(0.01)
    raise Failure("E_X", "broken")


ACTIONS = {"echo": echo, "slow": slow, "quick": quick, "broken": broken}


def test_all_branches_run_at_once_and_their_outputs_stand_under_their_keys():
    meeting = asyncio.Event()

    async def meet(values: dict) -> dict:
        if meeting.is_set():
            return {"text": "second"}
        meeting.set()
        await asyncio.sleep(0.01)
        return {"text": "first"}

    block = parallel(a=[step("x", "read.meet")], b=[step("y", "read.meet"), step("z")])
    outputs = {"x": "{{ steps.both.results.a.x.text }}", "y": "{{ steps.both.results.b.y.text }}"}
    done = run(walk_of([block], FakeLog(), FakeExecutor(meet=meet, echo=echo), outputs=outputs))
    assert (done.status, done.outputs) == ("succeeded", {"x": "first", "y": "second"})


def test_the_first_failure_ends_the_other_branches_and_a_change_on_its_way_is_awaited():
    block = parallel(
        a=[step("x", "read.broken")],
        b=[step("y", "read.slow"), step("y2", "read.slow")],
        c=[step("z", "effect.slow"), step("z2", "effect.slow")],
    )
    log, executor = FakeLog(), FakeExecutor(**ACTIONS)
    done = run(walk_of([block], log, executor))
    assert (done.status, done.error["code"], done.error["step"]) == ("failed", "E_X", "x")
    states = {key: record.status for (key, _), record in log.stored.items()}
    assert states == {"both": "failed", "x": "failed", "y": "cancelled", "z": "succeeded"}


def test_with_any_the_first_success_wins_and_a_failure_does_not_end_the_others():
    block = parallel("any", a=[step("x", "read.broken")], b=[step("y", "read.slow")], c=[step("z", "read.quick")])
    log = FakeLog()
    outputs = {"winner": "{{ steps.both.winner }}", "text": "{{ steps.both.results.c.z.text }}"}
    done = run(walk_of([block], log, FakeExecutor(**ACTIONS), outputs=outputs))
    assert (done.status, done.outputs) == ("succeeded", {"winner": "c", "text": "quick"})
    assert log.stored[("y", "")].status == "cancelled" and log.stored[("both", "")].decision["winner"] == "c"
    assert log.stored[("both", "")].output["results"].keys() == {"c"}


def test_with_any_the_block_fails_when_every_branch_has_failed():
    done = run(
        walk_of(
            [parallel("any", a=[step("x", "read.broken")], b=[step("y", "read.broken")])],
            FakeLog(),
            FakeExecutor(**ACTIONS),
        )
    )
    assert (done.status, done.error["code"]) == ("failed", "E_NO_WINNER")
    assert "a: broken" in done.error["message"] and "b: broken" in done.error["message"]


def test_a_winner_on_record_stays_the_winner_and_nothing_new_starts_beside_it():
    block = parallel("any", a=[step("x", "read.quick")], b=[step("y", "read.slow"), step("y2", "read.slow")])
    log = FakeLog()
    run(walk_of([block], log, FakeExecutor(**ACTIONS)))
    log.stored[("both", "")].status = "running"
    del log.stored[("y", "")]
    resumed = FakeExecutor(**ACTIONS)
    done = run(walk_of([block], FakeLog(log.stored), resumed, outputs={"w": "{{ steps.both.winner }}"}))
    assert done.outputs == {"w": "a"} and resumed.calls == []


def test_the_failure_on_record_stays_the_one_that_speaks():
    block = parallel(a=[step("x", "read.slow")], b=[step("y", "read.broken")])
    log = FakeLog()
    run(walk_of([block], log, FakeExecutor(**ACTIONS)))
    log.stored[("both", "")].status = "running"
    del log.stored[("x", "")]
    resumed = FakeExecutor(**ACTIONS)
    done = run(walk_of([block], FakeLog(log.stored), resumed))
    assert (done.status, done.error["step"], resumed.calls) == ("failed", "y", [])


def test_a_stop_in_a_branch_ends_the_run_as_succeeded():
    log = FakeLog()
    block = parallel(a=[step("x", "read.slow")], b=[step("enough", "stop", **{"with": {"message": "done"}})])
    done = run(walk_of([block, step("after")], log, FakeExecutor(**ACTIONS)))
    assert done.status == "succeeded" and ("after", "") not in log.stored
    assert log.stored[("both", "")].status == "succeeded"


def test_the_run_is_released_only_when_every_branch_is_parked():
    def later(values: dict) -> dict:
        raise Failure("E_LATER", "later", kind="rate_limited", retry_after=3600)

    actions = {**ACTIONS, "later": later}
    inner = step("loop", "for_each", **{"with": {"items": [1, 2], "parallelism": 2}, "do": [step("y", "read.quick")]})
    block = parallel(a=[step("x", "read.later")], b=[inner, step("z", "read.quick")])
    log = FakeLog()
    released = run(walk_of([block], log, FakeExecutor(**actions), HeldClock()))
    assert isinstance(released, Released) and released.status == "waiting"
    assert log.stored[("z", "")].status == "succeeded", "the other branch went on to its end first"


# ---- Repeat --------------------------------------------------------------------------------------------------


def again(*steps: dict, until: str = "steps.work.text == 3", **more) -> dict:
    return step("again", "repeat", **{"with": {"until": until, **more}, "do": list(steps)})


def counting(values: dict) -> dict:
    return {"text": (values.get("text") or 0) + 1, "id": "1"}


WORK = step("work", "effect.count", **{"with": {"text": "{{ last.work.text }}"}})
RESULT = {"text": "{{ steps.again.results.work.text }}", "count": "{{ steps.again.count }}"}


def test_repeat_goes_on_until_the_condition_holds_and_each_pass_sees_the_one_before():
    log, executor = FakeLog(), FakeExecutor(count=counting)
    done = run(walk_of([again(WORK)], log, executor, outputs=RESULT))
    assert done.outputs == {"text": 3, "count": 3}
    assert executor.calls == [("work", f"again[{i}]") for i in range(3)]
    assert log.stored[("again", "")].output["met"] is True


def test_repeat_fails_when_the_passes_are_used_up_or_goes_on_with_a_warning():
    failed = run(walk_of([again(WORK, limit=2)], FakeLog(), FakeExecutor(count=counting)))
    assert (failed.status, failed.error["code"]) == ("failed", "E_LIMIT")
    block = again(WORK, limit=2, on_limit="continue")
    done = run(walk_of([block], FakeLog(), FakeExecutor(count=counting), outputs=RESULT))
    assert done.outputs == {"text": 2, "count": 2} and done.warnings[0]["code"] == "W_LIMIT"


def test_a_repeat_goes_on_in_the_pass_in_which_it_was_cut_off():
    for crash_after in range(14):
        log, first = FakeLog(), FakeExecutor(count=counting)
        log.crash_after = crash_after
        run(walk_of([again(WORK)], log, first, outputs=RESULT))
        known = {place for place, record in log.stored.items() if record.status == "succeeded"}
        second = FakeExecutor(count=counting)
        done = run(walk_of([again(WORK)], FakeLog(log.stored), second, outputs=RESULT))
        assert done.outputs == {"text": 3, "count": 3}, crash_after
        assert not known & set(second.calls)


def test_last_is_as_tainted_as_what_it_holds():
    steps = [step("look", "read.echo"), step("go", "effect.echo", **{"with": {"to": "{{ last.look.id }}"}})]
    done = run(walk_of([again(*steps, until="index == 1")], FakeLog(), FakeExecutor(echo=echo)))
    assert (done.status, done.error["code"], done.error["step"]) == ("failed", "E_TAINT", "go")


# ---- Steps after an error ------------------------------------------------------------------------------------

HANDLED = {"do": "branch", "steps": [says("cure", "{{ error.code }} in {{ error.step }}: {{ error.message }}")]}


def test_the_steps_after_an_error_see_it_and_the_run_goes_on():
    log = FakeLog()
    steps = [
        step("work", "read.broken", on_error=HANDLED),
        says("after", "{{ steps.work.text | default: steps.work.on_error.cure.text }}"),
    ]
    done = run(walk_of(steps, log, FakeExecutor(**ACTIONS), outputs={"t": "{{ steps.after.text }}"}))
    assert (done.status, done.outputs) == ("succeeded", {"t": "E_X in work: broken"})
    assert log.stored[("work", "")].status == "failed" and log.stored[("work", "")].output is None
    assert "broken" in done.warnings[0]["message"]


def test_the_steps_after_an_error_run_once_across_a_crash():
    steps = [step("work", "read.broken", on_error={"do": "branch", "steps": [step("cure", "effect.echo")]}), step("z")]
    for crash_after in range(10):
        log = FakeLog()
        log.crash_after = crash_after
        run(walk_of(steps, log, FakeExecutor(**ACTIONS)))
        cured = ("cure", "") in log.stored and log.stored[("cure", "")].status == "succeeded"
        executor = FakeExecutor(**ACTIONS)
        done = run(walk_of(steps, FakeLog(log.stored), executor))
        assert done.status == "succeeded" and (("cure", "") in executor.calls) is not cured


def test_a_failure_after_an_error_is_a_failure_of_the_run():
    handled = {"do": "branch", "steps": [step("cure", "read.broken")]}
    done = run(walk_of([step("work", "read.broken", on_error=handled)], FakeLog(), FakeExecutor(**ACTIONS)))
    assert (done.status, done.error["step"]) == ("failed", "cure")


KINDS = {
    "pure": step("work", "pure.fails"),
    "read": step("work", "read.fails", retry={"max": 2}),
    "effect": step("work", "effect.fails", retry={"max": 2}),
    "if": step("work", "if", **{"with": {"condition": "1 == 1"}, "then": [step("in", "read.fails", retry={"max": 2})]}),
    "each": step("work", "for_each", **{"with": {"items": [1]}, "do": [step("in", "read.fails", retry={"max": 2})]}),
    "parallel": step("work", "parallel", branches=[{"key": "a", "steps": [step("in", "pure.fails")]}]),
    "repeat": step("work", "repeat", **{"with": {"until": "1 == 1"}, "do": [step("in", "pure.fails")]}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("do", ["stop", "continue", "value", "branch"])
def test_on_error_comes_after_every_attempt_whatever_the_step_is(kind, do):
    tries = []

    def fails(values: dict) -> dict:
        tries.append(1)
        raise Failure("E_BUSY", "busy", kind="unavailable")

    more = {"value": {"value": {"text": "given"}}, "branch": {"steps": [step("cure")]}}
    work = {**KINDS[kind], "on_error": {"do": do, **more.get(do, {})}}
    executor = FakeExecutor(fails=fails, echo=echo)
    outputs = {"t": "{{ steps.work.text | default: 'none' }}"}
    done = run(walk_of([work, step("after")], FakeLog(), executor, outputs=outputs))
    assert len(tries) == (3 if kind in ("read", "effect", "if", "each") else 1)
    assert done.status == ("failed" if do == "stop" else "succeeded")
    ran = [key for key, _ in executor.calls if key in ("cure", "after")]
    assert ran == {"stop": [], "branch": ["cure", "after"]}.get(do, ["after"])
    if do != "stop":
        assert done.outputs == {"t": "given" if do == "value" else "none"}


# ---- Time limits of blocks -----------------------------------------------------------------------------------


def limited(log: FakeLog, clock: FakeClock, *, seconds: int = 10, **more) -> Done | Released:
    def later(values: dict) -> dict:
        raise Failure("E_LATER", "later", kind="rate_limited", retry_after=40)

    work = step("x", "read.later", retry={"max": 10})
    block = step("ask", "if", **{"with": {"condition": "1 == 1"}, "then": [work], "timeout": seconds, **more})
    return run(walk_of([block, step("after")], log, FakeExecutor(later=later, echo=echo), clock))


def test_a_block_that_takes_too_long_fails_and_nothing_new_starts_in_it():
    log, clock = FakeLog(), FakeClock()
    done = limited(log, clock)
    assert (done.status, done.error["code"], done.error["step"]) == ("failed", "E_TIMEOUT", "ask")
    assert clock.at == NOW + timedelta(seconds=10)
    assert log.stored[("x", "")].status == "cancelled" and log.stored[("x", "")].attempts == 1
    on_error = {"do": "continue"}
    assert limited(FakeLog(), FakeClock(), on_error=on_error).status == "succeeded"


def test_the_time_of_a_block_counts_across_a_restart():
    log, clock = FakeLog(), FakeClock()
    log.crash_after = 4
    limited(log, clock, seconds=60)
    resumed = FakeClock()
    resumed.at = NOW + timedelta(seconds=61)
    again_log = FakeLog(log.stored)
    done = limited(again_log, resumed, seconds=60)
    assert (done.error["code"], resumed.at) == ("E_TIMEOUT", NOW + timedelta(seconds=61))


def test_a_run_is_released_until_the_time_of_a_block_is_over():
    def later(values: dict) -> dict:
        raise Failure("E_LATER", "later", kind="rate_limited", retry_after=3600)

    block = step("ask", "if", **{"with": {"condition": "1 == 1"}, "then": [step("x", "read.later")], "timeout": 600})
    released = run(walk_of([block], FakeLog(), FakeExecutor(later=later), HeldClock()))
    assert isinstance(released, Released) and released.due == NOW + timedelta(seconds=600)


def test_a_change_on_its_way_is_awaited_when_the_time_of_a_block_is_over():
    clock = FakeClock()

    async def change(values: dict) -> dict:
        clock.alarms[0][1]()
        await asyncio.sleep(0.01)
        return {"text": "", "id": "1"}

    log = FakeLog()
    then = [step("x", "effect.change"), step("y", "effect.change")]
    block = step("ask", "if", **{"with": {"condition": "1 == 1"}, "then": then, "timeout": 5})
    done = run(walk_of([block], log, FakeExecutor(change=change), clock))
    assert done.error["code"] == "E_TIMEOUT"
    assert log.stored[("x", "")].status == "succeeded" and ("y", "") not in log.stored


def test_a_condition_over_much_data_is_answered_beside_the_loop():
    aside = []

    async def offload(function):
        aside.append(function)
        return function()

    steps = [
        step("ask", "if", **{"with": {"condition": "inputs.long contains 'x'"}, "then": [step("a")]}),
        step("b", when="inputs.long contains 'x'"),
        step("c", when="inputs.short contains 'x'"),
        again(step("work"), until="inputs.long contains 'x'"),
    ]
    inputs = {"long": "x" * 5000, "short": "x"}
    done = run(walk_of(steps, FakeLog(), FakeExecutor(echo=echo), inputs=inputs, offload=offload))
    assert done.status == "succeeded" and len(aside) == 3
