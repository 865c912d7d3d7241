"""Servers of a story's own that may be stopped, starved and cut off: PostgreSQL, Redis, and a small disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.product import free_port

BALLAST = "ballast"


def postgres_binaries() -> Path | None:
    """The newest folder with initdb."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Postgres:
    """A cluster in a folder; `url` without a database name."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", allow: str = "") -> None:
        self.folder, self.host, self.port = folder, host, free_port()
        self.url = f"postgres://postgres@{host}:{self.port}"
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self._allow = allow
        binaries = postgres_binaries()
        assert binaries is not None
        self._binaries = binaries

    def start(self) -> Postgres:
        """Make it and start it."""
        if self._as:
            shutil.chown(self.folder, "postgres")
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", "postgres", "--no-sync", "--wal-segsize=1")
        if self._allow:
            with open(f"{self._data}/pg_hba.conf", "a") as rules:
                rules.write(f"host all all {self._allow} trust\n")
        self.control("start")
        return self

    @property
    def _data(self) -> str:
        return f"{self.folder}/data"

    def control(self, what: str, mode: str = "fast") -> None:
        """start, stop or restart."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses={self.host} -c max_wal_size=32MB"
        extra = ["-m", mode] if what != "start" else []
        self._run("pg_ctl", "-D", self._data, "-w", "-o", options, *extra, what)

    def alive(self) -> bool:
        """Whether it answers."""
        command = [self._binaries / "pg_isready", "-q", "-h", self.host, "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, name: str, *args: str) -> None:
        with open(self.folder.parent / f"{self.folder.name}.log", "ab") as log:
            command = [*self._as, str(self._binaries / name), *args]
            subprocess.run(command, stdout=log, stderr=log, check=True, cwd="/")


@contextmanager
def postgres(host: str = "127.0.0.1", allow: str = "", folder: Path | None = None) -> Iterator[Postgres]:
    """A PostgreSQL of one's own."""
    place = folder or Path(tempfile.mkdtemp(prefix="awo-fault-pg-"))
    server = Postgres(place, host, allow).start()
    try:
        yield server
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            server.control("stop", "immediate")
        shutil.rmtree(place, ignore_errors=True)


class Redis:
    """A Redis that can be taken down and up."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def up(self) -> None:
        """Start it, empty."""
        command = ["redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([*command, "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL)
        for _ in range(100):
            with contextlib.suppress(Exception):
                self.tell("PING")
                return
            time.sleep(0.05)

    def down(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def tell(self, *words: str) -> Any:
        """One command."""
        import redis

        with redis.Redis(port=self.port, socket_timeout=2) as client:
            return client.execute_command(*words)


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of that size (needs root)."""
    place = Path(tempfile.mkdtemp(prefix="awo-fault-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)
        place.rmdir()


def fill(disk: Path) -> None:
    """Leave no byte free."""
    with open(disk / BALLAST, "ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 65536)
    with open(disk / BALLAST, "ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 512)


def free(disk: Path) -> None:
    """Let go again."""
    (disk / BALLAST).unlink(missing_ok=True)
