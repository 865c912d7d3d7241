"""Changes made outside, by a real engine against a service that loses answers."""

from __future__ import annotations

import time

import pytest

from orchestrator_site.lib.errors import Conflict, UserError
from tests.fakes.service import FakeService
from workflows.api.shapes import step_json
from workflows.engine.times import Times
from workflows.models import Attempt, Effect, Wait
from workflows.operations.runs import cancel_run, decide, get_effect, settle_effect, start_run

from .conftest import FAST, connect_fake, publish, steps_of, until


@pytest.fixture
def service(workspace, settings):
    settings.EXTRA_INTEGRATIONS = ["tests.fakes.integration"]
    found = FakeService().start()
    settings.ALLOW_PRIVATE_HOSTS = [found.url.removeprefix("http://")]
    connect_fake(workspace, found.url)
    yield found
    found.stop()


def _one(action: str, **more) -> dict:
    return {
        "steps": [{"key": "make", "action": action, "with": {"title": "A"}, **more}],
        "outputs": {"id": "{{ steps.make.id }}"},
    }


def test_a_change_is_on_record_before_it_leaves_and_confirmed_after(workspace, actor, engine, service):
    engine()
    run = start_run(actor, publish(workspace, _one("fake.make")).slug, wait=10)
    assert run.status == "succeeded", run.error
    effect = Effect.objects.of(workspace).get(run=run)
    assert (effect.state, effect.resolution, effect.external_id) == ("confirmed", "answer", "1")
    assert service.keys() == [effect.key]
    assert run.outputs == {"id": "1"}
    assert not Attempt.objects.of(workspace).filter(run=run).exists()


def test_a_lost_answer_is_looked_up_and_adopted_not_repeated(workspace, actor, engine, service):
    service.plan.append("lose")
    engine()
    run = start_run(actor, publish(workspace, _one("fake.make")).slug, wait=20)
    assert run.status == "succeeded", run.error
    effect = Effect.objects.of(workspace).get(run=run)
    assert (effect.state, effect.resolution) == ("confirmed", "found")
    assert len(service.done) == 1


def test_a_change_that_did_not_arrive_is_made_again_with_the_same_key_after_the_settle_time(
    workspace, actor, engine, service, monkeypatch
):
    service.plan.append("drop")
    engine(FAST)
    started = time.monotonic()
    workflow = publish(workspace, _one("fake.make", timeout=1, retry={"max": 2, "delay": 0.1}))
    run = start_run(actor, workflow.slug, wait=30)
    assert run.status == "succeeded", run.error
    first, second = Effect.objects.of(workspace).filter(run=run).order_by("attempt")
    assert (first.state, first.resolution, second.state) == ("absent", "absent", "confirmed")
    assert first.key == second.key and service.keys() == [first.key]
    assert time.monotonic() - started >= 5, "absence may be believed only after the settle time"


def test_a_refusal_that_the_action_expects_is_on_record_and_the_action_goes_on(workspace, actor, engine, service):
    service.plan.extend(["422", "422", "lose"])
    engine()
    run = start_run(actor, publish(workspace, _one("fake.make_somewhere")).slug, wait=20)
    assert run.status == "succeeded", run.error
    effects = Effect.objects.of(workspace).filter(run=run).order_by("seq")
    assert [(one.seq, one.state) for one in effects] == [(1, "refused"), (2, "refused"), (3, "confirmed")]
    assert service.keys() == [effects[2].key] and service.done[0]["place"] == "shelf 2"
    assert not Attempt.objects.of(workspace).filter(run=run).exists(), "nothing was repeated"


def test_a_step_tried_again_is_told_of_its_refusals_by_the_ledger_and_asks_the_service_once(
    workspace, actor, engine, service
):
    service.plan.extend(["422", "429:0"])
    engine()
    run = start_run(actor, publish(workspace, _one("fake.make_somewhere", retry={"delay": 0.1})).slug, wait=20)
    assert run.status == "succeeded", run.error
    asked = Effect.objects.of(workspace).filter(run=run).order_by("seq", "attempt")
    assert [(one.seq, one.state) for one in asked] == [(1, "refused"), (2, "refused"), (2, "confirmed")]
    assert service.requests == 3 and len(service.done) == 1


def test_a_change_nobody_can_look_up_is_asked_of_a_person_who_says_it_happened(workspace, actor, engine, service):
    service.plan.append("lose")
    engine()
    run = start_run(actor, publish(workspace, _one("fake.blind")).slug)
    wait = until(lambda: Wait.objects.of(workspace).filter(run=run, kind="unknown").first())
    until(lambda: type(run).objects.of(workspace).get(pk=run.pk).status == "attention")
    settle_effect(actor, wait.effect, "happened", external_id="1", external_url="http://x/1")
    run = start_again(run)
    assert run.status == "succeeded", run.error
    assert run.outputs == {"id": "1"} and len(service.done) == 1
    assert Effect.objects.of(workspace).get(run=run).resolved_by == "system: test"


def test_what_happened_without_a_known_name_is_null_and_nothing_is_made_up(workspace, actor, engine, service):
    service.plan.append("lose")
    engine()
    run = start_run(actor, publish(workspace, _one("fake.blind")).slug)
    wait = until(lambda: Wait.objects.of(workspace).filter(run=run, kind="unknown").first())
    settle_effect(actor, wait.effect, "happened")
    run = start_again(run)
    assert (run.status, run.outputs) == ("succeeded", {"id": None}), run.error
    assert any("said that this change happened" in text for text in run.warnings)


def test_a_person_may_say_that_it_did_not_happen_and_it_is_made_again(workspace, actor, engine, service):
    service.plan.append("drop")
    engine()
    run = start_run(actor, publish(workspace, _one("fake.blind")).slug)
    wait = until(lambda: Wait.objects.of(workspace).filter(run=run, kind="unknown").first())
    settle_effect(actor, wait.effect, "repeat")
    run = start_again(run)
    assert run.status == "succeeded", run.error
    assert len(service.done) == 1


def test_a_person_may_stop_the_run(workspace, actor, engine, service):
    service.plan.append("lose")
    engine()
    run = start_run(actor, publish(workspace, _one("fake.blind")).slug)
    wait = until(lambda: Wait.objects.of(workspace).filter(run=run, kind="unknown").first())
    settle_effect(actor, wait.effect, "stop")
    run = start_again(run)
    assert (run.status, run.error["code"]) == ("failed", "E_UNKNOWN_STOPPED")
    assert Effect.objects.of(workspace).get(run=run).state == "unknown"


def test_the_decision_on_a_wait_is_checked_and_an_ended_run_repeats_nothing(workspace, actor, engine, service):
    service.plan.append("lose")
    engine()
    run = start_run(actor, publish(workspace, _one("fake.blind")).slug)
    wait = until(lambda: Wait.objects.of(workspace).filter(run=run, kind="unknown").first())
    with pytest.raises(UserError, match="happened, repeat or stop") as refused:
        decide(actor, wait, "approve")
    assert (refused.value.code, refused.value.field) == ("E_CHOICE", "decision")
    until(lambda: type(run).objects.of(workspace).get(pk=run.pk).status == "attention")
    cancel_run(actor, run)
    assert start_again(run).status == "cancelled"
    with pytest.raises(Conflict) as refused:
        settle_effect(actor, get_effect(actor, wait.effect_id), "repeat")
    assert refused.value.code == "E_ENDED"
    assert settle_effect(actor, get_effect(actor, wait.effect_id), "happened").state == "confirmed"
    assert len(service.done) == 1


def test_a_value_that_cannot_be_stored_fails_the_run_in_plain_words(workspace, actor, engine, service, monkeypatch):
    monkeypatch.setattr("workflows.engine.execute.clean_output", lambda output: {"text": float("nan")})
    engine()
    steps = [{"key": "read", "action": "fake.read", "with": {"q": "x"}}]
    run = start_run(actor, publish(workspace, {"steps": steps}).slug, wait=10)
    assert (run.status, run.error["code"], run.error["step"]) == ("failed", "E_STORE", "read")
    assert "cannot be stored" in run.error["message"] and "JSON" not in run.error["message"] and run.error["hint"]
    assert (steps_of(run)["read"].status, steps_of(run)["read"].error["code"]) == ("failed", "E_STORE")


def test_a_skipped_step_was_never_called(workspace, actor, engine):
    engine()
    steps = [{"key": "a", "action": "data.format", "with": {"template": "x"}, "when": "1 == 2"}]
    run = start_run(actor, publish(workspace, {"steps": steps}).slug, wait=10)
    shown = step_json(steps_of(run)["a"])
    assert (shown["status"], shown["attempts"]) == ("skipped", [])


def test_a_certain_no_fails_the_run_and_nothing_is_unknown(workspace, actor, engine, service):
    service.plan.append("422")
    engine()
    run = start_run(actor, publish(workspace, _one("fake.make")).slug, wait=10)
    assert (run.status, run.error["code"], run.error["step"]) == ("failed", "E_REJECTED", "make")
    assert Effect.objects.of(workspace).get(run=run).state == "refused"


def test_too_many_requests_waits_as_long_as_the_service_asks(workspace, actor, engine, service):
    service.plan.append("429")
    engine()
    started = time.monotonic()
    workflow = publish(workspace, _one("fake.make", retry={"max": 1, "delay": 0.01}))
    run = start_run(actor, workflow.slug, wait=10)
    assert run.status == "succeeded", run.error
    assert time.monotonic() - started >= 1.0
    assert [a.status for a in Attempt.objects.of(workspace).filter(run=run).order_by("n")] == ["failed", "succeeded"]


def test_an_unreadable_answer_of_a_change_is_unknown_never_success(workspace, actor, engine, service):
    service.plan.append("html")
    engine()
    run = start_run(actor, publish(workspace, _one("fake.make")).slug, wait=20)
    assert Effect.objects.of(workspace).get(run=run).resolution == "found"
    assert len(service.done) == 1


def test_cancel_waits_for_what_was_sent_and_starts_nothing_new(workspace, actor, engine, service):
    service.plan.append("slow:2")
    engine()
    steps = [
        {"key": "one", "action": "fake.make", "with": {"title": "A"}},
        {"key": "two", "action": "fake.make", "with": {"title": "B"}},
    ]
    run = start_run(actor, publish(workspace, {"steps": steps}).slug)
    until(lambda: Effect.objects.of(workspace).filter(run=run, state="sent").exists())
    cancel_run(actor, run)
    run = start_again(run)
    assert run.status == "cancelled"
    assert Effect.objects.of(workspace).get(run=run).state == "confirmed"
    assert len(service.done) == 1


def test_text_from_outside_never_fills_a_target_at_run_time(workspace, actor, engine, service):
    engine()
    steps = [
        {"key": "read", "action": "fake.read", "with": {"q": "elsewhere"}},
        {"key": "make", "action": "fake.make", "with": {"title": "A", "place": "{{ steps.read.text }}"}},
    ]
    run = start_run(actor, publish(workspace, {"steps": steps}).slug, wait=10)
    assert (run.status, run.error["code"], run.error["step"]) == ("failed", "E_TAINT", "make")
    assert service.done == [] and not Effect.objects.of(workspace).filter(run=run).exists()


def test_what_a_model_used_is_summed_into_the_run(workspace, actor, engine, service):
    engine()
    steps = [{"key": key, "action": "fake.model", "with": {"text": key}} for key in ("a", "b")]
    run = start_run(actor, publish(workspace, {"steps": steps}).slug, wait=10)
    assert run.status == "succeeded", run.error
    assert (run.input_tokens, run.output_tokens, float(run.cost_usd)) == (6, 10, 0.5)
    assert steps_of(run)["a"].output_tokens == 5


def test_a_missing_connection_fails_the_run_before_anything_is_done(workspace, actor, engine, settings):
    settings.EXTRA_INTEGRATIONS = ["tests.fakes.integration"]
    engine()
    run = start_run(actor, publish(workspace, _one("fake.make")).slug, wait=10)
    assert (run.status, run.error["code"], run.error["step"]) == ("failed", "E_NO_CONNECTION", "make")
    assert "connection" in run.error["hint"]


def test_a_block_in_which_the_run_is_stopped_is_not_left_running(workspace, actor, engine):
    engine()
    steps = [
        {
            "key": "decide",
            "action": "if",
            "with": {"condition": "1 == 1"},
            "then": [{"key": "enough", "action": "stop", "with": {"message": "Enough."}}],
        },
        {"key": "never", "action": "data.format", "with": {"template": "x"}},
    ]
    run = start_run(actor, publish(workspace, {"steps": steps}).slug, wait=10)
    assert (run.status, run.warnings) == ("succeeded", [])
    assert {key: step.status for key, step in steps_of(run).items()} == {"decide": "succeeded", "enough": "succeeded"}


def start_again(run):
    """The run when it has ended."""
    from workflows.operations.runs import wait_for

    return wait_for(run, 20)


def test_an_unknown_change_of_an_ended_run_is_still_looked_up_and_the_run_never_changes(
    workspace, actor, engine, service
):
    service.plan.append("slow:4")
    engine(Times(lease=6.0, scale=0.2))
    run = start_run(actor, publish(workspace, _one("fake.make", timeout=1)).slug)
    until(lambda: Effect.objects.of(workspace).filter(run=run, state="sent").exists())
    cancel_run(actor, run)
    run = start_again(run)
    assert run.status == "cancelled"
    assert Effect.objects.of(workspace).get(run=run).state in ("unknown", "confirmed")
    effect = until(lambda: Effect.objects.of(workspace).filter(run=run, state="confirmed").first(), 20)
    assert effect.resolution == "found"
    assert type(run).objects.of(workspace).get(pk=run.pk).status == "cancelled"
