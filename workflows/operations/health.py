"""Whether this installation can do its work: asked by /readyz and `manage.py doctor`."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import QuerySet

from orchestrator_site.lib.clock import now
from workflows.models import Run, Worker

Check = dict[str, Any]
LATE_SECONDS = 60


def readiness() -> dict[str, Check]:
    """The checks by name: {"ok": bool, "text": what is so, "hint": what to do if not}."""
    checks: dict[str, Callable[[], Check]] = {
        "database": _database,
        "migrations": _migrations,
        "workers": _workers,
        "queue": _queue,
        "disk": _disk,
    }
    found: dict[str, Check] = {}
    for name, check in checks.items():
        try:
            found[name] = check()
        except DatabaseError:
            found[name] = no("The database does not answer.", "Check DATABASE_URL and that the server runs.")
    return found


def yes(text: str) -> Check:
    """A check that is well."""
    return {"ok": True, "text": text, "hint": ""}


def no(text: str, hint: str) -> Check:
    """A check that is not, and what to do."""
    return {"ok": False, "text": text, "hint": hint}


def _database() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return yes(f"{connection.vendor} answers.")


def _migrations() -> Check:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        return no(f"{len(missing)} migrations are not applied.", "Run: manage.py migrate")
    return yes("All migrations are applied.")


def alive_workers() -> int:
    """How many workers beat. For people; whether one is dead the engine judges by itself (engine.md §3)."""
    fresh = now() - timedelta(seconds=settings.LEASE_SECONDS)
    return Worker.objects.filter(state="live", beat_at__gte=fresh).count()


def late_runs() -> QuerySet[Run]:
    """Runs of the whole installation that have been due for longer than LATE_SECONDS."""
    runs = Run.objects.unscoped("whether this installation keeps up")
    return runs.filter(status="queued", due_at__lt=now() - timedelta(seconds=LATE_SECONDS)).order_by()


def _workers() -> Check:
    live = alive_workers()
    if not live:
        return no("No worker is alive: runs would only queue.", "Start one: manage.py worker (or make run).")
    return yes(f"{live} {'worker is' if live == 1 else 'workers are'} alive.")


def _queue() -> Check:
    count = late_runs()[:1000].count()
    if count:
        return no(
            f"{count} runs wait for longer than {LATE_SECONDS} s.", "Start more workers (WORKERS) or look at their log."
        )
    return yes("Nothing is late.")


def _disk() -> Check:
    numbers = os.statvfs(settings.DATA_DIR)
    free = numbers.f_bavail * numbers.f_frsize // 2**20
    if free < 100:
        return no(f"{free} MB are free in DATA_DIR.", "Free some space before the database stops taking writes.")
    return yes(f"{free} MB are free in DATA_DIR.")
