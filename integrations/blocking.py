"""Blocking SDK calls from async clients: one deadline, ended at once on cancel, failures in the four kinds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from integrations.context import Calls
from integrations.http_failures import from_transport
from orchestrator_site.lib.outbound import Call

T = TypeVar("T")


async def in_thread(calls: Calls, service: str, function: Callable[[Call], T], *, max_bytes: int | None = None) -> T:
    """Run `function(call)` on a pool thread; all its requests are made within `call`, answers of at most `max_bytes`.

    Raises what the function raises, and Unavailable when time is up.
    """
    more = {} if max_bytes is None else {"max_bytes": max_bytes}
    call = Call(deadline=calls.deadline, **more)
    try:
        return await calls.blocking(lambda: _released(function, call))
    except TimeoutError as problem:
        call.abort("deadline")
        raise from_transport(service, problem) from problem
    except asyncio.CancelledError:
        call.abort("cancelled")
        raise


def _released(function: Callable[[Call], T], call: Call) -> T:
    with call:
        return function(call)
