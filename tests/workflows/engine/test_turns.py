"""Runs with the same concurrency key take turns: queue, drop, replace; also between two workers."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from django.db import connection, connections

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.ids import uuid7
from workflows.engine import protocol
from workflows.engine.claims import Reader
from workflows.engine.protocol import Me
from workflows.engine.sql import SqlStore
from workflows.engine.turn_rows import Turns
from workflows.engine.turns import Contender, decide
from workflows.models import Run, StepRun
from workflows.operations.runs import cancel_run, start_batch, start_run, wait_for

from .conftest import publish, until
from .test_effects import service  # noqa: F401 - the fixture
from .test_journal import WHO, postgres

PLACE = [{"name": "place", "type": "text"}]
STEPS = [{"key": "a", "action": "data.format", "with": {"template": "x"}}]
SLOW = [{"key": "w", "action": "fake.model", "with": {"seconds": 15}}]


def by_key(policy: str = "queue", limit: int = 1, steps=STEPS) -> dict:
    rule = {"key": "{{ inputs.place }}", "limit": limit, "policy": policy}
    return {"inputs": PLACE, "steps": steps, "settings": {"concurrency": rule}}


def contender(run: int, holds: bool = False, *, limit: int = 1, policy: str = "queue", leaving: bool = False):
    return Contender(run, limit, policy, holds, leaving)


@pytest.fixture
def store(transactional_db):
    found = SqlStore(connection)
    found.prepare()
    return found


@pytest.fixture
def worker(store):
    """Registers a worker."""

    def register() -> Me:
        me = Me(uuid7(), 1)
        Reader(store).register(me, WHO, (1, 1))
        return me

    return register


def claimed(store, me) -> list:
    Turns().give(store)
    return [run for run, _ in protocol.claim(store, me, 100)]


# Who gets a turn (pure)


def test_the_oldest_that_wait_get_the_turns_that_are_free():
    found = decide([contender(1, True, limit=3), *[contender(n, limit=3) for n in (2, 3, 4, 5)]])
    assert (found.admitted, found.dropped, found.replaced) == ([2, 3], [], [])


def test_drop_ends_what_finds_no_free_turn_and_says_who_has_it():
    found = decide([contender(n, policy="drop") for n in (1, 2, 3)])
    assert (found.admitted, found.dropped) == ([1], [(2, 1), (3, 1)])


def test_replace_lets_the_newest_stay_and_it_waits_until_the_older_have_ended():
    runs = [contender(1, True, policy="replace"), contender(2, policy="replace"), contender(3, policy="replace")]
    found = decide(runs)
    assert (found.admitted, found.replaced) == ([], [(1, 3), (2, 3)])
    ending = contender(1, True, policy="replace", leaving=True)
    assert decide([ending, contender(3, policy="replace")]).admitted == []
    assert decide([contender(3, policy="replace")]).admitted == [3]


def test_what_is_cancelled_while_it_waits_needs_no_turn():
    found = decide([contender(1, True), contender(2, leaving=True), contender(3)])
    assert (found.let_end, found.admitted) == ([2], [])


# The key


def test_the_key_is_made_of_the_inputs_at_the_start(workspace, actor):
    run = start_run(actor, publish(workspace, by_key(limit=2)).slug, {"place": " Inbox\n one "})
    assert (run.concurrency_key, run.concurrency_limit, run.concurrency_policy) == ("Inbox one", 2, "queue")
    long = start_run(actor, run.workflow.slug, {"place": "x" * 900})
    assert len(long.concurrency_key) == 200


def test_a_key_that_cannot_be_made_is_said_at_the_start(workspace, actor):
    definition = by_key()
    definition["settings"]["concurrency"]["key"] = "{{ trigger.nothing.here }}"
    with pytest.raises(UserError, match="key of runs at the same time") as refused:
        start_run(actor, publish(workspace, definition).slug, {"place": "x"})
    assert refused.value.field == "settings.concurrency.key"


# On the database


def test_a_run_waits_for_the_one_of_its_key_and_not_for_another_key(workspace, actor, store, worker):
    slug, me = publish(workspace, by_key()).slug, worker()
    a1, a2, a3, b1 = (start_run(actor, slug, {"place": place}) for place in "aaab")
    assert set(claimed(store, me)) == {a1.id, b1.id}
    assert claimed(store, me) == []
    Run.objects.of(workspace).filter(pk=a1.pk).update(status="waiting")
    assert claimed(store, me) == [], "a run that waits keeps its turn"
    Run.objects.of(workspace).filter(pk=a1.pk).update(status="succeeded", finished_at=a1.created_at)
    assert claimed(store, me) == [a2.id], "first come, first served"
    Run.objects.of(workspace).filter(pk=a2.pk).update(status="queued", worker=None)
    assert claimed(store, me) == [a2.id], "a worker's death takes no turn away"
    assert Run.objects.of(workspace).get(pk=a3.pk).admitted_at is None


def test_more_keys_than_are_looked_at_in_one_go_all_get_their_turn(workspace, actor, store, worker, monkeypatch):
    monkeypatch.setattr("workflows.engine.turn_rows.MOST", 4)
    monkeypatch.setattr("workflows.engine.turn_rows.APART", 0.0)
    monkeypatch.setattr("workflows.engine.turn_rows.IDLE", 0)
    slug, me, turns = publish(workspace, by_key()).slug, worker(), Turns()
    start_batch(actor, slug, [{"place": str(n % 7)} for n in range(14)])
    for _ in range(5):
        turns.give(store)
    assert len(protocol.claim(store, me, 100)) == 7


def test_runs_without_a_key_take_no_turns_and_the_look_for_some_is_an_index_away(workspace, actor, store, worker):
    start_run(actor, publish(workspace, {"steps": STEPS}).slug)
    assert len(claimed(store, worker())) == 1
    plan = "EXPLAIN QUERY PLAN " if store.sqlite else "EXPLAIN "
    if not store.sqlite:
        store.run("SET enable_seqscan = off")
    sql = "SELECT 1 FROM workflows_run WHERE concurrency_key >= '' AND finished_at IS NULL LIMIT 1"
    assert "run_turns" in str(store.run(plan + sql).fetchall())


# With an engine


def test_drop_ends_the_new_run_at_once_and_says_which_one_is_in_its_way(workspace, actor, engine, service):  # noqa: F811
    engine()
    slug = publish(workspace, by_key("drop", steps=SLOW)).slug
    first = start_run(actor, slug, {"place": "a"})
    until(lambda: Run.objects.of(workspace).get(pk=first.pk).admitted_at)
    second = start_run(actor, slug, {"place": "a"}, wait=10)
    assert second.status == "cancelled"
    assert second.error["code"] == "E_CONCURRENCY" and str(first.pk) in second.error["message"]
    assert not StepRun.objects.of(workspace).filter(run=second).exists()
    cancel_run(actor, first)
    assert wait_for(first, 10).status == "cancelled"


def test_replace_cancels_the_older_run_and_the_new_one_begins_after_its_end(workspace, actor, engine, service):  # noqa: F811
    engine()
    old = start_run(actor, publish(workspace, by_key("replace", steps=SLOW)).slug, {"place": "a"})
    until(lambda: Run.objects.of(workspace).get(pk=old.pk).status in ("running", "waiting"))
    new = start_run(actor, old.workflow.slug, {"place": "a"})
    old = wait_for(old, 10)
    assert (old.status, old.error["code"]) == ("cancelled", "E_CONCURRENCY") and str(new.pk) in old.error["message"]
    until(lambda: Run.objects.of(workspace).get(pk=new.pk).admitted_at)
    assert Run.objects.of(workspace).get(pk=new.pk).admitted_at >= old.finished_at
    cancel_run(actor, new)
    assert wait_for(new, 10).status == "cancelled"


def test_queued_runs_of_a_key_go_one_after_the_other(workspace, actor, engine):
    engine()
    runs = start_batch(actor, publish(workspace, by_key()).slug, [{"place": "a"}] * 6)
    ended = [wait_for(run, 20) for run in runs]
    assert [run.status for run in ended] == ["succeeded"] * 6
    for before, after in pairwise(ended):
        assert before.finished_at <= after.admitted_at


def test_a_run_that_waits_for_its_turn_can_be_cancelled_and_has_a_deadline(workspace, actor, engine, service):  # noqa: F811
    engine()
    definition = by_key(steps=SLOW)
    definition["settings"]["timeout"] = 600
    slug = publish(workspace, definition).slug
    first, second, third = (start_run(actor, slug, {"place": "a"}) for _ in range(3))
    until(lambda: Run.objects.of(workspace).get(pk=first.pk).admitted_at)
    cancel_run(actor, second)
    Run.objects.of(workspace).filter(pk=third.pk).update(deadline_at=third.created_at)
    assert (wait_for(second, 10).status, wait_for(third, 10).status) == ("cancelled", "timed_out")
    cancel_run(actor, first)
    assert wait_for(first, 10).status == "cancelled"


# Two workers at once


@postgres
@pytest.mark.postgres
def test_on_postgresql_two_workers_together_give_no_more_turns_than_there_are(workspace, actor, store, worker):
    slug = publish(workspace, by_key(limit=2)).slug
    start_batch(actor, slug, [{"place": "a"}] * 8)
    worker()
    store.begin()
    assert store.run("SELECT pg_try_advisory_xact_lock(%s)", (0x41574F5F5455524E,)).fetchone()[0]
    Turns()._give(store)
    others: list[list] = []

    def second():
        mine = SqlStore(connections["default"])
        mine.prepare()
        others.append(Turns().give(mine))
        connections["default"].close()

    thread = threading.Thread(target=second)
    thread.start()
    thread.join(5)
    assert not thread.is_alive(), "it looks again later, and waits for nobody"
    store.commit()
    assert Run.objects.of(workspace).filter(admitted_at__isnull=False).count() == 2
    Turns().give(store)
    assert Run.objects.of(workspace).filter(admitted_at__isnull=False).count() == 2
