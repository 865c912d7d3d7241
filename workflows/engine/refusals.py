"""Starts that would do harm: a release that cannot go on with runs under way, a second host on one SQLite file."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from django.db import connection

from orchestrator_site.lib.errors import Conflict
from workflows.engine.abi import ABI_MIN
from workflows.engine.bells import workers_folder
from workflows.engine.identity import myself
from workflows.engine.times import Times
from workflows.models import Run, Worker
from workflows.models.run import TERMINAL

LOOK = 0.2


def refuse_old_runs(abi_min: int = ABI_MIN) -> None:
    """Raise Conflict when runs that have not ended were begun by a release too old for this one (engine.md §8)."""
    if Run._meta.db_table not in connection.introspection.table_names():
        return
    runs = Run.objects.unscoped("a release is one for every workspace").exclude(status__in=TERMINAL)
    stuck = runs.filter(abi__gt=0, abi__lt=abi_min).count()
    if stuck:
        raise Conflict(
            f"{stuck} runs that have not ended were begun by an older release, and this one cannot go on with them.",
            code="E_RELEASE",
            hint="Install the release before this one again, let those runs end or cancel them, then upgrade.",
        )


def refuse_second_host(times: Times, pause: Callable[[float], None] = time.sleep) -> None:
    """Raise Conflict when a worker of another machine works on this SQLite file: it serves one host (engine.md §3).

    Another machine is another boot id. After a restart of this one the old rows are watched for as long as a beat
    may take; nothing is inferred from host names.
    """
    if connection.vendor != "sqlite" or Worker._meta.db_table not in connection.introspection.table_names():
        return
    before = _elsewhere()
    if not before:
        return
    end = time.monotonic() + times.beat + times.poll
    while time.monotonic() < end:
        if any(_held(workers_folder() / str(worker)) for worker in before):
            _refuse()
        pause(LOOK)
        if any(before.get(worker, seen) != seen for worker, seen in _elsewhere().items()):
            _refuse()


def _elsewhere() -> dict[UUID, tuple[int, int, int]]:
    """Workers of other machines that have not ended, and how far each is."""
    mine = myself().boot_id
    rows = Worker.objects.filter(state__in=("live", "draining")).exclude(boot_id="").exclude(boot_id=mine)
    return {row[0]: row[1:] for row in rows.values_list("id", "fence", "beat", "seq")} if mine else {}


def _held(path: Path) -> bool:
    """Whether somebody holds a worker's lock; the file stays as it is."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _refuse() -> None:
    raise Conflict(
        "A worker of another machine works on this database, and SQLite serves one machine.",
        code="E_SECOND_HOST",
        hint="Stop the other one, or use PostgreSQL (DATABASE_URL) for several machines.",
    )
