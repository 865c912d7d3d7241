"""The API of runs: start one or many, list, read, follow, cancel, run again."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from orchestrator_site.lib.api import ApiView, CursorPage, StrictJSONRenderer
from orchestrator_site.lib.body import read_body
from orchestrator_site.lib.json import MIB, dumps
from workflows.api import bodies, parameters, shapes
from workflows.engine.crashpoints import crashpoint
from workflows.models import Run, RunStatus, StepRun
from workflows.operations import live
from workflows.operations import runs as operations
from workflows.operations.again import Wanted, run_again
from workflows.operations.batches import batch_of
from workflows.operations.blobs import with_outputs
from workflows.operations.plans import list_plans
from workflows.operations.turns import waits_for
from workflows.operations.workflows import get_workflow

FILTERS = ("status", "workflow", "trigger", "batch", "q")
PREFER = OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description="wait=SECONDS, at most 60")
IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="The same key gives the same run, and nothing more."
)


class EventStreamRenderer(BaseRenderer):
    """Lets a client ask for text/event-stream; the stream itself is written by the view."""

    media_type = "text/event-stream"
    format = "events"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: object = None) -> bytes:
        """Only errors come this way: they stay JSON."""
        return dumps(data).encode()


def _run_page(view: ApiView, request: Request, rows: QuerySet[Run]) -> Response:
    page = CursorPage(ordering=("-id",))
    shown = page.paginate_queryset(rows, request, view=view) or []
    return page.get_paginated_response([shapes.run_json(run) for run in shown])


def _filtered(request: Request, workflow: str = "") -> QuerySet[Run]:
    parameters.known_only(request, (*FILTERS, "cursor", "limit"))
    return operations.list_runs(
        actor_of(request),
        status=parameters.choice(request, "status", RunStatus.values),
        workflow=workflow or parameters.search(request, "workflow"),
        trigger=parameters.search(request, "trigger"),
        batch=parameters.search(request, "batch"),
        q=parameters.search(request),
    )


class WorkflowRuns(ApiView):
    """Runs of one workflow."""

    @extend_schema(operation_id="workflow_runs_list", responses={200: bodies.RunBody})
    def get(self, request: Request, slug: str) -> Response:
        """List the runs of a workflow, newest first."""
        return _run_page(self, request, _filtered(request, get_workflow(actor_of(request), slug).slug))

    @extend_schema(
        operation_id="workflow_runs_start",
        parameters=[PREFER, IDEMPOTENCY],
        request=bodies.StartBody,
        responses={201: bodies.RunBody, 202: bodies.RunBody},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Start a run. 201 when it ended within the wait (failed too: read `status`), else 202."""
        values = read_body(request.data if request.data is not None else {}, bodies.StartBody)
        crashpoint("P01")
        seconds, respond_async = parameters.prefer(request)
        run = operations.start_run(
            actor_of(request),
            slug,
            values.inputs,
            mode=values.mode,
            version=values.version,
            wait=None if respond_async or not seconds else seconds,
            idempotency_key=parameters.idempotency_key(request),
            trigger_kind="api",
        )
        headers = {"Location": f"/api/v1/runs/{run.id}"}
        return Response(shapes.run_json(run), status=201 if run.is_terminal else 202, headers=headers)


class Batch(ApiView):
    """Many runs at once."""

    max_body = 8 * MIB

    @extend_schema(
        operation_id="workflow_runs_batch",
        parameters=[IDEMPOTENCY],
        request=bodies.BatchBody,
        responses={202: bodies.BatchAnswer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Start up to 1,000 runs: all, or none when one set of inputs is wrong."""
        values = read_body(request.data, bodies.BatchBody)
        runs = operations.start_batch(
            actor_of(request),
            slug,
            values.inputs,
            mode=values.mode,
            idempotency_key=parameters.idempotency_key(request),
        )
        return Response({"runs": [str(run.id) for run in runs], "batch": batch_of(runs[0])}, status=202)


class RunList(ApiView):
    """Runs of the workspace."""

    @extend_schema(
        operation_id="runs_list",
        parameters=[OpenApiParameter(name, str) for name in FILTERS],
        responses={200: bodies.RunBody},
    )
    def get(self, request: Request) -> Response:
        """List runs, newest first. `trigger` is the kind, `q` searches workflow names, inputs and errors."""
        return _run_page(self, request, _filtered(request))


class RunDetail(ApiView):
    """One run."""

    @extend_schema(operation_id="runs_read", responses={200: bodies.RunBody})
    def get(self, request: Request, run: str) -> Response:
        """Read a run."""
        found = _get(request, run)
        other = waits_for(found)
        return Response({**shapes.run_json(found), "waits_for": str(other.pk) if other else None})


class RunSteps(ApiView):
    """Steps of a run."""

    @extend_schema(operation_id="runs_steps", responses={200: bodies.StepBody})
    def get(self, request: Request, run: str) -> Response:
        """List the step runs in the order they began, each with its attempts."""
        rows = (
            StepRun.objects.of(actor_of(request).workspace).filter(run=_get(request, run)).prefetch_related("attempts")
        )
        page = CursorPage(ordering=("id",))
        shown = with_outputs(page.paginate_queryset(rows, request, view=self) or [])
        return page.get_paginated_response([shapes.step_json(step, step.attempts.all()) for step in shown])


class RunEffects(ApiView):
    """Effects of a run."""

    @extend_schema(operation_id="runs_effects", responses={200: bodies.PlannedBody})
    def get(self, request: Request, run: str) -> Response:
        """List the changes the run made or tried to make, in order; of a dry run those it would make.

        What a dry run would make has the state `planned` (`stopped` where nobody can tell), with `summary`, `before`
        and `after`; nothing of it was sent.
        """
        found, page = _get(request, run), CursorPage(ordering=("id",))
        if found.mode == "dry":
            plans = page.paginate_queryset(list_plans(actor_of(request), found), request, view=self) or []
            return page.get_paginated_response([shapes.plan_json(plan) for plan in plans])
        rows = operations.list_effects(actor_of(request), run=found)
        shown = page.paginate_queryset(rows, request, view=self) or []
        return page.get_paginated_response([shapes.effect_json(effect) for effect in shown])


class RunEvents(ApiView):
    """The run as it goes."""

    renderer_classes = (StrictJSONRenderer, EventStreamRenderer)

    @extend_schema(
        operation_id="runs_deliver_event",
        parameters=[IDEMPOTENCY],
        request=bodies.EventDelivery,
        responses={202: bodies.DeliveredBody},
    )
    def post(self, request: Request, run: str) -> Response:
        """Deliver an event: the step that waits for its name goes on; before that it is kept, and counts once."""
        values = read_body(request.data, bodies.EventDelivery)
        event = operations.deliver_event(
            actor_of(request),
            _get(request, run),
            values.name,
            values.data,
            idempotency_key=parameters.idempotency_key(request),
        )
        return Response(shapes.event_json(event), status=202)

    @extend_schema(operation_id="runs_events", responses={(200, "text/event-stream"): OpenApiTypes.STR})
    def get(self, request: Request, run: str) -> HttpResponse | StreamingHttpResponse:
        """Follow a run as server-sent events: `step`, `run`, then `end`; resumes by Last-Event-ID, 60 s at most.

        `preview` tells what a model is writing right now; it is no record and may be late.
        """
        found = _get(request, run)
        last = str(request.headers.get("Last-Event-ID", request.query_params.get("after", "0")))
        after = int(last) if last.isdigit() and len(last) < 19 else 0
        return event_stream(found, after)


def event_stream(run: Run, after: int) -> HttpResponse | StreamingHttpResponse:
    """The server-sent events of a run, or 503 with Retry-After when all streams are taken."""
    body = _events(run, after)
    try:
        first = next(body)
    except queue.Full:
        return HttpResponse(
            "All live streams are taken; ask again for the run.", status=503, headers={"Retry-After": "5"}
        )
    response = StreamingHttpResponse(_chain(first, body), content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _events(run: Run, after: int) -> Iterator[str]:
    for found in live.stream(run, after):
        if found is None:
            yield ": still here\n\n"
            continue
        if isinstance(found, live.Writing):
            for step_run, text in found.texts.items():
                yield f"event: preview\ndata: {dumps({'step_run': str(step_run), 'text': text})}\n\n"
            continue
        for step in with_outputs(found.steps):
            yield _event("step", shapes.step_json(step, step.attempts.all()), step.seq)
        yield _event("end" if found.is_final else "run", shapes.run_json(found.run), found.seq)


def _event(name: str, data: Any, number: int) -> str:
    return f"id: {number}\nevent: {name}\ndata: {dumps(data)}\n\n"


class Pause(ApiView):
    """Letting a run rest."""

    @extend_schema(operation_id="runs_pause", request=None, responses={202: bodies.RunBody})
    def post(self, request: Request, run: str) -> Response:
        """Pause: nothing new starts, calls on their way are awaited; timers and deadlines keep counting."""
        return Response(shapes.run_json(operations.pause_run(actor_of(request), _get(request, run))), status=202)


class Resume(ApiView):
    """Letting a paused run go on."""

    @extend_schema(operation_id="runs_resume", request=None, responses={202: bodies.RunBody})
    def post(self, request: Request, run: str) -> Response:
        """Go on where the run stood. One that is not paused is 409."""
        return Response(shapes.run_json(operations.resume_run(actor_of(request), _get(request, run))), status=202)


class Cancel(ApiView):
    """Ending a run."""

    @extend_schema(operation_id="runs_cancel", request=None, responses={202: bodies.RunBody})
    def post(self, request: Request, run: str) -> Response:
        """Cancel: nothing new starts, a sent change is awaited and settled. A run that has ended is 409."""
        return Response(shapes.run_json(operations.cancel_run(actor_of(request), _get(request, run))), status=202)


class Rerun(ApiView):
    """Running again."""

    max_body = 8 * MIB

    @extend_schema(
        operation_id="runs_rerun",
        parameters=[IDEMPOTENCY],
        request=bodies.RerunBody,
        responses={202: bodies.RunBody},
    )
    def post(self, request: Request, run: str) -> Response:
        """Start a new run from this one. `from` is a step's key, `loop[3]/key`, or "@failed": what comes before stands.

        `outputs` gives what earlier steps shall have given; `warnings` of the answer names what is done again.
        """
        values = read_body(request.data if request.data is not None else {}, bodies.RerunBody)
        wanted = Wanted(values.from_ or "", values.inputs, values.outputs or {}, values.version, values.mode)
        key = parameters.idempotency_key(request)
        again = run_again(actor_of(request), _get(request, run), wanted, idempotency_key=key)
        shape = {**shapes.run_json(again.run), "warnings": again.warnings}
        return Response(shape, status=202, headers={"Location": f"/api/v1/runs/{again.run.id}"})


def _get(request: Request, run: str) -> Run:
    return operations.get_run(actor_of(request), parameters.uuid_or_404(run, "run"))
