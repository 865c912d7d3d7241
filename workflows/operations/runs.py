"""Runs: start, find, cancel, run again, answer what they ask. The engine does the walking.

The documented Python call: `from workflows.operations.runs import start_run`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import audit
from accounts.actor import Actor
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import Conflict, NotFound, UserError
from orchestrator_site.lib.json import clean_text, clean_value
from orchestrator_site.lib.text import web_address
from workflows.engine.crashpoints import crashpoint
from workflows.models import Effect, Run, RunStatus, Wait
from workflows.operations.again import rerun
from workflows.operations.batches import batch_id
from workflows.operations.links import names_of
from workflows.operations.starting import in_batch, start_batch, start_run, wait_for
from workflows.operations.steering import cancel_run, pause_run, resume_run
from workflows.operations.waits import decide_approval, deliver_event
from workflows.operations.waking import wake

__all__ = [
    "cancel_run",
    "decide",
    "deliver_event",
    "get_effect",
    "get_run",
    "get_wait",
    "list_effects",
    "list_runs",
    "list_waits",
    "pause_run",
    "rerun",
    "resume_run",
    "settle_effect",
    "start_batch",
    "start_run",
    "wait_for",
]

ANSWERS = ("happened", "repeat", "stop")
# What no list shows: a definition is read and parsed once for each row otherwise.
_UNLISTED = (
    "frozen",
    "version__definition",
    *(f"workflow__{name}" for name in ("description", "inputs", "outputs", "settings", "tags", "source")),
)


# Finding


def list_runs(
    actor: Actor, *, status: str = "", workflow: str = "", trigger: str = "", q: str = "", batch: str = ""
) -> QuerySet[Run]:
    """The runs of the workspace, newest first; `q` looks into workflow names, inputs and errors."""
    actor.require("read")
    rows: QuerySet[Run] = (
        Run.objects.of(actor.workspace)
        .select_related("workflow", "version", "workspace")
        .defer(*_UNLISTED)
        .order_by("-id")
    )
    if status:
        if status not in RunStatus.values:
            raise UserError(
                "E_CHOICE", f"There is no status “{status[:20]}”.", field="status", hint=", ".join(RunStatus.values)
            )
        rows = rows.filter(status=status)
    if batch:
        rows = in_batch(rows, batch_id(batch))
    if workflow:
        rows = rows.filter(workflow__slug=workflow)
    if trigger:
        rows = rows.filter(trigger_kind=trigger)
    for word in clean_text(q, field="q", max_length=200).split():
        rows = rows.filter(
            Q(workflow__name__icontains=word)
            | Q(workflow__slug__icontains=word)
            | Q(inputs__icontains=word)
            | Q(error__icontains=word)
        )
    return rows


def get_run(actor: Actor, id: UUID | str) -> Run:
    """One run. Raises NotFound, for a foreign one too."""
    actor.require("read")
    found = (
        Run.objects.of(actor.workspace).select_related("workflow", "version", "workspace").filter(pk=_uuid(id)).first()
    )
    if found is None:
        raise NotFound("That run is not here.")
    return found


def list_effects(
    actor: Actor, *, state: str = "", url: str = "", external_id: str = "", run: Run | None = None
) -> QuerySet[Effect]:
    """The changes made outside, newest first; by their address or id as it was copied, back to the run."""
    actor.require("read")
    rows: QuerySet[Effect] = (
        Effect.objects.of(actor.workspace)
        .select_related("run", "run__workflow", "step_run", "connection")
        .order_by("-id")
    )
    if state:
        rows = rows.filter(state=state)
    for name in (url, external_id):
        if name:
            names = names_of(name)
            rows = rows.filter(Q(external_url__in=names) | Q(external_id__in=names))
    return rows if run is None else rows.filter(run=run)


def get_effect(actor: Actor, id: UUID | str) -> Effect:
    """One effect. Raises NotFound."""
    found = list_effects(actor).filter(pk=_uuid(id)).first()
    if found is None:
        raise NotFound("That effect is not here.")
    return found


def list_waits(actor: Actor, *, kind: str = "") -> QuerySet[Wait]:
    """What runs wait for (a person, an event, a moment), oldest first."""
    actor.require("read")
    rows: QuerySet[Wait] = (
        Wait.objects.of(actor.workspace)
        .filter(decided_at__isnull=True)
        .select_related("run", "run__workflow", "step_run", "effect")
        .order_by("created_at", "id")
    )
    return rows.filter(kind=kind) if kind else rows


def get_wait(actor: Actor, id: UUID | str) -> Wait:
    """One wait, decided or not. Raises NotFound."""
    actor.require("read")
    rows = Wait.objects.of(actor.workspace).select_related("run", "run__workflow", "step_run", "effect")
    found = rows.filter(pk=_uuid(id)).first()
    if found is None:
        raise NotFound("That question is not here.")
    return found


def _uuid(value: UUID | str) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(str(value))
    except ValueError:
        raise NotFound("There is nothing here by that name.") from None


# What runs ask


def settle_effect(actor: Actor, effect: Effect, answer: str, external_id: str = "", external_url: str = "") -> Effect:
    """A person says what became of an unknown change: happened, repeat (it did not: do it again) or stop.

    Raises UserError E_CHOICE, or Conflict when it is not unknown any more, or is to be repeated in a run that ended.
    """
    actor.require("decide")
    if answer not in ANSWERS:
        raise UserError(
            "E_CHOICE", "The answer must be happened, repeat or stop.", field="answer", hint=", ".join(ANSWERS)
        )
    if answer == "repeat" and effect.run.is_terminal:
        raise Conflict(
            "This run has ended: nothing is done again in it.", code="E_ENDED", hint="Run the workflow again instead."
        )
    at = now()
    said: dict[str, Any] = {"resolution": answer, "resolved_by": actor.label[:200]}
    if answer == "happened":
        said |= {"state": "confirmed", "settled_at": at}
        said |= {"external_id": clean_text(external_id, field="external_id", max_length=300)}
        said |= {"external_url": _address(external_url)}
    elif answer == "repeat":
        said |= {"state": "absent", "settled_at": at}
    with transaction.atomic():
        rows = Effect.objects.of(actor.workspace).filter(pk=effect.pk, state="unknown").exclude(resolution="stop")
        if not rows.update(**said):
            raise Conflict("This change is not unknown any more.", code="E_SETTLED", hint="Load the page again.")
        waits = Wait.objects.of(actor.workspace).filter(effect=effect, decided_at__isnull=True)
        waits.update(decision=answer, decided_by=actor.label[:200], decided_at=at)
        transaction.on_commit(lambda: crashpoint("P22"))
        wake(effect.run)
        audit.record(actor, "effect.settle", effect, details={"answer": answer, "external_id": external_id})
    return get_effect(actor, effect.pk)


def _address(text: str) -> str:
    """Where a person says the thing is: nothing, or an address that a click may open."""
    clean = clean_text(text, field="external_url", max_length=1000).strip()
    if clean and not web_address(clean):
        hint = "Copy the whole address of the page, beginning with https://."
        raise UserError("E_URL", "The address must begin with http:// or https://.", field="external_url", hint=hint)
    return clean


def decide(actor: Actor, wait: Wait, decision: str, values: Any = None, comment: str = "") -> Wait:
    """Answer what a run asks. Raises Conflict when somebody has answered, UserError E_CHOICE for another answer."""
    actor.require("decide")
    if wait.kind == "approval":
        decide_approval(actor, wait, decision, values, comment)
        return get_wait(actor, wait.pk)
    if wait.kind != "unknown" or wait.effect is None:
        hint = "Events are delivered to the run; timers end by themselves."
        raise UserError("E_KIND", f"A wait of kind “{wait.kind}” is not decided.", field="decision", hint=hint)
    if decision not in ANSWERS:
        raise UserError(
            "E_CHOICE", "The decision must be happened, repeat or stop.", field="decision", hint=", ".join(ANSWERS)
        )
    given = clean_value(values or {}, field="values")
    known = given if isinstance(given, dict) else {}
    if wait.decided_at is not None:
        if wait.decision == decision:
            return wait
        raise Conflict(f"{wait.decided_by} has answered this already.", code="E_SETTLED")
    with transaction.atomic():
        settle_effect(
            actor, wait.effect, decision, str(known.get("external_id", "")), str(known.get("external_url", ""))
        )
        Wait.objects.of(actor.workspace).filter(pk=wait.pk).update(
            comment=clean_text(comment, field="comment", max_length=2000), values=known
        )
    return get_wait(actor, wait.pk)
