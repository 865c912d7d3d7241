"""`manage.py up`: what `make run` ends in: database, sandbox world, web and workers, and one address to open."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from accounts.operations.login_links import make_login_link
from workflows.operations.quickstart import quickstart

READY_SECONDS = 60
STOP_SECONDS = 30


class Command(BaseCommand):
    """Start everything on this machine and keep it running until Ctrl+C."""

    help = "Migrate, prepare the sandbox workspace, start web and workers, print a one-time login address."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, start, wait."""
        call_command("migrate", verbosity=0, interactive=False)
        call_command("createcachetable", verbosity=0)
        done = quickstart()
        processes = {name: _start(name) for name in ("web", "worker")}
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        try:
            base = f"http://127.0.0.1:{settings.PORT}"
            _wait_for(f"{base}/healthz", processes)
            self.stdout.write(_welcome(base, make_login_link(done.owner)))
            self.stdout.flush()
            self._watch(processes)
        except KeyboardInterrupt:
            self.stdout.write("\nStopping: steps in flight are finished or handed back.")
        finally:
            _end(processes)

    def _watch(self, processes: dict[str, subprocess.Popen[bytes]]) -> None:
        """Start again what ended by itself; a process that keeps dying is reported each time."""
        while True:
            for name, process in list(processes.items()):
                if process.poll() is not None:
                    self.stderr.write(f"{name} ended with status {process.returncode}; starting it again.")
                    time.sleep(1)
                    processes[name] = _start(name)
            time.sleep(0.5)


def _start(name: str) -> subprocess.Popen[bytes]:
    """Start `manage.py <name>` as a process that dies with this one (Linux), in a group of its own."""
    return subprocess.Popen(
        [sys.executable, "manage.py", name],
        cwd=settings.BASE_DIR,
        env=os.environ.copy(),
        preexec_fn=_die_with_parent,
        start_new_session=True,
    )


def _die_with_parent() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _stop(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _wait_for(address: str, processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """Until the web process answers. Raises CommandError when it ends before, or does not answer in time."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        if processes["web"].poll() is not None:
            raise CommandError(f"The web process ended at once; is port {settings.PORT} taken? Set PORT to another.")
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own loopback address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise CommandError(f"The web process did not answer at {address} within {READY_SECONDS} s.")


def _welcome(base: str, path: str) -> str:
    return (
        f"\n  AI Workflow Orchestrator is running.\n\n"
        f"  Open this address once to sign in:\n  {base}{path}\n\n"
        f"  Everything works offline in the sandbox workspace. Stop with Ctrl+C; a new address: manage.py login_link\n"
    )


def _end(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in processes.values():
        if process.poll() is None:
            process.terminate()
    end = time.monotonic() + STOP_SECONDS
    for process in processes.values():
        try:
            process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
