"""First things: a name for every request (in log, errors and answer), and a bound on every body before it is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO

import structlog
from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from orchestrator_site.lib.ids import short_token
from orchestrator_site.lib.json import MIB

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


MAX_BODY = 32 * MIB
READ_THEMSELVES = ("/hooks/",)
"""Addresses whose view reads the body piece by piece, within a bound of its own."""
_FORM = "application/x-www-form-urlencoded"


class BodyMiddleware:
    """Refuses a body that says it is too large (413), and reads one of unknown length up to the bound, no further."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Bound the body, go on. Raises RequestDataTooBig, which the error page for 400 answers as 413."""
        if request.path.startswith(READ_THEMSELVES):
            return self.get_response(request)
        if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
            _read_all(request)
        elif _length(request) > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE if _is_form(request) else MAX_BODY):
            raise RequestDataTooBig("The body is too large.")
        return self.get_response(request)


def _is_form(request: HttpRequest) -> bool:
    return bool(request.META.get("CONTENT_TYPE", "").split(";")[0].strip().lower() == _FORM)


def _length(request: HttpRequest) -> int:
    text = request.META.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isascii() and text.isdigit() else 0


def _read_all(request: HttpRequest) -> None:
    """Take a chunked body into memory: the parsers go by its length."""
    bound = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 2 * MIB
    stream = request.META.get("wsgi.input") or request
    try:
        body = stream.read(bound + 1)
    except Exception as problem:  # the server's own kinds: a broken chunk, a client that went away
        raise BadRequest("The body could not be read.") from problem
    if len(body) > bound:
        raise RequestDataTooBig("The body is too large.")
    request._stream = BytesIO(body)  # type: ignore[attr-defined]
    request.META["CONTENT_LENGTH"] = str(len(body))
