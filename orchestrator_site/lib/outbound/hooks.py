"""Moments of a request that a test may want to be told of: connected, half (of the body), sent, headers (read).

Without a listener, which is always so in production, nothing here costs anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

MOMENTS = ("connected", "half", "sent", "headers")
_listener: Callable[[str], None] | None = None


def listen(listener: Callable[[str], None] | None) -> None:
    """Tell `listener` each moment from now on; None: nobody."""
    global _listener
    _listener = listener


def listening() -> bool:
    """Whether anybody wants to know."""
    return _listener is not None


def passed(moment: str) -> None:
    """This moment has come."""
    if _listener is not None:
        _listener(moment)


def halves(body: bytes) -> Any:
    """The body for aiohttp: itself, or in two pieces where somebody wants to know of the moment between."""
    return _in_halves(body) if body and _listener is not None else body or None


async def _in_halves(body: bytes) -> AsyncIterator[bytes]:
    middle = (len(body) + 1) // 2
    yield body[:middle]
    passed("half")
    yield body[middle:]
    passed("sent")


def traces() -> list[Any]:
    """aiohttp's trace of a session, where somebody wants to know when it has connected."""
    if _listener is None:
        return []
    import aiohttp

    async def connected(*_: Any) -> None:
        passed("connected")

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(connected)
    return [trace]
