"""The races that engine.md names, with two real connections: each waits for the other's row and then knows better."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections, transaction

from orchestrator_site.lib.ids import uuid7
from workflows.engine import poison, protocol
from workflows.engine.claims import Reader
from workflows.engine.journal import Journal, RunLog
from workflows.engine.protocol import Me, Memo, Sighting, Verdict
from workflows.engine.records import RunRecord, StepRecord
from workflows.engine.sql import SqlStore
from workflows.models import Run, StepRun, Worker
from workflows.operations.runs import start_run, wake

from .conftest import publish
from .test_journal import WHO, postgres

pytestmark = [postgres, pytest.mark.postgres]


@pytest.fixture
def store(transactional_db):
    found = SqlStore(connection)
    found.prepare()
    return found


@pytest.fixture
def me(store):
    found = Me(uuid7(), 1)
    Reader(store).register(found, WHO, (1, 1))
    return found


@pytest.fixture
def claimed(workspace, actor, store, me):
    steps = [{"key": "a", "action": "data.format", "with": {"template": "x"}}]
    run = start_run(actor, publish(workspace, {"steps": steps}).slug)
    [(_, fence)] = protocol.claim(store, me, 10)
    return run, fence


class Beside:
    """Something done on a connection of its own, which must wait for us."""

    def __init__(self, work: Callable[[SqlStore], object]) -> None:
        self.answer: object = None

        def run() -> None:
            mine = SqlStore(connections["default"])
            mine.prepare()
            try:
                self.answer = work(mine)
            finally:
                connections["default"].close()

        self.thread = threading.Thread(target=run)
        self.thread.start()
        self.thread.join(0.3)

    @property
    def waits(self) -> bool:
        """Whether it is held up."""
        return self.thread.is_alive()

    def end(self) -> object:
        """What came of it."""
        self.thread.join(5)
        assert not self.thread.is_alive()
        return self.answer


def put(me, run, fence, *records):
    log = RunLog(Journal(None, me, connection.vendor, lambda sent: None), run.id, fence, [])  # type: ignore[arg-type]
    return log.journal.make(log, records)


def step() -> StepRecord:
    return StepRecord(id=uuid7(), key="a", path="", action="x.y", kind="effect", status="running")


def status(run) -> tuple[str, object]:
    found = Run.objects.of(run.workspace_id).get(pk=run.pk)
    return found.status, found.worker_id


def test_a_take_over_that_meets_a_batch_waits_and_finds_that_the_worker_lives(workspace, claimed, me, store):
    run, fence = claimed
    store.begin()
    assert store.advance_worker(me, 1) == 1
    other = Beside(lambda its: protocol.take_over(its, Sighting(me.worker, 1, 0, 0)))
    assert other.waits, "it must wait for the worker's row"
    store.write(me, [put(me, run, fence, step())])
    store.commit()
    assert other.end() is None
    assert status(run) == ("running", me.worker)
    assert StepRun.objects.of(workspace).filter(run=run).exists()


def test_a_batch_that_meets_a_take_over_waits_and_finds_that_it_has_lost_everything(workspace, claimed, me, store):
    run, fence = claimed
    store.begin()
    assert store.bump_worker(Sighting(me.worker, 1, 0, 0)) == 1
    batch = Beside(lambda its: protocol.batch(its, me, 1, [put(me, run, fence, step())], Memo()))
    assert batch.waits
    store.requeue(Sighting(me.worker, 1, 0, 0), store.orphans(me.worker))
    store.commit()
    assert batch.end() is Verdict.TAKEN_OVER
    assert status(run) == ("queued", None)
    assert not StepRun.objects.of(workspace).filter(run=run).exists()


def test_a_claim_that_meets_its_own_take_over_claims_nothing(workspace, actor, claimed, me, store):
    other_run = start_run(actor, claimed[0].workflow.slug)
    store.begin()
    assert store.bump_worker(Sighting(me.worker, 1, 0, 0)) == 1
    claim = Beside(lambda its: protocol.claim(its, me, 10))
    assert claim.waits
    store.commit()
    assert claim.end() is None
    assert status(other_run) == ("queued", None)


def test_two_that_take_over_the_same_worker_are_one(claimed, me, store):
    run, _ = claimed
    store.begin()
    assert store.bump_worker(Sighting(me.worker, 1, 0, 0)) == 1
    other = Beside(lambda its: protocol.take_over(its, Sighting(me.worker, 1, 0, 0)))
    assert other.waits
    assert store.requeue(Sighting(me.worker, 1, 0, 0), store.orphans(me.worker)) == 1
    store.commit()
    assert other.end() is None
    deaths = Run.objects.of(run.workspace_id).get(pk=run.pk).deaths
    assert (deaths, Worker.objects.get(pk=me.worker).fence) == (poison.AMONG_SUSPECTS + 2, 2), "one death, not two"


def test_a_decision_that_meets_the_release_waits_and_queues_the_run_again(claimed, me, store):
    run, fence = claimed
    released = put(me, run, fence, RunRecord("waiting", release=True, wake_seq=0))
    store.begin()
    store.advance_worker(me, 1)
    assert store.write(me, [released]) == [True]
    decision = Beside(lambda its: wake(run))
    assert decision.waits, "it must wait for the run's row"
    store.commit()
    assert decision.end() is True
    assert status(run) == ("queued", None)


def test_a_release_that_meets_a_decision_waits_and_changes_nothing(claimed, me, store):
    run, fence = claimed
    released = put(me, run, fence, RunRecord("waiting", release=True, wake_seq=0))
    memo = Memo()
    with transaction.atomic():
        wake(run)
        batch = Beside(lambda its: protocol.batch(its, me, 1, [released], memo))
        assert batch.waits
    assert batch.end() is Verdict.COMMITTED
    assert memo.results == [False], "the owner must walk again"
    assert status(run) == ("running", me.worker)


def test_a_cancel_that_meets_the_end_comes_too_late_and_the_end_stays(claimed, me, store):
    run, fence = claimed
    store.begin()
    store.advance_worker(me, 1)
    assert store.write(me, [put(me, run, fence, RunRecord("succeeded", release=True))]) == [True]
    cancel = Beside(lambda its: wake(run, ending="cancel"))
    assert cancel.waits
    store.commit()
    assert cancel.end() is False
    assert status(run) == ("succeeded", None)


def test_two_workers_that_claim_at_once_never_own_the_same_run(workspace, actor, store, me):
    """SKIP LOCKED: what one has locked and not yet committed, the other passes over; nothing is owned twice."""
    definition = {"steps": [{"key": "a", "action": "data.format", "with": {"template": "x"}}]}
    workflow = publish(workspace, definition)
    runs = [start_run(actor, workflow.slug) for _ in range(6)]
    other = Me(uuid7(), 1)
    Reader(store).register(other, WHO, (1, 1))
    store.begin()
    store.hold_worker(me)
    mine = store.take_queued(me, 3)
    claim = Beside(lambda its: protocol.claim(its, other, 10))
    theirs = claim.end()
    store.commit()
    assert isinstance(theirs, list) and len(mine) + len(theirs) == len(runs)
    owners = Run.objects.of(workspace).values_list("pk", "worker_id", "fence")
    assert {run: owner for run, owner, _ in owners} == {
        **{run: me.worker for run, _ in mine},
        **{run: other.worker for run, _ in theirs},
    }
    assert {fence for _, _, fence in owners} == {1}
