"""The API of a workflow's tests: read, replace, run."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from orchestrator_site.lib.api import ApiView
from orchestrator_site.lib.body import Body, read_body
from workflows.api.parameters import prefer
from workflows.models import Workflow
from workflows.operations.testing import keeping, running
from workflows.operations.testing.results import Result, results_of
from workflows.operations.workflows import get_workflow


class RunTests(Body):
    """Which tests, by name; left out: all."""

    names: list[str] = Field(default_factory=list, max_length=100)


class ResultBody(Body):
    """How a test stands: new, running, green, red, or old (of an older draft); with each difference in a sentence."""

    name: str
    state: str
    failures: list[str]
    run: str | None


class TestsBody(Body):
    """The document of the tests, and how they stand."""

    format: int
    tests: list[dict[str, Any]]
    results: list[ResultBody]
    blocks: bool


def result_json(result: Result) -> dict[str, Any]:
    """A result as the API shows it."""
    return {
        "name": result.test.name,
        "state": result.state,
        "failures": list(result.failures),
        "run": str(result.test.run_id) if result.test.run_id else None,
    }


def _answer(request: Request, workflow: Workflow, status: int = 200) -> Response:
    results = [result_json(result) for result in results_of(actor_of(request), workflow)]
    more = {"results": results, "blocks": workflow.tests_block}
    return Response({**keeping.document_of(workflow), **more}, status=status)


class Tests(ApiView):
    """The tests of a workflow."""

    @extend_schema(operation_id="tests_read", responses={200: TestsBody})
    def get(self, request: Request, slug: str) -> Response:
        """Read the tests as the file that lies beside an export, and how they stand."""
        return _answer(request, get_workflow(actor_of(request), slug))

    @extend_schema(operation_id="tests_replace", request=OpenApiTypes.OBJECT, responses={200: TestsBody})
    def put(self, request: Request, slug: str) -> Response:
        """Replace the tests by a document `{"format": 1, "tests": […]}`; valid or nothing is written."""
        workflow = get_workflow(actor_of(request), slug)
        keeping.keep_tests(actor_of(request), workflow, request.data)
        return _answer(request, workflow)


class RunAll(ApiView):
    """Running them."""

    @extend_schema(operation_id="tests_run", request=RunTests, responses={202: TestsBody})
    def post(self, request: Request, slug: str) -> Response:
        """Start the tests on the draft; `Prefer: wait=SECONDS` waits for their results."""
        actor = actor_of(request)
        values = read_body(request.data, RunTests)
        workflow = get_workflow(actor, slug)
        tests = running.start_tests(actor, workflow, values.names)
        if seconds := prefer(request)[0]:
            running.wait_for_tests(actor, workflow, tests, seconds)
        return _answer(request, workflow, 202)
