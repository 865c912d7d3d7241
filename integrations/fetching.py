"""Fetching a file from an https address that a workflow names: guarded, bounded, at most three redirects."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import urljoin

from integrations.context import Calls
from integrations.errors import Rejected, ServiceError, Unavailable
from integrations.http_failures import from_status, from_transport
from orchestrator_site.lib import outbound

MOST_REDIRECTS = 3
NAME = "The address"


async def fetch(url: str, calls: Calls, *, most: int) -> bytes:
    """The bytes behind an address. Raises Rejected for an address that may not be called, or a file over `most`."""
    left = calls.deadline - time.monotonic()
    try:
        async with (
            asyncio.timeout(min(60.0, max(0.1, left))),
            outbound.guarded_async_client("httpx", reuse=False) as client,
        ):
            return await _follow(client, url, most)
    except ServiceError:
        raise
    except Exception as problem:
        raise from_transport(NAME, problem) from problem


async def _follow(client: Any, url: str, most: int) -> bytes:
    for _ in range(MOST_REDIRECTS + 1):
        async with client.stream("GET", url, follow_redirects=False) as answer:
            if answer.status_code in (301, 302, 303, 307, 308) and answer.headers.get("location"):
                url = urljoin(url, answer.headers["location"])
                continue
            if answer.status_code >= 300:
                raise from_status(NAME, answer.status_code, f"status {answer.status_code}")
            return await _read(answer, most)
    raise Unavailable(f"{NAME} leads from one place to the next without end.", hint="Use the final address.")


async def _read(answer: Any, most: int) -> bytes:
    pieces, size = [], 0
    async for piece in answer.aiter_bytes():
        size += len(piece)
        if size > most:
            raise Rejected(
                f"{NAME} holds more than {most // 1024 // 1024} MiB.", code="E_TOO_LARGE", hint="Use a smaller file."
            )
        pieces.append(piece)
    return b"".join(pieces)
