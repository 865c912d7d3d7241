"""Deliveries to triggers: taken from outside, looked at, replayed, and used to test a trigger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import CharField, QuerySet

from accounts import audit
from accounts.actor import Actor
from integrations.spec import Signature
from orchestrator_site.lib.clock import moment, now
from orchestrator_site.lib.errors import NotFound, UserError
from orchestrator_site.lib.json import JSONValue, clean_value
from orchestrator_site.lib.prepared import Given, Prepared
from orchestrator_site.lib.ratelimit import hit
from workflows.engine.crashpoints import crashpoint
from workflows.engine.definition import InputSpec
from workflows.engine.deliveries import delivery_key, kept_headers, read_content, read_query
from workflows.engine.firing import inputs_from, make_run, passes
from workflows.engine.inbound import Incoming, Taken, data_of, take
from workflows.engine.queue import wake_if_nobody_works
from workflows.engine.signatures import check_signature
from workflows.models import InboundEvent, Trigger
from workflows.operations.starting import check_mode
from workflows.operations.trigger_fit import inputs_of
from workflows.operations.trigger_kinds import scheme_of
from workflows.operations.trigger_secrets import good_secrets, seal, token_hash, unseal

BURST_SECONDS = 4
REFUSALS_APART = timedelta(seconds=5)
_BY_TOKEN = Prepared(
    lambda: (
        Trigger.objects.unscoped("an address leads to its trigger")
        .filter(token_sha256=Given("token", CharField()), enabled=True, deleted_at__isnull=True)
        .filter(workflow__deleted_at__isnull=True)
        .select_related("workflow", "workflow__published", "workspace")
        .defer("cursor", "workflow__description", "workflow__source", "workflow__published__definition")
    )
)


@dataclass(frozen=True)
class Request:
    """What came over the wire; headers by lower-case name."""

    body: bytes
    headers: Mapping[str, str]
    query: str = ""
    content_type: str = ""
    ip: str = ""
    at: datetime = field(default_factory=now)


def find_address(token: str) -> Trigger:
    """The trigger that an address leads to, while it is on. Raises NotFound, RateLimited."""
    found = _BY_TOKEN.first(token=token_hash(token))
    if found is None:
        raise NotFound("There is nothing here by that name.")
    limit = settings.WEBHOOKS_PER_SECOND
    if refused := hit(f"hooks:{found.workspace_id}", limit * BURST_SECONDS, BURST_SECONDS):
        raise refused
    return found


def receive(trigger: Trigger, request: Request) -> Taken:
    """Let a delivery in, and write it together with its run. Raises UserError; a broken one is kept as rejected.

    1. the signature, on the bytes as they came; 2. what tells it from others; 3. one transaction.
    """
    crashpoint("P01")
    auth = str(trigger.config.get("auth") or "hmac")
    scheme = scheme_of(auth)
    if scheme is not None and scheme.handshake and _shake_hands(trigger, scheme, request):
        return Taken(InboundEvent(status="handshake", n=0, trigger=trigger), None)
    try:
        checked = check_signature(
            auth, scheme, good_secrets(trigger, request.at), request.headers, request.body, request.at,
            str(trigger.config.get("username") or ""),
        )  # fmt: skip
    except UserError as problem:
        _note_refusal(trigger, problem, request)
        raise
    if not request.body.strip() and trigger.config.get("empty") == "refuse":
        raise UserError("E_BODY", "The body is empty.", field="body", hint="Send JSON, a form or text.")
    try:
        content, query = read_content(request.body, request.content_type), read_query(request.query)
    except UserError as problem:
        _keep_rejected(trigger, request, problem)
        raise
    rule = str(trigger.config.get("dedupe") or "auto")
    key = delivery_key(
        rule, scheme, scheme is not None, checked.stamp, request.headers, request.query, request.body, content
    )
    headers = kept_headers(request.headers)
    incoming = Incoming(
        key, content=content, raw=request.body, content_type=request.content_type, headers=headers, query=query
    )
    taken = take(trigger, incoming, request.at)
    wake_if_nobody_works()
    return taken


def _shake_hands(trigger: Trigger, scheme: Signature, request: Request) -> bool:
    """The first delivery of a service that brings the secret; taken once, and only while there is none."""
    held = unseal(trigger)
    if held.get("secret") or request.headers.get(scheme.header.lower()):
        return False
    try:
        content = read_content(request.body, request.content_type)
    except UserError:
        return False
    secret = content.get(scheme.handshake) if isinstance(content, dict) else None
    if not isinstance(secret, str) or not 8 <= len(secret) <= 500:
        return False
    seal(trigger, {**held, "secret": secret, "handshake": secret})
    rows = Trigger.objects.of(trigger.workspace_id).filter(pk=trigger.pk, updated_at=trigger.updated_at)
    return rows.update(secret=trigger.secret, key_id=trigger.key_id, updated_at=request.at) == 1


def _note_refusal(trigger: Trigger, problem: UserError, request: Request) -> None:
    """What was not let in last, for who wonders why nothing comes; at most every few seconds, and never the body."""
    last = (trigger.refused or {}).get("at")
    if last and request.at - datetime.fromisoformat(last) < REFUSALS_APART:
        return
    said = {"code": problem.code, "message": problem.message, "at": moment(request.at), "ip": request.ip}
    Trigger.objects.of(trigger.workspace_id).filter(pk=trigger.pk).update(refused=said)


def _keep_rejected(trigger: Trigger, request: Request, problem: UserError) -> None:
    """A signed delivery that cannot be read is kept as it came, and told; it starts nothing."""
    from django.db import transaction

    from workflows.engine.inbound import Prepared as Worked
    from workflows.engine.inbound import write

    incoming = Incoming(
        None, source="delivery", raw=request.body, content_type=request.content_type,
        headers=kept_headers(request.headers),
    )  # fmt: skip
    event = InboundEvent(
        id=incoming.id, workspace=trigger.workspace, trigger=trigger, content_type=request.content_type[:200],
        headers=dict(incoming.headers), body=request.body, received_at=request.at,
    )  # fmt: skip
    with transaction.atomic():
        write(trigger, incoming, event, Worked("rejected", error=problem.as_dict()), request.at)


# ---- Looking ---------------------------------------------------------------------------------------------------------


def list_deliveries(actor: Actor, trigger: Trigger) -> QuerySet[InboundEvent]:
    """What was delivered to a trigger or found by it, newest first; without the bytes."""
    actor.require("read")
    rows = InboundEvent.objects.of(actor.workspace).filter(trigger=trigger)
    return rows.select_related("run", "replay_of").order_by("-n")


def get_delivery(actor: Actor, trigger: Trigger, n: int) -> InboundEvent:
    """One of them, by its number. Raises NotFound."""
    found = list_deliveries(actor, trigger).filter(n=n).first() if abs(n) < 2**63 else None
    if found is None:
        raise NotFound(f"The delivery {n} is not here.", hint="Deliveries are kept for 14 days.")
    return found


def content_of(event: InboundEvent) -> dict[str, Any] | None:
    """What its run sees as `trigger`; None where it cannot be read."""
    try:
        return data_of(event)
    except UserError:
        return None


# ---- Again, and testing ----------------------------------------------------------------------------------------------


def replay_delivery(actor: Actor, trigger: Trigger, n: int, *, mode: str = "live") -> Taken:
    """Run a delivery once more, by the trigger's inputs and filter as they are now. Raises UserError."""
    actor.require("run")
    check_mode(mode)
    event = get_delivery(actor, trigger, n)
    original = event.replay_of or event
    _refuse_not_running(trigger)
    data_of(original)  # one that cannot be read is told now
    taken = take(
        trigger, Incoming(None, source="replay", replay_of=original, content_type=original.content_type, mode=mode)
    )
    audit.record(actor, "trigger.replay", trigger, details={"delivery": n, "as": taken.event.n})
    wake_if_nobody_works()
    return taken


@dataclass(frozen=True)
class Tried:
    """What a trigger makes of an event."""

    event: dict[str, JSONValue]
    passes: bool
    inputs: dict[str, JSONValue]
    problem: dict[str, Any] | None = None


def try_event(actor: Actor, trigger: Trigger, *, delivery: int | None = None, event: Any = None) -> Tried:
    """What the filter says to an event and which inputs it gives; starts nothing. Without one, the newest delivery."""
    actor.require("read")
    data = _event_to_try(actor, trigger, delivery, event)
    version = trigger.workflow.published
    if version is None:
        raise UserError("E_NOT_PUBLISHED", "The workflow has not been published.", status=409, hint="Publish it.")
    try:
        through = passes(trigger, data)
        inputs = inputs_from(trigger, version, data)
        make_run(trigger, data)
    except UserError as problem:
        return Tried(data, True, {}, problem.as_dict())
    return Tried(data, through, inputs)


def run_event(
    actor: Actor, trigger: Trigger, *, delivery: int | None = None, event: Any = None, mode: str = "live"
) -> Taken:
    """Start a run with an event, as if it had come in; it is listed as a test. Raises UserError."""
    actor.require("run")
    check_mode(mode)
    _refuse_not_running(trigger)
    data = _event_to_try(actor, trigger, delivery, event)
    taken = take(trigger, Incoming(None, source="test", data=data, mode=mode))
    audit.record(actor, "trigger.test", trigger, details={"as": taken.event.n, "status": taken.event.status})
    wake_if_nobody_works()
    return taken


def _refuse_not_running(trigger: Trigger) -> None:
    if not trigger.workflow.enabled or trigger.workflow.published is None:
        text = f"“{trigger.workflow.name}” is switched off or not published."
        raise UserError("E_DISABLED", text, status=409, hint="Publish it and switch it on.")


def _event_to_try(actor: Actor, trigger: Trigger, delivery: int | None, event: Any) -> dict[str, Any]:
    if event is not None:
        said = clean_value(event, field="event")
        if not isinstance(said, dict):
            raise UserError("E_TYPE", "event must be an object: what the run sees as trigger.", field="event")
        return said
    if delivery is not None:
        return data_of(get_delivery(actor, trigger, delivery))
    return newest_or_sample(actor, trigger)


def newest_or_sample(actor: Actor, trigger: Trigger) -> dict[str, Any]:
    """The newest event that can be read, else one like those the trigger gives."""
    newest = list_deliveries(actor, trigger).exclude(status="rejected").first()
    return (content_of(newest) if newest is not None else None) or sample_event(trigger)


def sample_event(trigger: Trigger) -> dict[str, Any]:
    """An event like those the trigger gives, where nothing has come yet."""
    from workflows.engine.schedules import data_of as due_data
    from workflows.operations.trigger_kinds import kind_of
    from workflows.operations.trigger_times import schedule_for

    schedule = schedule_for(trigger)
    if schedule is not None:
        return due_data(schedule, schedule.next(now()) or now())
    declared = kind_of(trigger.kind).declared
    if declared is not None:
        return {"id": "sample", **declared.sample}
    body: dict[str, JSONValue] = {"text": "Hello"}
    body |= {spec.name: _example(spec) for spec in inputs_of(trigger.workflow)}
    return {"id": "sample", "received_at": moment(now()), "body": body, "headers": {}, "query": {}}


def _example(spec: InputSpec) -> JSONValue:
    """A value that an input would take."""
    if spec.has_default:
        return spec.default
    examples: dict[str, JSONValue] = {
        "number": 1.5, "integer": 1, "boolean": True, "choice": spec.options[0] if spec.options else "",
        "date": "2026-07-29", "datetime": "2026-07-29T14:30:00Z", "json": {}, "list": [],
    }  # fmt: skip
    return examples.get(spec.type, f"An example for {spec.title}")
