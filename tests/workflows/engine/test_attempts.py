"""Attempts tell what was really called: lost answers, repetitions, people's answers and dead workers."""

from __future__ import annotations

import pytest

from orchestrator_site.lib.clock import now
from orchestrator_site.lib.ids import uuid7
from tests.fakes.service import FakeService
from workflows.api.shapes import step_json
from workflows.engine.records import AttemptRecord, StepRecord
from workflows.models import Attempt, Effect, Run, RunStatus, StepRun, Wait
from workflows.operations.runs import settle_effect, start_run, wait_for

from .conftest import connect_fake, publish, steps_of, until
from .fakes import FakeExecutor, FakeLog, run, walk_of


@pytest.fixture
def service(workspace, settings):
    settings.EXTRA_INTEGRATIONS = ["tests.fakes.integration"]
    found = FakeService().start()
    settings.ALLOW_PRIVATE_HOSTS = [found.url.removeprefix("http://")]
    connect_fake(workspace, found.url)
    yield found
    found.stop()


def _one(action: str, **more) -> dict:
    return {"steps": [{"key": "make", "action": action, "with": {"title": "A"}, **more}]}


def _attempts(found: Run) -> list[tuple[int, str, str | None]]:
    """(n, status, error code) as the API shows them."""
    step = steps_of(found)["make"]
    shown = step_json(step, step.attempts.all())["attempts"]
    assert step.attempts_count == len(shown)
    assert all(each["started_at"] and each["finished_at"] for each in shown)
    return [(each["n"], each["status"], (each["error"] or {}).get("code")) for each in shown]


def _ask(workspace, actor, fault: str, service) -> tuple[Run, Wait]:
    service.plan.append(fault)
    found = start_run(actor, publish(workspace, _one("fake.blind")).slug)
    wait = until(lambda: Wait.objects.of(workspace).filter(run=found, kind="unknown").first())
    return found, wait


def test_a_lost_change_that_was_not_there_is_an_unknown_attempt_and_then_a_second_one(
    workspace, actor, engine, service
):
    service.plan.append("drop")
    engine()
    workflow = publish(workspace, _one("fake.make", timeout=1, retry={"max": 2, "delay": 0.1}))
    found = start_run(actor, workflow.slug, wait=30)
    assert found.status == "succeeded", found.error
    assert _attempts(found) == [(1, "unknown", "E_ABSENT"), (2, "succeeded", None)]


def test_a_lost_change_that_was_found_is_one_attempt(workspace, actor, engine, service):
    service.plan.append("lose")
    engine()
    found = start_run(actor, publish(workspace, _one("fake.make")).slug, wait=20)
    assert Effect.objects.of(workspace).get(run=found).resolution == "found"
    assert _attempts(found) == [(1, "succeeded", None)]


def test_a_step_that_says_retry_shows_the_unknown_attempt_and_the_repetition(workspace, actor, engine, service):
    service.plan.append("drop")
    engine()
    workflow = publish(workspace, _one("fake.make", unknown="retry", retry={"max": 2, "delay": 0.1}))
    found = start_run(actor, workflow.slug, wait=20)
    assert found.status == "succeeded", found.error
    (first, second) = _attempts(found)
    assert first[:2] == (1, "unknown") and first[2].startswith("E_") and second == (2, "succeeded", None)


def test_a_step_that_says_retry_is_not_sent_for_ever(workspace, actor, engine, service):
    service.plan.extend(["500"] * 20)
    engine()
    workflow = publish(workspace, _one("fake.make", unknown="retry", retry={"max": 2, "delay": 0.1}))
    found = start_run(actor, workflow.slug, wait=20)
    assert (found.status, found.error["code"]) == ("failed", "E_UNKNOWN"), found.error
    assert [each[:2] for each in _attempts(found)] == [(1, "unknown"), (2, "unknown"), (3, "unknown")]
    assert service.requests == 3


@pytest.mark.parametrize("parked", [True, False])
def test_a_person_who_says_repeat_makes_a_second_attempt(workspace, actor, engine, service, parked):
    engine()
    found, wait = _ask(workspace, actor, "drop", service)
    if parked:
        until(lambda: Run.objects.of(workspace).get(pk=found.pk).status == RunStatus.ATTENTION)
    settle_effect(actor, wait.effect, "repeat")
    found = wait_for(found, 20)
    assert found.status == "succeeded", found.error
    (first, second) = _attempts(found)
    assert first[:2] == (1, "unknown") and first[2].startswith("E_") and second == (2, "succeeded", None)


@pytest.mark.parametrize("parked", [True, False])
def test_after_a_person_said_that_it_happened_there_is_one_attempt(workspace, actor, engine, service, parked):
    engine()
    found, wait = _ask(workspace, actor, "lose", service)
    if parked:
        until(lambda: Run.objects.of(workspace).get(pk=found.pk).status == RunStatus.ATTENTION)
    settle_effect(actor, wait.effect, "happened", external_id="1")
    found = wait_for(found, 20)
    assert found.status == "succeeded", found.error
    assert _attempts(found) == [(1, "succeeded", None)]
    assert len(service.done) == 1


def test_a_read_that_was_cut_off_by_a_death_is_an_attempt_of_its_own(workspace, actor, engine, service):
    workflow = publish(workspace, {"steps": [{"key": "make", "action": "fake.read", "with": {"q": "x"}}]})
    found = start_run(actor, workflow.slug)
    StepRun.objects.create(
        workspace=workspace,
        run=found,
        key="make",
        action="fake.read",
        kind="read",
        status="running",
        seq=1,
        input={"q": "x"},
        connection_id=_connection(workspace),
        attempts_count=1,
        started_at=now(),
    )
    Run.objects.of(workspace).filter(pk=found.pk).update(claims=1, started_at=now())
    engine()
    found = wait_for(found, 20)
    assert found.status == "succeeded", found.error
    assert _attempts(found) == [(1, "failed", "E_INTERRUPTED"), (2, "succeeded", None)]
    assert "died during this call" in Attempt.objects.of(workspace).get(run=found, n=1).error["message"]


def _connection(workspace):
    from integrations.models import Connection

    return Connection.objects.of(workspace).get(service="fake").pk


def test_in_a_run_that_ends_the_attempt_a_dead_worker_was_in_is_put_on_record(workspace, actor, engine, service):
    workflow = publish(workspace, {"steps": [{"key": "make", "action": "fake.read", "with": {"q": "x"}}]})
    found = start_run(actor, workflow.slug)
    StepRun.objects.create(
        workspace=workspace,
        run=found,
        key="make",
        action="fake.read",
        kind="read",
        status="running",
        seq=1,
        input={"q": "x"},
        attempts_count=1,
        started_at=now(),
    )
    Run.objects.of(workspace).filter(pk=found.pk).update(claims=1, started_at=now(), ending="cancel")
    engine()
    found = wait_for(found, 20)
    assert found.status == "cancelled"
    assert _attempts(found) == [(1, "failed", "E_INTERRUPTED")]


def test_a_repetition_is_on_record_before_it_leaves():
    """Pure: the second call finds its own row written, and its row is replaced by what became of it."""
    log = FakeLog()
    seen = []

    def work(values):
        seen.append([(a.n, a.status) for a in log.puts if isinstance(a, AttemptRecord)])
        return {"text": ""}

    record = StepRecord(uuid7(), "work", "", "read.work", "read", "running", attempts=1, input={}, started_at=now())
    log.stored[("work", "")] = log.known[("work", "")] = record
    done = run(walk_of([{"key": "work", "action": "read.work"}], log, FakeExecutor(work=work)))
    assert done.status == "succeeded"
    assert seen == [[(1, "failed"), (2, "running")]]
    assert [(a.n, a.status) for a in log.puts if isinstance(a, AttemptRecord)][-1] == (2, "succeeded")
