"""The base of every API view: the input gate as parser, one shape of errors, cursor pages, strict JSON out."""

from __future__ import annotations

import logging
import math
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import DataError, InterfaceError, OperationalError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.request import UnreadablePostError
from rest_framework import exceptions
from rest_framework.pagination import CursorPagination
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from orchestrator_site.lib.errors import Forbidden, NotFound, NotSignedIn, Problems, RateLimited, TooLarge, UserError
from orchestrator_site.lib.json import FORBIDDEN, MIB, clean_json, repair_text
from orchestrator_site.lib.parser import CleanJSONParser, too_large
from orchestrator_site.lib.ratelimit import hit

log = logging.getLogger(__name__)

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
MAX_SEARCH, MAX_WORDS = 200, 10


class StrictJSONRenderer(JSONRenderer):
    """JSON only, whatever was asked for; NaN is an error."""

    format = "json"
    strict = True
    ensure_ascii = False
    charset = None


class CleanRequest(Request):
    """A request whose body is looked at before a parser is chosen."""

    def _parse(self) -> Any:
        kind = str(self.content_type or "").lower()
        length = _declared_length(self._request)
        limit = getattr(self.parser_context.get("view"), "max_body", MIB)
        if length > limit:
            raise too_large(limit)
        if kind.startswith("multipart/") and "boundary=" not in kind:
            raise UserError("E_BODY", "A multipart body needs a boundary.", field="body", hint="Send application/json.")
        if length == 0 and kind.startswith("application/json"):
            clean_json(b"")
        return super()._parse()  # type: ignore[misc]


def _declared_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except (TypeError, ValueError):
        return 0


class ApiView(APIView):
    """A view of the API. Unsafe methods need a CSRF token unless a token authenticates (accounts.authentication)."""

    renderer_classes: tuple[type[BaseRenderer], ...] = (StrictJSONRenderer,)
    parser_classes = (CleanJSONParser,)
    max_body = MIB

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """The request with our body checks."""
        return CleanRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """The gate, then the workspace's number of calls a minute, then the query of the address."""
        super().initial(request, *args, **kwargs)
        workspace = getattr(request._request, "workspace", None)
        if workspace is not None and (refused := hit(f"api:{workspace.pk}", settings.API_PER_MINUTE, 60)):
            raise refused
        check_query(request.query_params)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Answers of the API are nobody else's to keep."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


_ORDERINGS = frozenset({"ordering", "order_by", "order", "sort", "sort_by"})
_SEARCHES = frozenset({"q", "search"})


def check_query(query: Mapping[str, str]) -> None:
    """What holds for the query of every API address. Raises UserError."""
    for name, value in query.items():
        shown = repair_text(name)[:60]
        if name == "cursor":
            continue
        if FORBIDDEN.search(name + value) or (name in _SEARCHES and re.search(r"[\r\n\t]", value)):
            raise UserError("E_TEXT_CONTROL", f"{shown} holds control characters.", field=shown, hint="Remove them.")
        if name in _ORDERINGS:
            raise UserError("E_CHOICE", f"The order of this list is fixed; {shown} is not offered.", field=shown)
        if name in _SEARCHES:
            _check_search(shown, value)
    if "limit" in query:
        page_limit(query["limit"])


def _check_search(name: str, text: str) -> None:
    if len(text) > MAX_SEARCH:
        raise UserError("E_LENGTH", f"{name} may have {MAX_SEARCH} characters.", field=name, limit=MAX_SEARCH)
    if len(text.split()) > MAX_WORDS:
        raise UserError("E_LENGTH", f"{name} may have {MAX_WORDS} words.", field=name, limit=MAX_WORDS)


class CursorPage(CursorPagination):
    """{"results", "next", "previous"}; `limit` 1 to 200; a cursor that is not ours is E_PAGE."""

    page_size = DEFAULT_LIMIT
    page_size_query_param = "limit"
    max_page_size = MAX_LIMIT
    ordering: Any = ("-id",)

    def __init__(self, ordering: Sequence[str] | str | None = None) -> None:
        if ordering is not None:
            self.ordering = ordering

    def get_ordering(self, request: Any, queryset: Any, view: Any) -> tuple[str, ...]:
        """The order this page was made with."""
        return (self.ordering,) if isinstance(self.ordering, str) else tuple(self.ordering)

    def get_page_size(self, request: Any) -> int:
        """`limit`, brought into bounds. Raises E_TYPE for what is no number."""
        return page_limit(request.query_params.get("limit"))

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any]:
        """The rows of this page. Raises E_PAGE."""
        if "\x00" in request.query_params.get("cursor", ""):
            raise _bad_page()
        try:
            return super().paginate_queryset(queryset, request, view) or []
        except (exceptions.NotFound, ValidationError, ValueError, TypeError, OverflowError, DataError):
            if isinstance(queryset, QuerySet) and request.query_params.get("cursor"):
                raise _bad_page() from None
            raise

    def decode_cursor(self, request: Any) -> Any:
        """The place a cursor names. Raises E_PAGE for what is not exactly one of ours."""
        given = request.query_params.get(self.cursor_query_param)
        if given is not None:
            _check_cursor(given)
        return super().decode_cursor(request)

    def get_paginated_response(self, data: Any) -> Response:
        """The page as it is sent."""
        return Response({"results": data, "next": self.get_next_link(), "previous": self.get_previous_link()})

    def get_paginated_response_schema(self, schema: Any) -> Any:
        """The page as OpenAPI describes it."""
        link = {"type": "string", "format": "uri", "nullable": True}
        fields = {"results": schema, "next": link, "previous": link}
        return {"type": "object", "required": list(fields), "properties": fields}


def page_limit(given: str | None) -> int:
    """How many rows a page has. Raises E_TYPE for what is no number."""
    if given is None or given == "":
        return DEFAULT_LIMIT
    try:
        wanted = float(given) if len(given) <= 40 else math.nan
    except ValueError:
        wanted = math.nan
    if math.isnan(wanted):
        raise UserError("E_TYPE", "limit must be a whole number.", field="limit", limit=MAX_LIMIT)
    return int(min(max(wanted, 1), MAX_LIMIT))


def _check_cursor(given: str) -> None:
    try:
        names = set(parse_qs(b64decode(given.encode("ascii"), validate=True).decode(), strict_parsing=True))
    except (ValueError, UnicodeError):
        raise _bad_page() from None
    if len(given) > 1000 or not names <= {"o", "r", "p"}:
        raise _bad_page()


def _bad_page() -> UserError:
    return UserError("E_PAGE", "This cursor leads nowhere.", field="cursor", hint="Follow next and previous as given.")


def exception_handler(problem: Exception, context: dict[str, Any]) -> Response:
    """Every error of an API view as `{"error": {code, message, field, hint, limit, request_id}}`."""
    set_rollback()
    error = as_user_error(problem)
    request = context.get("request")
    request_id = getattr(request, "request_id", None) or getattr(getattr(request, "_request", None), "request_id", None)
    if error.code == "E_INTERNAL":
        log.error("An API view failed (request %s)", request_id, exc_info=problem)
    response = Response({"error": {**error.as_dict(), "request_id": request_id}}, status=error.status)
    for name, value in _headers(problem, error).items():
        response.headers[name] = value
    if request is not None:  # errors are JSON, whatever the view sends otherwise
        request.accepted_renderer, request.accepted_media_type = StrictJSONRenderer(), "application/json"
    return response


def _headers(problem: Exception, error: UserError) -> dict[str, str]:
    found: dict[str, str] = {}
    if isinstance(error, RateLimited):
        found["Retry-After"] = str(max(1, round(error.retry_after)))
    if error.status == 503:
        found["Retry-After"] = "5"
    if error.status == 401:
        found["WWW-Authenticate"] = getattr(problem, "auth_header", None) or 'Bearer realm="api"'
    return found


def as_user_error(problem: Exception) -> UserError:
    """What happened, as a UserError; the unforeseen becomes E_INTERNAL."""
    if isinstance(problem, UserError):
        return problem
    for kinds, make in _TRANSLATIONS:
        if isinstance(problem, kinds):
            return make(problem)
    return UserError(
        "E_INTERNAL",
        "Something went wrong on our side.",
        hint="Try again; if it happens again, tell us the request_id.",
        status=500,
    )


def _unauthenticated(problem: Any) -> UserError:
    return NotSignedIn()


def _permission(problem: Any) -> UserError:
    detail = str(getattr(problem, "detail", "") or problem)
    if "CSRF" in detail:
        return Forbidden("The CSRF token is missing or wrong.", hint="Reload the page, or use an API token.")
    return Forbidden()


def _throttled(problem: Any) -> UserError:
    return RateLimited(retry_after=float(problem.wait or 1))


def _invalid(problem: Any) -> UserError:
    detail = problem.detail if isinstance(problem, exceptions.ValidationError) else _of_django(problem)
    problems = [
        UserError("E_INVALID", str(text), field=None if field == "non_field_errors" else field)
        for field, texts in (detail.items() if isinstance(detail, dict) else [(None, detail)])
        for text in (texts if isinstance(texts, list) else [texts])
    ]
    return problems[0] if len(problems) == 1 else Problems(problems)


def _of_django(problem: ValidationError) -> Any:
    return problem.message_dict if hasattr(problem, "error_dict") else problem.messages


def _say(code: str, message: str, status: int, hint: str | None = None) -> Callable[[Any], UserError]:
    return lambda problem: UserError(code, message, hint=hint, status=status)


def _method(problem: Any) -> UserError:
    return UserError("E_METHOD", str(problem.detail), hint="See the header Allow.", status=405)


def _other(problem: Any) -> UserError:
    status = int(problem.status_code)
    code = "E_INTERNAL" if status >= 500 else "E_INVALID"
    return UserError(code, "This could not be done.", status=status)


_TRANSLATIONS: list[tuple[Any, Callable[[Any], UserError]]] = [
    ((Http404, ObjectDoesNotExist, exceptions.NotFound), lambda _: NotFound()),
    ((exceptions.NotAuthenticated, exceptions.AuthenticationFailed), _unauthenticated),
    ((exceptions.PermissionDenied, PermissionDenied), _permission),
    (exceptions.MethodNotAllowed, _method),
    (exceptions.NotAcceptable, _say("E_NOT_ACCEPTABLE", "Only application/json is offered.", 406)),
    (
        exceptions.UnsupportedMediaType,
        _say("E_MEDIA_TYPE", "This kind of body is not read here.", 415, "Send Content-Type: application/json."),
    ),
    (exceptions.Throttled, _throttled),
    ((exceptions.ValidationError, ValidationError), _invalid),
    (exceptions.ParseError, _say("E_BODY", "The body cannot be read.", 400)),
    (exceptions.APIException, _other),
    (RequestDataTooBig, lambda _: TooLarge("The body is too large.", field="body")),
    (UnreadablePostError, _say("E_BODY", "The body ended before it was complete.", 400)),
    ((SuspiciousOperation, BadRequest), _say("E_REQUEST", "This request is malformed.", 400)),
    (
        (OperationalError, InterfaceError),
        _say("E_UNAVAILABLE", "The database is busy or away.", 503, "Try again in a few seconds."),
    ),
]
