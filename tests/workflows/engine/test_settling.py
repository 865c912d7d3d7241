"""A change whose answer was lost and that nobody can look up: what a person sees, and each of the three answers."""

from __future__ import annotations

import asyncio

import pytest

from accounts.models import AuditEntry
from orchestrator_site.lib.clock import now
from tests.fakes.service import FakeService
from tests.personas import outsider_of, persona
from workflows.engine.afterlook import look_after
from workflows.models import Effect, Run, StepRun, Wait
from workflows.operations.runs import deliver_event, start_run, wait_for

from .conftest import connect_fake, publish, until


@pytest.fixture
def service(workspace, settings):
    settings.EXTRA_INTEGRATIONS = ["tests.fakes.integration"]
    found = FakeService().start()
    settings.ALLOW_PRIVATE_HOSTS = [found.url.removeprefix("http://")]
    connect_fake(workspace, found.url)
    yield found
    found.stop()


@pytest.fixture
def omar(workspace):
    return persona(workspace, "operator", "Omar Operator")


@pytest.fixture
def asked(workspace, actor, engine, service):
    """A run that waits for a person to say what became of its change."""
    service.plan.append("lose")
    engine()
    steps = [{"key": "make", "action": "fake.blind", "with": {"title": "A hub", "place": "shelf"}}]
    run = start_run(actor, publish(workspace, {"steps": steps}).slug)
    until(lambda: Run.objects.of(workspace).get(pk=run.pk).status == "attention")
    return run


def settle(omar, run, answer, **more):
    effect = omar.api.get(f"/api/v1/runs/{run.pk}/effects").json()["results"][-1]
    return omar.api.post_json(f"/api/v1/effects/{effect['id']}/settle", {"answer": answer, **more})


def ended(run) -> Run:
    return wait_for(run, 20)


def test_page_and_api_show_what_was_sent_and_lead_to_the_answer(workspace, asked, omar):
    Effect.objects.of(workspace).update(search_url="https://service.example/search?q=hub")
    wait = omar.api.get("/api/v1/waits").json()["results"][0]
    effect = omar.api.get(f"/api/v1/runs/{asked.pk}/effects").json()["results"][0]
    assert wait["kind"] == "unknown" and wait["effect"] == effect["id"] and "no answer came back" in wait["body"]
    assert effect["request"] == {"title": "A hub"} and effect["target"] == {"place": "shelf"}
    assert effect["search_url"] == "https://service.example/search?q=hub" and effect["error"]["message"]
    page = omar.client.get(omar.path(f"runs/{asked.pk}")).text
    for words in ("Decide what happened", "See exactly what was sent", "A hub", "Look for it in the service"):
        assert words in page
    assert "https://service.example/search?q=hub" in page
    assert f"runs/{asked.pk}#effect-{effect['id']}" in omar.client.get(omar.path("inbox")).text


def test_it_happened_and_the_run_goes_on_from_there(workspace, asked, omar, service):
    answer = settle(omar, asked, "happened", external_id="77", external_url="https://service.example/77")
    assert answer.status_code == 200 and answer.json()["resolved_by"] == "token test (Omar Operator)"
    assert ended(asked).status == "succeeded" and len(service.done) == 1
    found = omar.api.get("/api/v1/effects?external_id=77").json()["results"]
    assert [effect["run"] for effect in found] == [str(asked.pk)]
    assert omar.api.get("/api/v1/effects?url=https://service.example/77").json()["results"] == found
    assert settle(omar, asked, "repeat").status_code == 409
    assert AuditEntry.objects.of(workspace).filter(action="effect.settle").count() == 1


def test_it_did_not_and_it_is_made_again(asked, omar, service):
    assert settle(omar, asked, "repeat").status_code == 200
    run = ended(asked)
    assert run.status == "succeeded" and len(service.done) == 2, "the person was wrong, and that is theirs to say"
    states = [effect["state"] for effect in omar.api.get(f"/api/v1/runs/{asked.pk}/effects").json()["results"]]
    assert states == ["absent", "confirmed"]


def test_stop_and_the_run_fails_in_words(asked, omar, service):
    assert settle(omar, asked, "stop").status_code == 200
    run = ended(asked)
    assert (run.status, run.error["code"]) == ("failed", "E_UNKNOWN_STOPPED") and "said stop" in run.error["message"]


def test_after_a_cancel_it_may_still_be_said_but_nothing_is_sent_again(workspace, asked, omar, service):
    assert omar.api.post_json(f"/api/v1/runs/{asked.pk}/cancel").status_code == 202
    assert ended(asked).status == "cancelled"
    assert settle(omar, asked, "repeat").json()["error"]["code"] == "E_ENDED"
    page = omar.client.get(omar.path(f"runs/{asked.pk}")).text
    assert ("It did not, do it again" not in page and "Checking" in page) or "Needs you" in page
    assert settle(omar, asked, "happened").status_code == 200
    assert Effect.objects.of(workspace).get(run=asked).state == "confirmed" and len(service.done) == 1
    assert not Wait.objects.of(workspace).filter(run=asked, decided_at__isnull=True).exists()


@pytest.mark.parametrize(
    "body, code",
    [
        ({"answer": "perhaps"}, "E_CHOICE"),
        ({}, "E_REQUIRED"),
        ({"answer": "happened", "external_url": "javascript:alert(1)"}, "E_URL"),
        ({"answer": "happened", "external_id": "x" * 301}, "E_LENGTH"),
    ],
)
def test_other_answers_are_refused(asked, omar, body, code):
    effect = omar.api.get(f"/api/v1/runs/{asked.pk}/effects").json()["results"][0]
    answer = omar.api.post_json(f"/api/v1/effects/{effect['id']}/settle", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_viewers_and_outsiders_settle_nothing(workspace, asked, omar):
    effect = Effect.objects.of(workspace).get(run=asked)
    for who, status in ((persona(workspace, "viewer"), 403), (outsider_of(workspace), 404)):
        answer = who.api.post_json(f"/api/v1/effects/{effect.pk}/settle", {"answer": "stop"})
        assert answer.status_code == status
    assert Effect.objects.of(workspace).get(pk=effect.pk).state == "unknown"


def test_what_the_loser_of_a_parallel_had_sent_is_settled_while_the_run_goes_on(workspace, actor, engine, service):
    """Its worker died after the other branch had won: the answer is lost, nothing is sent again, a look finds it."""
    service.plan.append("slow:1")
    left = {"key": "left", "steps": [{"key": "make", "action": "fake.make", "with": {"title": "A hub"}}]}
    right = {"key": "right", "steps": [{"key": "say", "action": "fake.model", "with": {"text": "x", "seconds": 0.2}}]}
    fork = {"key": "fork", "action": "parallel", "with": {"join": "any"}, "branches": [left, right]}
    waits = [{"key": name, "action": "wait", "with": {"event": name}} for name in ("one", "two")]
    worker = engine()
    run = start_run(actor, publish(workspace, {"steps": [fork, *waits]}).slug)
    rows = StepRun.objects.of(workspace).filter(run=run)
    until(lambda: rows.filter(key="one", status="waiting").exists() and not_walked(run))
    before = rows.get(key="make")
    rows.filter(key="make").update(status="running", output=None, finished_at=None)
    rows.filter(key="fork").update(status="running", output=None, finished_at=None)
    Effect.objects.of(workspace).update(
        state="sent", resolution="", external_id="", settled_at=None, settle_after=now()
    )
    deliver_event(actor, run, "one")
    until(lambda: rows.filter(key="two", status="waiting").exists() and not_walked(run))
    assert rows.get(key="make").status == "cancelled" and rows.get(key="fork").output["winner"] == "right"
    assert Effect.objects.of(workspace).get().state == "unknown"
    looked = asyncio.run_coroutine_threadsafe(
        look_after(worker.session.reads, worker.session.clients), worker._loop
    ).result(20)
    effect = Effect.objects.of(workspace).get()
    assert (looked, effect.state, effect.resolution) == (1, "confirmed", "found")
    assert effect.step_run_id == before.pk and len(service.done) == 1
    assert Run.objects.of(workspace).get(pk=run.pk).status == "waiting", "the run goes on all the while"


def not_walked(run) -> bool:
    return Run.objects.of(run.workspace_id).get(pk=run.pk).status == "waiting"
