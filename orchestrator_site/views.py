"""Pages that belong to no app: health, readiness and the error pages."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import is_valid_path

from accounts import responses
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import Forbidden
from workflows.operations.health import readiness


def healthz(request: HttpRequest) -> JsonResponse:
    """Alive: the process answers. Asks nothing else, so that a slow database never restarts a web process."""
    return JsonResponse({"status": "ok", "time": now().isoformat()})


def readyz(request: HttpRequest) -> JsonResponse:
    """Ready: database, migrations and workers are as they must be; 503 names what is not."""
    checks = readiness()
    ready = all(check["ok"] for check in checks.values())
    return JsonResponse({"status": "ready" if ready else "not ready", "checks": checks}, status=200 if ready else 503)


_WORDS: dict[int, tuple[str, str, str]] = {
    400: ("E_REQUEST", "This request cannot be read", "Go back and try again."),
    413: ("E_TOO_LARGE", "This is too large", "Send less at once."),
    403: ("E_FORBIDDEN", "You may not see this", "Ask an owner or admin of the workspace for a higher role."),
    404: (
        "E_NOT_FOUND",
        "There is nothing at this address",
        "It may have been deleted, or it belongs to a workspace you are not in.",
    ),
    500: (
        "E_INTERNAL",
        "Something broke on our side",
        "Nothing you did is lost. Try again; if it stays, tell your admin the request id.",
    ),
}


def _error_page(request: HttpRequest, status: int) -> HttpResponse:
    code, title, hint = _WORDS[status]
    request_id = getattr(request, "request_id", "")
    if request.path.startswith("/api/") or "text/html" not in request.headers.get("Accept", "text/html"):
        error = {"code": code, "message": f"{title}.", "field": None, "hint": hint, "limit": None}
        return JsonResponse({"error": {**error, "request_id": request_id}}, status=status)
    context = {"status": status, "code": code, "title": title, "hint": hint, "request_id": request_id}
    return render(request, "error_page.html", context, status=status)


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """400; a body that is too large is 413."""
    return _error_page(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """403."""
    return _error_page(request, 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that was not sent from a page of ours; the reason stays in the log."""
    hint = "Go back, reload the page and send it again. Cookies must be allowed for this site."
    problem = Forbidden("This form was not sent from a page of this session.", code="E_CSRF", hint=hint)
    as_json = request.path.startswith("/api/") or "text/html" not in request.headers.get("Accept", "text/html")
    return responses.json_for(request, problem) if as_json else responses.page_for(request, problem)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """404: the same bytes for what never existed and what belongs to others.

    An address that is a page of ours but for the slash at its end leads there.
    """
    return _with_or_without_slash(request) or _error_page(request, 404)


def _with_or_without_slash(request: HttpRequest) -> HttpResponse | None:
    path = request.path[:-1] if request.path.endswith("/") else f"{request.path}/"
    if request.method not in ("GET", "HEAD") or not request.path.startswith("/w/") or not is_valid_path(path):
        return None
    query = request.META.get("QUERY_STRING", "")
    return HttpResponseRedirect(f"{path}?{query}" if query else path)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: no trace, a request id. When not even the page can be made (no database, say), a few plain words."""
    try:
        return _error_page(request, 500)
    except Exception:
        _, title, hint = _WORDS[500]
        return HttpResponse(f"{title}. {hint}", status=500, content_type="text/plain; charset=utf-8")
