"""Which runs are claimed first: workspaces take turns, urgent runs go before, quotas hold; also between two workers."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, connections

from accounts.actor import Actor
from orchestrator_site.lib.ids import uuid7
from workflows.engine import protocol
from workflows.engine.claims import Reader
from workflows.engine.protocol import Me
from workflows.engine.sql import SqlStore, most_in_flight
from workflows.models import Run
from workflows.operations.runs import cancel_run, start_batch, wait_for

from .conftest import make_workspace, publish, until
from .test_effects import service  # noqa: F401 - the fixture
from .test_journal import WHO, postgres

STEPS = {"steps": [{"key": "a", "action": "data.format", "with": {"template": "x"}}]}


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


def _runs(workspace, count: int) -> list[Run]:
    workflow = publish(workspace, STEPS)
    return start_batch(Actor.system(workspace, "t"), workflow.slug, [{}] * count)


def _copies(run: Run, count: int) -> None:
    """Many more of it."""
    names = [field.attname for field in Run._meta.concrete_fields if field.attname != "id"]
    same = {name: getattr(run, name) for name in names}
    Run.objects.of(run.workspace_id).bulk_create([Run(**same) for _ in range(count)], batch_size=400)


@pytest.mark.parametrize("limit", [16, 40, 200])
def test_one_run_of_a_workspace_goes_with_the_next_claim_beside_ten_thousand_of_another(workspace, store, me, limit):
    _copies(_runs(workspace, 1)[0], 3_000)
    assert len(protocol.claim(store, me, limit)) == limit
    small = make_workspace()
    [lonely] = _runs(small, 1)
    taken = protocol.claim(store, me, limit) + protocol.claim(store, me, limit)
    assert lonely.id in [run for run, _ in taken]


def test_three_workspaces_are_served_one_after_the_other(workspace, store, me):
    others = [make_workspace() for _ in range(2)]
    for one in (workspace, *others):
        _runs(one, 60)
    served = []
    for _ in range(6):
        taken = protocol.claim(store, me, 20)
        served.append({Run.objects.unscoped("test").get(pk=run).workspace_id for run, _ in taken})
    assert [len(found) for found in served] == [1] * 6
    assert {place for found in served[:3] for place in found} == {w.pk for w in (workspace, *others)}
    assert served[:3] == served[3:]


def test_the_urgent_and_then_the_oldest_go_first(workspace, store, me):
    a, b, c = _runs(workspace, 3)
    Run.objects.of(workspace).filter(pk=c.pk).update(priority=-1)
    Run.objects.of(workspace).filter(pk=a.pk).update(priority=1)
    assert [protocol.claim(store, me, 1)[0][0] for _ in range(3)] == [c.id, b.id, a.id]


def test_a_workspace_has_no_more_runs_in_flight_than_its_quota_and_keeps_nobody_waiting(workspace, store, me):
    workspace.quotas = {"runs_in_flight": 2}
    workspace.save()
    mine, other = _runs(workspace, 4), make_workspace()
    theirs = _runs(other, 3)
    taken = {run for run, _ in protocol.claim(store, me, 100)}
    assert taken == {mine[0].id, mine[1].id, *[run.id for run in theirs]}
    assert protocol.claim(store, me, 100) == []
    Run.objects.of(workspace).filter(pk=mine[0].pk).update(status="waiting", worker=None)
    assert [run for run, _ in protocol.claim(store, me, 100)] == [mine[2].id], "a run that waits is not in flight"


def test_the_last_places_of_a_worker_are_not_for_the_workspace_that_fills_it(workspace, store, me):
    crowd = frozenset([workspace.pk])
    _runs(workspace, 3)
    assert not Reader(store).is_shared()
    [lonely] = _runs(make_workspace(), 1)
    assert Reader(store).is_shared()
    assert [run.id for run in Reader(store).claim(me, 100, crowd)] == [lonely.id]
    assert len(Reader(store).claim(me, 100)) == 3


def test_a_full_worker_keeps_places_for_others(workspace, actor, engine, settings, service):  # noqa: F811
    settings.ENGINE_RUNS = 20
    small = make_workspace()
    host = engine()
    slow = {"steps": [{"key": "w", "action": "fake.model", "with": {"seconds": 15}}]}
    long = start_batch(actor, publish(workspace, slow).slug, [{}] * 40)
    until(lambda: len(host.session.walks) == 19)
    [lonely] = _runs(small, 1)
    assert wait_for(lonely, 10).status == "succeeded"
    for run in long:
        cancel_run(actor, run)


def test_a_quota_is_a_whole_number_or_none():
    assert [most_in_flight(text) for text in ('{"runs_in_flight":3}', '{"runs_in_flight":0}', "{}", "null", None)] == [
        3, 0, 0, 0, 0,
    ]  # fmt: skip


@postgres
@pytest.mark.postgres
def test_on_postgresql_two_workers_together_stay_within_the_quota(workspace, store, me):
    workspace.quotas = {"runs_in_flight": 2}
    workspace.save()
    _runs(workspace, 6)
    other = Me(uuid7(), 1)
    Reader(store).register(other, WHO, (1, 1))
    store.begin()
    store.hold_worker(me)
    mine = store.take_queued(me, 10)
    theirs: list = []

    def second():
        its = SqlStore(connections["default"])
        its.prepare()
        theirs.extend(protocol.claim(its, other, 10))
        connections["default"].close()

    thread = threading.Thread(target=second)
    thread.start()
    thread.join(5)
    assert not thread.is_alive(), "a claim waits for nobody"
    store.commit()
    assert (len(mine), theirs) == (2, [])


@postgres
@pytest.mark.postgres
def test_on_postgresql_claims_of_two_workers_neither_wait_nor_share(workspace, store, me):
    """SKIP LOCKED: what one has taken and not committed is invisible to the other, and so is its place in the line."""
    first, second_place = workspace, make_workspace()
    runs = [*_runs(first, 5), *_runs(second_place, 5)]
    other = Me(uuid7(), 1)
    Reader(store).register(other, WHO, (1, 1))
    store.begin()
    store.hold_worker(me)
    mine = store.take_queued(me, 4)
    theirs: list = []

    def second():
        its = SqlStore(connections["default"])
        its.prepare()
        theirs.extend(protocol.claim(its, other, 100))
        connections["default"].close()

    thread = threading.Thread(target=second)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    store.commit()
    assert len(mine) == 4 and sorted(run for run, _ in mine + theirs) == sorted(run.id for run in runs)


def test_a_run_that_is_running_and_nobodys_is_queued_again_and_an_owned_one_is_not(workspace, store, me):
    lost, owned = _runs(workspace, 2)
    protocol.claim(store, me, 2)
    Run.objects.of(workspace).filter(pk=lost.pk).update(worker=None)
    assert Reader(store).queue_nobodys() == 1
    lost.refresh_from_db()
    owned.refresh_from_db()
    assert (lost.status, owned.status) == ("queued", "running")
