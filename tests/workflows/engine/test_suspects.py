"""A run that was there when a worker died is walked alone, until it has survived what it is suspected of."""

from __future__ import annotations

from tests.workflows.engine.test_effects import service  # noqa: F401 - the fixture
from workflows.models import Run
from workflows.operations.runs import start_run, wait_for

from .conftest import publish, steps_of, until


def _ask(key: str, seconds: float) -> dict:
    return {"key": key, "action": "fake.model", "with": {"text": key, "seconds": seconds}}


def test_a_suspect_that_survives_its_step_is_a_run_like_others_at_once(workspace, actor, engine, service):  # noqa: F811
    suspect = start_run(actor, publish(workspace, {"steps": [_ask("first", 0.5), _ask("long", 10)]}).slug)
    Run.objects.of(workspace).filter(pk=suspect.pk).update(deaths=1)
    engine()
    until(lambda: steps_of(suspect).get("first"), 10)
    other = start_run(actor, publish(workspace, {"steps": [_ask("only", 0)]}).slug)
    assert "long" not in steps_of(suspect), "the suspect is still in its step"
    assert wait_for(other, 8).status == "succeeded"
    suspect.refresh_from_db()
    assert (suspect.status, suspect.deaths) == ("running", 0)
    assert steps_of(suspect)["first"].status == "succeeded"
    assert wait_for(suspect, 20).status == "succeeded"
