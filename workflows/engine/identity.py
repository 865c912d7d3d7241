"""Who this process is, and whether another one is certainly dead (engine.md §3).

Same boot, same pid namespace, and the process is gone, a zombie, or started at another time: dead. On SQLite a worker
also holds flock on DATA_DIR/workers/<id>: a free lock is a dead worker.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID


@dataclass(frozen=True)
class Identity:
    """A process, by what cannot be confused with another."""

    host: str
    boot_id: str
    pid_ns: str
    pid: int
    pid_start: str


def myself() -> Identity:
    """This process."""
    return Identity(socket.gethostname()[:200], boot_id(), pid_namespace(), os.getpid(), start_of(os.getpid()) or "")


def boot_id() -> str:
    """The kernel's id of this boot; empty where there is none."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def pid_namespace() -> str:
    """The namespace in which our pids mean something."""
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""


def start_of(pid: int) -> str | None:
    """When a process started, in ticks since boot; None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError:
        return ""
    after_name = stat.rpartition(")")[2].split()
    return None if after_name[0] in ("Z", "X", "x") else after_name[19]


def certainly_dead(them: Identity, me: Identity) -> bool:
    """Whether a process of this machine is gone; False where it cannot be known."""
    if not me.boot_id or them.boot_id != me.boot_id or them.pid_ns != me.pid_ns or not me.pid_ns:
        return False
    start = start_of(them.pid)
    return start is None or (bool(start) and bool(them.pid_start) and start != them.pid_start)


class WorkerFile:
    """The lock a worker holds for as long as its process lives; freed by the kernel."""

    def __init__(self, folder: Path, worker: UUID) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / str(worker)
        self._file = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Let go and take the file away."""
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self._file)


def forget(folder: Path, worker: UUID) -> None:
    """Take away what a dead worker left lying about."""
    for name in (str(worker), f"{worker}.sock"):
        with contextlib.suppress(OSError):
            (folder / name).unlink()


def lock_is_free(folder: Path, worker: UUID) -> bool:
    """Whether nobody holds a worker's lock (its file may be gone too). Only meaningful on the machine of the files."""
    path = folder / str(worker)
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    with contextlib.suppress(OSError):
        path.unlink()
    return True
