"""Changes of a run from outside (engine.md §8): its owner sees them by wake_seq, a parked run is queued again."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, F, Value, When

from orchestrator_site.lib.clock import now
from workflows.engine.bells import ring_after_commit
from workflows.models import Run, RunStatus
from workflows.models.run import TERMINAL

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
