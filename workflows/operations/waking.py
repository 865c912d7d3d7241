"""Changes of a run from outside (engine.md §8): its owner sees them by wake_seq, a parked run is queued again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, F, QuerySet, Value, When

from orchestrator_site.lib.clock import now
from workflows.engine.bells import ring_after_commit
from workflows.models import Run, RunStatus, StepRun
from workflows.models.run import TERMINAL

A_SECOND = 50
"""So many runs begin again in one second when their connection works again; its limits hold all the same."""
RING = 200
"""The owners of more runs than these see the change at their next look."""
_HELD = 'workflows_steprun.decision LIKE \'%%"why":"connection"%%\''
PARKED = (RunStatus.WAITING, RunStatus.ATTENTION)


def wake(run: Run, *, paused_too: bool = False, **changes: Any) -> bool:
    """Change a run that has not ended and let its owner see it; False when it has ended.

    A paused run stays paused and sees the change when it goes on, unless `paused_too`.
    """
    rows = Run.objects.of(run.workspace_id).filter(pk=run.pk).exclude(status__in=TERMINAL)
    parked = (*PARKED, RunStatus.PAUSED) if paused_too else PARKED
    woken = When(status__in=parked, then=Value(RunStatus.QUEUED.value))
    due = When(status__in=parked, then=Value(now()))
    changed = rows.update(
        wake_seq=F("wake_seq") + 1,
        status=Case(woken, default=F("status")),
        due_at=Case(due, default=F("due_at")),
        **changes,
    )
    ring_after_commit(run.pk)
    return changed == 1


def wake_all(runs: QuerySet[Run], **changes: Any) -> None:
    """Change those of some runs (paused ones too) that have not ended, and let their owners see it."""
    parked = (*PARKED, RunStatus.PAUSED)
    going_on = runs.exclude(status__in=TERMINAL)
    owned = list(going_on.filter(worker__isnull=False).values_list("pk", flat=True))
    going_on.update(
        wake_seq=F("wake_seq") + 1,
        status=Case(When(status__in=parked, then=Value(RunStatus.QUEUED.value)), default=F("status")),
        due_at=Case(When(status__in=parked, then=Value(now())), default=F("due_at")),
        **changes,
    )
    ring_after_commit()
    for run in owned:
        ring_after_commit(run)


def wake_held(connection: UUID) -> int:
    """Let the runs go on that wait for this connection, one after the other within seconds; how many there were.

    A run that is paused sees it when it goes on.
    """
    runs = sorted(set(steps_held().filter(connection=connection).values_list("run_id", flat=True)))
    for begin in range(0, len(runs), A_SECOND):
        due = When(status__in=PARKED, then=Value(now() + timedelta(seconds=begin // A_SECOND)))
        rows = Run.objects.unscoped("a connection's own runs").filter(pk__in=runs[begin : begin + A_SECOND])
        rows.exclude(status__in=TERMINAL).update(
            wake_seq=F("wake_seq") + 1,
            status=Case(When(status__in=PARKED, then=Value(RunStatus.QUEUED.value)), default=F("status")),
            due_at=Case(due, default=F("due_at")),
        )
    for run in runs[:RING]:
        ring_after_commit(run)
    return len(runs)


def steps_held() -> QuerySet[StepRun]:
    """The steps that wait for the repair of a connection, in every workspace."""
    steps: QuerySet[StepRun] = StepRun.objects.unscoped("a connection's own steps, of its one workspace")
    # Said in the words of the partial index: with a parameter, SQLite reads every step there ever was.
    return steps.extra(where=["workflows_steprun.status = 'waiting'", _HELD])  # noqa: S610 - fixed words
