"""Which connection a run uses: as it is at that moment, never one that was deleted or changed before the run began."""

from __future__ import annotations

import pytest

from integrations.models import Connection
from integrations.operations.connections import create_connection, delete_connection, update_connection
from tests.fakes.service import FakeService
from workflows.engine.driver import Driver
from workflows.models import Attempt, Effect, Run, Wait
from workflows.operations.runs import settle_effect, start_run, wait_for

from .conftest import connect_fake, make_workspace, publish, steps_of, until

MAKE = {"steps": [{"key": "make", "action": "fake.make", "with": {"title": "A"}}]}


@pytest.fixture
def service(workspace, settings):
    settings.EXTRA_INTEGRATIONS = ["tests.fakes.integration"]
    found = FakeService().start()
    settings.ALLOW_PRIVATE_HOSTS = [found.url.removeprefix("http://")]
    connect_fake(workspace, found.url)
    yield found
    found.stop()


def _connection(workspace) -> Connection:
    return Connection.objects.of(workspace).get(service="fake", deleted_at__isnull=True)


def test_a_run_that_starts_after_a_connection_was_deleted_never_uses_it(workspace, actor, engine, service):
    engine()
    slug = publish(workspace, MAKE).slug
    assert start_run(actor, slug, wait=10).status == "succeeded"
    delete_connection(actor, _connection(workspace))
    found = start_run(actor, slug, wait=10)
    assert (found.status, found.error["code"]) == ("failed", "E_NO_CONNECTION")
    assert len(service.tokens) == 1, "the deleted key was sent"


def test_a_run_that_starts_after_a_key_was_replaced_uses_the_new_one(workspace, actor, engine, service):
    engine()
    slug = publish(workspace, MAKE).slug
    for token in ("abc", "def", "ghi"):
        update_connection(actor, _connection(workspace), secret={"token": token})
        assert start_run(actor, slug, wait=10).status == "succeeded"
    assert service.tokens == ["abc", "def", "ghi"]


def test_a_run_that_starts_after_another_default_was_chosen_uses_that(workspace, actor, engine, service):
    engine()
    slug = publish(workspace, MAKE).slug
    assert start_run(actor, slug, wait=10).status == "succeeded"
    create_connection(
        actor, service="fake", name="other", secret={"token": "other"}, base_url=service.url, make_default=True
    )
    assert start_run(actor, slug, wait=10).status == "succeeded"
    assert service.tokens == ["abc", "other"]


def test_what_is_sent_again_long_after_the_call_began_goes_with_the_new_key(workspace, actor, engine, service):
    service.plan.append("drop")
    engine()
    found = start_run(actor, publish(workspace, _blind(workspace)).slug)
    wait = until(lambda: Wait.objects.of(workspace).filter(run=found, kind="unknown").first())
    update_connection(actor, _connection(workspace), secret={"token": "new"})
    settle_effect(actor, wait.effect, "repeat")
    found = wait_for(found, 20)
    assert found.status == "succeeded", found.error
    assert service.tokens == ["abc", "new"] and len(service.done) == 1


def _blind(workspace) -> dict:
    """Beside the lost change another branch keeps the run in memory, so that its client stays open."""
    lost = {"key": "make", "action": "fake.blind", "with": {"title": "A"}}
    slow = {"key": "slow", "action": "fake.model", "with": {"seconds": 3}}
    choose = {
        "key": "choose",
        "action": "if",
        "with": {"condition": "item == 0"},
        "then": [lost],
        "else": [slow],
    }
    loop = {"key": "all", "action": "for_each", "with": {"items": [0, 1], "parallelism": 2}, "do": [choose]}
    return {"steps": [loop]}


def test_a_step_whose_connection_was_deleted_before_its_turn_sends_nothing(workspace, actor, engine, service):
    engine()
    steps = [{"key": "slow", "action": "fake.model", "with": {"seconds": 1}}, *MAKE["steps"]]
    found = start_run(actor, publish(workspace, {"steps": steps}).slug)
    until(lambda: steps_of(found).get("slow"))
    delete_connection(actor, _connection(workspace))
    found = wait_for(found, 10)
    assert (found.status, found.error["code"], found.error["step"]) == ("failed", "E_NO_CONNECTION", "make")
    assert service.tokens == [] and not Effect.objects.of(workspace).filter(run=found).exists()


def test_a_connection_of_another_workspace_is_not_used_even_if_a_record_names_it(workspace, actor, engine, service):
    other = make_workspace()
    connect_fake(other, service.url)
    found = start_run(actor, publish(workspace, MAKE).slug)
    from workflows.models import StepRun

    StepRun.objects.bulk_create(
        [
            StepRun(
                workspace=workspace,
                run=found,
                key="make",
                action="fake.make",
                kind="effect",
                status="waiting",
                seq=1,
                input={"title": "A", "place": "shelf"},
                connection_id=_connection(other).pk,
                error={"code": "E_UNAVAILABLE", "message": "busy"},
                attempts_count=1,
            )
        ]
    )
    Run.objects.of(workspace).filter(pk=found.pk).update(claims=1)
    engine()
    found = wait_for(found, 10)
    assert (found.status, found.error["code"]) == ("failed", "E_NO_CONNECTION")
    assert service.tokens == []


def test_an_answer_that_comes_while_a_run_is_being_released_repeats_nothing(
    workspace, actor, engine, service, monkeypatch
):
    """The release loses against the answer; the same worker walks again, over the records, and sends nothing twice."""
    service.plan.extend(["ok", "lose"])
    release, answered = Driver._release, []

    async def late(self, run_log, released):
        if released.status == "attention" and not answered:
            answered.append(True)
            await run_log.commit()
            await self.loader.reads.run(_answer)
        return await release(self, run_log, released)

    def _answer() -> None:
        wait = Wait.objects.of(workspace).get(kind="unknown")
        settle_effect(actor, wait.effect, "happened", external_id="2")

    monkeypatch.setattr(Driver, "_release", late)
    engine()
    steps = [
        {"key": "first", "action": "fake.make", "with": {"title": "A"}},
        {"key": "ask", "action": "fake.model", "with": {}},
        {"key": "make", "action": "fake.blind", "with": {"title": "B"}},
    ]
    found = start_run(actor, publish(workspace, {"steps": steps}).slug, wait=20)
    assert answered and found.status == "succeeded", found.error
    assert len(service.done) == len(service.tokens) == 2
    assert Effect.objects.of(workspace).filter(run=found).count() == 2
    assert (found.input_tokens, steps_of(found)["ask"].attempts_count) == (3, 1)
    assert not Attempt.objects.of(workspace).filter(run=found).exists()
