"""The OpenAPI document of the original's routes, made from its models, and the pages that show it."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from workflows.api.original import models
from workflows.api.original.base import APP, VERSION

_REF = "#/components/schemas/{model}"
_UNAUTHORIZED = {"401": {"description": "Not authenticated, or the token is invalid or expired"}}


@require_safe
def document(request: HttpRequest) -> JsonResponse:
    """The OpenAPI document."""
    return JsonResponse(openapi())


@require_safe
def swagger(request: HttpRequest) -> HttpResponse:
    """The Swagger page."""
    return render(request, "original/docs.html")


@require_safe
def oauth2_redirect(request: HttpRequest) -> HttpResponse:
    """The page that Swagger's OAuth window comes back to."""
    return render(request, "original/oauth2_redirect.html")


@require_safe
def redoc(request: HttpRequest) -> HttpResponse:
    """The ReDoc page."""
    return render(request, "original/redoc.html")


@cache
def openapi() -> dict[str, Any]:
    """The document: eleven routes; the other four are this document and its pages."""
    _, schemas = models_json_schema(
        [(model, "validation" if model in _REQUESTS else "serialization") for model in _MODELS], ref_template=_REF
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": APP, "version": VERSION, "description": _DESCRIPTION},
        "paths": _paths(),
        "components": {
            "schemas": {**schemas["$defs"], **_ERRORS},
            "securitySchemes": {"HTTPBearer": {"type": "http", "scheme": "bearer"}},
        },
    }


_DESCRIPTION = (
    "The routes of the original product, for programs that were written for it. Everything else is under /api/v1/docs."
)
_REQUESTS = (models.Workflow, models.WorkflowExecuteRequest, models.PromptTemplate, models.LoginRequest)
_MODELS: tuple[type[BaseModel], ...] = (
    *_REQUESTS,
    models.LoginResponse,
    models.WorkflowResult,
    models.Accepted,
    models.Summary,
    models.WorkflowSaved,
    models.TemplateSaved,
    models.Done,
    models.Health,
    models.Root,
)
_ERRORS: dict[str, Any] = {
    "ValidationError": {
        "title": "ValidationError",
        "type": "object",
        "required": ["loc", "msg", "type"],
        "properties": {
            "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
            "msg": {"type": "string"},
            "type": {"type": "string"},
        },
    },
    "HTTPValidationError": {
        "title": "HTTPValidationError",
        "type": "object",
        "properties": {"detail": {"type": "array", "items": {"$ref": _REF.format(model="ValidationError")}}},
    },
}


def _paths() -> dict[str, Any]:
    return {
        "/": {"get": _route("Root", "What this is", models.Root, open_to_all=True)},
        "/auth/login": {
            "post": _route(
                "Login", "Get a token of an hour", models.LoginResponse, models.LoginRequest, open_to_all=True
            )
        },
        "/workflows": {
            "get": _route("List Workflows", "List all workflows", [models.Summary]),
            "post": _route("Create Workflow", "Create or overwrite a workflow", models.WorkflowSaved, models.Workflow),
        },
        "/workflows/{workflow_id}": {
            "get": _route("Get Workflow", "Get a specific workflow", models.Workflow, name="workflow_id")
        },
        "/workflows/execute": {"post": _execute()},
        "/prompts": {
            "get": _route("List Prompts", "List all prompt templates", [models.Summary]),
            "post": _route(
                "Create Prompt", "Create or overwrite a template", models.TemplateSaved, models.PromptTemplate
            ),
        },
        "/prompts/{template_id}": {
            "get": _route("Get Prompt", "Get a specific prompt template", models.PromptTemplate, name="template_id"),
            "delete": _route("Delete Prompt", "Delete a prompt template", models.Done, name="template_id"),
        },
        "/health": {"get": _route("Health Check", "Whether it lives", models.Health, open_to_all=True)},
    }


def _execute() -> dict[str, Any]:
    route = _route("Execute Workflow", "Execute a workflow", models.WorkflowResult, models.WorkflowExecuteRequest)
    route["responses"]["202"] = {
        "description": "Not ended within a minute, or Prefer: respond-async",
        "content": _content(models.Accepted),
    }
    route["parameters"] = [{"name": "Prefer", "in": "header", "required": False, "schema": {"type": "string"}}]
    return route


def _route(
    summary: str,
    description: str,
    answer: type[BaseModel] | list[type[BaseModel]],
    body: type[BaseModel] | None = None,
    *,
    name: str = "",
    open_to_all: bool = False,
) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": "Successful Response", "content": _content(answer)}}
    route: dict[str, Any] = {"summary": summary, "description": description, "responses": responses}
    route["operationId"] = summary.lower().replace(" ", "_")
    if not open_to_all:
        route["security"] = [{"HTTPBearer": []}]
        responses |= _UNAUTHORIZED
    if name:
        route["parameters"] = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}}]
        responses["404"] = {"description": "Not found"}
    if body is not None:
        route["requestBody"] = {"required": True, "content": _content(body)}
        wrong = {"application/json": {"schema": {"$ref": _REF.format(model="HTTPValidationError")}}}
        responses["422"] = {"description": "Validation Error", "content": wrong}
    return route


def _content(model: type[BaseModel] | list[type[BaseModel]]) -> dict[str, Any]:
    if isinstance(model, list):
        schema: dict[str, Any] = {"type": "array", "items": {"$ref": _REF.format(model=model[0].__name__)}}
    else:
        schema = {"$ref": _REF.format(model=model.__name__)}
    return {"application/json": {"schema": schema}}
