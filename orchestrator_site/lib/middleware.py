"""A name for every request, in the log, in errors and in the answer, so that a person can quote it."""

from __future__ import annotations

import re
from collections.abc import Callable

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from orchestrator_site.lib.ids import short_token

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


class RequestIdMiddleware:
    """Sets `request.request_id` and the header X-Request-ID; a caller's own id is kept if it is harmless."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Name the request, answer it, say the name."""
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        name = given if _SAFE.fullmatch(given) else short_token(20)
        request.request_id = name  # type: ignore[attr-defined]
        with structlog.contextvars.bound_contextvars(request_id=name):
            response = self.get_response(request)
        response.headers["X-Request-ID"] = name
        return response
