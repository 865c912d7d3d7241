"""The journal on a real database: fences, proofs, guilty records; and the races of engine.md with two connections."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.db import OperationalError, connection, connections

from orchestrator_site.lib.ids import uuid7
from workflows.engine import protocol
from workflows.engine.claims import Reader
from workflows.engine.identity import Identity
from workflows.engine.journal import Journal, RunLog
from workflows.engine.protocol import Me, Memo, Sighting, Verdict
from workflows.engine.records import RunRecord, Stale, StepRecord, StoreRefused
from workflows.engine.shelf import Away, Shelf
from workflows.engine.sql import SqlStore
from workflows.models import Run, StepRun, Worker
from workflows.operations.runs import cancel_run, start_run, wake

from .conftest import publish, until

WHO = Identity("here", "boot", "ns", 1, "1")
postgres = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="rows are locked one by one on PostgreSQL")


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
    workflow = publish(workspace, {"steps": [{"key": "a", "action": "data.format", "with": {"template": "x"}}]})
    run = start_run(actor, workflow.slug)
    [(_, fence)] = protocol.claim(store, me, 10)
    return run, fence


def record(**more) -> StepRecord:
    return StepRecord(
        **{"id": uuid7(), "key": "a", "path": "", "action": "x.y", "kind": "pure", "status": "succeeded", **more}
    )


def with_journal(me, story):
    """Run a story on a loop with a journal."""

    async def main():
        journal = Journal(asyncio.get_running_loop(), me, connection.vendor, lambda sent: None)
        journal.start()
        try:
            return await story(journal)
        finally:
            journal.stop()
            await asyncio.to_thread(journal.join, 10)

    return asyncio.run(main())


def test_records_are_committed_in_order_and_a_newer_image_replaces_the_older(workspace, claimed, me):
    run, fence = claimed

    async def story(journal):
        log = RunLog(journal, run.id, fence, [])
        step = record(status="running")
        log.put(step)
        step.status, step.output = "succeeded", {"text": "ü \u2028"}
        log.put(step)
        await log.commit()

    with_journal(me, story)
    stored = StepRun.objects.of(workspace).get(run=run)
    assert (stored.status, stored.output, stored.seq) == ("succeeded", {"text": "ü \u2028"}, 2)


def test_a_record_with_an_old_fence_changes_nothing_and_the_others_commit(workspace, claimed, me):
    run, fence = claimed

    async def story(journal):
        good, stale = RunLog(journal, run.id, fence, []), RunLog(journal, run.id, fence - 1, [])
        stale.put(record(key="stale"))
        good.put(record(key="good"))
        await good.commit()
        with pytest.raises(Stale):
            await stale.commit()

    with_journal(me, story)
    assert [step.key for step in StepRun.objects.of(workspace).filter(run=run)] == ["good"]


def test_a_record_the_database_refuses_fails_its_own_run_and_the_rest_commit(workspace, actor, claimed, me, store):
    run, fence = claimed
    other = start_run(actor, run.workflow.slug)
    [(_, other_fence)] = protocol.claim(store, me, 10)

    async def story(journal):
        bad, good = RunLog(journal, run.id, fence, []), RunLog(journal, other.id, other_fence, [])
        bad.put(record(key="bad", status=None))
        good.put(record(key="good"))
        await good.commit()
        with pytest.raises(StoreRefused, match="“bad”") as refused:
            await bad.commit()
        assert not any(word in str(refused.value).lower() for word in ("null", "constraint", "column", "insert"))
        assert refused.value.hint and refused.value.step == "bad"
        with pytest.raises(StoreRefused):
            bad.put(record(key="later"))

    with_journal(me, story)
    assert [step.key for step in StepRun.objects.of(workspace)] == ["good"]


def test_a_batch_whose_answer_was_lost_is_replayed_and_counts_once(claimed, me, store):
    run, fence = claimed
    log = RunLog(Journal(None, me, connection.vendor, lambda sent: None), run.id, fence, [])  # type: ignore[arg-type]
    put = log.journal.make(log, (record(),))
    memo = Memo()
    assert protocol.batch(store, me, 1, [put], memo) is Verdict.COMMITTED
    assert protocol.batch(store, me, 1, [put], memo) is Verdict.COMMITTED
    assert Worker.objects.get(pk=me.worker).seq == 1
    assert protocol.batch(store, Me(me.worker, 7), 2, [put], memo) is Verdict.TAKEN_OVER


def test_a_lost_connection_in_a_commit_is_answered_by_the_same_batch(workspace, claimed, me, monkeypatch):
    run, fence = claimed
    lost = iter([True])
    commit = SqlStore.commit

    def broken(self):
        commit(self)
        if threading.current_thread().name == "journal" and next(lost, False):
            raise OperationalError("the connection is gone")

    monkeypatch.setattr(SqlStore, "commit", broken)

    async def story(journal):
        log = RunLog(journal, run.id, fence, [])
        log.put(record())
        await log.commit()
        return journal.batches

    assert with_journal(me, story) == 1
    assert StepRun.objects.of(workspace).filter(run=run).count() == 1


def test_a_take_over_needs_the_worker_exactly_as_it_was_seen(claimed, me, store):
    run, _ = claimed
    assert protocol.take_over(store, Sighting(me.worker, 1, 5, 5)) is None
    assert protocol.take_over(store, Sighting(me.worker, 1, 0, 0)) == 1
    again = Run.objects.of(run.workspace_id).get(pk=run.pk)
    assert (again.status, again.worker_id) == ("queued", None)
    assert protocol.claim(store, me, 10) is None, "a dead worker claims nothing"


def test_a_decision_between_reading_and_releasing_is_not_lost(workspace, claimed, me):
    run, fence = claimed

    async def story(journal):
        log = RunLog(journal, run.id, fence, [])
        await asyncio.to_thread(lambda: (wake(run), connections.close_all()))
        log.put(RunRecord("waiting", release=True, wake_seq=0))
        await log.commit()
        return log.last_result

    assert with_journal(me, story) is False, "the owner must walk again"
    assert Run.objects.of(workspace).get(pk=run.pk).status == "running"


def test_cancel_wakes_a_run_that_waits_and_terminal_is_terminal(workspace, actor, claimed, me):
    run, _ = claimed
    Run.objects.of(workspace).filter(pk=run.pk).update(status="waiting", worker=None)
    assert cancel_run(actor, run).status == "queued"
    Run.objects.of(workspace).filter(pk=run.pk).update(status="succeeded")
    assert not wake(run)


@postgres
@pytest.mark.postgres
def test_on_postgresql_a_stale_intent_cannot_commit_after_the_take_over(claimed, me, store):
    """The batch waits for the take-over's lock on the worker's row, and then finds its fence moved."""
    run, fence = claimed
    log = RunLog(Journal(None, me, connection.vendor, lambda sent: None), run.id, fence, [])  # type: ignore[arg-type]
    put = log.journal.make(log, (record(),))
    verdicts: list[Verdict] = []
    store.begin()
    assert store.bump_worker(Sighting(me.worker, 1, 0, 0)) == 1

    def old_owner():
        mine = SqlStore(connections["default"])
        verdicts.append(protocol.batch(mine, me, 1, [put], Memo()))
        connections["default"].close()

    thread = threading.Thread(target=old_owner)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive(), "it must wait for the worker's row"
    store.requeue(Sighting(me.worker, 1, 0, 0), store.orphans(me.worker))
    store.commit()
    thread.join(5)
    assert verdicts == [Verdict.TAKEN_OVER]
    assert not StepRun.objects.of(run.workspace_id).filter(run=run).exists()


@postgres
@pytest.mark.postgres
def test_on_postgresql_two_workers_claim_different_runs(workspace, actor, store, me):
    workflow = publish(workspace, {"steps": [{"key": "a", "action": "data.format", "with": {"template": "x"}}]})
    runs = [start_run(actor, workflow.slug) for _ in range(4)]
    other = Me(uuid7(), 1)
    Reader(store).register(other, WHO, (1, 1))
    store.begin()
    store.hold_worker(me)
    mine = store._take_from(me, store.id(workspace.id), 2)
    theirs: list = []

    def second():
        connections["default"].ensure_connection()
        theirs.extend(SqlStore(connections["default"])._take_from(other, workspace.id, 10))
        connections["default"].close()

    thread = threading.Thread(target=second)
    thread.start()
    thread.join(5)
    store.commit()
    assert not {run for run, _ in mine} & {run for run, _ in theirs}
    assert len(mine) + len(theirs) == len(runs)


def test_a_run_of_one_workspace_does_not_wait_for_the_thousand_of_another(workspace, actor, store, me):
    from accounts.actor import Actor
    from workflows.operations.runs import start_batch

    from .conftest import make_workspace

    definition = {"steps": [{"key": "a", "action": "data.format", "with": {"template": "x"}}]}
    start_batch(actor, publish(workspace, definition).slug, [{}] * 300)
    small = make_workspace()
    lonely = start_run(Actor.system(small, "t"), publish(small, definition).slug)
    first = {run for run, _ in protocol.claim(store, me, 40)}
    second = {run for run, _ in protocol.claim(store, me, 40)}
    assert lonely.id in first | second


def test_an_engine_notices_a_cancel_within_a_second_by_bell(workspace, actor, engine, settings):
    from tests.fakes.service import FakeService

    from .conftest import connect_fake

    settings.EXTRA_INTEGRATIONS = ["tests.fakes.integration"]
    service = FakeService().start()
    settings.ALLOW_PRIVATE_HOSTS = [service.url.removeprefix("http://")]
    connect_fake(workspace, service.url)
    engine()
    steps = [{"key": "ask", "action": "fake.model", "with": {"text": "x", "seconds": 5}}]
    run = start_run(actor, publish(workspace, {"steps": steps}).slug)
    until(lambda: StepRun.objects.of(workspace).filter(run=run, status="running").exists())
    cancel_run(actor, run)
    until(lambda: Run.objects.of(workspace).get(pk=run.pk).status == "cancelled", 2.0)
    service.stop()


def test_an_output_of_more_than_a_mebibyte_is_kept_in_a_blob_and_read_back(workspace, claimed, me, store):
    from workflows.models import Blob

    run, fence = claimed
    big = {"text": "x" * (2 * 1024 * 1024)}

    async def story(journal):
        log = RunLog(journal, run.id, fence, [])
        log.put(record(output=big), record(key="b", output=big))
        await log.commit()
        with pytest.raises(StoreRefused):
            log.put(record(key="c", output={"text": "x" * (11 * 1024 * 1024)}))

    with_journal(me, story)
    assert StepRun.objects.of(workspace).filter(run=run).first().output.keys() == {"$blob", "size"}
    assert Blob.objects.of(workspace).count() == 1
    first = Reader(store).steps(run.id)[0]
    assert first.output == Away(Shelf(first.id)), "it is read when a step uses it"
    assert Reader(store).output(first.id)[0] == big
