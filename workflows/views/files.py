"""A file of a workspace, as a download; never shown in place, whatever it calls itself."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from integrations.files import clean_name, clean_type
from workflows.models import Blob
from workflows.operations.files import get_file
from workflows.views.pages import PageRequest


@require_safe
def file(request: PageRequest, workspace: str, pk: UUID) -> HttpResponse:
    """Download one file."""
    return download(get_file(request.actor, pk))


def download(found: Blob) -> HttpResponse:
    """The bytes as an attachment that no browser interprets."""
    answer = HttpResponse(bytes(found.content), content_type=clean_type(found.mime_type, found.name))
    answer["Content-Disposition"] = content_disposition_header(True, clean_name(found.name)) or "attachment"
    answer["X-Content-Type-Options"] = "nosniff"
    answer._csp_update = {"sandbox": True}  # type: ignore[attr-defined] # django-csp: besides the policy of all pages
    answer["Cache-Control"] = "private, no-store"
    return answer
