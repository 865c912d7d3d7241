"""Running tests: each is a dry run of the draft over the sandbox, with its pins in place of the steps they name."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from django.db import transaction

from accounts.actor import Actor
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import NotFound, UserError
from workflows.engine.definition import parse
from workflows.engine.problems import refuse_errors
from workflows.engine.queue import wake_if_nobody_works
from workflows.models import Run, Workflow, WorkflowTest
from workflows.operations.drafts import draft_definition, draft_problems
from workflows.operations.freezing import freeze_once
from workflows.operations.sandboxing import sandboxed
from workflows.operations.starting import Origin, fresh_run, given_inputs, store_runs
from workflows.operations.testing.keeping import case_of, draft_sha, tests_of
from workflows.operations.testing.results import Result, results_of

KIND = "test"


def start_tests(actor: Actor, workflow: Workflow, names: Collection[str] = ()) -> list[WorkflowTest]:
    """Start the tests of a workflow (or those with these names) on its draft; they end by themselves.

    Raises DefinitionProblems while the draft has errors, UserError for inputs that are not the draft's or a service
    without a sandbox, NotFound for a name that no test has.
    """
    actor.require("run")
    tests = [test for test in tests_of(workflow) if not names or test.name in names]
    if missing := set(names) - {test.name for test in tests}:
        raise NotFound(f"There is no test “{sorted(missing)[0]}”.", hint="Look at the list of tests.")
    if not tests:
        raise UserError("E_NO_TESTS", "This workflow has no tests.", hint="Make one from a run.")
    refuse_errors([problem for problem in draft_problems(workflow) if problem.severity == "error"])
    sha = draft_sha(workflow)
    runs = [_run(actor, workflow, test) for test in tests]
    with transaction.atomic():
        store_runs(actor, runs)
        for test, run in zip(tests, runs, strict=True):
            rows = WorkflowTest.objects.of(actor.workspace).filter(pk=test.pk)
            rows.update(run_id=run.pk, sha256=sha, ran_at=now())
            test.run_id, test.sha256 = run.pk, sha
    wake_if_nobody_works()
    return tests


def _run(actor: Actor, workflow: Workflow, test: WorkflowTest) -> Run:
    case = case_of(test)
    definition = parse(draft_definition(workflow), trusted=True)
    version = freeze_once(actor, workflow, sandboxed(actor, definition, without=case.pins))
    origin = Origin(KIND, str(test.pk), None, {"samples": case.pins, "pins": case.pins})
    try:
        return fresh_run(actor, workflow, version, given_inputs(case.inputs), "dry", origin)
    except UserError as problem:
        text = f"“{test.name}”: {problem.message}"
        raise UserError(problem.code, text, field=problem.field, hint=problem.hint) from None


def wait_for_tests(actor: Actor, workflow: Workflow, tests: Sequence[WorkflowTest], seconds: float) -> list[Result]:
    """The results when all have ended, or as they are after so many seconds."""
    until = time.monotonic() + seconds
    while True:
        found = results_of(actor, workflow, tests)
        if all(result.state != "running" for result in found) or time.monotonic() >= until:
            return found
        time.sleep(0.05)
