"""Many runs at once: few statements, nothing twice, and what was cut off is completed by the same call."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import UserError
from workflows.models import Effect, Run, RunEvent, StepRun
from workflows.operations import bulk
from workflows.operations.bulk import cancel_runs, run_all_again
from workflows.operations.starting import start_batch

pytestmark = pytest.mark.django_db

STEPS = [
    {"key": "first", "action": "data.format", "with": {"template": "{{ inputs.who }}"}},
    {"key": "second", "action": "data.format", "with": {"template": "{{ steps.first.text }}"}},
]

FORM = {"format": 1, "name": "Many", "slug": "many"}


@pytest.fixture
def failed(operator, editor):
    """Makes runs that failed at their second step."""
    from workflows.operations.publish import publish_workflow
    from workflows.operations.workflows import create_workflow

    inputs = [{"name": "who", "type": "text"}]
    made = create_workflow(
        editor.actor, {"format": 1, "name": "Many", "slug": "many", "inputs": inputs, "steps": STEPS}
    )
    publish_workflow(editor.actor, made.workflow if hasattr(made, "workflow") else made)

    def make(count: int) -> list[Run]:
        runs = start_batch(operator.actor, "many", [{"who": f"n{n}"} for n in range(count)])
        steps: list[StepRun] = []
        same = {"workspace": operator.workspace, "kind": "pure", "action": "data.format", "finished_at": now()}
        steps = [
            StepRun(run=run, key="first", status="succeeded", output={"text": run.inputs["who"]}, **same)
            for run in runs
        ]
        steps += [StepRun(run=run, key="second", status="failed", error={"code": "E"}, **same) for run in runs]
        StepRun.objects.bulk_create(steps, batch_size=200)
        rows = Run.objects.of(operator.workspace).filter(pk__in=[run.pk for run in runs])
        rows.update(status="failed", finished_at=now(), claims=1)
        return list(rows.select_related("workflow", "version", "workspace").order_by("id"))

    return make


def test_many_are_run_again_in_few_statements_each_with_what_stood(operator, failed):
    runs = failed(120)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        found = run_all_again(operator.actor, runs, "@failed")
    assert len(found.done) == 120 and not found.left
    assert len(asked) < 120, "not a statement for each"
    kept = StepRun.objects.of(operator.workspace).filter(run__replay_of__isnull=False)
    assert kept.count() == 120 and {step.status for step in kept} == {"succeeded"}
    assert {step.output["text"] for step in kept} == {run.inputs["who"] for run in runs}
    again = Run.objects.of(operator.workspace).filter(replay_of__isnull=False)
    assert {run.trigger_id for run in again} == {f"batch:{found.batch}"}
    assert RunEvent.objects.of(operator.workspace).filter(kind="again").count() == 120


def test_what_was_cut_off_is_completed_by_the_same_call_and_nothing_is_run_twice(operator, failed, monkeypatch):
    runs = failed(7)
    monkeypatch.setattr(bulk, "AT_ONCE", 3)
    real, calls = bulk.store_again, []

    def dies(actor, made):
        calls.append(1)
        if len(calls) == 3:
            raise SystemExit("killed")
        real(actor, made)

    monkeypatch.setattr(bulk, "store_again", dies)
    with pytest.raises(SystemExit):
        run_all_again(operator.actor, runs, "@failed", idempotency_key="k")
    again = Run.objects.of(operator.workspace).filter(replay_of__isnull=False)
    assert again.count() == 6
    found = run_all_again(operator.actor, runs, "@failed", idempotency_key="k")
    assert len(found.done) == 7 and again.count() == 7
    assert {run.trigger_id for run in again} == {f"batch:{found.batch}"}, "it is one batch all the same"
    same = run_all_again(operator.actor, runs, "@failed", idempotency_key="k")
    assert {run.pk for run in same.done} == {run.pk for run in found.done} and again.count() == 7
    with pytest.raises(UserError, match="another request"):
        run_all_again(operator.actor, runs, "", idempotency_key="k")


def test_a_run_whose_changes_would_be_made_again_is_left_with_its_reason(operator, failed):
    runs = failed(3)
    step = StepRun.objects.of(operator.workspace).get(run=runs[1], key="second")
    Effect.objects.create(
        workspace=operator.workspace,
        run=runs[1],
        step_run=step,
        key="k",
        op="make",
        request_sha256="x",
        state="confirmed",
    )
    found = run_all_again(operator.actor, runs, "@failed")
    assert [run.pk for run, _ in found.left] == [runs[1].pk] and "made again" in found.left[0][1]
    assert len(found.done) == 2


def test_many_are_cancelled_in_few_statements_in_every_state(operator, failed):
    runs = failed(60)
    rows = Run.objects.of(operator.workspace)
    states = ("queued", "waiting", "attention", "paused", "running", "succeeded")
    for number, state in enumerate(states):
        rows.filter(pk__in=[run.pk for run in runs[number * 10 : number * 10 + 10]]).update(
            status=state, finished_at=now() if state == "succeeded" else None, claims=int(state != "queued")
        )
    with CaptureQueriesContext(connection) as asked:
        found = cancel_runs(operator.actor, runs)
    assert len(asked) < 60 and (len(found.done), len(found.left)) == (50, 10)
    counts = {state: rows.filter(status=state).count() for state in ("cancelled", "queued", "running", "succeeded")}
    assert counts == {"cancelled": 10, "queued": 30, "running": 10, "succeeded": 10}
    assert rows.filter(ending="cancel").count() == 50
    assert RunEvent.objects.of(operator.workspace).filter(kind="cancel").count() == 50
    assert not cancel_runs(operator.actor, [run for run in runs[:10]]).done, "the first ten have ended"
