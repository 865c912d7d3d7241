"""What a service declares about its triggers: how it is asked for what is new, or how it tells. Pure.

    @INTEGRATION.trigger("new_letter", config=NewLetter, event=Letter, title="A new letter", every=60)
    async def new_letter(context: Context[PostClient], config: NewLetter, cursor: JSONValue) -> Polled:
        '''A letter has arrived.'''

The function is asked every so often and answers with what is new since `cursor`. With None it has just been switched
on: what it gives then was there before, it is noted and starts nothing. It may read over `context.client`, and changes
nothing. The same event may come again, after an outage or from an overlap: it is told by its key, and starts one run.

A service that tells by itself gives a `hook`: the address of the trigger is registered with it, and each delivery is
read into events. Where both are there, `hook` is tried first, and the polling lies under it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from orchestrator_site.lib.json import JSONValue

LEAST_SECONDS = 15


@dataclass(frozen=True)
class Event:
    """Something that happened at a service: `key` tells it from every other of the trigger, `data` is what runs see."""

    key: str
    data: Mapping[str, JSONValue]
    at: datetime | None = None


@dataclass(frozen=True)
class Polled:
    """What a look gave: events, oldest first, and how far the service is read now; `more`: look again at once."""

    events: Sequence[Event]
    cursor: JSONValue
    more: bool = False


@dataclass(frozen=True)
class Signature:
    """How a service signs what it delivers: HMAC-SHA256 over the raw body, in hex, in this header.

    `timestamp`: a header with the time of sending; it is then signed too (`time.body`) or at least looked at. `id_path`
    names, inside the signed body, what tells one delivery from another; without one equal bodies are the same delivery.
    `handshake`: the field of a first, unsigned delivery that brings the secret (the service makes it, not we).
    """

    title: str
    header: str
    prefix: str = "sha256="
    timestamp: str = ""
    id_path: str = ""
    event_header: str = ""
    handshake: str = ""


@dataclass(frozen=True)
class Hook:
    """How a service is told where to deliver, and how its deliveries are read.

    `subscribe(context, config, address, secret)` registers and returns what `unsubscribe(context, registration)` needs;
    `read(headers, body)` gives the events of one delivery, none for what only greets. `auth` names the way its
    signatures are checked (workflows.engine.signatures).
    """

    auth: str
    subscribe: Callable[[Any, Any, str, str], Awaitable[JSONValue]]
    unsubscribe: Callable[[Any, JSONValue], Awaitable[None]]
    read: Callable[[Mapping[str, str], JSONValue], Sequence[Event]]


@dataclass(frozen=True)
class Trigger:
    """A declared trigger; `name` is `<service>.<what>`. `sample` is an event like those it gives, to try it with."""

    name: str
    service: str
    title: str
    description: str
    config: type[BaseModel]
    event: type[BaseModel]
    poll: Callable[[Any, Any, JSONValue], Awaitable[Polled]] | None
    every: int = 60
    hook: Hook | None = None
    sample: Mapping[str, JSONValue] = field(default_factory=dict)
    keywords: tuple[str, ...] = ()


def declare_trigger(
    service: str,
    what: str,
    poll: Callable[..., Awaitable[Polled]],
    **said: Any,
) -> Trigger:
    """A trigger of a service from its function. Raises ValueError with its name and what is wrong."""
    made = Trigger(
        name=f"{service}.{what}",
        service=service,
        description=inspect.cleandoc(poll.__doc__ or ""),
        poll=poll,
        **said,
    )
    wrong = None
    if not re.match(r"^[a-z][a-z0-9_]{0,47}\.[a-z][a-z0-9_]{0,47}$", made.name):
        wrong = "the name must be service.what in lower case"
    elif not inspect.iscoroutinefunction(poll):
        wrong = "the function must be async"
    elif not made.description:
        wrong = "the function needs a docstring"
    elif made.every < LEAST_SECONDS:
        wrong = f"it may be asked every {LEAST_SECONDS} seconds at most"
    if wrong:
        raise ValueError(f"{made.name}: {wrong}")
    return made
