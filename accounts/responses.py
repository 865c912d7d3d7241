"""Answers to those who may not, or who erred: the same body for what is absent and for what is somebody else's."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme

from orchestrator_site.lib.errors import NotFound, RateLimited, UserError


@lru_cache(maxsize=1)
def _not_found_body() -> str:
    return render_to_string("accounts/not_found.html")


def not_found(request: HttpRequest) -> HttpResponse:
    """404 with a page that depends on nothing: not on the request, not on the person, not on what exists."""
    if request.headers.get("HX-Request"):
        return HttpResponse("<p>This is not here, or not any more.</p>", status=404)
    return HttpResponse(_not_found_body(), status=404)


def page_for(request: HttpRequest, problem: UserError) -> HttpResponse:
    """The page (or, for htmx, the fragment) that tells a person what happened and what to do."""
    if isinstance(problem, NotFound) or problem.status == 404:
        return not_found(request)
    shown = {"problem": problem, "request_id": request_id(request)}
    inside = getattr(request, "workspace", None) is not None
    name = "problem_fragment" if request.headers.get("HX-Request") else ("problem" if inside else "problem_outside")
    response = render(request, f"accounts/{name}.html", shown, status=problem.status)
    if isinstance(problem, RateLimited):
        response["Retry-After"] = str(max(1, round(problem.retry_after)))
    return response


def json_for(request: HttpRequest, problem: UserError) -> JsonResponse:
    """The same as the API says it: `{"error": {…}}`."""
    body: dict[str, Any] = {"error": {**problem.as_dict(), "request_id": request_id(request)}}
    response = JsonResponse(body, status=problem.status)
    if problem.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="api"'
    if isinstance(problem, RateLimited):
        response["Retry-After"] = str(max(1, round(problem.retry_after)))
    return response


def method_not_allowed(request: HttpRequest, allow: str, *, json: bool = False) -> HttpResponse:
    """405, with the methods that are allowed here."""
    message = f"{request.method} is not possible here; possible: {allow}."
    response: HttpResponse
    if json:
        response = json_for(request, UserError("E_METHOD", message, status=405))
        response["Allow"] = allow
        return response
    response = HttpResponseNotAllowed(allow.split(", "))
    response.content = message.encode()
    response["Content-Type"] = "text/plain; charset=utf-8"
    return response


def request_id(request: HttpRequest) -> str:
    """The id of this request, as in the log."""
    return str(getattr(request, "request_id", "") or getattr(request, "id", ""))


def stays_here(request: HttpRequest, target: str) -> bool:
    """Whether an address is a path of this very host: the only kind that `next` may name (security.md S23)."""
    path = target.startswith("/") and not target.startswith(("//", "/\\"))
    return path and url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
