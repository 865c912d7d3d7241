"""The API of what is done to many runs at once, and of two runs compared."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from orchestrator_site.lib.api import ApiView
from orchestrator_site.lib.body import read_body
from orchestrator_site.lib.errors import UserError
from workflows.api import bodies, parameters
from workflows.operations import runs as operations
from workflows.operations.bulk import Bulk, cancel_runs, chosen, run_all_again
from workflows.operations.compare_runs import compare_runs

ONCE = "The same key runs none of them again twice, and completes what was cut off."


def _runs(request: Request, values: bodies.ManyBody) -> Any:
    rows = operations.list_runs(
        actor_of(request),
        status=values.status or "",
        workflow=values.workflow or "",
        trigger=values.trigger or "",
        q=values.q or "",
        batch=values.batch or "",
    )
    ids = None if values.runs is None else [parameters.uuid_or_404(run, "run") for run in values.runs]
    return chosen(rows, ids)


def _answer(bulk: Bulk) -> Response:
    left = [{"run": str(run.pk), "reason": why} for run, why in bulk.left]
    body = {"runs": [str(run.pk) for run in bulk.done], "left": left, "batch": bulk.batch or None}
    return Response(body, status=202)


class CancelRuns(ApiView):
    """Ending many runs."""

    @extend_schema(operation_id="runs_cancel_many", request=bodies.ManyBody, responses={202: bodies.ManyAnswer})
    def post(self, request: Request) -> Response:
        """Cancel up to 1,000 runs: those named in `runs`, or all that the filter finds. `left` says which had ended."""
        values = read_body(request.data, bodies.ManyBody)
        return _answer(cancel_runs(actor_of(request), _runs(request, values)))


class RerunRuns(ApiView):
    """Running many again."""

    @extend_schema(
        operation_id="runs_rerun_many",
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, description=ONCE)],
        request=bodies.RerunManyBody,
        responses={202: bodies.ManyAnswer},
    )
    def post(self, request: Request) -> Response:
        """Run up to 1,000 runs again, as one batch. `from` "@failed" (the default): only those that did not succeed.

        A run whose changes would be made again is left alone then, with the reason in `left`.
        """
        values = read_body(request.data, bodies.RerunManyBody)
        runs = _runs(request, values)
        key = parameters.idempotency_key(request)
        again = run_all_again(actor_of(request), runs, values.from_, values.version, idempotency_key=key)
        return _answer(again)


class CompareRuns(ApiView):
    """Two runs of one workflow."""

    @extend_schema(
        operation_id="runs_compare",
        parameters=[OpenApiParameter("a", str, required=True), OpenApiParameter("b", str, required=True)],
        responses={200: bodies.ComparisonBody},
    )
    def get(self, request: Request) -> Response:
        """What differs between run `a` and run `b`; `first` is the first step at which they part."""
        parameters.known_only(request, ("a", "b"))
        missing = next((name for name in ("a", "b") if not request.query_params.get(name)), "")
        if missing:
            raise UserError("E_REQUIRED", "Name the two runs to compare.", field=missing, hint="?a=RUN&b=RUN")
        sides = [parameters.uuid_or_404(request.query_params.get(name, ""), "run") for name in ("a", "b")]
        before, after = (operations.get_run(actor_of(request), side) for side in sides)
        return Response(compare_runs(actor_of(request), before, after).as_dict())
