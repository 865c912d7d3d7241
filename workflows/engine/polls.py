"""The poll host: asks services what is new for triggers whose time has come, and brings the events in, each once.

1. One worker takes a trigger (`held_until`, and a fence that grows). 2. The service is asked, outside any transaction.
3. In one transaction: events, their runs, and the cursor, written only while the fence is ours; a look that was
overtaken writes nothing. What failed keeps its cursor, so that nothing is missed: the next look sees it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from pydantic import ValidationError

from integrations import registry
from integrations.context import Context
from integrations.errors import RateLimited, ServiceError, SignInAgain
from integrations.models import Connection
from integrations.operations.finding import default_connection, find_connection
from integrations.trigger_spec import Event, Polled
from integrations.trigger_spec import Trigger as Declared
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import NotFound, UserError
from orchestrator_site.lib.json import clean_value
from workflows.engine.calls import Clients, set_deadline
from workflows.engine.credential_rows import refuse
from workflows.engine.deliveries import short_key
from workflows.engine.dry import reading
from workflows.engine.firing import OUR_OWN, WEBHOOK, firing_triggers
from workflows.engine.inbound import Incoming, Prepared, new_event, prepare, write
from workflows.engine.sql import SqlStore
from workflows.models import Trigger

log = logging.getLogger(__name__)

AT_ONCE = 20
DEADLINE = 60.0
HELD = timedelta(seconds=DEADLINE + 30)
LONGEST_PAUSE = 900.0
BROKEN_PAUSE = 60.0
BATCH = 100


@dataclass(frozen=True)
class Look:
    """A look that this worker has taken over."""

    trigger: Trigger
    declared: Declared
    connection: UUID | None
    fence: int


async def _no_change(_: object) -> Any:
    raise ServiceError("A trigger changes nothing at its service.", code="E_TRIGGER")


# ---- Taking one ------------------------------------------------------------------------------------------------------


def take_looks(at: datetime) -> list[Look]:
    """The triggers whose time to look has come and that nobody else looks for. On the reads thread."""
    free = Q(held_until__isnull=True) | Q(held_until__lte=at)
    rows = firing_triggers().filter(free, next_due_at__lte=at).exclude(kind__in=[*OUR_OWN, WEBHOOK])
    return [look for row in rows.order_by("next_due_at")[:AT_ONCE] if (look := _take(row, at)) is not None]


def _take(trigger: Trigger, at: datetime) -> Look | None:
    declared = registry.get_trigger(trigger.kind)
    rows = Trigger.objects.of(trigger.workspace_id).filter(pk=trigger.pk, fence=trigger.fence, enabled=True)
    if declared is None or declared.poll is None:
        rows.update(next_due_at=None)
        return None
    if rows.update(fence=F("fence") + 1, held_until=at + HELD) != 1:
        return None
    connection = _connection_of(trigger, declared)
    look = Look(trigger, declared, connection.pk if connection else None, trigger.fence + 1)
    if connection is None or connection.broken_at is None:
        return look
    text = f"The connection “{connection.name}” has to be repaired; what is new meanwhile is read afterwards."
    note_problem(look, {"code": "E_CONNECTION_BROKEN", "message": text, "hint": "Reconnect it."}, BROKEN_PAUSE, at)
    return None


def _connection_of(trigger: Trigger, declared: Declared) -> Connection | None:
    if trigger.connection:
        return find_connection(trigger.workspace_id, trigger.connection)
    return default_connection(trigger.workspace_id, declared.service)


# ---- Asking ----------------------------------------------------------------------------------------------------------


async def ask(look: Look, clients: Clients) -> Polled:
    """What is new. Raises ServiceError, UserError."""
    integration = registry.get_integration(look.declared.service)
    if look.connection is not None:
        opened = await clients.get(look.connection)
    elif integration is not None and not integration.needs_connection:
        opened = clients.keyless(look.declared.service, look.trigger.workspace_id)
    else:
        text = f"“{look.trigger.name}” has no connection to ask over."
        raise UserError("E_NO_CONNECTION", text, hint="Add the connection, or choose one on the trigger's page.")
    try:
        config = look.declared.config.model_validate(look.trigger.config)
    except ValidationError as wrong:
        raise UserError(
            "E_INVALID", f"The settings of “{look.trigger.name}” do not fit: {wrong.error_count()}."
        ) from None
    assert look.declared.poll is not None
    set_deadline(DEADLINE)
    context: Context[Any] = Context(opened.client, opened.info, opened.calls, _no_change, now=now())
    with reading(look.declared.service):
        async with asyncio.timeout(DEADLINE):
            return await look.declared.poll(context, config, look.trigger.cursor)


# ---- Writing what was found ------------------------------------------------------------------------------------------


def bring_in(look: Look, polled: Polled, at: datetime) -> int:
    """Write the events, their runs and the cursor; how many events were new. On the reads thread.

    What the first look gives was there before: it is only noted, so that an overlap does not bring it as news.
    """
    events = list(polled.events)
    batches = [events[i : i + BATCH] for i in range(0, len(events), BATCH)] or [[]]
    count = 0
    for batch in batches:
        found = _bring(look, batch, polled if batch is batches[-1] else None, at)
        if found is None:
            break
        count += found
    return count


def _bring(look: Look, events: Sequence[Event], polled: Polled | None, at: datetime) -> int | None:
    """One batch, the last one with the cursor; None when the look was overtaken or the trigger switched off."""
    trigger = look.trigger
    prepared = []
    for event in events:
        data = clean_value(dict(event.data), field="event", repair=True)
        assert isinstance(data, dict)
        incoming = Incoming(short_key(event.key), source="poll", data=data)
        row = new_event(trigger, incoming, event.at or at)
        prepared.append((incoming, row, prepare(trigger, row) if trigger.cursor is not None else Prepared("before")))
    with transaction.atomic():
        mine = Trigger.objects.of(trigger.workspace_id).select_for_update().filter(pk=trigger.pk, fence=look.fence)
        if not mine.exists():
            return None
        try:
            taken = [write(trigger, incoming, row, what, at) for incoming, row, what in prepared]
        except NotFound:
            return None
        if polled is not None:
            pause = 0 if polled.more else look.declared.every
            changes = _well(trigger, any(one.event.status == "failed" for one in taken if not one.repeat))
            changes |= {"cursor": clean_value(polled.cursor, field="cursor", repair=True), "last_poll_at": at}
            mine.update(**changes, next_due_at=at + timedelta(seconds=pause), held_until=None)
    return sum(not one.repeat for one in taken)


def _well(trigger: Trigger, failed: bool) -> dict[str, Any]:
    return {} if failed or not trigger.error else {"error": None, "error_at": None, "failures": 0}


def note_refusal(look: Look, problem: ServiceError, at: datetime) -> None:
    """The service does not accept the credential: every worker and the connection's page learn of it at once."""
    if look.connection is not None:
        with transaction.atomic():
            refuse(SqlStore(transaction.get_connection()), look.connection, problem.message[:500])


def note_problem(look: Look, problem: Mapping[str, Any], wait: float | None, at: datetime) -> None:
    """The look failed: the cursor stays, the next one comes later and later. On the reads thread."""
    trigger = look.trigger
    pause = wait or min(LONGEST_PAUSE, look.declared.every * 2 ** min(trigger.failures, 8))
    said = {name: problem.get(name) for name in ("code", "message", "hint") if problem.get(name)}
    Trigger.objects.of(trigger.workspace_id).filter(pk=trigger.pk, fence=look.fence).update(
        error=said, error_at=trigger.error_at or at, failures=F("failures") + 1, last_poll_at=at, held_until=None,
        next_due_at=at + timedelta(seconds=pause),
    )  # fmt: skip


async def look_once(look: Look, clients: Clients, on_thread: Any) -> int:
    """One look from its beginning to its end; what goes wrong is told on the trigger."""
    try:
        polled = await ask(look, clients)
    except ServiceError as problem:
        said = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        if isinstance(problem, SignInAgain) and not problem.hint:
            said["hint"] = "Repair the connection; nothing is missed meanwhile."
        if problem.broken:
            await on_thread(note_refusal, look, problem, now())
        wait = problem.retry_after if isinstance(problem, RateLimited) else None
        await on_thread(note_problem, look, said, wait, now())
        return 0
    except UserError as problem:
        await on_thread(note_problem, look, problem.as_dict(), None, now())
        return 0
    except TimeoutError:
        said = {"code": "E_TIMEOUT", "message": f"The service did not answer within {DEADLINE:.0f} s."}
        await on_thread(note_problem, look, said, None, now())
        return 0
    except Exception:
        log.exception("looking for trigger %s failed", look.trigger.pk)
        said = {"code": "E_ENGINE", "message": "The look failed by a fault of ours; it is tried again."}
        await on_thread(note_problem, look, said, None, now())
        return 0
    return int(await on_thread(bring_in, look, polled, now()))
