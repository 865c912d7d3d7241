"""A refused credential: what needs the connection waits, holds nothing, and goes on by itself when it is repaired."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from accounts.actor import Actor
from integrations.models import Connection, ConnectionCheck
from integrations.operations.connections import delete_connection, test_connection, update_connection
from orchestrator_site.lib.clock import now
from workflows.engine.times import Times
from workflows.models import Attempt, Effect, Run, StepRun
from workflows.operations.connection_uses import uses_of
from workflows.operations.runs import start_batch, start_run, wait_for
from workflows.operations.steering import cancel_run

from .conftest import publish, steps_of, until
from .test_effects import service  # noqa: F401 - the fixture

pytestmark = pytest.mark.usefixtures("service")


def making(**more) -> dict:
    return {"steps": [{"key": "make", "action": "fake.make", "with": {"title": "x"}}], **more}


def the(workspace) -> Connection:
    return Connection.objects.of(workspace).get(name="fake")


def held(workspace, count: int) -> bool:
    waiting = Run.objects.of(workspace).filter(status="waiting", worker=None).count()
    return waiting == count and StepRun.objects.of(workspace).filter(status="waiting").count() == count


def test_runs_wait_for_the_repair_of_their_connection_and_go_on_by_themselves(workspace, actor, engine, service):  # noqa: F811
    engine(), engine()
    service.revoked.add("abc")
    slug = publish(workspace, making()).slug
    first = start_run(actor, slug)
    until(lambda: held(workspace, 1))
    asked = service.requests
    others = start_batch(actor, slug, [{}] * 60)
    until(lambda: held(workspace, 61), 20)
    assert service.requests == asked, "no call leaves with a credential that is known to be refused"
    connection = the(workspace)
    assert (
        connection.status == "broken" and connection.broken_at and "does not take this token" in connection.status_text
    )
    assert ConnectionCheck.objects.of(workspace).get(connection=connection).failed
    assert uses_of(workspace)[connection.pk].waiting_runs == 61
    step = steps_of(first)["make"]
    assert step.decision["held"]["why"] == "connection" and "token" in step.decision["held"]["text"]
    assert timedelta(days=6) < step.due_at - now() <= timedelta(days=7)
    assert not test_connection(actor, connection)["ok"] and held(workspace, 61), "a vain test wakes nobody"
    update_connection(actor, connection, secret={"token": "new"})
    assert {wait_for(run, 30).status for run in (first, *others)} == {"succeeded"}
    assert len(service.keys()) == len(set(service.keys())) == 61, "nothing is sent twice"
    assert set(service.tokens) == {"new"}
    states = Effect.objects.of(workspace).filter(run=first).order_by("attempt").values_list("state", flat=True)
    assert list(states) == ["refused", "confirmed"]
    assert Attempt.objects.of(workspace).filter(run=first).count() == 2


def test_a_test_that_succeeds_lets_them_go_on_too(workspace, actor, engine, service):  # noqa: F811
    engine()
    service.revoked.add("abc")
    run = start_run(actor, publish(workspace, making()).slug)
    until(lambda: held(workspace, 1))
    service.revoked.clear()
    assert test_connection(actor, the(workspace))["ok"]
    assert wait_for(run, 20).status == "succeeded"
    assert the(workspace).broken_at is None


def test_a_worker_looks_again_by_itself_and_lets_them_go_on(workspace, actor, engine, service, monkeypatch):  # noqa: F811
    monkeypatch.setattr(Times, "sweep", 0.3)
    engine(), engine()
    service.revoked.add("abc")
    run = start_run(actor, publish(workspace, making()).slug)
    until(lambda: held(workspace, 1))
    service.revoked.clear()
    Connection.objects.of(workspace).update(next_check_at=now())
    assert wait_for(run, 20).status == "succeeded"
    assert the(workspace).status_text == "The token is taken." and ConnectionCheck.objects.of(workspace).get().failed


def test_who_does_not_want_to_wait_fails_at_once_in_words(workspace, actor, engine, service):  # noqa: F811
    engine()
    service.revoked.add("abc")
    slug = publish(workspace, making(settings={"wait_for_connection": 0})).slug
    run = start_run(actor, slug, wait=10)
    assert (run.status, run.error["code"]) == ("failed", "E_SIGN_IN") and run.error["hint"]
    again = start_run(actor, slug, wait=10)
    assert again.status == "failed" and "has to be repaired" in again.error["message"]
    branching = making()
    branching["steps"][0]["on_error"] = {"do": "continue"}
    run = start_run(actor, publish(workspace, branching).slug, wait=10)
    assert run.status == "succeeded" and "repaired" in run.warnings[0], "the step says what follows its failure"


def test_the_wait_ends_with_its_limit_with_the_run_and_with_the_connection(workspace, actor, engine, service):  # noqa: F811
    engine()
    service.revoked.add("abc")
    short = start_run(actor, publish(workspace, making(settings={"wait_for_connection": 1})).slug)
    late = start_run(actor, publish(workspace, making(settings={"timeout": 2})).slug)
    stopped, orphaned = (start_run(actor, publish(workspace, making()).slug) for _ in range(2))
    error = wait_for(short, 20).error
    assert error["code"] == "E_SIGN_IN" and "has waited for it" in error["message"]
    assert wait_for(late, 20).status == "timed_out"
    until(lambda: held(workspace, 2))
    cancel_run(actor, stopped)
    assert wait_for(stopped, 20).status == "cancelled"
    delete_connection(actor, the(workspace))
    assert wait_for(orphaned, 20).error["code"] == "E_NO_CONNECTION"
    assert service.keys() == []


def test_a_call_that_is_refused_while_the_test_succeeds_fails_in_the_end(workspace, actor, engine, service):  # noqa: F811
    engine()
    service.plan.extend(["401"] * 6)
    run = start_run(actor, publish(workspace, making()).slug)
    for count in range(1, 6):
        until(
            lambda n=count: (
                the(workspace).broken_at and steps_of(run)["make"].attempts_count == n and held(workspace, 1)
            )
        )
        assert test_connection(Actor.system(workspace, "test"), the(workspace))["ok"]
    assert wait_for(run, 20).error["code"] == "E_SIGN_IN"
    assert service.keys() == []


def test_what_an_old_key_was_told_says_nothing_about_the_new_one(workspace, actor, engine, service):  # noqa: F811
    engine()
    service.slow = 0.6
    service.plan.append("401")
    run = start_run(actor, publish(workspace, making()).slug)
    until(lambda: service.tokens)
    update_connection(actor, the(workspace), secret={"token": "new"})
    time.sleep(0.1)
    assert wait_for(run, 20).status == "succeeded"
    assert the(workspace).broken_at is None and service.tokens == ["abc", "new"]
