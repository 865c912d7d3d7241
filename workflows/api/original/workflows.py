"""The original's workflow routes: list, show, save (which publishes) and execute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import Actor, actor_of
from orchestrator_site.lib.errors import Problems, UserError
from workflows.api.original import models
from workflows.api.original.base import Detail, OriginalView, read_body, unprocessable
from workflows.api.original.shapes import original_id, original_ids, problem_lines, refused_result, run_result
from workflows.api.shapes import run_json
from workflows.engine.definition import fingerprint, parse
from workflows.engine.findings import Problem, errors_of
from workflows.models import Run, Workflow
from workflows.operations.drafts import draft_definition, draft_problems
from workflows.operations.exports import seed_workflow
from workflows.operations.imports import find_original, import_workflow
from workflows.operations.imports.detect import SEED
from workflows.operations.runs import start_run
from workflows.operations.workflows import list_workflows

WAIT_SECONDS = 60.0


class WorkflowList(OriginalView):
    """All workflows."""

    def get(self, request: Request) -> Response:
        """List all workflows."""
        rows = list_workflows(actor_of(request)).order_by("slug")
        return Response([{"id": original_id(row), "name": row.name, "description": row.description} for row in rows])

    def post(self, request: Request) -> Response:
        """Create a new workflow, or overwrite the one with this id; it is published if it can be."""
        body, text = read_body(request, models.Workflow)
        try:
            import_workflow(actor_of(request), text, publish=True, overwrite=True, dialect=SEED)
        except UserError as problem:
            if problem.status != 400:
                raise
            raise unprocessable(problem.field or "id", _sentence(problem), body.id) from None
        return Response({"status": "success", "workflow_id": body.id})


class WorkflowDetail(OriginalView):
    """One workflow."""

    def get(self, request: Request, workflow_id: str) -> Response:
        """Get a specific workflow."""
        return Response(seed_workflow(_find(actor_of(request), workflow_id)))


class Execute(OriginalView):
    """A run of a workflow."""

    def post(self, request: Request) -> Response:
        """Execute a workflow: waits for its end, at most a minute; with `Prefer: respond-async` not at all."""
        actor = actor_of(request)
        body, _ = read_body(request, models.WorkflowExecuteRequest)
        workflow = _find(actor, body.workflow_id)
        if errors := _cannot_run(workflow):
            return Response(refused_result(workflow, errors))
        try:
            run = _start(request, actor, workflow, body.variables or {})
        except UserError as problem:
            if problem.status not in (400, 409):
                raise
            return Response(refused_result(workflow, _lines(problem)))
        return _answer(request, run, workflow)


def _find(actor: Actor, workflow_id: str) -> Workflow:
    found = find_original(actor, workflow_id) if "\x00" not in workflow_id else None
    if found is None:
        raise Detail(404, "Workflow not found")
    return found


def _cannot_run(workflow: Workflow) -> list[str]:
    """Why the newest imported text does not run: it was saved, but has problems that kept it from being published."""
    source = workflow.source if isinstance(workflow.source, dict) else {}
    definition = draft_definition(workflow)
    imported = fingerprint(parse(definition, trusted=True)) == source.get("sha256")
    if workflow.published is not None and not imported:
        return []
    return problem_lines(errors_of(draft_problems(workflow)), original_ids(workflow))


def _start(request: Request, actor: Actor, workflow: Workflow, variables: Mapping[str, Any]) -> Run:
    wait = 0.0 if "respond-async" in request.headers.get("Prefer", "").lower() else WAIT_SECONDS
    return start_run(
        actor,
        workflow.slug,
        _inputs(workflow, variables),
        wait=wait,
        idempotency_key=request.headers.get("Idempotency-Key"),
        trigger_kind="seed",
    )


def _inputs(workflow: Workflow, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The original's variables as inputs: by their names there, and with the types that the inputs have here."""
    source = workflow.source if isinstance(workflow.source, dict) else {}
    names: Mapping[str, str] = source.get("inputs") or {}
    published = workflow.published
    specs = published.definition["inputs"] if published else []
    types = {spec["name"]: spec["type"] for spec in specs}
    given = {names.get(name, name): value for name, value in variables.items()}
    return {name: _as_type(types.get(name, ""), value) for name, value in given.items()}


def _as_type(kind: str, value: Any) -> Any:
    """Variables had no types: a number for a text is written out, digits for a number are read."""
    if kind in ("text", "long_text") and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if kind == "number" and isinstance(value, str):
        try:
            return float(value) if "." in value else int(value)
        except ValueError:
            return value
    return value


def _answer(request: Request, run: Run, workflow: Workflow) -> Response:
    result = run_result(run, workflow)
    url = str(run_json(run)["url"])
    address = url if settings.PUBLIC_URL else request.build_absolute_uri(url)
    if run.is_terminal:
        return Response(result, headers={"Location": address})
    return Response({**result, "run_url": address}, status=202, headers={"Location": address})


def _lines(problem: UserError) -> list[str]:
    parts = problem.problems if isinstance(problem, Problems) else [problem]
    return [_sentence(part) for part in parts]


def _sentence(problem: UserError | Mapping[str, Any] | Problem) -> str:
    shown = problem if isinstance(problem, Mapping) else problem.as_dict()
    return " ".join(str(part) for part in (shown.get("message"), shown.get("hint")) if part)
