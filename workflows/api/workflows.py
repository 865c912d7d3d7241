"""The API of workflows: list, create, read, save, publish, versions, restore."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from orchestrator_site.lib.api import ApiView, CursorPage
from orchestrator_site.lib.body import read_body
from orchestrator_site.lib.errors import UserError
from workflows.api import bodies, parameters, shapes
from workflows.models import Workflow
from workflows.operations import drafts, publish, tags, versions
from workflows.operations import workflows as operations
from workflows.operations.stale import Joining

IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="The draft_etag last read.")
JOIN = OpenApiParameter(
    "join", bool, description="1: a stale save is joined with what was saved since, unless both changed the same part."
)
DRAFT = OpenApiParameter("draft", bool, description="1: store what is well formed but incomplete, with its problems.")


def workflow_response(workflow: Workflow, *, status: int = 200) -> Response:
    """One workflow with its draft, and the tag for the next save."""
    body = shapes.workflow_json(workflow, drafts.draft_problems(workflow), drafts.draft_definition(workflow))
    return Response(body, status=status, headers={"ETag": f'"{workflow.draft_etag}"'})


class WorkflowList(ApiView):
    """Workflows of the workspace."""

    @extend_schema(
        operation_id="workflows_list",
        parameters=[
            *(OpenApiParameter(name, str) for name in ("q", "tag", "cursor")),
            OpenApiParameter("state", str, enum=list(tags.STATES)),
            OpenApiParameter("limit", int),
        ],
        responses={200: bodies.WorkflowBody},
    )
    def get(self, request: Request) -> Response:
        """List workflows, newest change first; `q` searches name, slug and description, `tag` is one tag exactly."""
        parameters.known_only(request, ("q", "tag", "state", "cursor", "limit"))
        narrowed = {
            "tag": request.query_params.get("tag", ""),
            "state": parameters.choice(request, "state", tags.STATES),
        }
        rows = tags.find_workflows(actor_of(request), q=parameters.search(request), **narrowed)
        page = CursorPage(ordering=("-updated_at", "-id"))
        shown = page.paginate_queryset(rows, request, view=self) or []
        problems = drafts.problems_of_many(shown)
        return page.get_paginated_response([shapes.workflow_json(row, problems.get(row.pk, ())) for row in shown])

    @extend_schema(
        operation_id="workflows_create",
        parameters=[DRAFT],
        request=OpenApiTypes.OBJECT,
        responses={201: bodies.WorkflowBody},
    )
    def post(self, request: Request) -> Response:
        """Create a workflow from a definition: valid, or nothing is written (unless `draft=1`)."""
        workflow = operations.create_workflow(actor_of(request), request.data, draft=parameters.flag(request, "draft"))
        return workflow_response(workflow, status=201)


class WorkflowDetail(ApiView):
    """One workflow."""

    @extend_schema(
        operation_id="workflows_read",
        parameters=[OpenApiParameter("format", str, enum=["json", "yaml", "seed"], description="Export instead.")],
        responses={200: bodies.WorkflowBody},
    )
    def get(self, request: Request, slug: str) -> Response | HttpResponse:
        """Read a workflow with its draft; `format` exports the definition as JSON, YAML or the original's file."""
        workflow = operations.get_workflow(actor_of(request), slug)
        wanted = parameters.choice(request, "format", ("json", "yaml", "seed"))
        if not wanted:
            return workflow_response(workflow)
        from workflows.operations.exports import export_workflow

        kind = "application/yaml" if wanted == "yaml" else "application/json"
        return HttpResponse(export_workflow(workflow, wanted), content_type=f"{kind}; charset=utf-8")

    @extend_schema(
        operation_id="workflows_save",
        parameters=[IF_MATCH, DRAFT, JOIN],
        request=OpenApiTypes.OBJECT,
        responses={200: bodies.WorkflowBody},
    )
    def put(self, request: Request, slug: str) -> Response:
        """Save the draft. Missing If-Match is 428, a stale one 409 with both sides and what both changed."""
        workflow = operations.get_workflow(actor_of(request), slug)
        tag = parameters.if_match(request)
        saved = drafts.replace_draft(
            actor_of(request),
            workflow,
            request.data,
            if_match=Joining(tag) if tag and parameters.flag(request, "join") else tag,
            draft=parameters.flag(request, "draft"),
        )
        return workflow_response(saved)

    @extend_schema(
        operation_id="workflows_change",
        parameters=[IF_MATCH],
        request=bodies.WorkflowPatch,
        responses={200: bodies.WorkflowBody},
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change name, description, tags or on/off."""
        workflow = operations.get_workflow(actor_of(request), slug)
        operations.check_if_match(workflow, parameters.if_match(request) or "*")
        values = read_body(request.data, bodies.WorkflowPatch).model_dump(exclude_unset=True)
        if any(value is None for value in values.values()):
            raise UserError("E_TYPE", "null is no value here; leave a field out to keep it.", field="body")
        if (wanted := values.pop("tags", None)) is not None:
            workflow = tags.set_tags(actor_of(request), workflow, wanted)
        return workflow_response(operations.change_workflow(actor_of(request), workflow, **values))

    @extend_schema(operation_id="workflows_delete", parameters=[IF_MATCH], responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Delete a workflow; its runs stay on record, runs in flight finish."""
        workflow = operations.get_workflow(actor_of(request), slug)
        operations.check_if_match(workflow, parameters.if_match(request) or "*")
        operations.delete_workflow(actor_of(request), workflow)
        return Response(status=204)


class Publish(ApiView):
    """Publishing."""

    @extend_schema(operation_id="workflows_publish", request=bodies.PublishBody, responses={200: bodies.WorkflowBody})
    def post(self, request: Request, slug: str) -> Response:
        """Freeze the draft as the next version; refused with the problems while it has errors."""
        workflow = operations.get_workflow(actor_of(request), slug)
        values = read_body(request.data if request.data is not None else {}, bodies.PublishBody)
        publish.publish_workflow(actor_of(request), workflow, note=values.note)
        return workflow_response(operations.get_workflow(actor_of(request), slug))


class VersionList(ApiView):
    """Versions of a workflow."""

    @extend_schema(operation_id="workflow_versions_list", responses={200: bodies.VersionBody})
    def get(self, request: Request, slug: str) -> Response:
        """List published versions, newest first."""
        workflow = operations.get_workflow(actor_of(request), slug)
        page = CursorPage(ordering=("-number",))
        shown = page.paginate_queryset(versions.list_versions(workflow), request, view=self) or []
        return page.get_paginated_response([shapes.version_json(row) for row in shown])


class VersionDetail(ApiView):
    """One version."""

    @extend_schema(operation_id="workflow_versions_read", responses={200: bodies.VersionBody})
    def get(self, request: Request, slug: str, n: int) -> Response:
        """Read a version with its frozen definition."""
        workflow = operations.get_workflow(actor_of(request), slug)
        return Response(shapes.version_json(versions.get_version(workflow, n), with_definition=True))


class Diff(ApiView):
    """What changed between two versions."""

    @extend_schema(
        operation_id="workflow_diff",
        parameters=[OpenApiParameter("from", str), OpenApiParameter("to", str)],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Compare two versions (numbers, or "draft"): steps added, removed and changed, field by field."""
        workflow = operations.get_workflow(actor_of(request), slug)
        sides: dict[str, Any] = {name: request.query_params.get(name, "") for name in ("from", "to")}
        return Response(versions.diff_versions(workflow, sides["from"], sides["to"] or "draft"))


class Restore(ApiView):
    """Going back."""

    @extend_schema(operation_id="workflows_restore", request=bodies.RestoreBody, responses={200: bodies.WorkflowBody})
    def post(self, request: Request, slug: str) -> Response:
        """Make a version's definition the draft again; the draft before it stays among the revisions."""
        workflow = operations.get_workflow(actor_of(request), slug)
        values = read_body(request.data, bodies.RestoreBody)
        return workflow_response(versions.restore_version(actor_of(request), workflow, values.version))
