"""Ending a run, pausing it, letting it go on. The engine does the rest; what has been sent is always awaited."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When

from accounts import audit
from accounts.actor import Actor
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import Conflict
from workflows.engine.bells import ring_after_commit
from workflows.models import Run, RunEvent, RunStatus
from workflows.models.run import TERMINAL
from workflows.operations.waking import PARKED, wake, wake_all

PAUSE = "pause"


def cancel_run(actor: Actor, run: Run) -> Run:
    """Let nothing new start; what has been sent is awaited and stays on record. Raises Conflict after the end.

    A run that never began ends at once. The runs that its steps have started are cancelled with it.
    """
    actor.require("run")
    with transaction.atomic():
        if not _end_unstarted(run) and not wake(run, paused_too=True, ending="cancel"):
            raise Conflict("This run has ended already.", code="E_ENDED", hint="Nothing is left to cancel.")
        _event(actor, run, "cancel")
        audit.record(actor, "run.cancel", run)
    return _fresh(run)


def _end_unstarted(run: Run) -> bool:
    """A run that no worker ever took has nothing to settle: it needs none to end."""
    rows = Run.objects.of(run.workspace_id).filter(pk=run.pk, claims=0, status__in=(RunStatus.QUEUED, RunStatus.PAUSED))
    ended = rows.update(status=RunStatus.CANCELLED, ending="cancel", finished_at=now(), wake_seq=F("wake_seq") + 1)
    if ended and run.parent_step is not None:
        wake(run.parent_step.run)
    return bool(ended)


def cancel_together(actor: Actor, runs: list[Run]) -> set[UUID]:
    """Cancel several runs of the actor's workspace; which of them had not ended. Within the caller's transaction."""
    actor.require("run")
    rows = Run.objects.of(actor.workspace)
    wanted = rows.filter(pk__in=[run.pk for run in runs]).exclude(status__in=TERMINAL)
    going_on = list(wanted.order_by("pk").select_for_update().values_list("pk", flat=True))
    among = rows.filter(pk__in=going_on)
    unstarted = among.filter(claims=0, status__in=(RunStatus.QUEUED, RunStatus.PAUSED))
    parents = set(unstarted.filter(parent_step__isnull=False).values_list("parent_step__run_id", flat=True))
    unstarted.update(status=RunStatus.CANCELLED, ending="cancel", finished_at=now(), wake_seq=F("wake_seq") + 1)
    wake_all(among, ending="cancel")
    for parent in rows.filter(pk__in=parents).order_by("pk"):
        wake(parent)
    said = {"by": actor.label}
    events = [RunEvent(workspace=actor.workspace, run_id=run, kind="cancel", data=said) for run in going_on]
    RunEvent.objects.unscoped("the events of this actor's runs").bulk_create(events)
    return set(going_on)


def pause_run(actor: Actor, run: Run) -> Run:
    """Let nothing new start until it is resumed; calls on their way are awaited and recorded.

    Timers and deadlines keep counting. Runs that its steps have started are paused with it. Pausing twice is once.
    Raises Conflict when the run has ended or is ending.
    """
    actor.require("run")
    with transaction.atomic():
        if not _pause(run):
            return _fresh_unless_ending(run, "pause")
        _event(actor, run, PAUSE)
        audit.record(actor, "run.pause", run)
    for child in _below(run).filter(ending=""):
        _pause(child)
    return _fresh(run)


def resume_run(actor: Actor, run: Run) -> Run:
    """Let a paused run go on where it stood, at once. Raises Conflict when it is not paused."""
    actor.require("run")
    with transaction.atomic():
        if not _resume(run):
            if _fresh(run).is_terminal:
                raise Conflict("This run has ended already.", code="E_ENDED", hint="Run it again.")
            raise Conflict("This run is not paused.", code="E_NOT_PAUSED", hint="Load the page again.")
        _event(actor, run, "resume")
        audit.record(actor, "run.resume", run)
    for child in _below(run).filter(ending=PAUSE):
        _resume(child)
    return _fresh(run)


def _pause(run: Run) -> bool:
    resting = When(status__in=(RunStatus.QUEUED, *PARKED), then=Value(RunStatus.PAUSED.value))
    rows = Run.objects.of(run.workspace_id).filter(pk=run.pk, ending="").exclude(status__in=TERMINAL)
    changed = rows.update(ending=PAUSE, wake_seq=F("wake_seq") + 1, status=Case(resting, default=F("status")))
    ring_after_commit(run.pk)
    return bool(changed)


def _resume(run: Run) -> bool:
    paused = Q(status=RunStatus.PAUSED)
    waits_for_its_turn = Q(concurrency_key__isnull=False, admitted_at__isnull=True)
    rows = Run.objects.of(run.workspace_id).filter(pk=run.pk, ending=PAUSE).exclude(status__in=TERMINAL)
    changed = rows.update(
        ending="",
        wake_seq=F("wake_seq") + 1,
        status=Case(When(paused, then=Value(RunStatus.QUEUED.value)), default=F("status")),
        due_at=Case(When(paused & ~waits_for_its_turn, then=Value(now())), default=F("due_at")),
    )
    ring_after_commit(run.pk)
    return bool(changed)


def _below(run: Run) -> QuerySet[Run]:
    """The runs that this one has started, and those that they have started."""
    rows = Run.objects.of(run.workspace_id)
    found, level = [], [run.pk]
    while level:
        level = list(
            rows.filter(parent_step__run_id__in=level).exclude(status__in=TERMINAL).values_list("pk", flat=True)
        )
        found += level
    return rows.filter(pk__in=found).order_by("pk")


def _fresh_unless_ending(run: Run, doing: str) -> Run:
    fresh = _fresh(run)
    if fresh.is_terminal:
        raise Conflict("This run has ended already.", code="E_ENDED", hint=f"There is nothing left to {doing}.")
    if fresh.ending != PAUSE:
        raise Conflict("This run is ending.", code="E_ENDED", hint="Nothing new starts in it.")
    return fresh


def _fresh(run: Run) -> Run:
    rows = Run.objects.of(run.workspace_id).select_related("workflow", "version", "workspace")
    found: Run = rows.defer("version__definition").get(pk=run.pk)
    return found


def _event(actor: Actor, run: Run, kind: str) -> None:
    RunEvent.objects.create(workspace=run.workspace, run=run, kind=kind, data={"by": actor.label})
