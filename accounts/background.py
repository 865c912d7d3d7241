"""Work whose duration must tell a caller nothing (does this address have an account?): done beside the request."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Thread

from django.conf import settings
from django.db import connections

log = logging.getLogger(__name__)


def run_beside(work: Callable[[], object]) -> None:
    """Run `work` in a thread of its own; in tests at once, so that the outbox can be looked at."""
    if settings.TESTING:
        work()
    else:
        Thread(target=_guarded, args=(work,), name="beside-a-request").start()


def _guarded(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:
        log.exception("Work beside a request failed")
    finally:
        connections.close_all()
