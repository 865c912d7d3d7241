"""Files of a workspace: put in, listed, and downloaded; never shown in place, whatever they call themselves."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_safe

from integrations.files import clean_name, clean_type
from orchestrator_site.lib.errors import UserError
from workflows.models import Blob
from workflows.operations.files import blob_value, get_file, list_uploads, upload_file
from workflows.views.pages import PageRequest

SHOWN = 50


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


@require_http_methods(["GET", "HEAD", "POST"])
def file_list(request: PageRequest, workspace: str) -> HttpResponse:
    """The files that people have put in, and a form for another one."""
    made, problem = None, None
    if request.method == "POST":
        try:
            made = upload_file(request.actor, request.FILES.get("file"))
        except UserError as found:
            problem = found
    rows = [{"row": row, "value": blob_value(row)} for row in list_uploads(request.actor)[:SHOWN]]
    context = {"rows": rows, "made": made, "problem": problem, "can_upload": request.actor.can("run")}
    return render(request, "workflows/files.html", context, status=problem.status if problem else 200)
