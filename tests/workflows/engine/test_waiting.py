"""Steps that wait, walked without a database: asked once, woken by what happens outside, resumed anywhere."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from orchestrator_site.lib.ids import uuid7
from workflows.engine.interfaces import Done, Released
from workflows.engine.records import ChildRecord, EventTaken, WaitDone, WaitRecord
from workflows.engine.waiting import Answer, ChildState, Event

from .fakes import NOW, FakeClock, FakeExecutor, FakeLog, run, walk_of

SAY = {"key": "say", "action": "pure.echo", "with": {"text": "{{ steps.ask.decision }}"}}
SEND = {"key": "send", "action": "effect.echo", "with": {"to": "{{ steps.ask.values.to }}"}}


class Still(FakeClock):
    """Time stands still while somebody waits."""

    async def wait(self, event, due):
        await event.wait()


class FakeOutside:
    """What others say: a decision, events, and the state of the run that was started."""

    def __init__(self, *, answer: Answer | None = None, events: dict | None = None, child: str = "succeeded") -> None:
        self.said, self.events, self.state = answer, dict(events or {}), child
        self.asked: list[UUID] = []
        self.started: list[tuple] = []
        self.cancelled: list[UUID] = []

    async def answer(self, wait: UUID) -> Answer | None:
        self.asked.append(wait)
        return self.said

    async def event(self, name: str, taken: set[UUID]) -> Event | None:
        return next((Event(id, data) for id, data in self.events.get(name, ()) if id not in taken), None)

    async def new_child(self, workflow: str, inputs: dict, step: UUID, *, tainted: bool) -> ChildRecord:
        self.started.append((workflow, inputs, tainted))
        return ChildRecord(uuid7(), (), ())

    async def child(self, run: UUID) -> ChildState:
        error = {"message": "it broke"} if self.state == "failed" else None
        return ChildState(self.state, "Other", "http://x/run", {"n": 1}, error, {"input_tokens": 5})

    async def cancel_child(self, run: UUID) -> None:
        self.cancelled.append(run)

    async def ring(self) -> None: ...


def ask(**given) -> dict:
    return {"key": "ask", "action": "approve", "with": {"title": "Send it?", **given}}


def wait(**given) -> dict:
    return {"key": "wait", "action": "wait", "with": given}


def walk(steps: list[dict], outside: FakeOutside, log: FakeLog | None = None, **more):
    executor = FakeExecutor(echo=lambda values: {"text": values.get("text"), "to": values.get("to"), "id": "1"})
    return walk_of(steps, log or FakeLog(), executor, outside=outside, **more)


def test_a_long_wait_releases_the_run_and_goes_on_when_its_moment_has_come():
    log, clock = FakeLog(), Still()
    released = run(walk([wait(seconds=3600)], FakeOutside(), log, clock=clock))
    assert released == Released("waiting", NOW + timedelta(hours=1))
    assert [r.kind for r in log.puts if isinstance(r, WaitRecord)] == ["timer"]
    clock.at = NOW + timedelta(hours=1)
    again = FakeLog(log.stored)
    assert run(walk([wait(seconds=3600)], FakeOutside(), again, clock=clock)).status == "succeeded"
    assert not [r for r in again.puts if isinstance(r, WaitRecord)], "one wait has one row"
    assert [r.decision for r in again.puts if isinstance(r, WaitDone)] == ["elapsed"]


@pytest.mark.parametrize(
    "given, due",
    [
        ({"seconds": "{{ inputs.n }}"}, NOW + timedelta(hours=2)),
        ({"until": "2026-01-05T14:00"}, NOW + timedelta(hours=2)),
        ({"until": "2026-01-05T15:00+01:00"}, NOW + timedelta(hours=2)),
    ],
)
def test_how_long_is_said_in_seconds_or_as_a_moment_in_utc_unless_it_says_its_offset(given, due):
    assert run(walk([wait(**given)], FakeOutside(), clock=Still(), inputs={"n": "7200"})) == Released("waiting", due)


def test_a_moment_that_has_passed_is_not_waited_for():
    clock = FakeClock()
    assert run(walk([wait(until="2020-01-01")], FakeOutside(), clock=clock)).status == "succeeded"
    assert not clock.waited


@pytest.mark.parametrize(
    "given, code",
    [
        ({}, "E_VALUE"),
        ({"seconds": 5, "event": "x"}, "E_VALUE"),
        ({"until": "soon"}, "E_DATE"),
        ({"seconds": "{{ inputs.n }}"}, "E_RANGE"),
    ],
)
def test_a_wait_that_cannot_be_understood_fails_in_words(given, code):
    done = run(walk([wait(**given)], FakeOutside(), inputs={"n": 366 * 24 * 3600}))
    assert (done.status, done.error["code"]) == ("failed", code)


def test_an_event_that_came_before_is_taken_once_and_is_text_from_outside():
    first, second = uuid7(), uuid7()
    outside = FakeOutside(events={"paid": [(first, {"to": "x"}), (second, 2)]})
    steps = [wait(event="paid"), {**wait(event="paid"), "key": "more"}]
    log = FakeLog()
    outputs = {"first": "{{ steps.wait.data }}", "second": "{{ steps.more.data }}"}
    done = run(walk(steps, outside, log, outputs=outputs))
    assert done.outputs == {"first": {"to": "x"}, "second": 2}
    assert [r.id for r in log.puts if isinstance(r, EventTaken)] == [first, second]
    bad = {"key": "send", "action": "effect.echo", "with": {"to": "{{ steps.wait.data.to }}"}}
    assert run(walk([wait(event="paid"), bad], outside)).error["code"] == "E_TAINT"


@pytest.mark.parametrize("on_timeout, status", [("fail", "failed"), ("continue", "succeeded")])
def test_an_event_that_does_not_come_in_time(on_timeout, status):
    clock = FakeClock()
    clock.at = NOW
    outputs = {"late": "{{ steps.wait.timed_out }}"}
    done = run(walk([wait(event="paid", due=30, on_timeout=on_timeout)], FakeOutside(), clock=clock, outputs=outputs))
    assert done.status == status and clock.waited == [30]
    assert (done.error or {}).get("code") == ("E_WAIT_TIMEOUT" if on_timeout == "fail" else None)


def test_an_approval_asks_once_and_goes_on_from_what_was_decided():
    log, outside = FakeLog(), FakeOutside()
    field = {"name": "to", "value": "a@x"}
    steps = [ask(fields=[field]), SEND]
    assert run(walk(steps, outside, log)) == Released("waiting", None)
    asked = [r for r in log.puts if isinstance(r, WaitRecord)]
    assert [(r.kind, r.title, r.fields[0]["value"]) for r in asked] == [("approval", "Send it?", "a@x")]
    outside.said = Answer("approve", {"to": "b@x"}, "better", "Mara", "2026-01-05T12:00:00Z")
    again = FakeLog(log.stored)
    done = run(walk(steps, outside, again, outputs={"to": "{{ steps.send.to }}", "e": "{{ steps.ask.edited }}"}))
    assert done.outputs == {"to": "b@x", "e": ["to"]}
    assert not [r for r in again.puts if isinstance(r, WaitRecord)] and set(outside.asked) == {asked[0].id}


def test_after_an_approval_no_position_of_a_crash_asks_again():
    steps = [ask(fields=[{"name": "to", "value": "a"}]), SEND, SAY]
    for crash_after in range(12):
        log, outside = FakeLog(), FakeOutside(answer=Answer("approve", {"to": "a"}, "", "Mara"))
        log.crash_after = crash_after
        run(walk(steps, outside, log))
        asked = [r.id for r in log.puts if isinstance(r, WaitRecord)]
        second = FakeLog(log.stored)
        assert run(walk(steps, outside, second)).status == "succeeded"
        if asked:
            assert not [r for r in second.puts if isinstance(r, WaitRecord)], crash_after


@pytest.mark.parametrize(
    "on_reject, status, warned", [("stop", "succeeded", 1), ("continue", "succeeded", 0), ("fail", "failed", 0)]
)
def test_what_follows_a_rejection_is_the_authors_choice(on_reject, status, warned):
    outside = FakeOutside(answer=Answer("reject", None, "wrong person", "Mara"))
    executor_log = FakeLog()
    done = run(walk([ask(on_reject=on_reject), SAY], outside, executor_log))
    assert (done.status, len(done.warnings)) == (status, warned)
    assert (("say", "") in executor_log.stored) == (on_reject == "continue")
    if on_reject != "continue":
        assert "Mara rejected “Send it?”: wrong person" in str(done)


@pytest.mark.parametrize("on_timeout, status", [("approve", "succeeded"), ("reject", "succeeded"), ("fail", "failed")])
def test_when_nobody_answers_in_time(on_timeout, status):
    class Late(FakeOutside):
        async def answer(self, wait):
            done = [r for r in log.puts if isinstance(r, WaitDone)]
            return Answer("timeout") if done else None

    log = FakeLog()
    done = run(walk([ask(due=30, on_timeout=on_timeout), SAY], Late(), log))
    assert done.status == status and (("say", "") in log.stored) == (on_timeout == "approve")


READ = {"key": "read", "action": "read.echo", "with": {"text": "evil@x"}}


@pytest.mark.parametrize(
    "answer, code",
    [
        (Answer("approve", {"to": "evil@x"}, "", "Mara"), None),
        (Answer("timeout"), "E_TAINT"),
        (Answer("reject", None, "", "Mara"), "E_TAINT"),
    ],
)
def test_only_values_that_a_person_approved_may_fill_a_target(answer, code):
    draft = ask(
        fields=[{"name": "to", "value": "{{ steps.read.text }}"}], due=30, on_timeout="approve", on_reject="continue"
    )
    done = run(walk([READ, draft, SEND], FakeOutside(answer=answer)))
    assert (done.error or {}).get("code") == code


def test_a_decision_between_looking_and_parking_is_not_slept_through():
    class Sly(FakeOutside):
        async def answer(self, wait):
            if not self.asked:
                self.asked.append(wait)
                found.poke(7)  # it comes after the look, before the branch is parked
                return None
            return Answer("approve", {}, "", "Mara")

    found = walk([ask(), SAY], Sly())
    assert run(found).status == "succeeded" and found.seen == 7


def test_a_woken_branch_keeps_the_run_from_being_released_while_another_parks():
    outside = FakeOutside()
    loop = {
        "key": "each", "action": "for_each", "with": {"items": [1, 2], "parallelism": 2},
        "do": [{"key": "ask", "action": "approve", "with": {"title": "{{ item }}"}}],
    }  # fmt: skip

    async def both() -> Done | Released:
        found = walk([loop], outside)
        going = asyncio.ensure_future(found.run())
        await asyncio.sleep(0)
        outside.said = Answer("approve", {}, "", "Mara")
        found.poke(1)
        return await going

    done = asyncio.run(both())
    assert isinstance(done, Done) or done.seen == 1


def test_an_approval_whose_branch_ends_is_closed():
    log = FakeLog()
    block = {"key": "one", "action": "if", "with": {"condition": "inputs.n == 1"}, "then": [ask(due=3600)]}
    found = walk([block], FakeOutside(), log, clock=Still(), inputs={"n": 1}, park_in_memory=1e9)

    async def cut() -> Done | Released:
        going = asyncio.ensure_future(found.run())
        await asyncio.sleep(0.01)
        found.end("cancelled")
        return await going

    assert asyncio.run(cut()).status == "cancelled"
    assert [r.decision for r in log.puts if isinstance(r, WaitDone)] == ["ended"]
    assert log.stored[("ask", "")].status == "cancelled"


CALL = {"key": "call", "action": "run_workflow", "with": {"workflow": "other", "inputs": {"a": "{{ inputs.n }}"}}}


def test_a_subworkflow_is_started_once_and_gives_its_outputs():
    log, outside = FakeLog(), FakeOutside(child="running")
    assert run(walk([CALL], outside, log, inputs={"n": 3})) == Released("waiting", None)
    assert outside.started == [("other", {"a": 3}, False)] and log.commits == 1
    outside.state = "succeeded"
    outputs = {"n": "{{ steps.call.outputs.n }}", "how": "{{ steps.call.status }}"}
    done = run(walk([CALL], outside, FakeLog(log.stored), inputs={"n": 3}, outputs=outputs))
    assert done.outputs == {"n": 1, "how": "succeeded"} and len(outside.started) == 1


def test_the_failure_of_a_subworkflow_is_the_steps_with_its_reason_and_its_address():
    done = run(walk([CALL], FakeOutside(child="failed"), inputs={"n": 3}))
    assert done.error["code"] == "E_SUBWORKFLOW" and "it broke" in done.error["message"]
    assert "http://x/run" in done.error["hint"]
    value = {**CALL, "on_error": {"do": "value", "value": {"outputs": {"n": 9}}}}
    done = run(walk([value], FakeOutside(child="failed"), inputs={"n": 3}, outputs={"n": "{{ steps.call.outputs.n }}"}))
    assert done.outputs == {"n": 9}


def test_what_a_subworkflow_gives_is_text_from_outside():
    send = {"key": "send", "action": "effect.echo", "with": {"to": "{{ steps.call.outputs.n }}"}}
    assert run(walk([CALL, send], FakeOutside(), inputs={"n": 3})).error["code"] == "E_TAINT"


def test_a_pause_lets_a_call_on_its_way_come_back_and_starts_nothing_new():
    async def slow(values):
        await asyncio.sleep(0.02)
        return {"text": "back"}

    log = FakeLog()
    executor = FakeExecutor(slow=slow, echo=lambda values: {"text": ""})
    steps = [{"key": "one", "action": "read.slow"}, {"key": "two", "action": "pure.echo"}]
    found = walk_of(steps, log, executor)

    async def paused() -> Done | Released:
        going = asyncio.ensure_future(found.run())
        await asyncio.sleep(0.005)
        found.end("pause")
        return await going

    assert asyncio.run(paused()).status == "paused"
    assert log.stored[("one", "")].status == "succeeded" and ("two", "") not in log.stored
    assert run(walk_of(steps, FakeLog(log.stored), executor)).status == "succeeded"
    assert executor.calls == [("one", ""), ("two", "")]
