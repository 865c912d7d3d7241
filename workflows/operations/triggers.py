"""Triggers of workflows: make, change, switch on and off, delete; when they are due, and how they are.

A trigger belongs to the published version: it can be on only where there is one, and starts runs of that one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.actor import Actor
from integrations.operations.finding import find_connection
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import Conflict, NotFound, UserError
from orchestrator_site.lib.json import clean_text
from workflows.engine.newrun import facts_of
from workflows.models import Trigger, Workflow
from workflows.operations.trigger_fit import check_filter, check_inputs_given, refuse_unfit
from workflows.operations.trigger_kinds import TriggerKind, check_config, kind_of, needs_secret
from workflows.operations.trigger_secrets import MOST_HOURS, give_secret, make_address, unseal
from workflows.operations.trigger_times import next_due
from workflows.operations.workflows import get_workflow

MOST_TRIGGERS = 100
"""Of one workflow."""


@dataclass(frozen=True)
class NewTrigger:
    """What a trigger is made of."""

    workflow: str
    kind: str
    name: str = ""
    config: Any = None
    inputs: Any = None
    filter: str = ""
    connection: str = ""
    enabled: bool = False
    secret: str | None = None


@dataclass(frozen=True)
class Stored:
    """A trigger as it was stored, and its secret where one was made or set just now: it is told this once."""

    trigger: Trigger
    secret: str | None = None


# ---- Finding ---------------------------------------------------------------------------------------------------------


def triggers_of(workspace: Any) -> QuerySet[Trigger]:
    """The triggers of a workspace that are not deleted."""
    rows = Trigger.objects.of(workspace).filter(deleted_at__isnull=True, workflow__deleted_at__isnull=True)
    return rows.select_related("workflow", "workflow__published", "workspace")


def list_triggers(actor: Actor, *, workflow: str = "", kind: str = "") -> QuerySet[Trigger]:
    """The triggers of the workspace, newest first."""
    actor.require("read")
    rows = triggers_of(actor.workspace).order_by("-id")
    if workflow:
        rows = rows.filter(workflow__slug=workflow)
    return rows.filter(kind=kind) if kind else rows


def get_trigger(actor: Actor, id: UUID | str) -> Trigger:
    """One trigger. Raises NotFound, for a foreign one too."""
    actor.require("read")
    try:
        found = triggers_of(actor.workspace).filter(pk=UUID(str(id))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound("That trigger is not here.", hint="It may have been deleted.")
    return found


# ---- Changing --------------------------------------------------------------------------------------------------------


def create_trigger(actor: Actor, said: NewTrigger) -> Stored:
    """Make a trigger; it is off unless `enabled`. Raises UserError, E_NOT_PUBLISHED where it cannot be on yet."""
    actor.require("edit")
    workflow = get_workflow(actor, said.workflow)
    kind = kind_of(said.kind)
    made = Trigger(workspace=actor.workspace, workflow=workflow, kind=kind.name, created_by=actor.label[:200])
    made.name = _name(said.name or kind.title)
    made.config = check_config(kind, said.config)
    made.inputs = check_inputs_given(workflow, said.inputs)
    made.filter = check_filter(said.filter)
    made.connection = _connection(actor, kind, said.connection)
    secret = _give_address(made, kind, said.secret)
    with transaction.atomic():
        _refuse_too_many(workflow)
        if said.enabled:
            _switch_on(actor, made)
        made.save()
        audit.record(actor, "trigger.create", made, details=_told(made))
    return Stored(made, secret)


def _give_address(trigger: Trigger, kind: TriggerKind, secret: str | None) -> str | None:
    """An address and a secret, where the kind has them; the secret is returned if it was made or set now."""
    if not kind.has_address:
        if secret:
            raise UserError("E_UNKNOWN_FIELD", f"A {kind.title.lower()} has no secret.", field="secret")
        return None
    if trigger.token_sha256 is None:
        make_address(trigger)
    auth = str(trigger.config.get("auth") or "hmac")
    held = unseal(trigger).get("secret")
    return give_secret(trigger, secret) if secret or (needs_secret(auth) and not held) else None


def change_trigger(
    actor: Actor,
    trigger: Trigger,
    *,
    name: str | None = None,
    config: Any = None,
    inputs: Any = None,
    filter: str | None = None,
    connection: str | None = None,
    enabled: bool | None = None,
    secret: str | None = None,
) -> Stored:
    """Change whatever of it is given; a schedule is due anew by its new times. Raises UserError."""
    actor.require("edit")
    kind = kind_of(trigger.kind)
    with transaction.atomic():
        row = lock(actor, trigger)
        before = _told(row)
        if name is not None:
            row.name = _name(name)
        if config is not None:
            row.config = check_config(kind, {**row.config, **config} if kind.has_address else config)
        if inputs is not None:
            row.inputs = check_inputs_given(row.workflow, inputs)
        if filter is not None:
            row.filter = check_filter(filter)
        if connection is not None:
            row.connection = _connection(actor, kind, connection)
        told = _give_address(row, kind, secret) if secret or config is not None else None
        _switch(actor, row, enabled, moved=config is not None)
        row.updated_at = now()
        row.save()
        audit.record(actor, "trigger.change", row, details={"before": before, "after": _told(row)})
    return Stored(row, told)


def rotate_secret(actor: Actor, trigger: Trigger, *, secret: str | None = None, keep_hours: int = 24) -> Stored:
    """A new secret, told once; the old one stays good for some hours, so that the sender can be changed in peace."""
    actor.require("edit")
    if not kind_of(trigger.kind).has_address:
        raise UserError("E_KIND", "This trigger has no secret.", hint="Webhooks have one.")
    if not 0 <= keep_hours <= MOST_HOURS:
        raise UserError("E_RANGE", f"keep_hours must be 0 to {MOST_HOURS}.", field="keep_hours", limit=MOST_HOURS)
    with transaction.atomic():
        row = lock(actor, trigger)
        told = give_secret(row, secret, keep=timedelta(hours=keep_hours))
        row.updated_at = now()
        row.save(update_fields=["secret", "key_id", "updated_at"])
        audit.record(actor, "trigger.rotate", row, details={"keep_hours": keep_hours})
    return Stored(row, told)


def _switch(actor: Actor, row: Trigger, enabled: bool | None, *, moved: bool) -> None:
    wanted = row.enabled if enabled is None else enabled
    if not wanted:
        row.enabled, row.next_due_at, row.silence = False, None, None
        return
    if not row.enabled or moved:
        _switch_on(actor, row)
    else:
        _refuse_off(row)


def _switch_on(actor: Actor, trigger: Trigger) -> None:
    """On from now: what was due or new before is not made up for. Raises UserError where it cannot be on."""
    _refuse_off(trigger)
    if not trigger.enabled:
        trigger.enabled, trigger.enabled_at = True, now()
        trigger.error, trigger.error_at, trigger.failures = None, None, 0
    trigger.held_until = None
    trigger.next_due_at = next_due(trigger)


def _refuse_off(trigger: Trigger) -> None:
    workflow = trigger.workflow
    if workflow.published is None:
        raise Conflict(
            f"“{workflow.name}” has not been published; a trigger starts the published version.",
            code="E_NOT_PUBLISHED",
            field="enabled",
            hint="Publish the workflow, then switch the trigger on.",
        )
    refuse_unfit(trigger, facts_of(workflow.published).inputs)


def delete_trigger(actor: Actor, trigger: Trigger) -> None:
    """Delete it: nothing new starts by it, its runs stay on record."""
    actor.require("edit")
    with transaction.atomic():
        row = lock(actor, trigger)
        row.deleted_at, row.enabled, row.next_due_at = now(), False, None
        row.token_sha256, row.secret, row.key_id = None, "", ""
        row.save()
        audit.record(actor, "trigger.delete", row, details=_told(row))


def lock(actor: Actor, trigger: Trigger) -> Trigger:
    """The trigger's row, locked until the transaction ends. Raises NotFound."""
    rows = triggers_of(actor.workspace).select_for_update(of=("self",))
    found = rows.filter(pk=trigger.pk).first()
    if found is None:
        raise NotFound("That trigger is not here.", hint="It may have been deleted.")
    return found


def _name(text: str) -> str:
    name = clean_text(text.strip(), field="name", max_length=120)
    if not name:
        raise UserError("E_LENGTH", "A trigger has a name.", field="name", limit=120)
    return name


def _connection(actor: Actor, kind: TriggerKind, name: str) -> str:
    """The connection by name. Raises UserError where it is needed and missing, or of another service."""
    if kind.declared is None:
        if name:
            raise UserError("E_UNKNOWN_FIELD", f"A {kind.title.lower()} needs no connection.", field="connection")
        return ""
    if not name:
        return ""
    found = find_connection(actor.workspace, name)
    if found is None or found.service != kind.declared.service:
        text = f"There is no connection “{name[:48]}” to {kind.declared.service} here."
        raise UserError("E_NO_CONNECTION", text, field="connection", hint="Add it, or choose another.")
    return found.name


def _refuse_too_many(workflow: Workflow) -> None:
    count = Trigger.objects.of(workflow.workspace_id).filter(workflow=workflow, deleted_at__isnull=True).count()
    if count >= MOST_TRIGGERS:
        text = f"A workflow has at most {MOST_TRIGGERS} triggers."
        raise UserError("E_LENGTH", text, field="workflow", limit=MOST_TRIGGERS, hint="Delete one that is not used.")


def _told(trigger: Trigger) -> dict[str, Any]:
    return {
        "workflow": trigger.workflow.slug,
        "kind": trigger.kind,
        "name": trigger.name,
        "enabled": trigger.enabled,
        "config": trigger.config,
        "filter": trigger.filter,
        "inputs": trigger.inputs,
    }
