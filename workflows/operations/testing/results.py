"""How the tests of a workflow stand: judged anew from their newest runs each time they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.actor import Actor
from orchestrator_site.lib.errors import Conflict
from workflows.models import PlannedEffect, Run, StepRun, Workflow, WorkflowTest
from workflows.operations.testing.judging import Came, judge
from workflows.operations.testing.keeping import case_of, draft_sha, tests_of


@dataclass(frozen=True)
class Result:
    """How a test stands: `state` is new (never run), running, green, red, or old (the draft has changed since)."""

    test: WorkflowTest
    state: str
    failures: tuple[str, ...] = ()
    run: Run | None = None

    @property
    def seconds(self) -> float:
        """How long its run took."""
        if self.run is None or self.run.started_at is None or self.run.finished_at is None:
            return 0.0
        return (self.run.finished_at - self.run.started_at).total_seconds()


def results_of(actor: Actor, workflow: Workflow, tests: Sequence[WorkflowTest] | None = None) -> list[Result]:
    """How the tests of a workflow stand."""
    actor.require("read")
    listed = tests_of(workflow) if tests is None else list(tests)
    ids = [test.run_id for test in listed if test.run_id]
    rows = Run.objects.of(actor.workspace).filter(pk__in=ids).select_related("workflow", "version")
    runs = {run.pk: run for run in rows}
    sha = draft_sha(workflow) if listed else ""
    return [_result(actor, test, runs.get(test.run_id) if test.run_id else None, sha) for test in listed]


def _result(actor: Actor, test: WorkflowTest, run: Run | None, sha: str) -> Result:
    if run is None:
        return Result(test, "new")
    if not run.is_terminal:
        return Result(test, "running", run=run)
    failures = tuple(judge(case_of(test), came_of(actor, run)))
    if test.sha256 != sha:
        return Result(test, "old", failures, run)
    return Result(test, "red" if failures else "green", failures, run)


def came_of(actor: Actor, run: Run) -> Came:
    """What came out of a run, as a test looks at it."""
    steps: dict[str, set[str]] = {}
    for key, status in StepRun.objects.of(actor.workspace).filter(run=run).values_list("key", "status"):
        steps.setdefault(key, set()).add(status)
    plans = PlannedEffect.objects.of(actor.workspace).filter(run=run).select_related("step_run").order_by("id")
    effects = tuple({"op": p.op, "step": p.step_run.key, "target": p.target, "after": p.after} for p in plans)
    error = run.error or {}
    status = "succeeded" if run.status == "succeeded" else "failed"
    return Came(status, str(error.get("code", "")), str(error.get("message", "")), run.outputs or {}, steps, effects)


def check_tests(actor: Actor, workflow: Workflow) -> None:
    """Go on only if every test is green on this draft. Raises Conflict E_TESTS. For workflows that ask for it."""
    if not workflow.tests_block:
        return
    wrong = [result for result in results_of(actor, workflow) if result.state != "green"]
    if wrong:
        words = {"new": "was never run", "running": "is running", "old": "was run on an older draft", "red": "is red"}
        listed = ", ".join(f"“{one.test.name}” {words[one.state]}" for one in wrong[:5])
        hint = "Run the tests, mend what is red, then publish."
        raise Conflict(f"Not every test is green: {listed}.", code="E_TESTS", hint=hint)
