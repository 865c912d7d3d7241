"""Waiting, deciding, pausing and cancelling by real engines on a real database."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connections

from accounts.actor import Actor
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import Conflict
from tests.fakes.service import FakeService
from workflows.engine.sweeper import Sweeper
from workflows.engine.times import Times
from workflows.models import DeliveredEvent, Effect, Run, StepRun, Wait
from workflows.operations.runs import (
    cancel_run,
    decide,
    deliver_event,
    get_run,
    list_waits,
    pause_run,
    resume_run,
    start_run,
    wait_for,
)

from .conftest import connect_fake, make_workspace, publish, steps_of, until

SAY = {"key": "say", "action": "data.format", "with": {"template": "{{ steps.ask.decision }}"}}


def ask(**given) -> dict:
    return {"key": "ask", "action": "approve", "with": {"title": "Send it?", **given}}


def text(template: str = "x", key: str = "text") -> dict:
    return {"key": key, "action": "data.format", "with": {"template": template}}


def is_now(actor, run, status: str):
    def check():
        found = get_run(actor, run.pk)
        return found if found.status == status else None

    return until(check, 20)


def asked(actor, run) -> Wait:
    return until(lambda: list_waits(actor).filter(run=run).first(), 20)


def test_a_run_that_waits_for_a_person_is_left_alone_until_somebody_answers(workspace, actor, engine):
    engine()
    run = start_run(actor, publish(workspace, {"steps": [ask(), SAY]}).slug)
    run = is_now(actor, run, "waiting")
    other = start_run(actor, publish(workspace, {"steps": [text()]}).slug)
    assert wait_for(other, 10).status == "succeeded", "the engine has looked for work since"
    again = get_run(actor, run.pk)
    assert (again.status, again.claims) == ("waiting", 1) and again.due_at > now() + timedelta(days=36500)
    assert decide(actor, asked(actor, run), "approve") and wait_for(run, 10).status == "succeeded"


def test_an_approval_is_asked_edited_decided_and_both_versions_are_kept(workspace, actor, engine):
    engine()
    field = {"name": "to", "label": "To", "value": "a@example.com", "required": True}
    steps = [ask(fields=[field]), text("{{ steps.ask.values.to }} {{ steps.ask.decision }}")]
    slug = publish(workspace, {"steps": steps, "outputs": {"text": "{{ steps.text.text }}"}}).slug
    run = start_run(actor, slug)
    run, wait = is_now(actor, run, "waiting"), asked(actor, run)
    assert run.worker_id is None, "weeks of waiting cost a row, not a worker"
    wait = decide(actor, wait, "approve", {"to": "b@example.com"}, "the other address")
    run = wait_for(run, 20)
    assert (run.status, run.outputs) == ("succeeded", {"text": "b@example.com approve"}), run.error
    assert (wait.fields[0]["value"], wait.values) == ("a@example.com", {"to": "b@example.com"})
    output = steps_of(run)["ask"].output
    assert output["edited"] == ["to"] and output["decided_by"] == "system: test"
    assert output["comment"] == "the other address"


@pytest.mark.parametrize(
    "step", [ask(), {"key": "go", "action": "wait", "with": {"event": "go"}}], ids=["approval", "event"]
)
def test_a_run_that_waits_without_an_end_is_left_alone_until_something_happens(workspace, actor, engine, step):
    engine()
    run = start_run(actor, publish(workspace, {"steps": [step]}).slug)
    run = is_now(actor, run, "waiting")
    assert run.due_at > now() + timedelta(days=365)
    time.sleep(1.2)
    assert get_run(actor, run.pk).claims == 1


def test_a_decision_that_comes_while_the_run_is_being_released_is_not_lost(workspace, actor, engine, monkeypatch):
    """The run has looked and found nothing; before its row says that it waits, somebody decides."""
    from workflows.engine.driver import Driver

    handed_back = Driver._handed_back
    decided = []

    async def late(self, run_log, record):
        if not decided:
            await run_log.commit()
            wait = await self.loader.reads.run(lambda: Wait.objects.of(workspace).filter(run_id=self.run.id).first())
            decided.append(await self.loader.reads.run(lambda: decide(actor, wait, "approve")))
        return await handed_back(self, run_log, record)

    monkeypatch.setattr(Driver, "_handed_back", late)
    engine()
    run = wait_for(start_run(actor, publish(workspace, {"steps": [ask(), SAY]}).slug), 20)
    assert run.status == "succeeded" and decided


def test_an_answer_is_taken_once_the_same_again_changes_nothing_and_another_is_refused(workspace, actor, engine):
    engine()
    run = start_run(actor, publish(workspace, {"steps": [ask(), SAY]}).slug)
    wait = asked(actor, run)
    is_now(actor, run, "waiting")
    first = decide(actor, wait, "approve")
    assert decide(actor, wait, "approve").decided_at == first.decided_at
    with pytest.raises(Conflict) as refused:
        decide(actor, wait, "reject")
    assert refused.value.code == "E_SETTLED"
    assert wait_for(run, 20).status == "succeeded"


def test_after_the_end_of_the_run_nothing_is_decided_and_nothing_is_asked(workspace, actor, engine):
    engine()
    run = start_run(actor, publish(workspace, {"steps": [ask(), SAY]}).slug)
    wait = asked(actor, run)
    is_now(actor, run, "waiting")
    cancel_run(actor, run)
    assert wait_for(run, 20).status == "cancelled"
    with pytest.raises(Conflict) as refused:
        decide(actor, wait, "approve")
    assert refused.value.code == "E_ENDED" and not list_waits(actor).filter(run=run).exists()


@pytest.mark.skipif("connections['default'].vendor != 'postgresql'", reason="two connections at once")
def test_of_two_who_decide_at_once_one_wins(workspace, actor, engine):
    engine()
    run = start_run(actor, publish(workspace, {"steps": [ask(), SAY]}).slug)
    wait = asked(actor, run)
    is_now(actor, run, "waiting")
    gate, said = threading.Barrier(2), []

    def one(decision: str) -> None:
        gate.wait()
        try:
            decide(actor, wait, decision)
            said.append(decision)
        except Conflict as refused:
            said.append(refused.code)
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=one, args=(decision,)) for decision in ("approve", "reject")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    wait.refresh_from_db()
    assert sorted(said) == sorted(["E_SETTLED", wait.decision])
    assert steps_of(wait_for(run, 20))["ask"].output["decision"] == wait.decision


BRANCH = {"key": "way", "action": "if", "with": {"condition": "inputs.n == 1"}, "then": [ask()], "else": [text()]}
EACH = {"key": "each", "action": "for_each", "with": {"items": ["a", "b"]}, "do": [ask(title="{{ item }}")]}
AT_ONCE = {**EACH, "with": {"items": ["a", "b"], "parallelism": 2}}


@pytest.mark.parametrize(
    "steps, n, questions",
    [
        ([BRANCH], 1, 1),
        ([BRANCH], 2, 0),
        ([EACH], 1, 2),
        ([AT_ONCE], 1, 2),
        ([{**ask(), "when": "inputs.n == 1"}], 2, 0),
        ([{**ask(), "disabled": True}], 1, 0),
        ([ask(due=1, on_timeout="reject", on_reject="continue")], 1, 0),
    ],
    ids=["branch", "other branch", "loop", "at once", "condition", "off", "nobody"],
)
def test_wherever_an_approval_stands_it_is_asked_and_never_parks_for_ever(
    workspace, actor, engine, steps, n, questions
):
    engine()
    definition = {"inputs": [{"name": "n", "type": "integer"}], "steps": steps}
    run = start_run(actor, publish(workspace, definition).slug, {"n": n})
    titles = set()
    for _ in range(questions):
        wait = asked(actor, run)
        titles.add(wait.title)
        decide(actor, wait, "approve")
    run = wait_for(run, 20)
    assert run.status == "succeeded" and len(titles) == (questions if steps[0]["key"] == "each" else min(1, questions))
    assert not Wait.objects.of(workspace).filter(run=run, decided_at__isnull=True).exists()


def test_events_are_kept_until_they_are_waited_for_and_wake_who_waits(workspace, actor, engine):
    engine()
    steps = [
        {"key": "go", "action": "wait", "with": {"event": "go"}},
        {"key": "more", "action": "wait", "with": {"event": "more"}},
    ]
    outputs = {"go": "{{ steps.go.data.n }}", "more": "{{ steps.more.data }}"}
    run = start_run(actor, publish(workspace, {"steps": steps, "outputs": outputs}).slug)
    is_now(actor, run, "waiting")
    deliver_event(actor, run, "more", "early")
    event = deliver_event(actor, run, "go", {"n": 1}, idempotency_key="one")
    assert deliver_event(actor, run, "go", {"n": 1}, idempotency_key="one").pk == event.pk
    run = wait_for(run, 20)
    assert (run.status, run.outputs) == ("succeeded", {"go": 1, "more": "early"})
    assert not DeliveredEvent.objects.of(workspace).filter(run=run, taken_by__isnull=True).exists()
    with pytest.raises(Conflict):
        deliver_event(actor, run, "go", {"n": 2})


def test_a_timer_of_a_second_is_waited_for_and_its_row_is_closed(workspace, actor, engine):
    engine()
    run = start_run(actor, publish(workspace, {"steps": [{"key": "w", "action": "wait", "with": {"seconds": 1}}]}).slug)
    run = wait_for(run, 20)
    assert run.status == "succeeded" and (run.finished_at - run.started_at).total_seconds() >= 1
    wait = Wait.objects.of(workspace).get(run=run)
    assert (wait.kind, wait.decision) == ("timer", "elapsed")


# Workflows of workflows


@pytest.fixture
def other(workspace):
    inputs = [{"name": "who", "type": "text", "required": True}]
    outputs = {"text": "{{ steps.text.text }}"}
    return publish(workspace, {"inputs": inputs, "steps": [text("hi {{ inputs.who }}")], "outputs": outputs})


def call(workflow, **inputs) -> dict:
    return {"key": "call", "action": "run_workflow", "with": {"workflow": workflow.slug, "inputs": inputs}}


def test_a_workflow_runs_another_and_goes_on_with_its_outputs(workspace, actor, engine, other):
    engine()
    outputs = {"text": "{{ steps.call.outputs.text }}"}
    run = wait_for(
        start_run(actor, publish(workspace, {"steps": [call(other, who="Mara")], "outputs": outputs}).slug), 20
    )
    assert (run.status, run.outputs) == ("succeeded", {"text": "hi Mara"}), run.error
    child = Run.objects.of(workspace).get(parent_step__run=run)
    assert (child.workflow_id, child.trigger_kind, child.started_by) == (other.pk, "workflow", run.started_by)
    assert steps_of(run)["call"].output["run_id"] == str(child.pk)


def test_a_workflow_that_fails_fails_the_step_with_its_reason(workspace, actor, engine):
    broken = publish(workspace, {"steps": [{"key": "no", "action": "fail", "with": {"message": "no money"}}]})
    engine()
    run = wait_for(start_run(actor, publish(workspace, {"steps": [call(broken)]}).slug), 20)
    assert (run.status, run.error["code"], run.error["step"]) == ("failed", "E_SUBWORKFLOW", "call")
    assert "no money" in run.error["message"]


@pytest.mark.parametrize("given, code", [({}, "E_REQUIRED"), ({"who": 1, "x": 2}, "E_UNKNOWN_FIELD")])
def test_wrong_inputs_start_nothing(workspace, actor, engine, other, given, code):
    engine()
    run = wait_for(start_run(actor, publish(workspace, {"steps": [call(other, **given)]}).slug), 20)
    assert (run.status, run.error["code"]) == ("failed", code)
    assert not Run.objects.of(workspace).filter(parent_step__run=run).exists()


def test_workflows_that_run_each_other_in_a_circle_are_stopped(workspace, actor, engine):
    first = publish(workspace, {"steps": [text()]})
    second = publish(workspace, {"steps": [call(first)]})
    version = first.published
    version.definition = {**version.definition, "steps": [call(second)]}
    version.save()
    engine()
    run = wait_for(start_run(actor, first.slug), 30)
    assert run.status == "failed" and "cannot run itself" in run.error["message"]


def test_workflows_run_each_other_five_deep_and_not_six(workspace, actor, engine):
    last = publish(workspace, {"steps": [text()]})
    chain = [last]
    for _ in range(6):
        chain.append(publish(workspace, {"steps": [call(chain[-1])]}))
    engine()
    assert wait_for(start_run(actor, chain[5].slug), 40).status == "succeeded"
    run = wait_for(start_run(actor, chain[6].slug), 40)
    assert run.status == "failed" and "at most 5 deep" in run.error["message"]


def test_cancelling_a_run_cancels_what_it_started_first(workspace, actor, engine):
    inner = publish(workspace, {"steps": [ask()]})
    engine()
    run = start_run(actor, publish(workspace, {"steps": [call(inner)]}).slug)
    child = until(lambda: Run.objects.of(workspace).filter(parent_step__run=run, status="waiting").first(), 20)
    is_now(actor, run, "waiting")
    cancel_run(actor, run)
    run = wait_for(run, 20)
    child.refresh_from_db()
    assert (run.status, child.status) == ("cancelled", "cancelled")
    assert child.finished_at <= run.finished_at, "a run has ended when nothing below it goes on"


def test_the_deadline_of_a_run_ends_what_it_started(workspace, actor, engine):
    inner = publish(workspace, {"steps": [ask()]})
    engine()
    run = start_run(actor, publish(workspace, {"settings": {"timeout": 2}, "steps": [call(inner)]}).slug)
    run = wait_for(run, 30)
    assert run.status == "timed_out"
    assert Run.objects.of(workspace).get(parent_step__run=run).status == "cancelled"


# Pause, resume, cancel, deadline: in every state


STATES = {
    "queued": [text()],
    "waiting": [ask(), SAY],
    "timer": [{"key": "w", "action": "wait", "with": {"seconds": 30}}],
    "child": None,
}


@pytest.mark.parametrize("state", STATES)
def test_a_run_is_paused_resumed_and_cancelled_in_every_state(workspace, actor, engine, state):
    steps = STATES[state] or [call(publish(workspace, {"steps": [ask()]}))]
    run = start_run(actor, publish(workspace, {"steps": steps}).slug)
    if state != "queued":
        engine()
        until(lambda: any(s.status == "waiting" for s in steps_of(run).values()), 20)
        if state != "timer":
            is_now(actor, run, "waiting")
    pause_run(actor, run)
    is_now(actor, run, "paused")
    assert pause_run(actor, run).status == "paused", "twice is once"
    resumed = resume_run(actor, run)
    assert (resumed.status in ("queued", "running", "waiting"), resumed.ending) == (True, "")
    with pytest.raises(Conflict) as refused:
        resume_run(actor, run)
    assert refused.value.code == "E_NOT_PAUSED"
    pause_run(actor, run)
    is_now(actor, run, "paused")
    cancel_run(actor, run)
    assert wait_for(run, 20).status == "cancelled"
    for change in (cancel_run, pause_run, resume_run):
        with pytest.raises(Conflict) as ended:
            change(actor, run)
        assert ended.value.code == "E_ENDED"


def test_what_is_decided_while_a_run_is_paused_counts_when_it_goes_on(workspace, actor, engine):
    engine()
    run = start_run(actor, publish(workspace, {"steps": [ask(), SAY]}).slug)
    wait = asked(actor, run)
    is_now(actor, run, "waiting")
    pause_run(actor, run)
    decide(actor, wait, "approve")
    assert is_now(actor, run, "paused").status == "paused"
    resume_run(actor, run)
    assert wait_for(run, 20).status == "succeeded"


def test_pausing_and_resuming_at_once_stops_nothing(workspace, actor, engine):
    engine()
    run = start_run(actor, publish(workspace, {"steps": [{"key": "w", "action": "wait", "with": {"seconds": 2}}]}).slug)
    until(lambda: "w" in steps_of(run), 20)
    for _ in range(5):
        pause_run(actor, run)
        resume_run(actor, run)
    assert wait_for(run, 20).status == "succeeded"


@pytest.mark.parametrize("paused", [False, True])
def test_the_deadline_counts_while_a_run_waits_or_is_paused(workspace, actor, engine, paused):
    engine(Times(lease=6.0, scale=0.1))
    run = start_run(actor, publish(workspace, {"settings": {"timeout": 3600}, "steps": [ask()]}).slug)
    is_now(actor, run, "waiting")
    if paused:
        pause_run(actor, run)
        is_now(actor, run, "paused")
    past = now() - timedelta(seconds=1)
    Run.objects.of(workspace).filter(pk=run.pk).update(deadline_at=past, **({} if paused else {"due_at": past}))
    assert wait_for(run, 20).status == "timed_out"


def test_a_run_that_never_began_is_cancelled_without_any_worker(workspace, actor):
    run = cancel_run(actor, start_run(actor, publish(workspace, {"steps": [text()]}).slug))
    assert run.status == "cancelled" and run.finished_at is not None


def test_nobody_of_another_workspace_sees_or_decides(workspace, actor, engine):
    engine()
    run = start_run(actor, publish(workspace, {"steps": [ask()]}).slug)
    wait = asked(actor, run)
    stranger = Actor.system(make_workspace(), "elsewhere")
    assert not list_waits(stranger).exists()
    from orchestrator_site.lib.errors import NotFound
    from workflows.operations.runs import get_wait

    for look in (lambda: get_wait(stranger, wait.pk), lambda: get_run(stranger, run.pk)):
        with pytest.raises(NotFound):
            look()
    decide(actor, wait, "reject")
    assert wait_for(run, 20).status == "succeeded"


# Beside calls and changes made outside


@pytest.fixture
def service(workspace, settings):
    settings.EXTRA_INTEGRATIONS = ["tests.fakes.integration"]
    found = FakeService().start()
    settings.ALLOW_PRIVATE_HOSTS = [found.url.removeprefix("http://")]
    connect_fake(workspace, found.url)
    yield found
    found.stop()


def make(key: str) -> dict:
    return {"key": key, "action": "fake.make", "with": {"title": key}}


def test_a_pause_awaits_the_change_on_its_way_and_makes_no_other_until_the_run_is_resumed(
    workspace, actor, engine, service
):
    service.plan.append("slow:1")
    engine()
    run = start_run(actor, publish(workspace, {"steps": [make("one"), make("two")]}).slug)
    until(lambda: Effect.objects.of(workspace).filter(run=run, state="sent").exists(), 20)
    pause_run(actor, run)
    is_now(actor, run, "paused")
    assert Effect.objects.of(workspace).get(run=run).state == "confirmed" and len(service.done) == 1
    resume_run(actor, run)
    assert wait_for(run, 20).status == "succeeded"
    assert [e.state for e in Effect.objects.of(workspace).filter(run=run)] == ["confirmed"] * 2
    assert len(service.done) == 2


@pytest.mark.parametrize("then", ["cancel", "pause"])
def test_a_run_that_needs_a_person_is_cancelled_or_paused_and_its_lost_answer_stays_unknown(
    workspace, actor, engine, service, then
):
    service.plan.append("lose")
    engine()
    blind = {"key": "one", "action": "fake.blind", "with": {"title": "A"}}
    run = start_run(actor, publish(workspace, {"steps": [blind]}).slug)
    is_now(actor, run, "attention")
    if then == "pause":
        pause_run(actor, run)
        is_now(actor, run, "paused")
        resume_run(actor, run)
        is_now(actor, run, "attention")
    cancel_run(actor, run)
    assert wait_for(run, 20).status == "cancelled"
    assert Effect.objects.of(workspace).get(run=run).state == "unknown" and len(service.done) == 1


def test_of_branches_at_once_the_first_that_is_approved_closes_the_question_of_the_other(workspace, actor, engine):
    engine()
    branches = [{"key": key, "steps": [{**ask(title=key), "key": f"ask_{key}"}]} for key in ("left", "right")]
    both = {"key": "both", "action": "parallel", "with": {"join": "any"}, "branches": branches}
    outputs = {"winner": "{{ steps.both.winner }}"}
    run = start_run(actor, publish(workspace, {"steps": [both], "outputs": outputs}).slug)
    until(lambda: list_waits(actor).filter(run=run).count() == 2, 20)
    is_now(actor, run, "waiting")
    decide(actor, list_waits(actor).get(run=run, title="right"), "approve")
    run = wait_for(run, 20)
    assert (run.status, run.outputs) == ("succeeded", {"winner": "right"}), run.error
    assert Wait.objects.of(workspace).get(run=run, title="left").decision == "ended"


def test_cancelling_a_run_whose_subworkflow_is_sending_ends_when_the_change_is_certain(
    workspace, actor, engine, service
):
    service.plan.append("slow:1")
    inner = publish(workspace, {"steps": [make("one"), make("two")]})
    engine()
    run = start_run(actor, publish(workspace, {"steps": [call(inner)]}).slug)
    until(lambda: Effect.objects.of(workspace).filter(state="sent").exists(), 20)
    cancel_run(actor, run)
    run = wait_for(run, 20)
    assert run.status == "cancelled" and Effect.objects.of(workspace).get().state == "confirmed"
    assert Run.objects.of(workspace).get(parent_step__run=run).status == "cancelled" and len(service.done) == 1


def test_a_parent_whose_bell_was_never_rung_is_found_by_the_sweeper(workspace, actor, engine, other):
    started = engine()
    run = wait_for(start_run(actor, publish(workspace, {"steps": [call(other, who="Mara")]}).slug), 20)
    steps_of(run)
    StepRun.objects.of(workspace).filter(run=run).update(status="waiting")
    Run.objects.of(workspace).filter(parent_step__run=run).update(finished_at=now() - timedelta(minutes=1))
    Run.objects.of(workspace).filter(pk=run.pk).update(status="waiting", due_at=now() + timedelta(days=1))
    sweeper = Sweeper(started.session.reads, started.session.clients, started.times, started.session.me)
    assert started.session.reads._thread.submit(sweeper.wake_parents).result(10) == 1
    until(lambda: get_run(actor, run.pk).status != "waiting", 10)
