"""I13: a run that has not ended is queued, owned, waiting, paused or needs attention; the sweeper mends the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from orchestrator_site.lib.clock import now
from orchestrator_site.lib.ids import uuid7
from workflows.engine.claims import Reader
from workflows.engine.rows import FAR
from workflows.engine.sql import SqlStore
from workflows.engine.supervisor import Supervisor
from workflows.engine.sweeper import Sweeper
from workflows.engine.times import Times
from workflows.models import Run, Slot, StepRun, Wait, Worker
from workflows.operations.runs import start_batch, start_run, wait_for

from .conftest import publish, until

STEPS = {"steps": [{"key": "a", "action": "data.format", "with": {"template": "x"}}]}


class _Reads:
    def __init__(self) -> None:
        store = SqlStore(connection)
        store.prepare()
        self.reader = Reader(store)


@pytest.fixture
def sweep(transactional_db):
    return Sweeper(_Reads(), None, Times(), None).sweep  # type: ignore[arg-type]


def _parked(workspace, run, status: str = "attention", due=FAR) -> None:
    Run.objects.of(workspace).filter(pk=run.pk).update(status=status, due_at=due, claims=1)


def test_a_run_that_waits_for_nothing_is_queued_again_and_one_that_waits_for_something_is_not(workspace, actor, sweep):
    runs = start_batch(actor, publish(workspace, STEPS).slug, [{}] * 5)
    lost, asked, parent, timed, child = runs
    for run in (lost, asked, parent):
        _parked(workspace, run)
    _parked(workspace, timed, "waiting", now() + timedelta(days=30))
    steps = [
        StepRun.objects.create(workspace=workspace, run=run, key="a", action="x", kind="control", status="waiting")
        for run in (lost, asked, parent)
    ]
    Wait.objects.create(workspace=workspace, run=lost, step_run=steps[0], kind="approval", decided_at=now())
    Wait.objects.create(workspace=workspace, run=asked, step_run=steps[1], kind="approval")
    Run.objects.of(workspace).filter(pk=child.pk).update(parent_step=steps[2])
    assert sweep() == 1
    found = dict(Run.objects.of(workspace).values_list("pk", "status"))
    assert [found[run.pk] for run in (lost, asked, parent, timed)] == ["queued", "attention", "attention", "waiting"]
    Run.objects.of(workspace).filter(pk=child.pk).update(status="failed", finished_at=now())
    assert sweep() == 1, "its run below has ended and nobody has told it"


def test_a_running_run_of_nobody_is_queued_and_rows_of_workers_long_gone_are_taken_away(workspace, actor, sweep):
    run = start_run(actor, publish(workspace, STEPS).slug)
    Run.objects.of(workspace).filter(pk=run.pk).update(status="running", worker=None)
    gone = Worker.objects.create(host="h", pid=1, state="dead", ended_at=now() - timedelta(days=8))
    kept = Worker.objects.create(host="h", pid=2, state="stopped", ended_at=now())
    Slot.objects.create(worker=gone, connection=_connection(workspace), held=1)
    assert sweep() == 1
    assert Run.objects.of(workspace).get(pk=run.pk).status == "queued"
    assert [worker.pk for worker in Worker.objects.all()] == [kept.pk]


def _connection(workspace):
    from integrations.models import Connection

    return Connection.objects.create(workspace=workspace, name="x", service="github")


def test_a_run_that_a_worker_owns_and_does_not_walk_is_released_and_goes_on(workspace, actor, engine):
    """I22: each worker compares its walks with the rows that say they are its own."""
    host = engine(Times(lease=30.0, scale=0.2))
    run = start_run(actor, publish(workspace, STEPS).slug, wait=10)
    me = host.session.me.worker
    lost = Run.objects.of(workspace).get(pk=run.pk)
    lost.pk, lost.idempotency_key = uuid7(), None
    lost.status, lost.finished_at, lost.worker_id, lost.claims, lost.outputs = "running", None, me, 1, None
    lost._state.adding = True
    lost.save()
    assert wait_for(lost, 15).status == "succeeded"
    assert Run.objects.of(workspace).get(pk=lost.pk).claims == 2


# The watchdog of the supervisor


@pytest.fixture
def supervisor(db):
    return Supervisor(run=lambda wedged: None)


def _late(workspace, actor) -> None:
    run = start_run(actor, publish(workspace, STEPS).slug)
    Run.objects.of(workspace).filter(pk=run.pk).update(due_at=now() - timedelta(seconds=20))


def test_a_cluster_that_leaves_due_work_unclaimed_is_stuck(workspace, actor, supervisor):
    assert supervisor._stuck() == ""
    _late(workspace, actor)
    assert "nobody has claimed" in supervisor._stuck()


def test_a_cluster_that_claims_or_has_just_begun_is_not_stuck(workspace, actor, supervisor):
    import time

    _late(workspace, actor)
    worker = Worker.objects.create(host="h", pid=1, last_claim_at=now())
    assert supervisor._stuck() == ""
    worker.last_claim_at = datetime(2026, 1, 1, tzinfo=UTC)
    worker.save()
    supervisor.started.append(time.monotonic())
    assert supervisor._stuck() == ""
    supervisor.started[-1] -= 30
    assert supervisor._stuck()


def test_runs_that_wait_for_their_turn_or_for_later_make_no_cluster_stuck(workspace, actor, supervisor):
    definition = {**STEPS, "settings": {"concurrency": {"limit": 1}}}
    start_run(actor, publish(workspace, definition).slug)
    later = start_run(actor, publish(workspace, STEPS).slug)
    Run.objects.of(workspace).filter(pk=later.pk).update(due_at=now() + timedelta(seconds=60))
    assert supervisor._stuck() == ""


def test_an_engine_that_has_no_room_still_shows_that_it_lives(workspace, actor, engine, settings):
    """Not claiming is no sign of being stuck: a full engine marks its row all the same."""
    settings.ENGINE_RUNS = 1
    host = engine()
    host.session.walks[uuid7()] = (_Nothing(), None)
    host.session._said = -1e9
    before = Worker.objects.get(pk=host.session.me.worker).last_claim_at
    until(lambda: Worker.objects.get(pk=host.session.me.worker).last_claim_at != before, 5)
    host.session.walks.clear()


class _Nothing:
    """A walk that is none."""

    run = None

    def end(self, kind: str) -> None: ...
