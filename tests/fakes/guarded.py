"""The fake service's client over the product's guarded transports, as the real services have it."""

from __future__ import annotations

from typing import Any

from integrations.blocking import in_thread
from integrations.http_failures import from_transport
from orchestrator_site.lib.outbound import Call, guarded_async_client, guarded_session
from tests.fakes.integration import Client, _read, headers_of


class BlockingClient(Client):
    """requests in a pool thread, as GitHub and Gmail."""

    async def ask(self, method: str, path: str, body: dict | None = None, key: str = "") -> dict:
        return await in_thread(self.calls, "Fake", lambda call: self._guarded(call, method, path, body, key))

    def _guarded(self, call: Call, method: str, path: str, body: dict | None, key: str) -> dict:
        try:
            answer = guarded_session(call).request(method, self.base + path, json=body, headers=headers_of(key))
        except Exception as problem:
            raise from_transport("Fake", problem) from problem
        return _read(answer.status_code, answer.content, answer.headers)


class AsyncClient(Client):
    """aiohttp below httpx2, as the models."""

    _front: Any = None

    async def ask(self, method: str, path: str, body: dict | None = None, key: str = "") -> dict:
        self._front = self._front or guarded_async_client("httpx2")
        try:
            answer = await self._front.request(method, self.base + path, json=body, headers=headers_of(key))
        except Exception as problem:
            raise from_transport("Fake", problem) from problem
        return _read(answer.status_code, answer.content, answer.headers)


CLIENTS = {"blocking": BlockingClient, "async": AsyncClient}
