"""Resuming costs the open path: a loop with a thousand finished items goes on at once."""

from __future__ import annotations

import time

from workflows.models import Run, RunStatus, StepRun
from workflows.operations.runs import start_run, wait_for

from .conftest import publish, until

ITEMS = 1000
MOST_SECONDS = 3.0  # measured 0.1 s; the rest is for a busy machine


def test_a_resumed_loop_of_a_thousand_finished_items_goes_on_at_once(workspace, actor, engine):
    do = [
        {"key": "one", "action": "data.format", "with": {"template": "{{ item }} a text of some length"}},
        {"key": "two", "action": "data.format", "with": {"template": "{{ steps.one.text }}, and more"}},
    ]
    loop = {"key": "all", "action": "for_each", "with": {"items": list(range(ITEMS))}, "do": do}
    definition = {"steps": [loop], "outputs": {"count": "{{ steps.all.count }}"}}
    first = engine()
    found = start_run(actor, publish(workspace, definition).slug, wait=40)
    assert found.status == "succeeded", found.error
    first.drain()
    assert first.join(40)
    rows = StepRun.objects.of(workspace).filter(run=found)
    rows.filter(key="all").update(status="running", output=None, finished_at=None)
    rows.filter(key="two", path=f"all[{ITEMS - 1}]").delete()
    Run.objects.of(workspace).filter(pk=found.pk).update(status=RunStatus.QUEUED, worker=None, finished_at=None)
    engine()
    until(lambda: Run.objects.of(workspace).get(pk=found.pk).claims == 2)
    began = time.monotonic()
    found = wait_for(found, 20)
    took = time.monotonic() - began
    assert (found.status, found.outputs) == ("succeeded", {"count": ITEMS})
    assert rows.count() == 2 * ITEMS + 1
    assert took < MOST_SECONDS
