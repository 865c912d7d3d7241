"""`manage.py worker`: keeps one cluster of worker processes running, and replaces it when it is wedged.

Each cluster is a process group of its own. A replaced one is told to drain (SIGUSR1) while the new one already works;
what has not ended after the drain time is killed.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections

from orchestrator_site.lib.clock import now
from workflows.engine import parents
from workflows.engine.queue import run_cluster
from workflows.engine.times import from_environment

log = logging.getLogger(__name__)

DRAIN_SIGNAL = signal.SIGUSR1
LOOK_EVERY = 5.0
STUCK_AFTER = 15.0
PATIENCE = 2.0
PAUSE = 2.0


class Supervisor:
    """One cluster at a time, and what is left of those before it."""

    def __init__(self, run: Callable[[int], None] = run_cluster) -> None:
        self.run = run
        self.times = from_environment(settings.LEASE_SECONDS)
        self.group = 0
        self.leaving: dict[int, float] = {}
        self.stopping = False
        self.started: list[float] = []
        self._wedged_in, self._wedged_out = os.pipe()
        self._looked = time.monotonic()

    def serve(self) -> int:
        """Run until SIGTERM or SIGINT; the exit status."""
        parents.adopt_orphans()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._start()
        while not self.stopping:
            self._tick()
        return self._end()

    def _stop(self, *_: Any) -> None:
        self.stopping = True

    def _tick(self) -> None:
        try:
            readable, _, _ = select.select([self._wedged_in], [], [], 0.2)
        except InterruptedError:
            return
        reason = ""
        if readable:
            os.read(self._wedged_in, 4096)
            reason = "a worker process died"
        ended = {pid for pid, _ in parents.reap()}
        if self.group in ended:
            reason = "its main process ended"
        if not reason and time.monotonic() - self._looked > LOOK_EVERY:
            self._looked = time.monotonic()
            reason = self._stuck()
        self._kill_late()
        if reason and not self.stopping:
            log.error("the cluster is replaced: %s", reason)
            self._replace()

    def _start(self) -> None:
        """Fork a cluster; nothing of ours is open in it."""
        recent = [at for at in self.started if time.monotonic() - at < 30]
        if len(recent) >= 3:
            time.sleep(PAUSE)
        self.started = [*recent, time.monotonic()]
        connections.close_all()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._become_cluster()
        with suppress(PermissionError, ProcessLookupError):
            os.setpgid(pid, pid)
        self.group = pid
        log.info("cluster %d started", pid)

    def _become_cluster(self) -> None:
        status = 1
        try:
            os.setpgid(0, 0)
            parents.die_with_parent(signal.SIGTERM)
            os.close(self._wedged_in)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            self.run(self._wedged_out)
            status = 0
        except BaseException:
            log.critical("the cluster could not run", exc_info=True)
        finally:
            os._exit(status)

    def _replace(self) -> None:
        self._let_go(self.group)
        self._start()

    def _let_go(self, group: int) -> None:
        parents.signal_group(group, DRAIN_SIGNAL)
        self.leaving[group] = time.monotonic() + self.times.drain + PATIENCE

    def _kill_late(self) -> None:
        for group, until in list(self.leaving.items()):
            if not parents.group_lives(group):
                del self.leaving[group]
            elif time.monotonic() > until:
                log.error("cluster %d did not end: killed", group)
                parents.signal_group(group, signal.SIGKILL)

    def _end(self) -> int:
        """Drain, then kill what is left."""
        self._let_go(self.group)
        while self.leaving:
            parents.reap()
            self._kill_late()
            time.sleep(0.05)
        return 0

    def _stuck(self) -> str:
        """Why the cluster is stuck: due work that nobody has looked at for a while; empty if it is not."""
        from workflows.models import Run, Worker

        before = now() - timedelta(seconds=STUCK_AFTER)
        if self.started and time.monotonic() - self.started[-1] < STUCK_AFTER:
            return ""
        try:
            due = Run.objects.unscoped("the supervisor looks after every workspace")
            if not due.filter(status="queued", due_at__lt=before).exists():
                return ""
            if Worker.objects.filter(last_claim_at__gt=before).exists():
                return ""
        except DatabaseError:
            connections.close_all()
            return ""
        return f"work is due and nobody has claimed for {STUCK_AFTER:.0f} s"
