"""The transport for async SDKs, over httpx and httpx2."""

import asyncio
import importlib
import socket
import time

import pytest

from orchestrator_site.lib.outbound import Lost, NotSent, UrlBlocked, guarded_async_client
from tests.lib.outside import outside


@pytest.fixture
def server(settings):
    with outside() as running:
        settings.ALLOW_PRIVATE_HOSTS = [f"127.0.0.1:{running.port}"]
        yield running


@pytest.fixture(params=["httpx", "httpx2"])
def library(request):
    return request.param


def count(server, path):
    return sum(seen[1].split("?")[0] == path for seen in server.seen)


def run(library, work, **kwargs):
    async def main():
        async with guarded_async_client(library, **kwargs) as client:
            return await work(client)

    return asyncio.run(main())


def reason(error):
    while error is not None and not isinstance(error, (NotSent, Lost, UrlBlocked)):
        error = error.__cause__ or error.__context__
    return error


def failing(library, work, **kwargs):
    with pytest.raises(Exception) as caught:
        run(library, work, **kwargs)
    return caught.value, reason(caught.value)


def test_an_ordinary_call_goes_through(server, library):
    answer = run(library, lambda c: c.post(server.url("/a?b=1"), json={"x": 1}, headers={"Authorization": "Bearer t"}))
    assert (answer.status_code, answer.text) == (200, "POST /a?b=1")
    method, _, headers, body = server.seen[0]
    assert (method, headers["Authorization"], headers["Host"]) == ("POST", "Bearer t", f"127.0.0.1:{server.port}")
    assert body in (b'{"x":1}', b'{"x": 1}') and headers["Content-Length"] == str(len(body))


def test_no_packet_reaches_a_place_that_is_not_allowed(server, settings, library, monkeypatch):
    settings.ALLOW_PRIVATE_HOSTS = []
    for url in (server.url("/"), "https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "http://example.com/"):
        _, why = failing(library, lambda c, url=url: c.get(url))
        assert isinstance(why, UrlBlocked)
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, **kw: real("127.0.0.1", server.port, **kw))
    _, why = failing(library, lambda c: c.get("https://rebinding.example/"))
    assert isinstance(why, UrlBlocked)
    assert server.connections == 0


def test_redirects_are_not_followed(server, library):
    answer = run(library, lambda c: c.post(server.url(f"/to?{server.url('/end')}"), follow_redirects=True))
    assert answer.status_code == 302 and count(server, "/end") == 0
    assert run(library, lambda c: c.get(server.url("/loop"))).status_code == 302


def test_what_never_left_says_so(server, settings, library):
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    settings.ALLOW_PRIVATE_HOSTS = [f"127.0.0.1:{port}", f"127.0.0.1:{server.port}"]
    for url in (f"http://127.0.0.1:{port}/", f"https://127.0.0.1:{server.port}/"):
        error, why = failing(library, lambda c, url=url: c.post(url, content=b"x"))
        assert isinstance(why, NotSent) and isinstance(error, importlib.import_module(library).ConnectError)


@pytest.mark.parametrize("path", ["/reset", "/cut", "/huge", "/bomb", "/odd"])
def test_what_may_have_arrived_is_lost_and_was_sent_once(server, library, path):
    for method in ("POST", "PUT"):
        server.seen.clear()
        error, why = failing(library, lambda c, m=method: c.request(m, server.url(path), content=b"x"))
        assert isinstance(why, Lost) and isinstance(error, importlib.import_module(library).ReadError)
        assert count(server, path) == 1


def test_reads_on_a_kept_connection_are_not_repeated_either(server, library):
    async def work(client):
        await client.get(server.url("/first"))
        return await client.get(server.url("/reset"))

    _, why = failing(library, work)
    assert isinstance(why, Lost) and count(server, "/reset") == 1


def test_deadlines_and_silence(server, library):
    started = time.monotonic()
    error, why = failing(library, lambda c: c.post(server.url("/hang")), timeout=0.3)
    assert isinstance(why, Lost) and why.timeout
    assert isinstance(error, importlib.import_module(library).TimeoutException)
    error, why = failing(library, lambda c: c.post(server.url("/drip")), seconds=0.5)
    assert isinstance(why, Lost) and why.timeout
    assert time.monotonic() - started < 4


def test_cancelling_ends_a_call_at_once(server, library):
    async def work(client):
        async with asyncio.timeout(0.3):
            await client.post(server.url("/drip"))

    started = time.monotonic()
    with pytest.raises(TimeoutError):
        run(library, work)
    assert time.monotonic() - started < 2


def test_answers_are_decompressed_and_streamed(server, library):
    assert run(library, lambda c: c.get(server.url("/zipped"))).text == "hello " * 100

    async def work(client):
        async with client.stream("POST", server.url("/lines"), content=b"go") as answer:
            return [piece async for piece in answer.aiter_bytes()]

    assert b"".join(run(library, work)) == b"onetwo"


def test_connections_are_kept_for_reads_and_new_for_changes(server, library):
    async def work(client):
        for _ in range(3):
            await client.get(server.url("/r"))
        kept = server.connections
        for _ in range(3):
            await client.post(server.url("/c"))
        return kept, server.connections

    assert run(library, work) == (1, 4)
    server.connections = 0
    assert run(library, work, reuse=True) == (1, 1)


def test_the_sdks_take_it(server):
    import anthropic
    import openai

    async def work():
        client = openai.AsyncOpenAI(
            base_url=server.url("/reset"), api_key="sk-x", max_retries=0, http_client=guarded_async_client("httpx2")
        )
        with pytest.raises(openai.APIConnectionError) as caught:
            await client.models.list()
        other = anthropic.AsyncAnthropic(
            base_url=server.url("/reset"), api_key="x", max_retries=0, http_client=guarded_async_client("httpx2")
        )
        with pytest.raises(anthropic.APIConnectionError) as caught_too:
            await other.models.list()
        await client.close()
        await other.close()
        return caught.value, caught_too.value

    for error in asyncio.run(work()):
        assert isinstance(reason(error), Lost)
    assert len(server.seen) == 2
