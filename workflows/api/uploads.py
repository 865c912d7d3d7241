"""The API of files: put one into the workspace, and get its bytes."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from orchestrator_site.lib.api import ApiView
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.upload import MAX_UPLOAD, OVERHEAD, UploadParser
from workflows.api import bodies
from workflows.operations.files import get_file, upload_file
from workflows.views.files import download


class FileList(ApiView):
    """Files that programs put in."""

    parser_classes = (UploadParser,)  # type: ignore[assignment]
    max_body = MAX_UPLOAD + OVERHEAD

    @extend_schema(
        operation_id="files_upload",
        request={
            "multipart/form-data": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        },
        responses={201: bodies.FileBody},
    )
    def post(self, request: Request) -> Response:
        """Put a file of at most 25 MiB into the workspace; the answer is the value that inputs and steps take."""
        data = dict(request.data)
        if unknown := sorted(set(data) - {"file"}):
            text = f"{unknown[0][:60]} is not a field here."
            raise UserError("E_UNKNOWN_FIELD", text, field=unknown[0][:60], hint="Send one field, file.")
        return Response(upload_file(actor_of(request), data.get("file")), status=201)


class FileDetail(ApiView):
    """One file."""

    @extend_schema(operation_id="files_download", responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """Download the bytes, as an attachment that no browser interprets."""
        return download(get_file(actor_of(request), pk))
