"""The moments of a request that tests may be told of: the same ones, in the same order, on both transports."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator_site.lib.outbound import Call, guarded_async_client, guarded_session, hooks
from tests.lib.outside import outside


@pytest.fixture
def server(settings):
    with outside() as running:
        settings.ALLOW_PRIVATE_HOSTS = [f"127.0.0.1:{running.port}"]
        yield running


@pytest.fixture
def moments():
    seen: list[str] = []
    hooks.listen(seen.append)
    yield seen
    hooks.listen(None)


def test_a_blocking_change_passes_every_moment_once(server, moments):
    answer = guarded_session(Call(seconds=5)).post(f"http://127.0.0.1:{server.port}/echo", data=b"twelve bytes")
    assert answer.ok
    assert moments == list(hooks.MOMENTS)
    assert server.seen[-1][3] == b"twelve bytes"


def test_an_async_change_passes_every_moment_once(server, moments):
    async def post():
        async with guarded_async_client("httpx2") as client:
            return await client.post(f"http://127.0.0.1:{server.port}/echo", content=b"twelve bytes")

    assert asyncio.run(post()).status_code == 200
    assert moments == list(hooks.MOMENTS)
    assert server.seen[-1][3] == b"twelve bytes"
    assert server.seen[-1][2]["Content-Length"] == "12"


def test_without_a_listener_the_body_goes_as_it_is():
    assert hooks.halves(b"body") == b"body"
    assert hooks.halves(b"") is None
    assert hooks.traces() == []
