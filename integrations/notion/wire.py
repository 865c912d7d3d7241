"""How notion-client reaches the network: over our guarded transport, with its own retries and console log off."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from notion_client import AsyncClient

from integrations.context import Calls
from orchestrator_site.lib.outbound import guarded_async_client

LOG = logging.getLogger("notion_client.quiet")


@asynccontextmanager
async def open_notion(base_url: str, token: str, version: str, calls: Calls) -> AsyncIterator[AsyncClient]:
    """A client for a few calls; its sockets are closed with it."""
    left = max(calls.deadline - time.monotonic(), 0.01)
    async with guarded_async_client("httpx", seconds=left) as http:
        yield AsyncClient(
            auth=token,
            client=http,
            base_url=base_url,
            notion_version=version,
            retry=False,
            timeout_ms=600_000,
            log_level=logging.CRITICAL,
            logger=LOG,
        )
