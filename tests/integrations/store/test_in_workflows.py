"""Store steps in real runs: runs that count at the same time lose nothing."""

from __future__ import annotations

import pytest

from integrations.models import StoredValue
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
