"""Every list and every address of the API refuses bad queries, bodies and headers with the same words and codes."""

from __future__ import annotations

import json
import time

import pytest

from accounts.table import PUBLIC
from tests.addresses import in_table
from tests.factories.world import plant
from workflows.models import Workflow

pytestmark = pytest.mark.django_db

QUERIES = {
    "q=%00": "E_TEXT_CONTROL",
    "q=a%0Ab": "E_TEXT_CONTROL",
    "%00=1": "E_TEXT_CONTROL",
    "q=" + "a" * 201: "E_LENGTH",
    "q=" + "+".join("abcdefghijk"): "E_LENGTH",
    "limit=abc": "E_TYPE",
    "limit=NaN": "E_TYPE",
    "ordering=password": "E_CHOICE",
    "sort=-user__password": "E_CHOICE",
}
BODIES = {
    "B1 not JSON": (b"{", 400, "E_JSON"),
    "B2 a list": (b"[]", 400, "E_TYPE"),
    "B3 null": (b"null", 400, "E_TYPE"),
    "B77 bad UTF-8": (b'{"name": "\xff"}', 400, "E_ENCODING"),
    "B78 UTF-16": ('{"name": "x"}'.encode("utf-16"), 400, "E_ENCODING"),
    "B81 depth 65": (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", 400, "E_JSON_DEPTH"),
    "B81 depth 950": (b'{"a":' * 950 + b"1" + b"}" * 950, 400, "E_JSON_DEPTH"),
    "B81 depth 100,000": (b"[" * 100_000, 400, "E_JSON_DEPTH"),
    "B83 NaN": (b'{"a": NaN}', 400, "E_NUMBER"),
    "B84 Infinity": (b'{"a": -Infinity}', 400, "E_NUMBER"),
    "B85 5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", 400, "E_NUMBER"),
    "B86 1e400": (b'{"a": 1e400}', 400, "E_NUMBER"),
    "B87 above int64": (b'{"a": 9223372036854775808}', 400, "E_NUMBER"),
    "B88 NUL": (b'{"a": "\\u0000"}', 400, "E_TEXT_CONTROL"),
    "B89 NUL in a key": (b'{"\\u0000": 1}', 400, "E_TEXT_CONTROL"),
    "B90 a lone surrogate": (b'{"a": "\\ud800"}', 400, "E_TEXT_SURROGATE"),
    "B92 a key twice": (b'{"a": 1, "\\u0061": 2}', 400, "E_JSON_DUP_KEY"),
    "B95 an id": (b'{"id": "1"}', 400, "E_READONLY"),
    "B96 a workspace": (b'{"workspace": "1"}', 400, "E_READONLY"),
    "B94 an unknown field": (b'{"zzz": 1}', 400, "E_UNKNOWN_FIELD"),
}
NO_BODY = {
    "api:files",
    "api:connection_test",
    "api:effect_undo",
    "api:run_undo",
    "api:trigger_replay",
    "api:sandbox_reset",
    "api:run_cancel",
    "api:run_pause",
    "api:run_resume",
}
LARGE = {"api:workflow_batch", "api:run_rerun", "api:trigger_test"}  # 8 MiB: inputs of many runs, outputs of many steps
NEEDS_QUERY = {"api:run_events", "api:runs_compare"}  # a stream, and one that names two runs
MAY_BE_EMPTY = {"api:trigger_test", "api:workflow_publish", "api:run_rerun", "api:workflow_runs", *NO_BODY}


def error_of(answer) -> dict:
    error = answer.json()["error"]
    assert {"code", "message", "field", "hint", "limit", "request_id"} <= set(error), error
    assert error["request_id"] == answer.headers["X-Request-ID"]
    assert "Traceback" not in answer.text and "/site-packages/" not in answer.text
    return error


def codes(answer) -> set[str]:
    error = error_of(answer)
    return {error["code"], *(one["code"] for one in error.get("errors", []))}


def native(method: str):
    return [a for a in in_table() if a.name.startswith("api:") and method in a.rule and a.rule[method] != PUBLIC]


@pytest.mark.parametrize("query", QUERIES)
def test_every_list_reads_its_query_strictly(query):
    world, failures = plant("canary_query"), []
    for address in native("GET"):
        answer = world.owner.api.get(f"{address.path(world)}?{query}")
        if answer.status_code != 400 or QUERIES[query] not in codes(answer):
            failures.append(f"{address.name}: {answer.status_code} {answer.content[:120]!r}")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("query", ["limit=1000000000", "limit=1e9", "limit=0", "limit=-5"])
def test_a_limit_is_brought_into_bounds(query):
    world = plant("canary_limit")
    for address in native("GET"):
        if address.name not in NEEDS_QUERY:
            assert world.owner.api.get(f"{address.path(world)}?{query}").status_code == 200, address.name


@pytest.mark.parametrize("case", BODIES)
def test_every_address_that_takes_a_body_refuses_a_bad_one(case):
    world, failures = plant("canary_body"), []
    raw, status, code = BODIES[case]
    for method in ("POST", "PUT", "PATCH"):
        for address in native(method):
            if address.name in NO_BODY or (case == "B3 null" and address.name in MAY_BE_EMPTY):
                continue
            began = time.perf_counter()
            answer = world.owner.api.generic(
                method, address.path(world), raw, content_type="application/json", headers={"If-Match": "*"}
            )
            took = time.perf_counter() - began
            if answer.status_code != status or code not in codes(answer) or took > 1:
                failures.append(f"{method} {address.name}: {answer.status_code} {took:.2f} s {answer.content[:160]!r}")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/json; charset=nope",
        "garbage",
        "multipart/form-data; boundary=x",
    ],
)
def test_every_address_that_takes_a_body_refuses_another_kind(kind):
    world, failures = plant("canary_kind"), []
    for method in ("POST", "PUT", "PATCH"):
        for address in native(method):
            if address.name in NO_BODY:
                continue
            answer = world.owner.api.generic(
                method, address.path(world), b"{}", content_type=kind, headers={"If-Match": "*"}
            )
            if answer.status_code != 415 or error_of(answer)["code"] != "E_MEDIA_TYPE":
                failures.append(f"{method} {address.name}: {answer.status_code} {answer.content[:120]!r}")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("size", [1_100_000, 2_200_000, 9_000_000])
def test_too_much_is_413_at_every_address(size):
    world, failures = plant("canary_size"), []
    for method in ("POST", "PUT", "PATCH"):
        for address in native(method):
            if address.name in NO_BODY or (address.name in LARGE and size < 8_400_000):
                continue
            answer = world.owner.api.generic(
                method,
                address.path(world),
                b'"' + b"x" * size + b'"',
                content_type="application/json",
                headers={"If-Match": "*"},
            )
            if answer.status_code != 413 or error_of(answer)["code"] != "E_TOO_LARGE":
                failures.append(f"{method} {address.name}: {answer.status_code} {answer.content[:120]!r}")
    assert not failures, "\n".join(failures)


def test_methods_kinds_and_overrides():
    world, failures = plant("canary_method"), []
    for address in [a for a in in_table() if a.name.startswith("api:")]:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
            if method in address.rule:
                continue
            answer = world.owner.api.generic(method, address.path(world), b"{}", content_type="application/json")
            if answer.status_code != 405 or error_of(answer)["code"] != "E_METHOD" or not answer.headers.get("Allow"):
                failures.append(f"{method} {address.name}: {answer.status_code}")
        if "GET" in address.rule:
            answer = world.owner.api.get(address.path(world), headers={"Accept": "a/b"})
            if answer.status_code != 406 or error_of(answer)["code"] != "E_NOT_ACCEPTABLE":
                failures.append(f"Accept a/b {address.name}: {answer.status_code} {answer.headers.get('Content-Type')}")
            override = {"X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "DELETE", "X-Method-Override": "DELETE"}
            if address.name not in NEEDS_QUERY:
                assert world.owner.api.get(address.path(world), headers=override).status_code == 200
    assert not failures, "\n".join(failures)
    assert Workflow.objects.of(world.workspace).exists()


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/none",
        "/api/",
        "/api/v2/runs",
        "/api/v1/runs/",
        "/api/v1/runs/not-a-uuid",
        "/api/v1/runs/%00",
        "/api/v1/workflows/%00",
        "/api/v1/workflows/" + "a" * 300,
    ],
)
@pytest.mark.parametrize("accept", ["text/html", "*/*", "application/json"])
def test_what_is_not_there_is_a_404_in_json(owner, path, accept):
    answer = owner.api.get(path, headers={"Accept": accept})
    assert answer.status_code in (404, 406)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert error_of(answer)["code"] in ("E_NOT_FOUND", "E_NOT_ACCEPTABLE")


def test_the_same_words_for_the_same_thing(owner):
    answers = [owner.api.get(path).json()["error"] for path in ("/api/v1/runs/not-a-uuid", f"/api/v1/runs/{'0' * 32}")]
    for answer in answers:
        answer.pop("request_id")
    assert json.dumps(answers[0]) == json.dumps(answers[1])
