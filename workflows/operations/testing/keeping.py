"""Tests kept with a workflow: read and replaced as one document, made from a run, and asked before publishing."""

from __future__ import annotations

from typing import Any, Literal

from django.db import transaction

from accounts import audit
from accounts.actor import Actor
from orchestrator_site.lib.errors import Conflict, UserError
from orchestrator_site.lib.json import clean_value
from workflows.engine.definition import fingerprint, parse
from workflows.models import Run, StepRun, Workflow, WorkflowTest
from workflows.operations.drafts import draft_definition, lock
from workflows.operations.testing.cases import FORMAT, Case, Expect, as_json, read_document

Object = dict[str, Any]
PINNED = ("read", "model")


def tests_of(workflow: Workflow) -> list[WorkflowTest]:
    """The tests of a workflow, in their order."""
    return list(WorkflowTest.objects.of(workflow.workspace_id).filter(workflow=workflow))


def case_of(test: WorkflowTest) -> Case:
    """A stored test as a case."""
    return Case.model_validate({**test.body, "name": test.name})


def document_of(workflow: Workflow) -> Object:
    """Every test of a workflow as the file that lies beside its export."""
    return {"format": FORMAT, "tests": [as_json(case_of(test)) for test in tests_of(workflow)]}


def keep_tests(actor: Actor, workflow: Workflow, value: Any) -> list[WorkflowTest]:
    """Replace the tests of a workflow by those of a document. A test that stays as it is keeps its newest run."""
    actor.require("edit")
    cases = read_document(clean_value(value, field="tests"))
    with transaction.atomic():
        row = lock(actor, workflow)
        known = {test.name: test for test in tests_of(row)}
        for name in set(known) - {case.name for case in cases}:
            known[name].delete()
        for position, case in enumerate(cases):
            _keep(row, known.get(case.name), case, position)
        audit.record(actor, "workflow.tests", row, details={"tests": len(cases)})
    return tests_of(workflow)


def _keep(workflow: Workflow, test: WorkflowTest | None, case: Case, position: int) -> None:
    body = {name: item for name, item in as_json(case).items() if name != "name"}
    if test is None:
        test = WorkflowTest(workspace=workflow.workspace, workflow=workflow, name=case.name, body=body)
    elif test.body != body:
        test.body, test.run_id, test.sha256, test.ran_at = body, None, "", None
    test.position = position
    test.save()


def add_test_of_run(actor: Actor, workflow: Workflow, run: Run, name: str = "") -> WorkflowTest:
    """A test made from a run: its inputs, what its reads and models gave, and what came out.

    What steps in a loop gave is not pinned: they are run. Raises Conflict where the name is taken, UserError for a run
    of another workflow or one that goes on.
    """
    actor.require("edit")
    if run.workflow_id != workflow.pk:
        raise UserError("E_CHOICE", "That run is of another workflow.", field="run")
    if not run.is_terminal:
        raise Conflict("That run goes on.", field="run", hint="Wait for its end.")
    steps = StepRun.objects.of(actor.workspace).filter(run=run, path="", status="succeeded", kind__in=PINNED)
    status: Literal["succeeded", "failed"] = "succeeded" if run.status == "succeeded" else "failed"
    ran = StepRun.objects.of(actor.workspace).filter(run=run, path="").exclude(kind="control")
    expect = Expect(
        status=status,
        error=str((run.error or {}).get("code", "")) if status == "failed" else "",
        outputs=run.outputs or {},
        steps={step.key: "ran" for step in ran if step.status == "succeeded"},
    )
    pins = {step.key: step.output for step in steps}
    case = Case(name=name.strip() or f"As in run {str(run.pk)[:8]}", inputs=run.inputs or {}, pins=pins, expect=expect)
    document = document_of(workflow)
    if any(test["name"] == case.name for test in document["tests"]):
        raise Conflict(f"There is a test “{case.name}” already.", field="name", hint="Choose another name.")
    keep_tests(actor, workflow, {**document, "tests": [*document["tests"], as_json(case)]})
    return WorkflowTest.objects.of(actor.workspace).get(workflow=workflow, name=case.name)


def draft_sha(workflow: Workflow) -> str:
    """What tells this draft from any other."""
    return fingerprint(parse(draft_definition(workflow), trusted=True))


def set_blocking(actor: Actor, workflow: Workflow, blocks: bool) -> Workflow:
    """Whether a draft whose tests are not green may be published."""
    actor.require("edit")
    with transaction.atomic():
        row = lock(actor, workflow)
        if row.tests_block != blocks:
            row.tests_block = blocks
            row.save(update_fields=["tests_block"])
            audit.record(actor, "workflow.tests_block", row, details={"blocks": blocks})
    return row
