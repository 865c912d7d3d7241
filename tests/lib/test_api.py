"""The API base: rows B77-B124 that concern every view, on a small view of its own."""

import json
from uuid import UUID

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError
from django.http import Http404
from django.test import Client, override_settings
from django.urls import path
from rest_framework import exceptions
from rest_framework.response import Response

from accounts.models import Workspace
from orchestrator_site.lib.api import ApiView, CursorPage
from orchestrator_site.lib.errors import Conflict, Problems, RateLimited, UserError

RAISES = {
    "user": lambda: UserError("E_RANGE", "Too big.", field="x", limit=3, hint="Less."),
    "conflict": lambda: Conflict("Stale.", extra={"mine": 1, "theirs": 2}),
    "problems": lambda: Problems([UserError("E_A", "A."), UserError("E_B", "B.")]),
    "limit": lambda: RateLimited(retry_after=30),
    "404": Http404,
    "403": PermissionDenied,
    "401": exceptions.NotAuthenticated,
    "csrf": lambda: exceptions.PermissionDenied("CSRF Failed: CSRF token missing."),
    "validation": lambda: ValidationError({"name": ["Too long.", "Too dull."]}),
    "serializer": lambda: exceptions.ValidationError({"name": ["Too long."]}),
    "database": lambda: OperationalError("locked"),
    "bug": lambda: ZeroDivisionError("secret detail"),
}


class Echo(ApiView):
    authentication_classes = permission_classes = ()

    def get(self, request):
        if name := request.query_params.get("raise"):
            raise RAISES[name]()
        return Response({"ok": "ä"})

    def post(self, request):
        return Response({"got": request.data})


class Small(Echo):
    max_body = 100


class Listing(ApiView):
    authentication_classes = permission_classes = ()

    def get(self, request):
        page = CursorPage(ordering=("-id",))
        rows = Workspace.objects.order_by()
        return page.get_paginated_response([w.slug for w in page.paginate_queryset(rows, request, view=self)])


urlpatterns = [path("echo", Echo.as_view()), path("small", Small.as_view()), path("list", Listing.as_view())]
WITHOUT_TABLE = [
    "orchestrator_site.lib.middleware.RequestIdMiddleware",
    "django.middleware.common.CommonMiddleware",
]


@pytest.fixture(autouse=True)
def _own_urls():
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=WITHOUT_TABLE):
        yield


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


def post(client, body, kind="application/json", url="/echo", **headers):
    return client.generic("POST", url, body, content_type=kind, headers=headers)


def error(response):
    found = json.loads(response.content)["error"]
    assert set(found) >= {"code", "message", "field", "hint", "limit", "request_id"}
    assert found["request_id"] == response["X-Request-ID"]
    return found


def test_a_good_body_is_echoed_as_strict_json(client):
    answer = post(client, '{"b": [1, "ä"], "a": null}')
    assert answer.status_code == 200 and answer["Content-Type"] == "application/json"
    assert answer.content.decode() == '{"got":{"b":[1,"ä"],"a":null}}'
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"\xff{}", "application/json", 400, "E_ENCODING"),
        ("{}".encode("utf-16"), "application/json", 400, "E_ENCODING"),
        (b"  ", "application/json", 400, "E_JSON"),
        (b"{nope", "application/json", 400, "E_JSON"),
        (b"[" * 70 + b"]" * 70, "application/json", 400, "E_JSON_DEPTH"),
        (b"[NaN]", "application/json", 400, "E_NUMBER"),
        (b'{"a":1,"a":2}', "application/json", 400, "E_JSON_DUP_KEY"),
        (b'["\\u0000"]', "application/json", 400, "E_TEXT_CONTROL"),
        (b"<a/>", "application/xml", 415, "E_MEDIA_TYPE"),
        (b"a=1", "application/x-www-form-urlencoded", 415, "E_MEDIA_TYPE"),
        (b"x", "multipart/form-data; boundary=x", 415, "E_MEDIA_TYPE"),
        (b"x", "multipart/form-data", 400, "E_BODY"),
        (b"{}", "application/json; charset=nonsense", 415, "E_MEDIA_TYPE"),
        (b"{}", "application/json; charset=utf-16", 400, "E_ENCODING"),
        (b"x" * 3_000_000, "application/json", 413, "E_TOO_LARGE"),
    ],
)
def test_bad_bodies(client, body, kind, status, code):
    answer = post(client, body, kind)
    assert (answer.status_code, error(answer)["code"]) == (status, code)


def test_an_empty_body_that_says_it_is_json_is_refused_and_no_body_is_an_empty_object(client):
    answer = client.generic("POST", "/echo", headers={"Content-Type": "application/json", "Content-Length": "0"})
    assert error(answer)["code"] == "E_JSON"
    assert client.generic("POST", "/echo").json() == {"got": {}}


def test_a_byte_order_mark_is_accepted_and_a_view_may_take_less(client):
    assert post(client, b'\xef\xbb\xbf{"a":1}').status_code == 200
    answer = post(client, b'"' + b"x" * 200 + b'"', url="/small")
    assert answer.status_code == 413 and error(answer)["limit"] == 100


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("user", 400, "E_RANGE"),
        ("conflict", 409, "E_CONFLICT"),
        ("problems", 400, "E_PROBLEMS"),
        ("limit", 429, "E_RATE_LIMIT"),
        ("404", 404, "E_NOT_FOUND"),
        ("403", 403, "E_FORBIDDEN"),
        ("401", 401, "E_AUTH"),
        ("csrf", 403, "E_FORBIDDEN"),
        ("validation", 400, "E_PROBLEMS"),
        ("serializer", 400, "E_INVALID"),
        ("database", 503, "E_UNAVAILABLE"),
        ("bug", 500, "E_INTERNAL"),
    ],
)
def test_every_error_has_one_shape(client, name, status, code):
    answer = client.get(f"/echo?raise={name}")
    assert (answer.status_code, error(answer)["code"]) == (status, code)
    assert b"secret detail" not in answer.content and b"Traceback" not in answer.content


def test_errors_carry_what_helps(client):
    assert client.get("/echo?raise=limit")["Retry-After"] == "30"
    assert client.get("/echo?raise=401")["WWW-Authenticate"].startswith("Bearer")
    assert error(client.get("/echo?raise=conflict"))["theirs"] == 2
    assert [e["code"] for e in error(client.get("/echo?raise=problems"))["errors"]] == ["E_A", "E_B"]
    assert error(client.get("/echo?raise=validation"))["errors"][0]["field"] == "name"


def test_methods_and_types(client):
    answer = client.delete("/echo")
    assert answer.status_code == 405 and "POST" in answer["Allow"] and error(answer)["code"] == "E_METHOD"
    answer = client.get("/echo", headers={"Accept": "a/b"})
    assert answer.status_code == 406 and error(answer)["code"] == "E_NOT_ACCEPTABLE"
    answer = post(client, "{}", **{"X-HTTP-Method-Override": "DELETE"})
    assert answer.status_code == 200


def test_request_ids_are_kept_only_if_harmless(client):
    assert client.get("/echo", headers={"X-Request-ID": "abc-123.DEF"})["X-Request-ID"] == "abc-123.DEF"
    for bad in ("short", "a" * 65, "<script>alert(1)</script>", "a b c d e f g", "ääääääääää"):
        assert client.get("/echo", headers={"X-Request-ID": bad})["X-Request-ID"] != bad
    assert len(client.get("/echo")["X-Request-ID"]) == 20


@pytest.fixture
def workspaces(db):
    return [Workspace.objects.create(name=f"W{i}", slug=f"w{i}", id=UUID(int=i)) for i in range(1, 8)]


def test_pages_go_forth_and_back(client, workspaces):
    first = client.get("/list?limit=3").json()
    assert list(first) == ["results", "next", "previous"] and first["previous"] is None
    assert first["results"] == ["w7", "w6", "w5"]
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    assert (second["results"], third["results"], third["next"]) == (["w4", "w3", "w2"], ["w1"], None)
    assert client.get(third["previous"]).json()["results"] == ["w4", "w3", "w2"]


@pytest.mark.parametrize(("limit", "rows"), [("1", 1), ("0", 1), ("-5", 1), ("1000000000", 7), ("1e9", 7), ("", 7)])
def test_limits_are_brought_into_bounds(client, workspaces, limit, rows):
    assert len(client.get("/list", {"limit": limit}).json()["results"]) == rows


def test_bad_pages_are_refused(client, workspaces):
    assert error(client.get("/list?limit=abc"))["code"] == "E_TYPE"
    assert error(client.get("/list?limit=nan"))["code"] == "E_TYPE"
    for cursor in ("x", "%00", "cD1ub3BlCg==", "cD1ub3BlAA==", "r=1", "ä", "a" * 5000):
        answer = client.get(f"/list?cursor={cursor}")
        assert (answer.status_code, error(answer)["code"]) == (400, "E_PAGE"), cursor
