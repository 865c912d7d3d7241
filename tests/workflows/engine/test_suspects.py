"""Runs that were there when a worker died are walked apart, until they have survived what they are suspected of.

After the first death they are walked together, or recovery would take as long as all of them one after the other;
who dies among suspects is walked alone.
"""

from __future__ import annotations

import pytest

from tests.workflows.engine.test_effects import service  # noqa: F401 - the fixture
from workflows.engine.poison import FATAL, Orphan, deaths_after
from workflows.models import Effect, Run
from workflows.operations.runs import start_run, wait_for

from .conftest import publish, steps_of, until


def _ask(key: str, seconds: float) -> dict:
    return {"key": key, "action": "fake.model", "with": {"text": key, "seconds": seconds}}


def test_a_suspect_that_survives_its_step_is_a_run_like_others_at_once(workspace, actor, engine, service):  # noqa: F811
    suspect = start_run(actor, publish(workspace, {"steps": [_ask("first", 0.5), _ask("long", 3)]}).slug)
    Run.objects.of(workspace).filter(pk=suspect.pk).update(deaths=1)
    engine()
    until(lambda: steps_of(suspect).get("first"), 10)
    other = start_run(actor, publish(workspace, {"steps": [_ask("only", 0)]}).slug)
    assert "long" not in steps_of(suspect), "the suspect is still in its step"
    assert wait_for(other, 2.5).status == "succeeded"
    suspect.refresh_from_db()
    assert (suspect.status, suspect.deaths) == ("running", 0)
    assert steps_of(suspect)["first"].status == "succeeded"
    assert wait_for(suspect, 20).status == "succeeded"


def test_suspects_of_one_death_are_walked_together(workspace, actor, engine, service):  # noqa: F811
    slug = publish(workspace, {"steps": [_ask("only", 0.6)]}).slug
    suspects = [start_run(actor, slug) for _ in range(8)]
    Run.objects.of(workspace).update(deaths=1)
    engine()
    for suspect in suspects:
        assert wait_for(suspect, 10).status == "succeeded"
    assert service.most_in_flight == 8


def test_who_died_among_suspects_is_walked_alone(workspace, actor, engine, service):  # noqa: F811
    slug = publish(workspace, {"steps": [_ask("only", 0.3)]}).slug
    suspects = [start_run(actor, slug) for _ in range(3)]
    Run.objects.of(workspace).update(deaths=2)
    engine()
    for suspect in suspects:
        assert wait_for(suspect, 10).status == "succeeded"
    assert service.most_in_flight == 1


@pytest.mark.parametrize(
    ("deaths", "alone", "after"),
    [(0, False, 1), (1, False, 2), (0, True, 3), (1, True, 3), (2, True, 3), (3, True, 4), (4, True, FATAL)],
)
def test_three_deaths_alone_are_fatal(deaths, alone, after):
    assert deaths_after(Orphan("r", deaths, calling=True, parked=False), alone) == after
    assert deaths_after(Orphan("r", deaths, calling=False, parked=True), alone) == deaths


def test_while_a_suspect_waits_for_an_answer_the_next_one_is_walked(workspace, actor, engine, service):  # noqa: F811
    service.plan += ["500", "500", "500"]
    make = {"key": "make", "action": "fake.make", "with": {"title": "A"}, "timeout": 5}
    slug = publish(workspace, {"steps": [make]}).slug
    suspects = [start_run(actor, slug) for _ in range(3)]
    Run.objects.of(workspace).update(deaths=1)
    engine()
    unknown = Effect.objects.of(workspace).filter(state="unknown")
    until(lambda: unknown.count() == 3, 9)  # each waits ten seconds before its absence is believed
    assert not Run.objects.of(workspace).filter(status="running").exists()
    for suspect in suspects:
        assert wait_for(suspect, 30).status == "succeeded"
    assert len(service.done) == 3


def test_walks_that_go_on_make_room_for_a_suspect_and_lose_nothing(workspace, actor, engine, service):  # noqa: F811
    engine()
    slug = publish(workspace, {"steps": [_ask(f"s{n}", 0.3) for n in range(8)]}).slug
    innocent = start_run(actor, slug)
    until(lambda: steps_of(innocent).get("s1"), 10)
    suspect = start_run(actor, publish(workspace, {"steps": [_ask("only", 0)]}).slug)
    Run.objects.of(workspace).filter(pk=suspect.pk).update(deaths=1)
    assert wait_for(suspect, 4).status == "succeeded"
    innocent.refresh_from_db()
    assert innocent.status != "succeeded", "it was handed back in mid-way"
    assert wait_for(innocent, 30).status == "succeeded"
    assert len(steps_of(innocent)) == 8
