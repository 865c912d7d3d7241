"""Store steps in real runs: runs that count at the same time lose nothing."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from integrations.models import StoredValue
from integrations.store import client
from tests.workflows.engine.conftest import actor, engine, publish, until, workspace  # noqa: F401
from workflows.models import Effect, Run
from workflows.operations.runs import start_run

pytestmark = pytest.mark.usefixtures("transactional_db")


def test_runs_at_the_same_time_count_every_one(workspace, actor, engine):  # noqa: F811
    engine()
    steps = [
        {"key": "count", "action": "store.increment", "with": {"key": "runs"}},
        {"key": "first", "action": "store.set", "with": {"key": "first", "value": "{{ run.id }}", "only_new": True}},
        {"key": "all", "action": "store.append", "with": {"key": "ids", "item": "{{ run.id }}"}},
    ]
    flow = publish(workspace, {"steps": steps, "outputs": {"first": "{{ steps.first.stored }}"}})
    runs = [start_run(actor, flow.slug) for _ in range(12)]
    unfinished = Run.objects.of(workspace).exclude(status__in=["succeeded", "failed"])
    assert until(lambda: not unfinished.exists(), 30)
    rows = {row.key: row for row in StoredValue.objects.of(workspace)}
    assert rows["runs"].value == 12
    assert sorted(rows["ids"].value) == sorted(str(run.pk) for run in runs)
    assert {row.owner for row in rows.values()} == {str(flow.pk)} and rows["runs"].workflow == flow.slug
    told = [run.outputs["first"] for run in Run.objects.of(workspace)]
    assert told.count(True) == 1, "exactly one was the first"
    assert set(Effect.objects.of(workspace).values_list("state", flat=True)) == {"confirmed"}


def test_a_count_whose_answer_was_lost_is_found_and_not_counted_again(workspace, actor, engine, monkeypatch):  # noqa: F811
    engine()
    real = client.StoreClient.run
    lost = iter([True])

    async def forgetful(self, function):
        answer = await real(self, function)
        if isinstance(answer, dict) and next(lost, False):
            raise OperationalError("the connection was lost after the commit")
        return answer

    monkeypatch.setattr(client.StoreClient, "run", forgetful)
    steps = [{"key": "count", "action": "store.increment", "with": {"key": "n"}}]
    flow = publish(workspace, {"steps": steps, "outputs": {"n": "{{ steps.count.value }}"}})
    run = start_run(actor, flow.slug, wait=20)
    assert (run.status, run.outputs) == ("succeeded", {"n": 1})
    assert StoredValue.objects.of(workspace).get().value == 1
    (effect,) = Effect.objects.of(workspace)
    assert (effect.state, effect.resolution) == ("confirmed", "found")
