"""Answering what a run asks: approvals are decided, events are delivered. GET never decides; one decision wins."""

from __future__ import annotations

import re
from typing import Any

from django.db import IntegrityError, transaction

from accounts import audit
from accounts.actor import Actor
from accounts.roles import ROLES, rank
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import Conflict, Forbidden, UserError
from orchestrator_site.lib.json import clean_text, clean_value
from workflows.engine.crashpoints import crashpoint
from workflows.engine.drafts import edited, final_values
from workflows.models import DeliveredEvent, Run, Wait
from workflows.operations.waking import wake

MOST_EVENTS = 1000
MOST_DATA = 256 * 1024
_EVENT = re.compile(r"^[a-z][a-z0-9_]{0,47}$")


# Approvals


def decisions_of(wait: Wait) -> list[str]:
    """What may be decided: approve (or one of the choices), and reject."""
    return [*(wait.rules.get("choices") or ["approve"]), "reject"]


def why_not(actor: Actor, wait: Wait) -> Forbidden | None:
    """Why this actor may not decide on an approval; None: they may."""
    if not actor.can("decide"):
        return actor.refusal("decide")
    approvers = [str(one) for one in wait.rules.get("approvers") or ()]
    if approvers and actor.user is not None and not any(_is(actor, one) for one in approvers):
        hint = f"These may: {', '.join(approvers[:10])}."
        return Forbidden("Others were asked to decide this.", code="E_NOT_APPROVER", hint=hint)
    if wait.rules.get("no_self_approval") and actor.user is not None and actor.user.pk == wait.run.starter_id:
        text = "Whoever started the run may not decide this."
        return Forbidden(text, code="E_SELF_APPROVAL", hint="Ask another member who may decide.")
    return None


def _is(actor: Actor, approver: str) -> bool:
    if approver in ROLES:
        return rank(actor.role) >= rank(approver)
    return actor.user is not None and actor.user.email.lower() == approver.strip().lower()


def decide_approval(actor: Actor, wait: Wait, decision: str, values: Any = None, comment: str = "") -> None:
    """Approve (or choose), perhaps with edited values, or reject. The same answer again changes nothing.

    Raises Forbidden, UserError (E_CHOICE, and E_TYPE, E_REQUIRED … at `values.NAME`), or Conflict: E_SETTLED when it
    was decided otherwise, E_ENDED when the run waits no more.
    """
    actor.require("decide")
    refused = why_not(actor, wait)
    if refused is not None:
        raise refused
    allowed = decisions_of(wait)
    if decision not in allowed:
        text = f"The decision must be one of {', '.join(allowed)}."
        raise UserError("E_CHOICE", text, field="decision", hint=", ".join(allowed))
    final = _final(wait, decision, values)
    said = clean_text(comment, field="comment", max_length=2000).strip()
    with transaction.atomic():
        alive = wait.decided_at is None and wake(wait.run)
        rows = Wait.objects.of(actor.workspace).filter(pk=wait.pk, decided_at__isnull=True)
        won = alive and rows.update(
            decision=decision, values=final, comment=said, decided_by=actor.label[:200], decided_at=now()
        )
        if won:
            transaction.on_commit(lambda: crashpoint("P22"))
            changed = edited({one["name"]: one.get("value") for one in wait.fields}, final or {})
            audit.record(actor, "wait.decide", wait, details={"decision": decision, "edited": changed})
        else:
            transaction.set_rollback(True)
    if not won:
        _same_or_conflict(wait, decision, final)


def _final(wait: Wait, decision: str, values: Any) -> dict[str, Any] | None:
    given = clean_value({} if values is None else values, field="values")
    if not isinstance(given, dict):
        raise UserError("E_TYPE", "values must be an object: values by the names of the fields.", field="values")
    if decision != "reject":
        return final_values(wait.fields, given)
    return final_values([{**one, "required": False} for one in wait.fields], given) if given else None


def _same_or_conflict(wait: Wait, decision: str, final: dict[str, Any] | None) -> None:
    """Nothing for the answer that was given already. Raises Conflict for another one."""
    found = Wait.objects.of(wait.workspace_id).get(pk=wait.pk)
    if found.decided_at is None or found.decision == "ended":
        hint = "Run the workflow again instead."
        raise Conflict("The run does not wait for this any more.", code="E_ENDED", hint=hint)
    if found.decision == "timeout":
        raise Conflict("Nobody had decided this in time.", code="E_SETTLED", hint="Look at the run.")
    if found.decision != decision or (found.values or None) != (final or None):
        text = f"{found.decided_by} has decided this already: {found.decision}."
        raise Conflict(text, code="E_SETTLED", hint="Look at the run.")


# Events


def deliver_event(
    actor: Actor, run: Run, name: str, data: Any = None, *, idempotency_key: str | None = None
) -> DeliveredEvent:
    """Deliver an event to a run: the step that waits for it goes on; before that it is kept, and counts once.

    Raises UserError (E_VALUE, E_TOO_MANY) or Conflict E_ENDED; with a key the same call gives the same event.
    """
    actor.require("run")
    if not _EVENT.match(name):
        hint = "Lower-case letters, digits and _, beginning with a letter; at most 48."
        raise UserError("E_VALUE", "This is no name of an event.", field="name", hint=hint)
    given = clean_value(data, field="data", max_bytes=MOST_DATA)
    known = _known(run, name, given, idempotency_key)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            return _deliver(actor, run, name, given, idempotency_key)
    except IntegrityError:
        known = _known(run, name, given, idempotency_key)
        if known is None:
            raise
        return known


def _deliver(actor: Actor, run: Run, name: str, data: Any, key: str | None) -> DeliveredEvent:
    if not wake(run):
        hint = "Start a new run; events go to runs that go on."
        raise Conflict("This run has ended already.", code="E_ENDED", hint=hint)
    rows = DeliveredEvent.objects.of(run.workspace_id)
    if rows.filter(run=run, taken_by__isnull=True).count() >= MOST_EVENTS:
        text = f"{MOST_EVENTS:,} events wait in this run already, and no step has taken them."
        raise Conflict(text, code="E_TOO_MANY", hint="Look at what the run waits for.", limit=MOST_EVENTS)
    event = rows.create(
        workspace=run.workspace, run=run, name=name, data=data, idempotency_key=key, delivered_by=actor.label[:200]
    )
    audit.record(actor, "run.event", run, details={"name": name})
    return event


def _known(run: Run, name: str, data: Any, key: str | None) -> DeliveredEvent | None:
    if key is None:
        return None
    found = DeliveredEvent.objects.of(run.workspace_id).filter(run=run, idempotency_key=key).first()
    if found is not None and (found.name, found.data) != (name, data):
        text = "This Idempotency-Key was used for another event."
        raise UserError("E_IDEM_MISMATCH", text, field="Idempotency-Key", status=422, hint="Use a new key.")
    return found
