"""Keeps a service's open client per connection, so that calls share connections; one cache per loop. Pure."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary, WeakSet

from integrations.context import ConnectionInfo

C = TypeVar("C")
_CACHES: WeakSet[ClientCache[Any]] = WeakSet()


class ClientCache(Generic[C]):
    """`get(info, make)` answers with the client made before for the same connection, address and secret.

    Clients belong to the loop they were made on. The least recently used one is closed when there are too many.
    """

    def __init__(self, close: Callable[[C], Awaitable[None]], size: int = 64) -> None:
        self._close, self._size = close, size
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, OrderedDict[str, C]] = WeakKeyDictionary()
        self._closing: set[asyncio.Task[None]] = set()
        _CACHES.add(self)

    def get(self, info: ConnectionInfo, make: Callable[[], C]) -> C:
        """The client of this connection on the running loop."""
        clients = self._loops.setdefault(asyncio.get_running_loop(), OrderedDict())
        key = _fingerprint(info)
        if key not in clients:
            clients[key] = make()
        clients.move_to_end(key)
        while len(clients) > self._size:
            self._close_soon(clients.popitem(last=False)[1])
        return clients[key]

    async def close(self) -> None:
        """Close every client of the running loop."""
        clients = self._loops.pop(asyncio.get_running_loop(), OrderedDict())
        for client in clients.values():
            await self._close(client)

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
