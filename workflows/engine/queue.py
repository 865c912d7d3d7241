"""The only module that knows django-q2: it carries wake-ups between hosts, and its cluster starts our processes.

Its delivery is never trusted (engine.md §1); a wake costs more than a whole run may, so it is the exception.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import timedelta

from django.db import DatabaseError, transaction

from orchestrator_site.lib.clock import now
from workflows.models import Worker

log = logging.getLogger(__name__)

ALIVE = 15.0
APART = 1.0
STALE = 60.0
_last_wake = 0.0
_alive_until = 0.0


def wake_if_nobody_works() -> None:
    """After commit: if no worker has beaten lately, leave a wake in the queue (at most one, at most one a second)."""
    transaction.on_commit(_wake_if_nobody_works)


def _wake_if_nobody_works() -> None:
    global _alive_until
    if time.monotonic() < _alive_until:
        return
    with suppress(DatabaseError):
        if Worker.objects.filter(state="live", beat_at__gt=now() - timedelta(seconds=ALIVE)).exists():
            _alive_until = time.monotonic() + 5.0
            return
        send_wake()


def send_wake() -> bool:
    """Put one wake into the queue unless one is outstanding; those older than a minute are deleted."""
    global _last_wake
    if time.monotonic() - _last_wake < APART:
        return False
    _last_wake = time.monotonic()
    from django_q.models import OrmQ
    from django_q.tasks import async_task

    OrmQ.objects.filter(lock__lt=now() - timedelta(seconds=STALE)).delete()
    if OrmQ.objects.exists():
        return False
    async_task("workflows.tasks.wake")
    return True
