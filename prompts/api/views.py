"""The API of prompts: the library, versions, labels, and a try-out with values."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from orchestrator_site.lib.api import ApiView, CursorPage
from orchestrator_site.lib.body import read_body
from orchestrator_site.lib.clock import moment
from orchestrator_site.lib.errors import NotFound, UserError
from orchestrator_site.lib.names import slugify_key
from prompts.api import bodies
from prompts.models import Prompt, PromptVersion
from prompts.operations import library
from prompts.operations.files import export_prompt
from prompts.rendering import render


def prompt_json(prompt: Prompt) -> dict[str, Any]:
    """A prompt as the API shows it."""
    return {
        "slug": prompt.slug,
        "name": prompt.name,
        "description": prompt.description,
        "archived": prompt.archived_at is not None,
        "version": max((version.number for version in prompt.versions.all()), default=0),
        "labels": {label.name: label.version.number for label in prompt.labels.all()},
        "created_at": moment(prompt.created_at),
        "updated_at": moment(prompt.updated_at),
    }


def version_json(version: PromptVersion) -> dict[str, Any]:
    """A version as the API shows it."""
    return {
        "number": version.number,
        "system": version.system,
        "user_template": version.user_template,
        "variables": version.variables,
        "model": version.model,
        "temperature": version.temperature,
        "max_tokens": version.max_tokens,
        "note": version.note,
        "labels": [label.name for label in version.labels.all()],
        "created_at": moment(version.created_at),
        "created_by": str(version.created_by) if version.created_by else None,
    }


def _text(values: bodies.PromptText) -> library.Text:
    return library.Text(values.user_template, values.system, values.model, values.temperature, values.max_tokens)


def _detail(prompt: Prompt) -> dict[str, Any]:
    try:
        live: dict[str, Any] | None = version_json(library.get_version(prompt))
    except NotFound:
        live = None
    return {**prompt_json(prompt), "live": live}


class PromptList(ApiView):
    """The library."""

    @extend_schema(
        operation_id="prompts_list",
        parameters=[
            OpenApiParameter("q", str, description="words in slug, name, description or text"),
            OpenApiParameter("archived", bool, description="the archived ones instead"),
        ],
        responses={200: bodies.PromptPage},
    )
    def get(self, request: Request) -> Response:
        """List prompts."""
        archived = request.query_params.get("archived", "").lower() in ("1", "true", "yes")
        rows = library.list_prompts(actor_of(request), request.query_params.get("q", ""), archived=archived)
        rows = rows.prefetch_related("versions", "labels__version")
        page = CursorPage(ordering=("slug",))
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response([prompt_json(row) for row in shown])

    @extend_schema(operation_id="prompts_create", request=bodies.NewPrompt, responses={201: bodies.PromptDetailBody})
    def post(self, request: Request) -> Response:
        """Make a prompt; its first version is live."""
        actor = actor_of(request)
        values = read_body(request.data, bodies.NewPrompt)
        prompt = library.create_prompt(
            actor,
            slug=values.slug or slugify_key(values.name, fallback="prompt"),
            name=values.name,
            description=values.description,
            text=_text(values),
            note=values.note,
        )
        return Response(_detail(prompt), status=201)


class PromptDetail(ApiView):
    """One prompt."""

    @extend_schema(
        operation_id="prompts_show",
        parameters=[OpenApiParameter("format", str, description="json (ours) or seed (the original's): as a file")],
        responses={200: bodies.PromptDetailBody},
    )
    def get(self, request: Request, slug: str) -> Response | HttpResponse:
        """Show a prompt with its live version, or give it as a file."""
        actor = actor_of(request)
        if form := request.query_params.get("format"):
            file = HttpResponse(export_prompt(actor, slug, form), content_type="application/json")
            file["Content-Disposition"] = f'attachment; filename="{slug}.json"'
            return file
        return Response(_detail(library.get_prompt(actor, slug)))

    @extend_schema(operation_id="prompts_change", request=bodies.PromptChange, responses={200: bodies.PromptDetailBody})
    def patch(self, request: Request, slug: str) -> Response:
        """Rename it, describe it, archive it, or move its labels."""
        actor = actor_of(request)
        values = read_body(request.data, bodies.PromptChange)
        prompt = library.get_prompt(actor, slug)
        library.edit_prompt(actor, prompt, name=values.name, description=values.description, archived=values.archived)
        for label, number in (values.labels or {}).items():
            library.move_label(actor, prompt, label=label, number=number)
        return Response(_detail(prompt))

    @extend_schema(operation_id="prompts_delete", responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Delete a prompt with its versions; runs keep the text they started with."""
        actor = actor_of(request)
        library.delete_prompt(actor, library.get_prompt(actor, slug))
        return Response(status=204)


class VersionList(ApiView):
    """The versions of a prompt."""

    @extend_schema(operation_id="prompts_versions", responses={200: bodies.VersionPage})
    def get(self, request: Request, slug: str) -> Response:
        """List versions, newest first."""
        prompt = library.get_prompt(actor_of(request), slug)
        page = CursorPage(ordering=("-number",))
        rows = prompt.versions.select_related("created_by").prefetch_related("labels").order_by("-number")
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response([version_json(row) for row in shown])

    @extend_schema(operation_id="prompts_add_version", request=bodies.NewVersion, responses={201: bodies.VersionBody})
    def post(self, request: Request, slug: str) -> Response:
        """Save a text as the newest version; an equal text makes no new one (200)."""
        actor = actor_of(request)
        values = read_body(request.data, bodies.NewVersion)
        prompt = library.get_prompt(actor, slug)
        before = library.newest_version(prompt).number
        version = library.add_version(
            actor, prompt, text=_text(values), note=values.note, make_live=values.make_live, base=values.base
        )
        return Response(version_json(version), status=201 if version.number != before else 200)


class Render(ApiView):
    """A try-out."""

    @extend_schema(operation_id="prompts_render", request=bodies.RenderRequest, responses={200: bodies.RenderedBody})
    def post(self, request: Request, slug: str) -> Response:
        """Put values into a version and give both texts; no model is called."""
        prompt = library.get_prompt(actor_of(request), slug)
        values = read_body(request.data, bodies.RenderRequest)
        if values.version is not None and values.label is not None:
            raise UserError("E_CHOICE", "Name a version or a label, not both.", field="version", hint="Leave one out.")
        version = library.get_version(prompt, values.version if values.version is not None else values.label or "live")
        frozen = library.frozen(version)
        rendered = render(frozen, values.values)
        kept = {name: frozen[name] for name in ("slug", "version", "model", "temperature", "max_tokens")}
        return Response({**kept, "system": rendered.system, "user": rendered.user})
