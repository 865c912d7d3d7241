"""The API of files in and out: import a file or a folder, export all workflows as a folder."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from orchestrator_site.lib.api import ApiView
from orchestrator_site.lib.body import Body, read_body
from orchestrator_site.lib.errors import UserError
from workflows.api import shapes
from workflows.api.bodies import WorkflowBody
from workflows.operations.exports import export_folder
from workflows.operations.imports import ImportResult, import_folder, import_workflows


class ImportBody(Body):
    """A file's text, or a folder as base64 of a zip. Nothing of it runs; `publish` publishes what has no errors."""

    text: str = ""
    zip: str = ""
    publish: bool = False
    overwrite: bool = False


class LineBody(Body):
    """What became of one part of the file: mapped, changed, off or left out."""

    name: str
    kind: str
    became: str
    step: str
    note: str


class ImportedBody(Body):
    """One workflow that was imported."""

    workflow: WorkflowBody
    dialect: str
    published: bool
    warnings: list[str]
    report: list[LineBody]


class ImportAnswer(Body):
    """The workflows of the file."""

    results: list[ImportedBody] = Field(default_factory=list)


def imported_json(result: ImportResult) -> dict[str, Any]:
    """An imported workflow with what its reader should know."""
    source = result.workflow.source if isinstance(result.workflow.source, dict) else {}
    return {
        "workflow": shapes.workflow_json(result.workflow, result.problems),
        "dialect": result.dialect,
        "published": result.published,
        "warnings": result.warnings,
        "report": source.get("report") or [],
    }


class Import(ApiView):
    """Files in."""

    @extend_schema(operation_id="import_file", request=ImportBody, responses={201: ImportAnswer})
    def post(self, request: Request) -> Response:
        """Import workflows from a file of any known kind (ours, the original's, n8n's), or from a folder as zip."""
        values = read_body(request.data, ImportBody)
        if bool(values.text) == bool(values.zip):
            raise UserError("E_REQUIRED", "Send either text or zip.", field="text")
        actor, publish, overwrite = actor_of(request), values.publish, values.overwrite
        if values.zip:
            found = import_folder(actor, _bytes(values.zip), publish=publish, overwrite=overwrite)
        else:
            found = import_workflows(actor, values.text, publish=publish, overwrite=overwrite)
        return Response({"results": [imported_json(result) for result in found]}, status=201)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UserError("E_TYPE", "zip must be base64.", field="zip") from None


class Export(ApiView):
    """Files out."""

    @extend_schema(operation_id="export_folder", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request) -> HttpResponse:
        """Export every workflow of the workspace as a zip of JSON files."""
        return HttpResponse(export_folder(actor_of(request)), content_type="application/zip")
