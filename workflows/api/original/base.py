"""What the original's routes share: its bodies and errors (`{"detail": …}`), its Bearer header, its clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.authentication import TokenAuthentication
from orchestrator_site.lib.api import ApiView, as_user_error, exception_handler
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import NotSignedIn, RateLimited, UserError
from orchestrator_site.lib.json import MIB, clean_json

M = TypeVar("M", bound=BaseModel)

APP, VERSION = "AI Workflow Orchestrator", "0.1.0"


class Unprocessable(Exception):
    """422: a body that does not fit, as FastAPI says it: a list of findings with their places."""

    def __init__(self, findings: list[dict[str, Any]]) -> None:
        super().__init__("unprocessable")
        self.findings = findings


def unprocessable(place: str, text: str, value: Any = None) -> Unprocessable:
    """A finding of ours about one field of the body, in the same form."""
    return Unprocessable(
        [{"type": "value_error", "loc": ["body", place], "msg": f"Value error, {text}", "input": value}]
    )


class Detail(Exception):
    """An error with a status and the sentence that the original gives."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class BearerToken(TokenAuthentication):
    """`Authorization: Bearer …`; anything else counts as no sign-in, as it did."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """The user and token, or None where no Bearer token is presented."""
        header = str(request.META.get("HTTP_AUTHORIZATION", ""))
        return super().authenticate(request) if header[:7].lower() == "bearer " else None


class OriginalView(ApiView):
    """A route of the original: no cookies, JSON whatever the body calls itself, errors as `{"detail": …}`."""

    authentication_classes: tuple[type[BaseAuthentication], ...] = (BearerToken,)
    schema = None  # they have a document of their own, /openapi.json

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response]:
        """The original's errors."""
        return error_response


def error_response(problem: Exception, context: dict[str, Any]) -> Response:
    """Any error in the original's form."""
    if isinstance(problem, Unprocessable):
        return Response({"detail": problem.findings}, status=422)
    if isinstance(problem, Detail):
        return Response({"detail": problem.detail}, status=problem.status)
    if isinstance(problem, NotSignedIn):
        return _unauthorized("Invalid or expired token")
    if isinstance(problem, exceptions.NotAuthenticated):
        return _unauthorized("Not authenticated")
    response = exception_handler(problem, context)
    error = as_user_error(problem)
    if isinstance(problem, exceptions.MethodNotAllowed):
        detail = "Method Not Allowed"
    else:
        detail = " ".join(part for part in (error.message, error.hint) if part)
    response.data = {"detail": detail}
    return response


def _unauthorized(detail: str) -> Response:
    return Response({"detail": detail}, status=401, headers={"WWW-Authenticate": "Bearer"})


def read_body(request: Request, model: type[M]) -> tuple[M, str]:
    """The body as the original's model, and as the text it was sent as. Raises Unprocessable, or 413."""
    raw: bytes = request._request.body
    if not raw:
        raise Unprocessable([{"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}])
    try:
        value = clean_json(raw, max_bytes=MIB)
    except UserError as problem:
        if problem.status != 400:
            raise
        raise _not_json(problem) from None
    try:
        return model.model_validate(value), raw.decode("utf-8-sig")
    except ValidationError as wrong:
        found = wrong.errors(include_url=False)
        raise Unprocessable([{**_plain(dict(one)), "loc": ["body", *one["loc"]]} for one in found]) from None


def _plain(finding: dict[str, Any]) -> dict[str, Any]:
    """A finding as JSON; `ctx` may hold objects."""
    kept: dict[str, Any] = json.loads(json.dumps(finding, default=str))
    return kept


def _not_json(problem: UserError) -> Unprocessable:
    place = problem.extra.get("column", 0)
    context = {"error": problem.message}
    return Unprocessable(
        [{"type": "json_invalid", "loc": ["body", place], "msg": "JSON decode error", "input": {}, "ctx": context}]
    )


def naive(moment: datetime | None) -> str | None:
    """A moment as the original wrote it: local time without a zone."""
    return None if moment is None else moment.astimezone().replace(tzinfo=None).isoformat()


def naive_now() -> str:
    """This moment, written so."""
    return naive(now()) or ""


__all__ = [
    "APP",
    "VERSION",
    "Detail",
    "OriginalView",
    "RateLimited",
    "Unprocessable",
    "actor_of",
    "naive",
    "naive_now",
    "read_body",
    "unprocessable",
]
