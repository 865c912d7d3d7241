"""Limits that all workers share: Retry-After, rates, breakers, calls at once. Being held back is no attempt."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, connections

from accounts.actor import Actor
from integrations.models import Breaker, Bucket, Connection
from integrations.operations.connections import create_connection
from integrations.spec import Limit
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.ids import uuid7
from workflows.engine import limit_rows, pace
from workflows.engine.claims import Reader
from workflows.engine.limit_rows import Ask, View
from workflows.engine.limits import LOOK_AGAIN, Known
from workflows.engine.protocol import Me
from workflows.engine.sql import SqlStore
from workflows.models import Attempt, Run, Slot, StepRun
from workflows.operations.runs import start_batch, start_run, wait_for

from .conftest import publish, steps_of, until
from .test_effects import service  # noqa: F401 - the fixture
from .test_journal import WHO, postgres

pytestmark = pytest.mark.usefixtures("service")
PACE = Limit(60, 60.0, burst=6)


def read(**more) -> dict:
    return {"steps": [{"key": "ask", "action": "fake.read", "with": {"q": "x"}, **more}]}


def ask(seconds: float = 0.0) -> dict:
    return {"steps": [{"key": "ask", "action": "fake.model", "with": {"seconds": seconds}}]}


def the(workspace) -> Connection:
    return Connection.objects.of(workspace).get(name="fake")


@pytest.fixture
def second(workspace, service):  # noqa: F811
    """Another connection to the same service."""
    actor = Actor.system(workspace, "test")
    return create_connection(actor, service="fake", name="other", secret={"token": "b"}, base_url=service.url)


# Retry-After


def test_one_answer_to_slow_down_holds_every_worker_on_that_connection_and_nobody_else(
    workspace,
    actor,
    engine,
    service,  # noqa: F811
    second,
):
    engine(), engine()
    service.plan.append("429:5")
    first = start_run(actor, publish(workspace, read()).slug)
    until(lambda: Bucket.objects.of(workspace).filter(blocked_until__gt=now()).exists())
    others = start_batch(actor, publish(workspace, read()).slug, [{}] * 6)
    held = until(lambda: StepRun.objects.of(workspace).filter(run__in=others, status="waiting").count() == 6)
    assert held and service.requests == 1, "nobody asks meanwhile"
    free = start_run(actor, publish(workspace, read(connection="other")).slug, wait=4)
    assert free.status == "succeeded"
    step = steps_of(others[0])["ask"]
    assert step.decision["held"]["why"] == "limit" and "asked us to slow down" in step.decision["held"]["text"]
    assert step.due_at >= Bucket.objects.of(workspace).get().blocked_until - timedelta(milliseconds=50)
    ended = [wait_for(run, 30) for run in (first, *others)]
    assert [run.status for run in ended] == ["succeeded"] * 7
    assert [steps_of(run)["ask"].attempts_count for run in others] == [1] * 6, "being held back is no attempt"
    assert steps_of(others[0])["ask"].decision is None


def test_answers_to_slow_down_use_up_no_retries(workspace, actor, engine, service):  # noqa: F811
    engine()
    service.plan.extend(["429:0.1"] * 4)
    run = start_run(actor, publish(workspace, read(retry={"max": 1, "delay": 0.1})).slug, wait=20)
    assert run.status == "succeeded", run.error
    assert Attempt.objects.of(workspace).filter(run=run, status="failed").count() == 4


def test_a_step_that_is_never_to_be_tried_again_is_not(workspace, actor, engine, service):  # noqa: F811
    engine()
    service.plan.append("429")
    run = start_run(actor, publish(workspace, read(retry={"max": 0})).slug, wait=10)
    assert (run.status, run.error["code"]) == ("failed", "E_RATE_LIMITED")


# Breakers


def test_a_service_that_fails_is_left_alone_and_tried_once_before_the_others_go_on(
    workspace,
    actor,
    engine,
    service,  # noqa: F811
    second,
    monkeypatch,
):
    monkeypatch.setattr(pace, "FIRST_REST", 6.0)
    engine(), engine()
    service.plan.extend(["500"] * 5)
    slug = publish(workspace, read(retry={"max": 0})).slug
    failed = [start_run(actor, slug, wait=10) for _ in range(5)]
    assert {run.status for run in failed} == {"failed"}
    breaker = until(lambda: Breaker.objects.of(workspace).filter(state="open").first())
    assert breaker.failures == 5 and "(500)" in breaker.last_error
    time.sleep(LOOK_AGAIN + 0.1)  # so long another worker may believe what it has seen
    held = start_batch(actor, publish(workspace, read(retry={"max": 1, "delay": 0.1})).slug, [{}] * 4)
    until(lambda: StepRun.objects.of(workspace).filter(run__in=held, status="waiting").count() == 4)
    assert "has been failing since" in steps_of(held[0])["ask"].decision["held"]["text"]
    assert start_run(actor, publish(workspace, read(connection="other")).slug, wait=5).status == "succeeded"
    monkeypatch.setattr(pace, "LONGEST_REST", 1.5)
    service.plan.append("500")
    before = service.requests
    until(lambda: Breaker.objects.of(workspace).filter(trips=2).exists(), 30)
    assert service.requests == before + 1, "one call tried for all"
    assert [wait_for(run, 30).status for run in held] == ["succeeded"] * 4
    breaker.refresh_from_db()
    assert (breaker.state, breaker.failures) == ("closed", 0)


def test_answers_that_are_merely_unwelcome_open_no_breaker(workspace, actor, engine, service):  # noqa: F811
    engine()
    service.plan.extend(["404"] * 7)
    slug = publish(workspace, read(retry={"max": 0})).slug
    assert {start_run(actor, slug, wait=10).status for _ in range(7)} == {"failed"}
    assert not Breaker.objects.of(workspace).exists()


# Rates and calls at once


def test_two_workers_together_keep_the_connections_own_rate(workspace, actor, engine, service):  # noqa: F811
    Connection.objects.of(workspace).update(requests_per_minute=120)
    engine(), engine()
    runs = start_batch(actor, publish(workspace, read()).slug, [{}] * 17)
    assert {wait_for(run, 40).status for run in runs} == {"succeeded"}
    times = sorted(service.times)
    assert times[-1] - times[0] >= 5 * 60 / 109 - 0.1, "twelve at once, then one every 0.55 s"
    assert set(StepRun.objects.of(workspace).values_list("attempts_count", flat=True)) == {1}


def test_no_more_calls_at_once_than_the_connection_allows(workspace, actor, engine, service):  # noqa: F811
    Connection.objects.of(workspace).update(at_once=2)
    engine(), engine()
    runs = start_batch(actor, publish(workspace, ask(0.3)).slug, [{}] * 8)
    assert {wait_for(run, 40).status for run in runs} == {"succeeded"}
    assert service.most_in_flight == 2
    until(lambda: not Slot.objects.filter(held__gt=0).exists(), 10)


def test_what_a_service_declares_holds_at_its_usual_address_and_can_be_lifted(settings):
    view = View(service="github")
    assert [limit.amount for limit in Known(view).limits] == [5000, 80, 500]
    view.base_url = "https://github.example.com/api/v3"
    assert Known(view).limits == ()
    view.per_minute = 30
    assert [limit.amount for limit in Known(view).limits] == [30]
    view.base_url, view.per_minute, settings.SERVICE_LIMITS = "", None, False
    assert Known(view).limits == ()


# In the database


@pytest.fixture
def store(transactional_db):
    found = SqlStore(connection)
    found.prepare()
    return found


def _me(store) -> Me:
    me = Me(uuid7(), 1)
    Reader(store).register(me, WHO, (1, 1))
    return me


def _ask(store, me, *asks):
    store.begin()
    answers = limit_rows.apply(store, me, asks)
    store.commit()
    return answers


def test_what_one_worker_learns_the_next_look_of_another_shows(workspace, store):
    place, me = the(workspace).pk, _me(store)
    assert limit_rows.look(store, place).blocked == 0
    _ask(store, me, Ask(place, block=30.0), Ask(place, block=5.0))
    view = limit_rows.look(store, place)
    assert 25 < view.blocked < 31 and (view.service, view.state) == ("fake", "closed")
    _ask(store, me, *[Ask(place, outcome="failed", error="no answer")] * 5)
    view = limit_rows.look(store, place)
    assert (view.state, view.failures, view.error) == ("open", 5, "no answer") and 25 < view.retry < 31


def test_one_worker_tries_for_all_when_the_rest_is_over(workspace, store):
    place, me = the(workspace).pk, _me(store)
    _ask(store, me, *[Ask(place, outcome="failed")] * 5)
    assert not _ask(store, me, Ask(place, probe=True))[0].probe
    Breaker.objects.of(workspace).update(retry_at=now() - timedelta(seconds=1))
    assert [answer.probe for answer in _ask(store, me, *[Ask(place, probe=True)] * 3)] == [True, False, False]


def test_a_connection_that_was_changed_or_tried_with_success_begins_anew(workspace, store):
    place, me = the(workspace).pk, _me(store)
    _ask(store, me, *[Ask(place, outcome="failed")] * 5)
    time.sleep(0.01)
    Connection.objects.of(workspace).filter(pk=place).update(status="works", checked_at=now())
    assert limit_rows.look(store, place).state == "closed"
    assert _ask(store, me, Ask(place, probe=True))[0].probe


def test_a_connection_that_is_gone_limits_nothing(workspace, store):
    assert limit_rows.look(store, uuid7()).sandbox
    assert _ask(store, _me(store), Ask(uuid7(), tokens=3, limits=(PACE,)), Ask(uuid7(), slots=(0, 2, 1)))[1].slots == 2


def test_tokens_are_taken_in_blocks_and_a_run_that_is_cancelled_leaves_the_line(workspace, actor, engine, store):
    place, me = the(workspace).pk, _me(store)
    Connection.objects.of(workspace).update(requests_per_minute=6)
    engine()
    from workflows.operations.runs import cancel_run

    runs = start_batch(actor, publish(workspace, read()).slug, [{}] * 4)
    until(lambda: StepRun.objects.of(workspace).filter(run__in=runs, status="waiting").count() == 3)
    step = StepRun.objects.of(workspace).filter(run__in=runs, status="waiting").first()
    assert step.decision["held"]["text"] == "This connection makes at most 6 calls a minute"
    for run in runs:
        if Run.objects.of(workspace).get(pk=run.pk).finished_at is None:
            cancel_run(actor, run)
    assert sorted(wait_for(run, 10).status for run in runs) == ["cancelled"] * 3 + ["succeeded"]
    assert place and me


# Two workers at once


def _beside(function) -> threading.Thread:
    """Run it on a connection of its own."""

    def run():
        its = SqlStore(connections["default"])
        its.prepare()
        try:
            function(its)
        finally:
            connections["default"].close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@postgres
@pytest.mark.postgres
def test_on_postgresql_two_workers_are_never_given_the_same_token(workspace, store):
    place, me, other = the(workspace).pk, _me(store), _me(store)
    limit = Limit(3, 3600.0, burst=3)
    want = Ask(place, tokens=1, limits=(limit,))
    _ask(store, me, want)
    store.begin()
    mine = limit_rows.apply(store, me, [want])
    theirs: list = []
    thread = _beside(lambda its: theirs.extend(_ask(its, other, want)) or theirs.extend(_ask(its, other, want)))
    thread.join(0.3)
    assert thread.is_alive(), "it waits for the bucket's row"
    store.commit()
    thread.join(5)
    assert [len(answer.tokens) for answer in (*mine, *theirs)] == [1, 1, 0]


@postgres
@pytest.mark.postgres
def test_on_postgresql_two_workers_together_hold_no_more_slots_than_there_are(workspace, store):
    place, me, other = the(workspace).pk, _me(store), _me(store)
    _ask(store, me, Ask(place, slots=(0, 0, 2)))
    store.begin()
    mine = limit_rows.apply(store, me, [Ask(place, slots=(0, 2, 2))])
    theirs: list = []
    thread = _beside(lambda its: theirs.extend(_ask(its, other, Ask(place, slots=(0, 2, 2)))))
    thread.join(0.3)
    assert thread.is_alive(), "it waits for the bucket's row"
    store.commit()
    thread.join(5)
    assert (mine[0].slots, theirs[0].slots) == (2, 0)
    assert sum(Slot.objects.filter(connection=place).values_list("held", flat=True)) == 2


@postgres
@pytest.mark.postgres
def test_on_postgresql_one_of_two_workers_tries_a_failing_service(workspace, store):
    place, me, other = the(workspace).pk, _me(store), _me(store)
    _ask(store, me, *[Ask(place, outcome="failed")] * 5)
    Breaker.objects.of(workspace).update(retry_at=now() - timedelta(seconds=1))
    store.begin()
    mine = limit_rows.apply(store, me, [Ask(place, probe=True)])
    theirs: list = []
    thread = _beside(lambda its: theirs.extend(_ask(its, other, Ask(place, probe=True))))
    thread.join(0.3)
    assert thread.is_alive()
    store.commit()
    thread.join(5)
    assert (mine[0].probe, theirs[0].probe) == (True, False)
