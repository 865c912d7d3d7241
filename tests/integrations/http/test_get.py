"""Reading over HTTP: what is sent, what comes back, where it may lead, and what never goes along."""

from __future__ import annotations

import gzip

import pytest

from integrations.errors import Rejected, SignInAgain, Unavailable, Unreadable
from tests.integrations.gate import MemoryFiles, attempt, info_of, run_action
from tests.integrations.http.conftest import connected


def get(where, url, **more):
    return run_action("http.get", {"url": url, **more}, where).output


def refused(where, url, **more):
    error = attempt("http.get", {"url": url, **more}, where).error
    assert error is not None and error.message.endswith(".")
    return error


def test_json_comes_back_as_a_value_and_as_text(service, nothing):
    output = get(
        nothing, f"{service.url}/a", query={"page": 1, "tag": ["a", "b c"], "none": None}, headers={"X-A": "1"}
    )
    assert output["body"] == {"path": "/a?page=1&tag=a&tag=b+c"}
    assert (output["status"], output["ok"], output["truncated"], output["file"]) == (200, True, False, None)
    assert output["headers"]["content-type"] == "application/json"
    assert output["text"] == '{"path": "/a?page=1&tag=a&tag=b+c"}'
    assert service.headers["x-a"] == "1" and "authorization" not in service.headers


@pytest.mark.parametrize(
    "headers, body, expect, shown",
    [
        ({"Content-Type": "text/plain; charset=iso-8859-1"}, "Käse".encode("latin-1"), "auto", "Käse"),
        ({"Content-Type": "text/html"}, b"<b>x</b>", "auto", "<b>x</b>"),
        ({"Content-Type": "application/problem+json"}, b'{"a": 1}', "auto", {"a": 1}),
        ({"Content-Type": "text/html"}, b"\xef\xbb\xbf[1]", "json", [1]),
        ({"Content-Type": "application/json"}, b'{"a": 1}', "text", '{"a": 1}'),
        ({"Content-Encoding": "gzip"}, gzip.compress(b"zipped", mtime=0), "auto", "zipped"),
        ({"Content-Type": "text/plain; charset=nonsense"}, b"a\x00b\xff", "auto", "ab\ufffd"),
        ({}, b"", "auto", ""),
    ],
)
def test_a_body_is_what_it_says_or_what_is_expected(service, nothing, headers, body, expect, shown):
    service.fail("answer", body=body, headers=headers)
    assert get(nothing, service.url, expect=expect)["body"] == shown


@pytest.mark.parametrize("kind, error", [("html", Unreadable), ("truncated", Unreadable)])
def test_an_answer_that_is_not_the_expected_json_is_an_error(service, nothing, kind, error):
    service.fail(kind)
    assert isinstance(refused(nothing, service.url, expect="json"), error)


def test_an_error_status_fails_or_is_a_result(service, nothing):
    error = refused(nothing, f"{service.url}/items/9")
    assert isinstance(error, Rejected) and error.status == 404 and "There is no such item" in error.message
    output = get(nothing, f"{service.url}/items/9", fail_on_status=False)
    assert (output["status"], output["ok"], output["body"]) == (404, False, {"message": "There is no such item"})
    service.fail("status", status=503)
    assert isinstance(refused(nothing, service.url, fail_on_status=False), Unavailable)
    service.fail("status", status=401)
    assert isinstance(refused(nothing, service.url), SignInAgain)


def test_head_asks_for_the_headers_only(service, nothing):
    output = get(nothing, service.url, method="HEAD", expect="json")
    assert service.seen[-1][0] == "HEAD" and output["body"] == "" and output["headers"]


def test_a_file_is_kept_as_a_file(service, nothing):
    files = MemoryFiles()
    service.fail("answer", body=b"%PDF", headers={"Content-Disposition": 'attachment; filename="a/../b.pdf"'})
    given = {"url": f"{service.url}/x.pdf", "expect": "file"}
    kept = run_action("http.get", given, nothing, files=files).output["file"]
    assert (kept["size"], kept["name"].endswith("b.pdf"), "/" in kept["name"]) == (4, True, False)


@pytest.mark.parametrize(
    "secret, header, value",
    [
        ({"token": "tok"}, "authorization", "Bearer tok"),
        ({"username": "ada", "password": "pw"}, "authorization", "Basic YWRhOnB3"),
        ({"header_name": "X-Api-Key", "header_value": "k"}, "x-api-key", "k"),
    ],
)
def test_a_connection_adds_its_key(service, secret, header, value):
    get(connected(service, "/v1", **secret), "/things", headers={header: "mine", "X-B": "2"})
    assert (service.headers[header], service.headers["x-b"]) == (value, "2")
    assert service.seen[-1][1] == "/v1/things"


def test_a_key_in_the_address_is_not_in_the_answer(service):
    output = get(connected(service, query_name="api_key", query_value="s3cret"), "/things", query={"a": 1})
    assert service.seen[-1][1] == "/things?a=1&api_key=s3cret"
    assert output["url"] == f"{service.url}/things?a=1"


def test_a_key_is_never_sent_to_another_host(service, other):
    error = refused(connected(service, token="tok"), f"{other.url}/things")
    assert (error.code, error.refused, other.seen) == ("E_URL_HOST", True, [])
    service.fail("status", status=302, headers={"Location": f"{other.url}/caught"})
    get(
        connected(service, token="tok", header_name="X-Api-Key", header_value="k", query_name="q", query_value="k"),
        "/away",
        headers={"X-Other-Key": "mine", "Cookie": "a=b", "Accept-Language": "de"},
    )
    method, path, headers, _ = other.seen[-1]
    assert (method, path) == ("GET", "/caught")
    assert {"authorization", "x-api-key", "x-other-key", "cookie"}.isdisjoint(headers)
    assert headers["accept-language"] == "de"


def test_redirects_on_the_same_host_keep_the_key_and_end(service):
    for _ in range(2):
        service.fail("status", status=307, headers={"Location": "/next"})
    assert get(connected(service, token="tok"), "/a")["url"] == f"{service.url}/next"
    assert [seen[2].get("authorization") for seen in service.seen] == ["Bearer tok"] * 3
    for _ in range(4):
        service.fail("status", status=302, headers={"Location": "/again"})
    assert refused(connected(service, token="tok"), "/a").code == "E_REDIRECTS"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/", "https://127.0.0.1/", "https://localhost/", "https://2130706433/", "https://0x7f.1/",
        "https://[::ffff:127.0.0.1]/", "https://169.254.169.254/latest/meta-data", "https://metadata.localhost/",
        "http://example.com/", "https://example.com:22/", "https://a@127.0.0.1/", "file:///etc/passwd",
        "https://127.0.0.1\\@example.com/", "gopher://example.com/", "https://user:pw@example.com/", "//example.com/",
        "https://exa mple.com/", "https://64:ff9b::7f00:1/", "https://[64:ff9b::7f00:1]/", "nonsense",
    ],
)  # fmt: skip
def test_an_address_that_may_not_be_called_is_refused_with_nothing_sent(nothing, settings, url):
    settings.ALLOW_PRIVATE_HOSTS = []
    error = refused(nothing, url)
    assert isinstance(error, Rejected) and error.refused and error.hint is not None


@pytest.mark.parametrize(
    "away", ["http://127.0.0.1:{port}/", "https://10.0.0.1/", "file:///etc/passwd", "//169.254.169.254/"]
)
def test_a_redirect_into_a_private_place_is_not_followed(service, other, settings, nothing, away):
    settings.ALLOW_PRIVATE_HOSTS = [service.place]
    service.fail("status", status=302, headers={"Location": away.format(port=other.server.server_port)})
    error = refused(nothing, f"{service.url}/a")
    assert error.code == "E_URL_BLOCKED" and other.seen == []


@pytest.mark.parametrize(
    "headers",
    [{"Host": "x"}, {"X\r\nY": "1"}, {"X": "1\r\nY: 2"}, {"Transfer-Encoding": "chunked"}, {"": "x"}, {"X": "\x00"}],
)
def test_a_header_cannot_become_something_else(service, nothing, headers):
    assert refused(nothing, service.url, headers=headers).code == "E_HEADER"
    assert service.seen == []


@pytest.mark.parametrize("kind, options", [("huge", {}), ("bomb", {})])
def test_what_is_too_large_is_refused_for_good(service, nothing, kind, options):
    service.fail(kind, **options)
    error = refused(nothing, service.url)
    assert (type(error), error.code, error.permanent) == (Rejected, "E_TOO_LARGE", True)


@pytest.mark.parametrize("kind", ["reset", "cut", "hang", "drip"])
def test_what_breaks_may_be_tried_again(service, nothing, kind):
    service.fail(kind)
    ran = attempt("http.get", {"url": service.url}, nothing, timeout=1.0 if kind in ("hang", "drip") else 20)
    assert isinstance(ran.error, Unavailable) and not ran.error.permanent
    assert len(service.seen) == 1


def test_no_cookie_wanders_from_one_request_to_the_next(service):
    place = info_of("http", base_url=service.url, token="t")
    service.fail("answer", body=b"ok", headers={"Set-Cookie": "session=1"})
    assert "set-cookie" not in get(place, "/a")["headers"]
    get(place, "/b")
    assert "cookie" not in service.headers
