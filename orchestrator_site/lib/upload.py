"""One file from a form: read only up to its bound, kept in memory or in the system's own temporary file."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.http.request import UnreadablePostError
from rest_framework.parsers import BaseParser

from orchestrator_site.lib.errors import TooLarge, UserError
from orchestrator_site.lib.json import MIB

MAX_UPLOAD = 25 * MIB
OVERHEAD = 64 * 1024
"""What a form may have besides the file: its own fields, names and boundaries."""


class Bounded(FileUploadHandler):
    """Stops reading when the files of a form together are larger than one file may be."""

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self.left = MAX_UPLOAD
        self.burst = False

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Count, and hand on to the handler that keeps it."""
        self.left -= len(raw_data)
        if self.left < 0:
            self.burst = True
            raise StopUpload(connection_reset=True)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Another handler keeps the file."""


class UploadParser(BaseParser):
    """multipart/form-data with files, through the bound; gives {name: file or text}."""

    media_type = "multipart/form-data"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        """The fields and files of the form. Raises UserError E_BODY, TooLarge."""
        request = (parser_context or {})["request"]._request
        handler = Bounded(request)
        request.upload_handlers.insert(0, handler)
        meta = {**request.META, "CONTENT_TYPE": media_type or ""}
        try:
            fields, files = MultiPartParser(meta, stream, request.upload_handlers, "utf-8").parse()
        except RequestDataTooBig:
            raise too_large() from None
        except (MultiPartParserError, UnreadablePostError, OSError, ValueError):
            raise UserError("E_BODY", "The form could not be read to its end.", field="body") from None
        if handler.burst:
            raise too_large()
        return {**fields.dict(), **files.dict()}


def too_large(field: str = "file") -> TooLarge:
    """413 for a file."""
    return TooLarge(
        f"The file is larger than {MAX_UPLOAD // MIB} MiB.", field=field, limit=MAX_UPLOAD, hint="Use a smaller file."
    )
