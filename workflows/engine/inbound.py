"""An event comes in: it is written together with its run in one transaction, and counts once by its key.

The trigger's row is held meanwhile: it numbers the events, says whether the trigger is still on, and lets equal ones
follow each other. What cannot be run now (the workflow is off, the connection is broken) waits, and is run in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from integrations.operations.finding import find_connection
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import NotFound, UserError
from orchestrator_site.lib.ids import uuid7
from workflows.engine.crashpoints import crashpoint
from workflows.engine.deliveries import delivery_data, read_content
from workflows.engine.firing import make_run, store
from workflows.models import InboundEvent, Run, Trigger

DRAINED_AT_ONCE = 100


@dataclass
class Incoming:
    """An event on its way in. `data` is what runs see; for deliveries it is made of the bytes and their number."""

    key: str | None
    source: str = "delivery"
    data: Mapping[str, Any] | None = None
    content: Any = None
    raw: bytes | None = None
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    replay_of: InboundEvent | None = None
    mode: str = "live"
    id: UUID = field(default_factory=uuid7)


@dataclass(frozen=True)
class Taken:
    """What became of an event: its row (the first one's, where it is a repeat), its run."""

    event: InboundEvent
    run: Run | None
    repeat: bool = False


@dataclass(frozen=True)
class Prepared:
    """What an event comes to, worked out before anything is locked: a run, or why there is none."""

    status: str
    run: Run | None = None
    error: dict[str, Any] | None = None


def take(trigger: Trigger, incoming: Incoming, at: datetime | None = None) -> Taken:
    """Write an event and its run. Raises NotFound when the trigger has been switched off meanwhile.

    1. a repeat is told before anything is worked out; 2. templates are filled in; 3. one transaction writes it all.
    """
    known = _known(trigger, incoming.key)
    if known is not None:
        return _repeated(known)
    moment = at or now()
    event = new_event(trigger, incoming, moment)
    prepared = prepare(trigger, event, incoming.content, incoming.mode)
    with transaction.atomic():
        taken = write(trigger, incoming, event, prepared, moment)
        crashpoint("P02")
    crashpoint("P03")
    return taken


def write(trigger: Trigger, incoming: Incoming, event: InboundEvent, prepared: Prepared, at: datetime) -> Taken:
    """The statements of `take`, within the caller's transaction."""
    held = Trigger.objects.of(trigger.workspace_id).select_for_update().filter(pk=trigger.pk)
    comes_in = incoming.source in ("delivery", "poll")
    found = held.filter(enabled=True) if comes_in else held
    count = found.values_list("events", flat=True).first()
    if count is None:
        raise NotFound
    known = _known(trigger, incoming.key)
    if known is not None:
        return _repeated(known)
    if comes_in and prepared.status == "run" and _must_wait(trigger):
        prepared = Prepared("waiting")
    event.n, event.status, event.error, event.run = count + 1, prepared.status, prepared.error, None
    if prepared.run is not None:
        store([prepared.run])
        event.run = prepared.run
    event.save(force_insert=True)
    held.update(events=event.n, last_event_at=at, **_health(trigger, event, at))
    return Taken(event, prepared.run)


def prepare(trigger: Trigger, event: InboundEvent, content: Any = None, mode: str = "live") -> Prepared:
    """The run of an event, not stored; what is wrong with it is told, never raised."""
    if trigger.workflow.published is None:
        return Prepared("run")  # it waits for a version
    try:
        run = make_run(trigger, data_of(event, content), mode=mode)
    except UserError as problem:
        return Prepared("failed", error=problem.as_dict())
    return Prepared("filtered" if run is None else "run", run)


def _known(trigger: Trigger, key: str | None) -> InboundEvent | None:
    if key is None:
        return None
    rows = InboundEvent.objects.of(trigger.workspace_id).filter(trigger=trigger, key=key)
    return rows.defer("body", "data", "headers").select_related("run", "run__workspace", "run__workflow").first()


def _repeated(known: InboundEvent) -> Taken:
    rows = InboundEvent.objects.of(known.workspace_id).filter(pk=known.pk)
    rows.update(repeats=F("repeats") + 1)
    return Taken(known, known.run, repeat=True)


def new_event(trigger: Trigger, incoming: Incoming, at: datetime) -> InboundEvent:
    """The row of an event, not stored and not numbered."""
    return InboundEvent(
        id=incoming.id,
        workspace=trigger.workspace,
        trigger=trigger,
        key=incoming.key,
        source=incoming.source,
        content_type=incoming.content_type[:200],
        headers=dict(incoming.headers),
        query=dict(incoming.query),
        body=incoming.raw,
        data=incoming.data,
        replay_of=incoming.replay_of,
        received_at=at,
    )


def _health(trigger: Trigger, event: InboundEvent, at: datetime) -> dict[str, Any]:
    changes: dict[str, Any] = {"silence": None} if trigger.silence else {}
    if event.status == "failed":
        said = {name: (event.error or {}).get(name) for name in ("code", "message", "hint")}
        return {**changes, "error": said, "error_at": at, "failures": trigger.failures + 1}
    if trigger.error:
        changes |= {"error": None, "error_at": None, "failures": 0}
    return {**changes, "last_run_at": at} if event.run is not None else changes


def data_of(event: InboundEvent, content: Any = None) -> dict[str, Any]:
    """What the run of an event sees as `trigger`; a delivery is read from its bytes. Raises UserError."""
    if event.data is not None:
        return {"id": str(event.pk), **event.data}
    if event.body is None and event.replay_of is not None and content is None:
        return data_of(event.replay_of)
    body = read_content(bytes(event.body or b""), event.content_type) if content is None else content
    return delivery_data(str(event.pk), event.received_at, event.headers, event.query, body)


# ---- What waits ------------------------------------------------------------------------------------------------------


def _must_wait(trigger: Trigger) -> bool:
    """Whether its events cannot be run now, or stand behind others that wait."""
    if is_held(trigger):
        return True
    return bool(waiting(InboundEvent.objects.of(trigger.workspace_id)).filter(trigger=trigger).exists())


def waiting(rows: Any) -> Any:
    """Those of these events that wait; in the words of the partial index, which SQLite does not see in a parameter."""
    return rows.extra(where=["workflows_inboundevent.status = 'waiting'"])


def is_held(trigger: Trigger) -> bool:
    """Whether the workflow is off or not published, or the trigger's connection is broken."""
    workflow = trigger.workflow
    if not workflow.enabled or workflow.published is None:
        return True
    if not trigger.connection:
        return False
    connection = find_connection(trigger.workspace_id, trigger.connection)
    return connection is None or connection.status == "broken"


def drain(at: datetime) -> bool:
    """Run what waited and can be run now, in the order it came; whether there may be more."""
    rows = waiting(InboundEvent.objects.unscoped("the engine serves every workspace"))
    ids = list(rows.order_by("trigger").values_list("trigger", flat=True).distinct()[:DRAINED_AT_ONCE])
    triggers = Trigger.objects.unscoped("the engine serves every workspace").filter(pk__in=ids, enabled=True)
    more = False
    for trigger in triggers.select_related("workflow", "workflow__published", "workspace"):
        if not is_held(trigger):
            more = _drain_one(trigger, at) or more
    return more


def _drain_one(trigger: Trigger, at: datetime) -> bool:
    rows = waiting(InboundEvent.objects.of(trigger.workspace_id)).filter(trigger=trigger)
    found = list(rows.select_related("replay_of").order_by("id")[:DRAINED_AT_ONCE])
    prepared = [(event, prepare(trigger, event)) for event in found]
    with transaction.atomic():
        held = Trigger.objects.of(trigger.workspace_id).select_for_update().filter(pk=trigger.pk, enabled=True)
        if not held.exists():
            return False
        for event, what in prepared:
            _run_waiting(rows, event, what)
        held.update(last_run_at=at)
    return len(found) == DRAINED_AT_ONCE


def _run_waiting(rows: Any, event: InboundEvent, prepared: Prepared) -> None:
    """Unless another worker was faster: what it wrote is seen once we hold the trigger's row."""
    if not rows.filter(pk=event.pk).exists():
        return
    if prepared.run is not None:
        store([prepared.run])
    rows.filter(pk=event.pk).update(status=prepared.status, error=prepared.error, run=prepared.run)
