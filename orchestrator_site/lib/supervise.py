"""Keeps a few commands running until told to stop: what `manage.py up` becomes. Knows no Django, so it weighs little.

    python -m orchestrator_site.lib.supervise http://127.0.0.1:8000/healthz web worker

Waits until the address answers, prints AWO_WELCOME, and starts again what ends by itself. The children die with it.
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
from types import FrameType

READY_SECONDS, STOP_SECONDS, LOOK_SECONDS, TAKEN_SECONDS = 60.0, 35.0, 0.5, 12.0
PR_SET_PDEATHSIG = 1
WELCOME = "AWO_WELCOME"

Children = dict[str, "subprocess.Popen[bytes]"]


def main(arguments: list[str]) -> int:
    """Run `manage.py <name>` for each name; returns the exit status."""
    address, *names = arguments
    welcome = os.environ.pop(WELCOME, "")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup: the terminal may go
            signal.signal(number, _stop)
    children: Children = {}
    try:
        if _taken(address):
            print(f"Something answers at {address} already. Stop it, or set PORT to another port.", file=sys.stderr)  # noqa: T201
            return 1
        children.update({name: _start(name) for name in names})
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


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _taken(address: str) -> bool:
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
            time.sleep(0.1)
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
