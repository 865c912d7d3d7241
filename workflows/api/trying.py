"""The API of trying steps of a draft, and of the sample outputs that they are tried on."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from orchestrator_site.lib.api import ApiView
from orchestrator_site.lib.body import read_body
from orchestrator_site.lib.clock import moment
from orchestrator_site.lib.errors import NotFound
from workflows.api import bodies, parameters, shapes
from workflows.models import Sample
from workflows.operations import trying
from workflows.operations.workflows import get_workflow


def _shape(sample: Sample) -> dict[str, object]:
    about = {"key": sample.key, "output": sample.output, "saved_by": sample.saved_by}
    return {**about, "saved_at": moment(sample.saved_at)}


class Try(ApiView):
    """Trying a step."""

    @extend_schema(
        operation_id="workflow_try", request=bodies.TryBody, responses={201: bodies.RunBody, 202: bodies.RunBody}
    )
    def post(self, request: Request, slug: str) -> Response:
        """Run one step of the draft, or all up to it, as a dry run unless `mode` is live. Prefer: wait=SECONDS."""
        values = read_body(request.data, bodies.TryBody)
        seconds, respond_async = parameters.prefer(request)
        run = trying.try_step(
            actor_of(request), get_workflow(actor_of(request), slug), values.step, scope=values.scope,
            data=values.data, mode=values.mode, inputs=values.inputs,
            wait=None if respond_async or not seconds else seconds,
        )  # fmt: skip
        headers = {"Location": f"/api/v1/runs/{run.id}"}
        return Response(shapes.run_json(run), status=201 if run.is_terminal else 202, headers=headers)


class Samples(ApiView):
    """All sample outputs of a draft."""

    @extend_schema(operation_id="workflow_samples", responses={200: bodies.SampleBody})
    def get(self, request: Request, slug: str) -> Response:
        """List the pinned outputs of the steps of a draft."""
        found = trying.samples_of(actor_of(request), get_workflow(actor_of(request), slug))
        return Response({"results": [_shape(one) for one in found.values()], "next": None})


class SampleDetail(ApiView):
    """One sample output."""

    @extend_schema(operation_id="workflow_sample_read", responses={200: bodies.SampleBody})
    def get(self, request: Request, slug: str, key: str) -> Response:
        """Read the pinned output of a step."""
        found = trying.samples_of(actor_of(request), get_workflow(actor_of(request), slug)).get(key)
        if found is None:
            raise NotFound("This step has no sample.")
        return Response(_shape(found))

    @extend_schema(operation_id="workflow_sample_save", request=bodies.SampleInput, responses={200: bodies.SampleBody})
    def put(self, request: Request, slug: str, key: str) -> Response:
        """Pin the output of a step: tries, and dry runs where nobody can know the answer, go on with it."""
        workflow = get_workflow(actor_of(request), slug)
        values = read_body(request.data, bodies.SampleInput)
        return Response(_shape(trying.save_sample(actor_of(request), workflow, key, values.output)))

    @extend_schema(operation_id="workflow_sample_delete", responses={204: None})
    def delete(self, request: Request, slug: str, key: str) -> Response:
        """Forget the pinned output of a step."""
        trying.delete_sample(actor_of(request), get_workflow(actor_of(request), slug), key)
        return Response(status=204)
