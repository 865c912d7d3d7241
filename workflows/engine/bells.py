"""Bells: "there is work" from any process to the engines. They may be lost, doubled or late; a poll lies under them.

SQLite: a datagram to each worker's socket in DATA_DIR/workers, and PRAGMA data_version every 250 ms. PostgreSQL:
LISTEN/NOTIFY on a connection of the engine's own. A ring may name a run that was changed from outside.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

log = logging.getLogger(__name__)

CHANNEL = "awo_runs"
DATA_VERSION_EVERY = 0.25
WATCHED = "w"
Ring = Callable[[UUID | None], None]
Watch = Callable[[UUID], None]


def workers_folder() -> Path:
    """Where workers keep their locks and sockets."""
    return Path(settings.DATA_DIR) / "workers"


def ring_after_commit(run: UUID | None = None) -> None:
    """Ring when the surrounding transaction has committed (at once if there is none)."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, run.hex if run else ""])
    else:
        transaction.on_commit(lambda: ring_sockets(run))


def ring_watched(run: UUID) -> None:
    """Somebody looks at this run now: what its models write is worth showing."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{WATCHED}{run.hex}"])
    else:
        ring_sockets(run, prefix=WATCHED)


def ring_sockets(run: UUID | None = None, folder: Path | None = None, prefix: str = "") -> int:
    """A datagram to every worker of this machine; how many took it."""
    rung = 0
    with _Folder(folder or workers_folder()) as place, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for name in place.names():
            with contextlib.suppress(OSError):
                sender.sendto(f"{prefix}{run.hex}".encode() if run else b"", place.address(name))
                rung += 1
    return rung


class _Folder:
    """Addresses of sockets in a folder, short enough for sun_path however deep the folder lies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._handle: int | None = None

    def __enter__(self) -> _Folder:
        with contextlib.suppress(OSError):
            self._handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            os.close(self._handle)

    def names(self) -> list[str]:
        """The sockets that are there."""
        if self._handle is None:
            return []
        return [name for name in os.listdir(self._handle) if name.endswith(".sock")]

    def address(self, name: str) -> str:
        """An address that fits."""
        plain = str(self.folder / name)
        return plain if len(plain) < 100 else f"/proc/self/fd/{self._handle}/{name}"


class SocketBell:
    """The engine's end on SQLite."""

    def __init__(self, folder: Path, worker: UUID, database: str, ring: Ring, watch: Watch) -> None:
        self.ring, self.watch = ring, watch
        self.path = folder / f"{worker}.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        with _Folder(folder) as place:
            self._socket.bind(place.address(self.path.name))
        self._database = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self._version = 0

    async def listen(self) -> None:
        """Ring until cancelled."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket.fileno(), self._datagram)
        try:
            while True:
                await asyncio.sleep(DATA_VERSION_EVERY)
                with contextlib.suppress(sqlite3.Error):
                    version = self._database.execute("PRAGMA data_version").fetchone()[0]
                    if version != self._version:
                        self._version = version
                        self.ring(None)
        finally:
            loop.remove_reader(self._socket.fileno())
            self._close()

    def _datagram(self) -> None:
        for _ in range(100):
            try:
                said = self._socket.recv(64)
            except OSError:
                return
            _hear(said.decode(errors="replace"), self.ring, self.watch)

    def _close(self) -> None:
        self._database.close()
        self._socket.close()
        with contextlib.suppress(OSError):
            self.path.unlink()


class NotifyBell:
    """The engine's end on PostgreSQL: a connection of its own, made again when it is lost."""

    def __init__(self, conninfo: dict[str, Any], ring: Ring, watch: Watch) -> None:
        self.conninfo, self.ring, self.watch = conninfo, ring, watch

    async def listen(self) -> None:
        """Ring until cancelled."""
        import psycopg

        waited = 0.2
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(**self.conninfo, autocommit=True) as listener:
                    await listener.execute(f"LISTEN {CHANNEL}")
                    self.ring(None)
                    waited = 0.2
                    async for notice in listener.notifies():
                        _hear(notice.payload, self.ring, self.watch)
            except psycopg.Error as problem:
                log.warning("the bell is silent, trying again: %s", problem)
            await asyncio.sleep(waited)
            waited = min(5.0, waited * 2)


def _hear(said: str, ring: Ring, watch: Watch) -> None:
    """There is work (for a run that is named, or somewhere); or a run is being watched, which is no work."""
    if not said.startswith(WATCHED):
        ring(_run_of(said))
    elif (run := _run_of(said.removeprefix(WATCHED))) is not None:
        watch(run)


def _run_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def make_bell(worker: UUID, alias_settings: dict[str, Any], ring: Ring, watch: Watch) -> SocketBell | NotifyBell:
    """The bell for the database in use."""
    if alias_settings["ENGINE"].endswith("sqlite_backend"):
        return SocketBell(workers_folder(), worker, str(alias_settings["NAME"]), ring, watch)
    if settings.DATABASE_LISTEN_URL:
        from orchestrator_site.lib.database_url import database_config

        alias_settings = database_config(settings.DATABASE_LISTEN_URL, Path(settings.DATA_DIR))
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}
    info = {name: alias_settings[key] for key, name in names.items() if alias_settings.get(key)}
    return NotifyBell(info, ring, watch)
