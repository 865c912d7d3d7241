"""The API of the gallery: what there is, using it, trying it in the sandbox, and templates of the workspace."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from orchestrator_site.lib.api import ApiView
from orchestrator_site.lib.body import read_body
from workflows.api import gallery_bodies as bodies
from workflows.api import parameters, shapes
from workflows.api.bodies import RunBody, WorkflowBody
from workflows.api.workflows import workflow_response
from workflows.operations import gallery as operations
from workflows.operations.describing import describe_workflow
from workflows.operations.drawing import drawing
from workflows.operations.gallery import GalleryItem
from workflows.operations.outline import outline_of
from workflows.operations.permits import permit_json, permits_of, permits_of_draft
from workflows.operations.workflows import get_workflow


def item_json(item: GalleryItem) -> dict[str, Any]:
    """An item as the list shows it."""
    return {
        "slug": item.slug,
        "name": item.name,
        "about": item.about,
        "category": item.category,
        "does": list(item.does),
        "changes": item.changes,
        "needs": item.needs,
        "services": item.services,
        "tags": list(item.tags),
        "trigger": item.trigger,
        "own": item.own,
    }


class Gallery(ApiView):
    """Workflows to begin from."""

    @extend_schema(
        operation_id="gallery_list",
        parameters=[OpenApiParameter("q", str), OpenApiParameter("category", str)],
        responses={200: bodies.GalleryPage},
    )
    def get(self, request: Request) -> Response:
        """List the gallery, the workspace's own templates first; each word of `q` occurs in what an item says."""
        parameters.known_only(request, ("q", "category", "cursor", "limit"))
        wanted = request.query_params.get("category", "")[:40]
        found = operations.list_gallery(actor_of(request), parameters.search(request), wanted)
        return Response({"results": [item_json(item) for item in found], "next": None, "previous": None})

    @extend_schema(operation_id="gallery_save", request=bodies.NewTemplate, responses={201: bodies.GalleryItemBody})
    def post(self, request: Request) -> Response:
        """Keep the draft of a workflow as a template of the workspace."""
        actor = actor_of(request)
        values = read_body(request.data, bodies.NewTemplate)
        workflow = get_workflow(actor, values.workflow)
        made = operations.save_template(actor, workflow, name=values.name, about=values.about, category=values.category)
        return Response(item_json(operations.get_item(actor, made.slug)), status=201)


class GalleryDetail(ApiView):
    """One item."""

    @extend_schema(operation_id="gallery_read", responses={200: bodies.GalleryItemBody})
    def get(self, request: Request, item: str) -> Response:
        """Read an item with its definition, what it may do here, its example, and its picture (SVG)."""
        found = operations.get_item(actor_of(request), item)
        more = {
            "definition": found.definition,
            "example": dict(found.example),
            "permissions": [permit_json(permit) for permit in permits_of(actor_of(request), found.parsed)],
            "picture": drawing(outline_of(found.parsed)),
        }
        return Response({**item_json(found), **more})

    @extend_schema(operation_id="gallery_remove", responses={204: None})
    def delete(self, request: Request, item: str) -> Response:
        """Remove a template of the workspace; what is built in stays."""
        operations.delete_template(actor_of(request), item)
        return Response(status=204)


class Use(ApiView):
    """Using an item."""

    @extend_schema(operation_id="gallery_use", request=bodies.UseBody, responses={201: WorkflowBody})
    def post(self, request: Request, item: str) -> Response:
        """Make a workflow of an item: a draft, not published, without triggers."""
        values = read_body(request.data, bodies.UseBody)
        actor = actor_of(request)
        made = operations.use_item(actor, operations.get_item(actor, item), values.name)
        return workflow_response(get_workflow(actor, made.slug), status=201)


class Try(ApiView):
    """Trying an item."""

    @extend_schema(operation_id="gallery_try", request=bodies.TryBody, responses={202: RunBody})
    def post(self, request: Request, item: str) -> Response:
        """Run an item in the sandbox with its example; nothing leaves this machine."""
        read_body(request.data, bodies.TryBody)
        actor = actor_of(request)
        run = operations.try_item(actor, operations.get_item(actor, item))
        return Response(shapes.run_json(run), status=202)


class Describe(ApiView):
    """From a sentence."""

    @extend_schema(operation_id="workflows_describe", request=bodies.DescribeBody, responses={201: WorkflowBody})
    def post(self, request: Request) -> Response:
        """Make a draft of what a sentence describes: by the workspace's model, or from the gallery. Never published."""
        values = read_body(request.data, bodies.DescribeBody)
        actor = actor_of(request)
        made = describe_workflow(actor, values.text)
        answer = workflow_response(get_workflow(actor, made.workflow.slug), status=201)
        answer.data = {**answer.data, "made": {"by": made.way, "item": made.item or None, "repairs": made.repairs}}
        return answer


class Permissions(ApiView):
    """What a workflow may do."""

    @extend_schema(operation_id="workflow_permissions", responses={200: bodies.PermissionPage})
    def get(self, request: Request, slug: str) -> Response:
        """Read what the draft may read, ask and change: where, and over which connections."""
        actor = actor_of(request)
        found = permits_of_draft(actor, get_workflow(actor, slug))
        return Response({"results": [permit_json(permit) for permit in found], "next": None, "previous": None})
