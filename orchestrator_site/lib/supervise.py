"""Keeps a few commands running until told to stop: what `manage.py up` becomes. Knows no Django, so it weighs little.

    python -m orchestrator_site.lib.supervise http://127.0.0.1:8000/healthz web worker

Waits until the address answers, prints AWO_WELCOME, and starts again what ends by itself. The children die with it.
AWO_CHILDREN ("worker=12 web=13") names children that this process had before it became the supervisor: they are kept.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

READY_SECONDS, STOP_SECONDS, LOOK_SECONDS, TAKEN_SECONDS = 60.0, 35.0, 0.5, 12.0
PR_SET_PDEATHSIG = 1
WELCOME, CHILDREN = "AWO_WELCOME", "AWO_CHILDREN"


class Forked:
    """A child made by `fork`; as much of Popen as is needed here."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = self.pid, 0
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def terminate(self) -> None:
        """SIGTERM."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def wait(self, timeout: float) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.02)
        return self.returncode or 0


Children = dict[str, "subprocess.Popen[bytes] | Forked"]


def main(arguments: list[str]) -> int:
    """Run `manage.py <name>` for each name; returns the exit status."""
    address, *names = arguments
    welcome = os.environ.pop(WELCOME, "")
    children = _inherited()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup: the terminal may go
            signal.signal(number, _stop)
    try:
        if not children and taken(address):
            print(taken_words(address), file=sys.stderr)  # noqa: T201
            return 1
        children.update({name: _start(name) for name in names if name not in children})
        problem = _wait_for(address, children)
        if problem:
            print(problem, file=sys.stderr)  # noqa: T201 - a command's own words
            return 1
        print(welcome, flush=True)  # noqa: T201
        _watch(children)
    except KeyboardInterrupt:
        print("\nStopping: steps in flight are finished or handed back.", flush=True)  # noqa: T201
    finally:
        _end(children)
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _start(name: str) -> subprocess.Popen[bytes]:
    """Start one command in a session of its own; it gets SIGTERM when this process is gone."""
    return subprocess.Popen(
        [sys.executable, "manage.py", name],
        preexec_fn=_die_with_parent,
        start_new_session=True,
    )


def fork(work: Callable[[], object]) -> int:
    """A child of this process, with everything it has loaded, in a session of its own; its process id.

    Nothing of the database may be open, and no thread running. What `work` raises is the child's end.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.setsid()
        _die_with_parent()
        work()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as problem:
        print(f"{type(problem).__name__}: {problem}", file=sys.stderr, flush=True)  # noqa: T201
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def become(address: str, forked: dict[str, int], welcome: str) -> None:
    """Turn this process into the supervisor of the children it has forked; does not return."""
    os.environ[CHILDREN] = " ".join(f"{name}={pid}" for name, pid in forked.items())
    os.environ[WELCOME] = welcome
    command = [sys.executable, "-m", "orchestrator_site.lib.supervise", address, *forked]
    os.execv(sys.executable, command)  # noqa: S606 - our own program, no shell


def _inherited() -> Children:
    pairs = [pair.partition("=") for pair in os.environ.pop(CHILDREN, "").split()]
    return {name: Forked(int(pid)) for name, _, pid in pairs}


def taken_words(address: str) -> str:
    """What to say when the port is taken."""
    return f"Something answers at {address} already. Stop it, or set PORT to another port."


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def taken(address: str) -> bool:
    """Whether the port stays taken; what was killed a moment ago may take a little to let go of it."""
    parts = urllib.parse.urlsplit(address)
    end = time.monotonic() + TAKEN_SECONDS
    while time.monotonic() < end:
        try:
            socket.create_connection((parts.hostname or "", parts.port or 80), timeout=1).close()
        except OSError:
            return False
        time.sleep(0.2)
    return True


def _wait_for(address: str, children: Children) -> str:
    """Until the address answers; returns what went wrong, or ""."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        ended = next((name for name, child in children.items() if child.poll() is not None), "")
        if ended:
            return f"{ended} ended at once; its own message stands above. Is the port taken? Set PORT to another."
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own loopback address
                return ""
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return f"Nothing answered at {address} within {READY_SECONDS:.0f} s."


def _watch(children: Children) -> None:
    """Start again what ended by itself, at most once a second, and say so each time."""
    while True:
        for name, child in list(children.items()):
            if child.poll() is not None:
                print(f"{name} ended with status {child.returncode}; starting it again.", file=sys.stderr, flush=True)  # noqa: T201
                time.sleep(1)
                children[name] = _start(name)
        time.sleep(LOOK_SECONDS)


def _end(children: Children) -> None:
    """SIGTERM to all, then SIGKILL to the whole session of what does not end in time."""
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    end = time.monotonic() + STOP_SECONDS
    for child in children.values():
        try:
            child.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
