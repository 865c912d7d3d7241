"""Keeps a service's open client per connection, so that calls share connections; one cache per loop. Pure."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary, WeakSet

from integrations.context import ConnectionInfo

C = TypeVar("C")
_CACHES: WeakSet[ClientCache[Any]] = WeakSet()


@dataclass(eq=False)
class _Kept(Generic[C]):
    """A client, and how many calls use it now."""

    client: C
    users: int = 0


class ClientCache(Generic[C]):
    """`with use(info, make) as client` gives the client made before for the same connection, address and secret.

    Clients belong to the loop they were made on. Where there are too many, the least recently used ones that no call
    uses are closed; one that is in use stays open until its last call has ended.
    """

    def __init__(self, close: Callable[[C], Awaitable[None]], size: int = 64) -> None:
        self._close, self._size = close, size
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, OrderedDict[str, _Kept[C]]] = WeakKeyDictionary()
        self._closing: set[asyncio.Task[None]] = set()
        _CACHES.add(self)

    @contextmanager
    def use(self, info: ConnectionInfo, make: Callable[[], C]) -> Iterator[C]:
        """The client of this connection on the running loop, for one call."""
        clients = self._loops.setdefault(asyncio.get_running_loop(), OrderedDict())
        key = _fingerprint(info)
        kept = clients.get(key)
        if kept is None:
            kept = clients[key] = _Kept(make())
        clients.move_to_end(key)
        kept.users += 1
        try:
            self._make_room(clients)
            yield kept.client
        finally:
            kept.users -= 1
            self._make_room(clients)

    def _make_room(self, clients: OrderedDict[str, _Kept[C]]) -> None:
        if len(clients) <= self._size:
            return
        idle = [key for key, kept in clients.items() if not kept.users]
        for key in idle[: len(clients) - self._size]:
            self._close_soon(clients.pop(key).client)

    async def close(self) -> None:
        """Close every client of the running loop."""
        clients = self._loops.pop(asyncio.get_running_loop(), OrderedDict())
        for kept in clients.values():
            await self._close(kept.client)

    def _close_soon(self, client: C) -> None:
        async def closed() -> None:
            await self._close(client)

        task = asyncio.get_running_loop().create_task(closed())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def close_all() -> None:
    """Close the clients of every service on the running loop; for the host of that loop, when it ends."""
    for cache in list(_CACHES):
        await cache.close()


def _fingerprint(info: ConnectionInfo) -> str:
    parts = [str(info.id), str(info.workspace_id), info.service, info.base_url, sorted(info.secret.items())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
