"""Sending over HTTP: every kind of body, every fault, and never a second time on a guess."""

from __future__ import annotations

import pytest

from integrations.errors import RateLimited, Rejected, SignInAgain, Unavailable, Unreadable
from tests.integrations.gate import Gate, MemoryFiles, attempt, plan_of, run_action
from tests.integrations.http.conftest import connected
from tests.integrations.looking import find_again


def item(service, **more):
    return {"url": f"{service.url}/items", "body": {"title": "Hi"}, **more}


def test_json_is_sent_and_the_answer_is_told(service, nothing):
    ran = run_action("http.send", item(service), nothing)
    assert (ran.output["status"], ran.output["body"]) == (201, {"id": "1", "title": "Hi"})
    (order,) = ran.orders
    assert order.target == {"method": "POST", "url": f"{service.url}/items"}
    assert ran.gate.outcomes[0].external_id == "1"
    assert service.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "kind, body, content_type, content",
    [
        ("form", {"a": "x y", "b": [1, 2]}, "application/x-www-form-urlencoded", b"a=x+y&b=1&b=2"),
        ("text", "plain", "text/plain; charset=utf-8", b"plain"),
        ("none", {"a": 1}, None, b""),
        ("json", [1, "\u00f6"], "application/json", '[1,"ö"]'.encode()),
    ],
)
def test_a_body_has_its_kind(service, nothing, kind, body, content_type, content):
    run_action("http.send", {"url": service.url, "body_kind": kind, "body": body}, nothing)
    assert service.seen[-1][3] == content
    assert service.headers.get("content-type") == content_type


def test_files_are_sent_as_parts(service, nothing):
    files = MemoryFiles()
    file = files.put(b"%PDF", name='a".pdf\r\nX: 1', mime_type="application/pdf")
    body = {"note": "see\r\nbelow", "files": [file.model_dump(mode="json", by_alias=True)]}
    run_action("http.send", {"url": service.url, "body_kind": "multipart", "body": body}, nothing, files=files)
    sent = service.seen[-1][3]
    assert b'name="note"\r\n\r\nsee\r\nbelow\r\n--' in sent
    assert b"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--" in sent and b"\r\nX: 1" not in sent
    assert service.headers["content-type"].startswith("multipart/form-data; boundary=")


def test_a_typed_content_type_is_kept(service, nothing):
    given = item(service, headers={"content-type": "application/vnd.api+json"})
    run_action("http.send", given, nothing)
    assert service.headers["content-type"] == "application/vnd.api+json"


CASES = {
    "status 429": (RateLimited, True),
    "status 401": (SignInAgain, True),
    "status 403": (SignInAgain, True),
    "status 404": (Rejected, True),
    "status 409": (Rejected, True),
    "status 422": (Rejected, True),
    "status 301": (Rejected, True),
    "status 302": (Unavailable, False),
    "status 408": (Unavailable, False),
    "status 500": (Unavailable, False),
    "status 503": (Unavailable, False),
    "reset": (Unavailable, False),
    "cut": (Unavailable, False),
    "truncated": (Unreadable, False),
    "html": (Unreadable, False),
    "hang": (Unavailable, False),
    "drip": (Unavailable, False),
    "bomb": (Unavailable, False),
    "huge": (Unreadable, False),
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", CASES)
def test_a_fault_has_its_kind_and_one_request(service, nothing, kind, after):
    expected, refused = CASES[kind]
    name, _, status = kind.partition(" ")
    service.fail(name, after=after, **({"status": int(status)} if status else {}))
    given = item(
        service, expect="json", key_field="key", check_url=f"{service.url}/items?key={{key}}", check_path="items"
    )
    gate = Gate()
    ran = attempt("http.send", given, nothing, gate=gate, timeout=1.0 if name in ("hang", "drip") else 20)
    assert isinstance(ran.error, expected) and ran.error.refused is refused, ran.error
    assert ran.error.message.endswith(".")
    assert len(service.seen) == 1 and service.changes == int(after)
    service.plan.clear()
    if not refused:
        found = find_again("http.send", given, nothing, gate)
        assert (found is not None) is after


def test_a_wait_that_is_asked_for_is_kept(service, nothing):
    service.fail("status", status=429, headers={"Retry-After": "7"})
    assert attempt("http.send", item(service), nothing).error.retry_after == 7
    service.fail("status", status=429)
    assert attempt("http.send", item(service), nothing).error.retry_after is None


def test_a_status_that_is_allowed_is_a_success(service, nothing):
    service.fail("status", status=409)
    assert run_action("http.send", item(service, allow_status=[409]), nothing).output["status"] == 409


def test_a_long_answer_to_a_change_is_cut_not_lost(service, nothing):
    service.fail("huge", type="text/plain", after=True)
    output = run_action("http.send", item(service), nothing).output
    assert output["truncated"] and output["ok"] and 0 < len(output["text"]) <= 256 * 1024


@pytest.mark.parametrize(
    "more, repeats",
    [
        ({"method": "POST"}, False),
        ({"method": "PATCH"}, False),
        ({"method": "PUT"}, True),
        ({"method": "DELETE"}, True),
        ({"method": "POST", "idempotency_header": "Idempotency-Key"}, True),
    ],
)
def test_only_what_does_no_harm_is_repeated_unseen(service, nothing, more, repeats):
    gate = Gate()
    given = item(service, **more)
    given["url"] += "/5" if more["method"] != "POST" else ""
    service.items["5"] = {"id": "5"}
    run_action("http.send", given, nothing, gate=gate)
    (order,) = gate.orders
    assert (order.set_semantics, order.look) == (repeats, None)
    if more.get("idempotency_header"):
        assert service.headers["idempotency-key"] == gate.key(1)


def test_a_repeated_delete_that_finds_nothing_has_done_its_work(service, nothing):
    gate = Gate()
    given = {"url": f"{service.url}/items/5", "method": "DELETE"}
    service.items["5"] = {"id": "5"}
    service.fail("reset", after=True)
    assert not attempt("http.send", given, nothing, gate=gate).error.refused
    assert run_action("http.send", given, nothing, gate=gate, earlier_change=True).output["status"] == 404
    assert isinstance(attempt("http.send", given, nothing).error, Rejected), "at first it is a refusal"


@pytest.mark.parametrize(
    "check, there",
    [
        ({"check_url": "/items/5"}, True),
        ({"check_url": "/items/6"}, False),
        ({"check_url": "/items/5", "check_path": "state", "check_equals": "done"}, True),
        ({"check_url": "/items/5", "check_path": "state", "check_equals": "open"}, False),
        ({"check_url": "/items/5", "check_path": "number", "check_equals": "7"}, True),
        ({"check_url": "/items", "check_path": "items[0].id"}, True),
        ({"check_url": "/items?state=open", "check_path": "items[0].id"}, False),
    ],
)
def test_a_check_tells_whether_it_happened(service, check, there):
    service.items["5"] = {"id": "5", "state": "done", "number": 7}
    place, gate = connected(service, token="t"), Gate()
    given = {"url": "/items", "body": {}, **check}
    service.fail("reset", after=False)
    assert attempt("http.send", given, place, gate=gate).error
    found = find_again("http.send", given, place, gate)
    assert (found is not None) is there
    assert service.headers["authorization"] == "Bearer t"


def test_a_check_that_does_not_answer_tells_nothing(service, nothing):
    gate, given = Gate(), item(service, check_url=f"{service.url}/items/1")
    service.fail("reset")
    attempt("http.send", given, nothing, gate=gate)
    service.fail("status", status=500)
    with pytest.raises(Unavailable):
        find_again("http.send", given, nothing, gate)


@pytest.mark.parametrize(
    "more",
    [
        {"check_path": "items"},
        {"check_url": "/items", "check_equals": "x"},
        {"check_url": "https://10.0.0.1/"},
        {"idempotency_header": "Host"},
        {"body_kind": "form", "body": [1]},
        {"key_field": "key", "body": "text"},
    ],
)
def test_half_a_setting_is_refused_before_anything_is_sent(service, more):
    ran = attempt("http.send", {"url": "/items", "body": {}, **more}, connected(service, token="t"))
    assert isinstance(ran.error, Rejected) and ran.error.refused
    assert service.seen == [] and ran.orders == []


def test_a_plan_shows_what_is_there_now_and_sends_nothing(service, nothing):
    service.items["5"] = {"id": "5", "title": "Old"}
    given = {"url": f"{service.url}/items/5", "method": "PUT", "body": {"title": "New"}}
    (plan,) = plan_of("http.send", given, nothing)
    assert (plan.before, plan.after) == ({"id": "5", "title": "Old"}, {"title": "New"})
    assert plan.summary == f"Sends PUT to {service.url}/items/5."
    (plan,) = plan_of("http.send", item(service), nothing)
    assert (plan.before, plan.after) == (None, {"title": "Hi"})
    (plan,) = plan_of("http.send", {**given, "method": "DELETE"}, nothing)
    assert plan.after is None and plan.before
    assert service.changes == 0
