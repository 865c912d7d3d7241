"""Bad definitions by the API: the status and code of the bad-input table, one plain sentence, nothing written."""

from __future__ import annotations

import copy
import json
import time

import pytest

from workflows.models import Workflow

GOOD = {
    "format": 1,
    "slug": "good",
    "name": "Good",
    "inputs": [{"name": "text", "type": "text", "required": True}],
    "steps": [
        {"key": "first", "action": "data.format", "with": {"template": "{{ inputs.text }}"}},
        {"key": "second", "action": "data.format", "with": {"template": "{{ steps.first.text }}"}},
    ],
    "outputs": {"answer": "{{ steps.second.text }}"},
}


def changed(**changes):
    return {**copy.deepcopy(GOOD), **changes}


def with_step(**fields):
    definition = copy.deepcopy(GOOD)
    definition["steps"].append({"key": "third", "action": "data.format", "with": {"template": "x"}, **fields})
    return definition


def template(source):
    return with_step(**{"with": {"template": source}})


CASES = {
    "B2 a list": ([], 400, {"E_TYPE"}),
    "B3 null": (None, 400, {"E_TYPE"}),
    "B4 no steps": (changed(steps=[]), 400, {"E_DEF_EMPTY"}),
    "B5 1,001 steps": (
        changed(steps=[{"key": f"s{n}", "action": "data.format", "with": {"template": "x"}} for n in range(1001)]),
        400,
        {"E_DEF_SIZE"},
    ),
    "B6 two steps with one key": (with_step(key="first"), 400, {"E_DEF_DUP"}),
    "B7 a key with a blank": (with_step(key="A b"), 400, {"E_KEY"}),
    "B8 a key of 49 characters": (with_step(key="a" * 49), 400, {"E_KEY"}),
    "B9 an empty key": (with_step(key=""), 400, {"E_KEY"}),
    "B11 an unknown action": (with_step(action="data.formt"), 400, {"E_KIND"}),
    "B14 a reference to no step": (template("{{ steps.nobody.text }}"), 400, {"E_DEF_REF"}),
    "B15 a reference to a later step": (
        changed(
            steps=[
                {"key": "early", "action": "data.format", "with": {"template": "{{ steps.late.text }}"}},
                {"key": "late", "action": "data.format", "with": {"template": "x"}},
            ]
        ),
        400,
        {"E_FORWARD_REF"},
    ),
    "B18 a missing input": (with_step(**{"with": {}}), 400, {"E_REQUIRED"}),
    "B19 an unknown input": (with_step(**{"with": {"template": "x", "templat": "y"}}), 400, {"E_UNKNOWN_FIELD"}),
    "B20 a wrong type": (with_step(**{"with": {"template": {"a": 1}}}), 400, {"E_TYPE"}),
    "B21 timeout 0": (with_step(timeout=0), 400, {"E_RANGE"}),
    "B22 timeout -1": (with_step(timeout=-1), 400, {"E_RANGE"}),
    "B23 timeout 1e9": (with_step(timeout=10**9), 400, {"E_RANGE"}),
    "B24 timeout as text": (with_step(timeout="5"), 400, {"E_TYPE"}),
    "B25 timeout as a bool": (with_step(timeout=True), 400, {"E_TYPE"}),
    "B26 eleven retries": (with_step(retry={"max": 11}), 400, {"E_RANGE"}),
    "B43 NUL in a name": (with_step(name="a\x00b"), 400, {"E_TEXT_CONTROL"}),
    "B42 a name of 121 characters": (with_step(name="a" * 121), 400, {"E_LENGTH"}),
    "B51 an open placeholder": (template("{{"), 400, {"E_TPL_SYNTAX"}),
    "B52 two names": (template("{{ a b }}"), 400, {"E_TPL_SYNTAX"}),
    "B53 an open raw": (template("{% raw"), 400, {"E_TPL_SYNTAX"}),
    "B54 an unknown filter": (template("{{ inputs.text | upcas }}"), 400, {"E_TPL_FILTER"}),
    "B55 an undefined name": (template("{{ nobody }}"), 400, {"E_TPL_UNDEFINED"}),
    "B64 include": (template("{% include '/etc/passwd' %}"), 400, {"E_TPL_FORBIDDEN"}),
    "B68 65 KiB of source": (template("x" * 65 * 1024), 400, {"E_LENGTH"}),
    "B71 a path 17 deep": (template("{{ inputs.text" + ".a" * 17 + " }}"), 400, {"E_TPL_DEPTH", "E_DEF_REF"}),
    "B94 an unknown field": (changed(stepz=[]), 400, {"E_UNKNOWN_FIELD"}),
    "B155 a newer format": (changed(format=2), 400, {"E_IMPORT_VERSION", "E_CHOICE", "E_RANGE", "E_FORMAT"}),
    "an if without a condition": (with_step(action="if", **{"with": {}, "then": []}), 400, {"E_REQUIRED"}),
}

FORBIDDEN = [
    "{{ ''.__class__ }}",
    "{{ 'a'*10**9 }}",
    "{{ 10**(10**7) }}",
    "{{ '%0999999999d'|format(1) }}",
    "{{ '{:>999999999}'.format(1) }}",
    "{% macro a() %}{{ a() }}{% endmacro %}",
    "{{ self }}",
    "{{ cycler }}",
    "{{ lipsum }}",
    "{{ joiner }}",
    "{{ 1/0 }}",
    "{{ workspace.secrets.openai }}",
]


@pytest.mark.parametrize("case", CASES)
def test_a_bad_definition_is_refused_with_its_code(case, editor):
    body, status, codes = CASES[case]
    began = time.monotonic()
    answer = (
        editor.api.send("POST", "/api/v1/workflows", body)
        if body is not None
        else editor.api.generic("POST", "/api/v1/workflows", b"null", content_type="application/json")
    )
    assert answer.status_code == status, answer.content
    error = answer.json()["error"]
    found = {error["code"], *(item["code"] for item in error.get("errors", []))}
    assert found & codes, error
    assert error["message"] and error["request_id"] and "Traceback" not in error["message"]
    assert not Workflow.objects.of(editor.workspace).exists()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("source", FORBIDDEN)
def test_code_in_a_template_is_refused_at_save(source, editor):
    answer = editor.api.post_json("/api/v1/workflows", template(source))
    assert answer.status_code == 400
    error = answer.json()["error"]
    codes = {error["code"], *(item["code"] for item in error.get("errors", []))}
    assert codes & {"E_TPL_SYNTAX", "E_TPL_FILTER", "E_TPL_UNDEFINED", "E_TPL_FORBIDDEN", "E_DEF_REF"}, error


def test_the_good_one_is_stored(editor):
    answer = editor.api.post_json("/api/v1/workflows", GOOD)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body["slug"] == "good" and body["problems"] == [] and body["published_version"] is None
    assert body["draft_etag"] and answer.headers["ETag"] == f'"{body["draft_etag"]}"'


def test_with_draft_an_incomplete_definition_is_stored_with_its_problems(editor):
    answer = editor.api.post_json("/api/v1/workflows?draft=1", with_step(**{"with": {}}))
    assert answer.status_code == 201
    assert "E_REQUIRED" in {problem["code"] for problem in answer.json()["problems"]}


RAW = {
    "B1 not JSON": (b"{", 400, "E_JSON"),
    "B77 bad UTF-8": (b'{"name": "\xff"}', 400, "E_ENCODING"),
    "B78 UTF-16": ('{"name": "x"}'.encode("utf-16"), 400, "E_ENCODING"),
    "B80 an empty body": (b"", 400, "E_JSON"),
    "B81 depth 65": (b"[" * 65 + b"]" * 65, 400, "E_JSON_DEPTH"),
    "B82 depth 100,000": (b"[" * 100_000, 400, "E_JSON_DEPTH"),
    "B83 NaN": (b'{"a": NaN}', 400, "E_NUMBER"),
    "B85 a number of 5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", 400, "E_NUMBER"),
    "B87 above int64": (b'{"a": 9223372036854775808}', 400, "E_NUMBER"),
    "B88 NUL": (b'{"a": "\\u0000"}', 400, "E_TEXT_CONTROL"),
    "B90 a lone surrogate": (b'{"a": "\\ud800"}', 400, "E_TEXT_SURROGATE"),
    "B92 a key twice": (b'{"a": 1, "a": 2}', 400, "E_JSON_DUP_KEY"),
    "B103 3 MB": (b'{"a": "' + b"x" * 3_000_000 + b'"}', 413, "E_TOO_LARGE"),
}


@pytest.mark.parametrize("case", RAW)
def test_a_bad_body_is_refused_by_the_gate(case, editor):
    raw, status, code = RAW[case]
    kind = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(raw))}
    answer = editor.api.generic("POST", "/api/v1/workflows", raw, content_type="application/json", **kind)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.content


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded"])
def test_another_content_type_is_415(kind, editor):
    answer = editor.api.generic("POST", "/api/v1/workflows", b"{}", content_type=kind)
    assert answer.status_code == 415


def test_multipart_without_a_boundary_is_refused(editor):
    answer = editor.api.generic("POST", "/api/v1/workflows", b"x", content_type="multipart/form-data")
    assert answer.status_code in (400, 415)
    assert answer.json()["error"]["code"]


def test_a_byte_order_mark_is_accepted(editor):
    raw = b"\xef\xbb\xbf" + json.dumps(GOOD).encode()
    assert editor.api.generic("POST", "/api/v1/workflows", raw, content_type="application/json").status_code == 201


def test_the_lists_read_their_parameters_strictly(viewer):
    expected = {
        "q=%00": (400, "E_TEXT_CONTROL"),
        "q=" + "a" * 201: (400, "E_LENGTH"),
        "q=" + "+".join("abcdefghijk"): (400, "E_LENGTH"),
        "limit=abc": (400, "E_TYPE"),
        "status=done": (400, "E_CHOICE"),
        "ordering=password": (400, "E_CHOICE"),
        "cursor=%%%": (400, "E_PAGE"),
    }
    for query, (status, code) in expected.items():
        answer = viewer.api.get(f"/api/v1/runs?{query}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), query
    assert viewer.api.get("/api/v1/runs?limit=1000000000").status_code == 200


def test_wrong_methods_types_and_hosts(viewer):
    wrong = viewer.api.delete("/api/v1/runs")
    assert wrong.status_code == 405 and wrong.headers["Allow"] and wrong.json()["error"]["code"]
    assert viewer.api.get("/api/v1/runs", headers={"Accept": "a/b"}).status_code == 406
    assert viewer.api.get("/api/v1/runs", headers={"Host": "evil.example"}).status_code == 400
    assert viewer.api.get("/api/v1/runs", headers={"X-HTTP-Method-Override": "DELETE"}).status_code == 200
    assert viewer.api.get("/api/v1/runs/not-a-uuid").status_code == 404
