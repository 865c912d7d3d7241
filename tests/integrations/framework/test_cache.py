"""Open clients are kept, a bounded number of them; one that a call uses is never closed under it."""

from __future__ import annotations

import asyncio

from integrations.cache import ClientCache
from tests.integrations.gate import info_of


def test_a_client_in_use_is_closed_by_nobody_and_the_idle_ones_go_first():
    infos, closed = [info_of("http", token=str(n)) for n in range(4)], []

    async def close(client: str) -> None:
        closed.append(client)

    async def play() -> None:
        cache: ClientCache[str] = ClientCache(close, size=2)
        with cache.use(infos[0], lambda: "first"):
            for n in (1, 2, 3):
                with cache.use(infos[n], lambda n=n: f"client {n}") as client:
                    assert client == f"client {n}"
            await asyncio.sleep(0)
            assert closed == ["client 1", "client 2"]
            with cache.use(infos[0], lambda: "another") as again:
                assert again == "first", "the same connection shares its client"
        await cache.close()
        assert sorted(closed) == ["client 1", "client 2", "client 3", "first"]

    asyncio.run(play())


def test_more_clients_than_places_are_all_open_while_they_are_used():
    closed = []

    async def close(client: int) -> None:
        closed.append(client)

    async def play() -> None:
        cache: ClientCache[int] = ClientCache(close, size=2)

        async def call(n: int) -> None:
            with cache.use(info_of("http", token=str(n)), lambda: n):
                await asyncio.sleep(0.01)
                assert n not in closed

        await asyncio.gather(*(call(n) for n in range(20)))
        await asyncio.sleep(0.01)
        assert len(closed) == 18

    asyncio.run(play())
