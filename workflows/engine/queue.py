"""The only module that knows django-q2: it carries wake-ups between hosts, and its cluster starts our processes.

Its delivery is never trusted (engine.md §1); a wake costs more than a whole run may, so it is the exception.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, transaction

from orchestrator_site.lib.clock import now
from workflows.engine import parents
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
        _send_quietly()


def _send_quietly() -> None:
    """A hint that cannot be left (the broker is down) costs a moment, never the run that was just stored."""
    try:
        send_wake()
    except Exception as problem:
        log.warning("no wake-up could be left in the queue: %s", problem)


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


# The cluster: django-q2 starts and replaces the processes, the engine does the work


def run_cluster(wedged: int) -> None:
    """Run a cluster in this process until it ends; a byte into `wedged` says that a process of it died badly.

    A worker that dies by a signal may take the lock of django-q2's in-process queue with it; then no task is ever
    delivered again and a stop hangs. So the supervisor replaces the whole cluster.
    """
    from django_q import cluster
    from django_q.signals import post_spawn

    load_once()
    post_spawn.connect(_start_engine, weak=False, dispatch_uid="workflows.engine")

    class WatchedSentinel(cluster.Sentinel):  # type: ignore[misc]
        """Dies with its parent, and tells the supervisor of abnormal deaths."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            parents.die_with_parent(signal.SIGTERM)
            super().__init__(*args, **kwargs)

        def spawn_process(self, target: Any, *args: Any) -> Any:
            helper = target in (cluster.pusher, cluster.monitor)
            return super().spawn_process(_dying_with_parent(target) if helper else target, *args)

        def reincarnate(self, process: Any) -> None:
            if process.exitcode not in (0, None):
                log.error("a process of the cluster died (exit code %s): the cluster is replaced", process.exitcode)
                os.write(wedged, b"w")
            super().reincarnate(process)

    cluster.Sentinel = WatchedSentinel
    running = cluster.Cluster(broker=_broker_that_answers())
    running.start()
    while running.sentinel is not None and running.sentinel.is_alive():
        time.sleep(0.2)


def load_once() -> None:
    """What every worker process needs, before they are forked: loaded once, and shared.

    Frozen: a collection that looks at what will never go writes to its pages, and each process gets a copy of them.
    """
    import integrations.operations.opening  # noqa: F401
    import workflows.engine.engine  # noqa: F401
    from integrations import registry

    registry.load()
    gc.collect()
    gc.freeze()


def _broker_that_answers() -> Any:
    """The configured broker, or the database where it does not answer: without one no process would start at all."""
    from django_q.brokers import get_broker
    from django_q.brokers.orm import ORM
    from django_q.conf import Conf

    try:
        get_broker().ping()
    except Exception as problem:
        log.warning("the broker does not answer (%s): wake-ups go through the database", problem)
        Conf.ORM = "default"
        return ORM(list_key=Conf.CLUSTER_NAME)
    return None


def _dying_with_parent(target: Any) -> Any:
    def run(*args: Any) -> None:
        parents.die_with_parent(signal.SIGKILL)
        target(*args)

    return run


def _start_engine(**_: Any) -> None:
    """In every worker process, at its start: the engine; it drains when the process is told to end or left alone."""
    from multiprocessing import util

    from workflows.engine import process
    from workflows.engine.engine import Engine

    parent = os.getppid()
    engine = Engine(parent_alive=lambda: os.getppid() == parent)
    parents.die_with_parent(signal.SIGUSR1)
    for number in (signal.SIGUSR1, signal.SIGTERM):
        signal.signal(number, lambda *_: engine.drain())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process.start(engine)
    util.Finalize(None, engine.drain, exitpriority=100)
    threading.Thread(target=_end_with, args=(engine,), name="ending", daemon=True).start()


def _end_with(engine: Any) -> None:
    """When the engine has drained the process ends, wherever its main thread hangs."""
    engine.join()
    for handler in logging.getLogger().handlers:
        with suppress(Exception):
            handler.flush()
    os._exit(0)
