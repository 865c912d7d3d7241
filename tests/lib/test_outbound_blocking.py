"""The transport for blocking SDKs: one call is one request, and every failure says whether it left."""

import socket
import threading
import time

import pytest
import requests

from orchestrator_site.lib.outbound import Call, GuardedAdapter, GuardedHttp, Lost, NotSent, UrlBlocked, guarded_session
from tests.lib.outside import outside


@pytest.fixture
def server(settings):
    with outside() as running:
        settings.ALLOW_PRIVATE_HOSTS = [f"127.0.0.1:{running.port}"]
        yield running


def count(server, path):
    return sum(seen[1].split("?")[0] == path for seen in server.seen)


def test_an_ordinary_call_goes_through(server):
    with Call(seconds=5) as call:
        answer = guarded_session(call).post(server.url("/a?b=1"), json={"x": 1}, headers={"Authorization": "Bearer t"})
    assert (answer.status_code, answer.text) == (200, "POST /a?b=1")
    method, _, headers, body = server.seen[0]
    assert (method, body, headers["Authorization"]) == ("POST", b'{"x": 1}', "Bearer t")
    assert headers["Host"] == f"127.0.0.1:{server.port}" and call.sent


def test_no_packet_reaches_a_place_that_is_not_allowed(server, settings):
    settings.ALLOW_PRIVATE_HOSTS = []
    for host in ("127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1"):
        with pytest.raises(UrlBlocked):
            guarded_session().get(f"http://{host}:{server.port}/")
        with pytest.raises(UrlBlocked):
            guarded_session().get(f"https://{host}:443/")
    assert server.connections == 0


def test_a_name_that_turns_private_after_the_check_is_blocked_at_connect(server, settings, monkeypatch):
    settings.ALLOW_PRIVATE_HOSTS = []
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, **kw: real("127.0.0.1", server.port, **kw))
    with pytest.raises(UrlBlocked):
        guarded_session().get("https://rebinding.example/")
    assert server.connections == 0


def test_redirects_are_followed_at_most_three_times_and_checked_each_time(server, settings):
    session = guarded_session(Call(seconds=5))
    assert session.get(server.url(f"/to?{server.url('/end')}")).text == "GET /end"
    with pytest.raises(requests.TooManyRedirects):
        session.get(server.url("/loop"))
    assert count(server, "/loop") == 4
    for place in ("http://127.0.0.2:1/", "https://169.254.169.254/", "http://localhost/", "file:///etc/passwd"):
        with pytest.raises((UrlBlocked, requests.exceptions.InvalidSchema)):
            session.get(server.url(f"/to?{place}"))


def test_credentials_stay_with_their_host(server, settings):
    with outside() as other:
        settings.ALLOW_PRIVATE_HOSTS = [f"127.0.0.1:{server.port}", f"127.0.0.1:{other.port}"]
        secret = {"Authorization": "Bearer t", "Cookie": "a=b", "X-Api-Key": "k", "X-Plain": "p"}
        guarded_session(Call(seconds=5)).get(server.url(f"/to?{other.url('/end')}"), headers=secret)
        headers = other.seen[0][2]
        assert headers["X-Plain"] == "p"
        assert not {"Authorization", "Cookie", "X-Api-Key"} & set(headers)


def test_a_change_never_follows_a_redirect(server):
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = guarded_session(Call(seconds=5)).request(method, server.url(f"/to?{server.url('/end')}"))
        assert answer.status_code == 302 and "Location" not in answer.headers
    assert count(server, "/end") == 0 and count(server, "/to") == 4


def test_the_environment_has_no_say(server, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    session = requests.Session()
    session.mount("http://", GuardedAdapter(Call(seconds=5)))
    assert session.get(server.url("/x")).text == "GET /x"
    assert guarded_session(Call(seconds=5)).get(server.url("/y")).text == "GET /y"


def test_what_never_left_says_so(server, settings, monkeypatch):
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    settings.ALLOW_PRIVATE_HOSTS = [f"127.0.0.1:{port}", f"127.0.0.1:{server.port}"]
    for url in (f"http://127.0.0.1:{port}/", f"https://127.0.0.1:{server.port}/"):
        with Call(seconds=5) as call, pytest.raises(NotSent) as caught:
            guarded_session(call).post(url, data=b"x")
        assert caught.value.sent is False and not call.sent
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: (_ for _ in ()).throw(socket.gaierror(-2, "unknown")))
    with pytest.raises(NotSent):
        guarded_session(Call(seconds=5)).post("https://nowhere.example/", data=b"x")


@pytest.mark.parametrize("path", ["/reset", "/cut", "/huge", "/bomb"])
def test_what_may_have_arrived_is_lost_and_was_sent_once(server, path):
    with Call(seconds=20) as call, pytest.raises(Lost) as caught:
        guarded_session(call).post(server.url(path), data=b"x")
    assert caught.value.sent is True and call.sent
    assert count(server, path) == 1


@pytest.mark.parametrize("path", ["/hang", "/drip"])
def test_the_deadline_ends_silence_and_slow_drips(server, path):
    started = time.monotonic()
    with Call(seconds=0.5) as call, pytest.raises(Lost) as caught:
        guarded_session(call).post(server.url(path), data=b"x")
    assert 0.3 < time.monotonic() - started < 2
    assert caught.value.timeout and count(server, path) == 1


@pytest.mark.parametrize("path", ["/hang", "/drip"])
def test_another_thread_can_end_a_call(server, path):
    call = Call(seconds=30)
    timer = threading.Timer(0.4, call.abort)
    timer.start()
    started = time.monotonic()
    with pytest.raises(Lost) as caught:
        guarded_session(call).get(server.url(path))
    assert time.monotonic() - started < 3 and not caught.value.timeout and call.aborted == "cancelled"
    with pytest.raises(NotSent):
        guarded_session(call).get(server.url("/after"))
    assert count(server, "/after") == 0


def test_a_kept_connection_is_bound_by_each_call_of_its_own(server):
    session = guarded_session()
    session.get(server.url("/first"), timeout=5)
    started = time.monotonic()
    with pytest.raises(Lost):
        session.get(server.url("/drip"), timeout=0.5)
    assert time.monotonic() - started < 3
    assert session.get(server.url("/third"), timeout=5).text == "GET /third"


def test_a_change_gets_a_new_connection_so_a_stale_one_cannot_lie(server):
    session = guarded_session()
    for _ in range(2):
        session.get(server.url("/once"), timeout=5)
        time.sleep(0.05)
        assert session.post(server.url("/change"), data=b"x", timeout=5).status_code == 200
    assert count(server, "/change") == 2
    before = server.connections
    session.post(server.url("/change"), timeout=5)
    session.post(server.url("/change"), timeout=5)
    assert server.connections == before + 2


def test_compressed_answers_are_read(server):
    assert guarded_session(Call(seconds=5)).get(server.url("/zipped")).text == "hello " * 100


def test_no_handles_are_left_behind(server):
    import os

    session = guarded_session()
    session.get(server.url("/a"), timeout=5)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        session.get(server.url("/a"), timeout=30)
        session.post(server.url("/a"), timeout=30)
    session.close()
    assert len(os.listdir("/proc/self/fd")) <= before + 2


def test_the_face_for_httplib2_users_makes_one_request(server):
    http = GuardedHttp(Call(seconds=5))
    response, content = http.request(server.url("/x"), method="POST", body='{"a": 1}', headers={"X-A": "1"})
    assert (response.status, content, response["content-type"]) == (200, b"POST /x", "text/plain")
    assert server.seen[0][3] == b'{"a": 1}'
    response, content = http.request(server.url("/zipped"))
    assert content == b"hello " * 100 and "content-encoding" not in response
    response, _ = http.request(server.url(f"/to?{server.url('/end')}"))
    assert response.status == 302 and count(server, "/end") == 0
    with pytest.raises(Lost):
        http.request(server.url("/reset"), method="POST", body=b"x")
    assert count(server, "/reset") == 1


def test_google_api_client_accepts_it(server):
    from googleapiclient.http import HttpRequest

    request = HttpRequest(
        GuardedHttp(Call(seconds=5)), lambda response, content: content, server.url("/g"), method="POST"
    )
    assert request.execute(num_retries=0) == b"POST /g"


def test_a_pygithub_session_can_carry_it(server):
    from github import Auth, Github, Requester

    class Guarded(Requester.HTTPRequestsConnectionClass):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.session.mount("http://", GuardedAdapter(Call(seconds=5)))

    Requester.Requester.injectConnectionClasses(Guarded, Requester.HTTPSRequestsConnectionClass)
    try:
        client = Github(base_url=server.url("/cut"), auth=Auth.Token("t"), retry=None, timeout=3)
        with pytest.raises(Lost):
            client.get_user().login  # noqa: B018
    finally:
        Requester.Requester.resetConnectionClasses()
    assert len(server.seen) == 1
