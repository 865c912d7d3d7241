"""What a run cost includes what the runs cost that its steps have started, however deep, and nothing twice."""

from __future__ import annotations

from decimal import Decimal

from tests.workflows.engine.test_effects import service  # noqa: F401 - the fixture
from workflows.api.shapes import run_json
from workflows.engine.times import Times
from workflows.models import Run, StepRun
from workflows.operations.runs import cancel_run, start_run, wait_for
from workflows.operations.usage import usage_by_workflow
from workflows.views.run_page import build

from .conftest import publish, steps_of, until

PATIENT = Times(lease=30.0, scale=1.0)
ONCE = Decimal("0.25")
ASK = {"key": "think", "action": "fake.model", "with": {"text": "x"}}
FAIL = {"key": "no", "action": "fail", "with": {"message": "no"}}
WAIT = {"key": "wait", "action": "approve", "with": {"title": "Go on?"}}


def call(workflow, key: str = "call", **more) -> dict:
    return {"key": key, "action": "run_workflow", "with": {"workflow": workflow.slug}, **more}


def totals(run: Run) -> tuple[Decimal, int]:
    found = Run.objects.of(run.workspace_id).get(pk=run.pk)
    return found.cost_usd, found.input_tokens + found.output_tokens


def test_a_run_counts_what_runs_below_it_used_and_pages_and_api_agree(workspace, actor, engine, service):  # noqa: F811
    engine(PATIENT)
    last = publish(workspace, {"steps": [ASK]})
    middle = publish(workspace, {"steps": [call(last), ASK]})
    top = publish(workspace, {"steps": [call(middle), call(last, "again"), ASK]})
    run = wait_for(start_run(actor, top.slug), 30)
    assert run.status == "succeeded", run.error
    one = totals(Run.objects.of(workspace).get(workflow=last, parent_step__run=run))
    assert one[0] == ONCE and one[1] > 0
    assert totals(Run.objects.of(workspace).get(workflow=middle)) == (2 * one[0], 2 * one[1])
    assert totals(run) == (4 * one[0], 4 * one[1])
    assert {key: step.cost_usd for key, step in steps_of(run).items()} == {
        "call": 2 * ONCE, "again": ONCE, "think": ONCE,
    }  # fmt: skip
    page = build(run)
    assert sum(line["cost"] for line in page.costs) == run.cost_usd == Decimal(str(run_json(run)["cost_usd"]))
    used = {each["workflow"]: each["cost_usd"] for each in usage_by_workflow(actor, 1)}
    assert used == {last.slug: 0.5, middle.slug: 0.25, top.slug: 0.25}, "in all nothing is counted twice"


def test_what_a_run_below_used_before_it_failed_counts_once(workspace, actor, engine, service):  # noqa: F811
    engine(PATIENT)
    broken = publish(workspace, {"steps": [ASK, FAIL]})
    top = publish(workspace, {"steps": [call(broken, on_error={"do": "continue"}), ASK]})
    run = wait_for(start_run(actor, top.slug), 30)
    assert run.status == "succeeded" and totals(run)[0] == 2 * ONCE


def test_a_cancelled_run_counts_what_the_run_below_used_until_it_ended(workspace, actor, engine, service):  # noqa: F811
    engine(PATIENT)
    below = publish(workspace, {"steps": [ASK, WAIT]})
    run = start_run(actor, publish(workspace, {"steps": [ASK, call(below)]}).slug)
    until(lambda: Run.objects.of(workspace).filter(parent_step__run=run, status="waiting").first(), 20)
    cancel_run(actor, run)
    assert wait_for(run, 20).status == "cancelled"
    assert totals(run)[0] == 2 * ONCE and steps_of(run)["call"].cost_usd == ONCE
    assert sum(each["cost_usd"] for each in usage_by_workflow(actor, 1)) == 0.5


def test_a_run_that_an_earlier_release_began_keeps_to_itself_what_runs_below_used(workspace, actor, engine, service):  # noqa: F811
    below = publish(workspace, {"steps": [ASK]})
    run = start_run(actor, publish(workspace, {"steps": [ASK, call(below)]}).slug)
    Run.objects.of(workspace).filter(pk=run.pk).update(abi=1)
    engine(PATIENT)
    assert wait_for(run, 30).status == "succeeded"
    assert totals(run)[0] == ONCE and steps_of(run)["call"].cost_usd == ONCE
    run.refresh_from_db()
    page = build(run)
    assert page.asks.below == ONCE and StepRun.objects.of(workspace).filter(run=run).count() == 2
    assert sum(each["cost_usd"] for each in usage_by_workflow(actor, 1)) == 0.5
