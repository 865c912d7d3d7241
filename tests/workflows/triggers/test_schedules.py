"""Schedules start runs: once for each due time, whoever sees it first; by policy after an outage; not while paused."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connections, transaction

from accounts.actor import Actor
from orchestrator_site.lib.clock import freeze
from orchestrator_site.lib.errors import UserError
from tests.workflows.engine.conftest import engine, until  # noqa: F401
from tests.workflows.triggers.conftest import trigger_of
from workflows.engine import schedules
from workflows.models import Run, ScheduleTick, Trigger
from workflows.operations.backfills import backfill, look_at_range
from workflows.operations.triggers import change_trigger, delete_trigger
from workflows.operations.workflows import delete_workflow, set_enabled

START = datetime(2026, 11, 24, 8, 59, 30, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def again(trigger: Trigger) -> Trigger:
    return Trigger.objects.of(trigger.workspace_id).select_related("workflow", "workspace").get(pk=trigger.pk)


def runs_of(trigger: Trigger):
    return Run.objects.of(trigger.workspace_id).filter(trigger_id=str(trigger.pk)).order_by("id")


def test_a_due_time_starts_the_published_version_with_its_inputs(greet):
    with freeze(START) as clock:
        trigger = trigger_of(
            greet,
            config={"at": "10:00", "timezone": "Europe/Berlin"},
            inputs={"who": "{{ trigger.date }} {{ trigger.time }}"},
        )
        assert not schedules.tick(clock.at) and not runs_of(trigger).exists()
        clock.tick(31)
        schedules.tick(clock.at)
        schedules.tick(clock.at)
    run = runs_of(trigger).get()
    assert run.inputs == {"who": "2026-11-24 10:00"}
    assert (run.trigger_kind, run.version_id, run.status) == ("schedule", greet.published_id, "queued")
    assert run.frozen["trigger"]["due_at"] == "2026-11-24T09:00:00Z" and "tainted_inputs" not in run.frozen
    tick = ScheduleTick.objects.of(greet.workspace).get()
    assert (tick.run_id, tick.due_at) == (run.pk, datetime(2026, 11, 24, 9, 0, tzinfo=UTC))
    assert again(trigger).next_due_at == datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def test_a_due_time_is_there_once_in_the_database_too(greet):
    trigger = trigger_of(greet, config={"cron": "* * * * *"})
    ScheduleTick.objects.create(workspace=greet.workspace, trigger=trigger, due_at=START)
    with pytest.raises(IntegrityError), transaction.atomic():
        ScheduleTick.objects.create(workspace=greet.workspace, trigger=trigger, due_at=START)


@pytest.mark.parametrize("policy, runs, missed", [("coalesce", 1, 499), ("skip", 0, 500), ("all", 100, 400)])
def test_f19_after_an_outage_the_policy_decides(greet, policy, runs, missed):
    with freeze(START) as clock:
        trigger = trigger_of(greet, config={"cron": "* * * * *", "misfire": policy})
        clock.tick(500 * 60 + 20)
        schedules.tick(clock.at)
    assert runs_of(trigger).count() == runs and again(trigger).missed_count == missed
    assert ScheduleTick.objects.of(greet.workspace).count() == runs


def test_what_is_paused_does_not_run_and_makes_up_for_nothing(greet, workspace):
    actor = Actor.system(workspace, "test")
    with freeze(START) as clock:
        trigger = trigger_of(greet, config={"cron": "* * * * *", "misfire": "all"})
        set_enabled(actor, greet, False)
        clock.tick(600)
        schedules.tick(clock.at)
        assert not runs_of(trigger).exists()
        set_enabled(actor, greet, True)
        schedules.tick(clock.at)
        assert not runs_of(trigger).exists() and again(trigger).missed_count == 0
        change_trigger(actor, trigger, enabled=False)
        clock.tick(600)
        schedules.tick(clock.at)
        change_trigger(actor, trigger, enabled=True)
        schedules.tick(clock.at)
        assert not runs_of(trigger).exists()
        clock.tick(60)
        schedules.tick(clock.at)
        assert runs_of(trigger).count() == 1
        delete_trigger(actor, trigger)
        clock.tick(600)
        schedules.tick(clock.at)
        other = trigger_of(greet, config={"cron": "* * * * *"})
        delete_workflow(actor, greet)
        clock.tick(600)
        schedules.tick(clock.at)
    assert runs_of(trigger).count() == 1 and not runs_of(other).exists()


def test_new_times_hold_from_now_on(greet, workspace):
    with freeze(START) as clock:
        trigger = trigger_of(greet, config={"cron": "0 9 * * *"})
        change_trigger(Actor.system(workspace, "test"), trigger, config={"cron": "30 12 * * *"})
        clock.tick(3600)
        schedules.tick(clock.at)
        assert not runs_of(trigger).exists()
        clock.tick(3 * 3600)
        schedules.tick(clock.at)
        assert runs_of(trigger).count() == 1


def test_a_run_that_cannot_be_started_is_told_and_the_schedule_goes_on(greet):
    with freeze(START) as clock:
        trigger = trigger_of(greet, config={"cron": "* * * * *"}, inputs={"who": "{{ trigger.nothing.here }}"})
        clock.tick(31)
        schedules.tick(clock.at)
        found = again(trigger)
        assert found.error["code"] == "E_TPL_UNDEFINED" and found.failures == 1 and found.next_due_at > clock.at
        assert ScheduleTick.objects.of(greet.workspace).get().error["field"] == "inputs.who"
        change_trigger(Actor.system(greet.workspace, "test"), found, inputs={"who": "Ada"})
        clock.tick(60)
        schedules.tick(clock.at)
    found = again(trigger)
    assert runs_of(trigger).count() == 1 and found.error is None and found.failures == 0


def test_a_backfill_runs_each_due_time_once(greet, operator, viewer):
    with freeze(START) as clock:
        trigger = trigger_of(greet, config={"cron": "0 * * * *"}, inputs={"who": "{{ trigger.due_at }}"})
        clock.tick(31)
        schedules.tick(clock.at)
        start, end = START - timedelta(hours=5), START + timedelta(seconds=31)
        seen = look_at_range(operator.actor, trigger, start, end)
        assert (len(seen.due), seen.done) == (5, 1) and runs_of(trigger).count() == 1
        made = backfill(operator.actor, trigger, start, end)
        assert len(made.runs) == 5 and made.runs[0].inputs == {"who": "2026-11-24T04:00:00Z"}
        assert not backfill(operator.actor, trigger, start, end).runs
        assert runs_of(trigger).count() == 6
        for begin, finish, code in (
            (end, start, "E_RANGE"),
            (START - timedelta(days=400), START, "E_RANGE"),
            (START - timedelta(days=100), START, "E_LENGTH"),
            (START, START + timedelta(days=1), "E_RANGE"),
        ):
            with pytest.raises(UserError) as refused:
                backfill(operator.actor, trigger, begin, finish)
            assert refused.value.code == code
        with pytest.raises(UserError):
            backfill(viewer.actor, trigger, start, end)


def test_f20_eight_schedulers_and_every_due_time_has_one_run(real):
    """Real connections; the clock is given. All eight look at the same moment, as workers do (AWO_TICKS=500)."""
    count = int(os.environ.get("AWO_TICKS", "100"))
    with freeze(START):
        trigger = trigger_of(real, config={"cron": "* * * * *"}, inputs={"who": "{{ trigger.due_at }}"})
    together = threading.Barrier(8)
    problems: list[BaseException] = []

    def scheduler() -> None:
        try:
            for n in range(count):
                together.wait(60)
                schedules.tick(START + timedelta(seconds=31 + 60 * n))
        except BaseException as problem:
            problems.append(problem)
            together.abort()
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=scheduler) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(400)
    assert problems == []
    inputs = [run.inputs["who"] for run in runs_of(trigger)]
    assert len(inputs) == len(set(inputs)) == count
    assert ScheduleTick.objects.of(real.workspace_id).count() == count and again(trigger).missed_count == 0


def test_the_engine_looks_by_itself(real, engine):  # noqa: F811
    trigger = trigger_of(real, config={"cron": "* * * * *"})
    Trigger.objects.of(real.workspace_id).filter(pk=trigger.pk).update(next_due_at=datetime.now(UTC))
    engine()
    engine()
    run = until(lambda: runs_of(trigger).filter(status="succeeded").first())
    assert run.outputs == {"text": "Hello "} and runs_of(trigger).count() == 1
