"""Databases for the benchmark: one migrated template a sitting, a fresh copy of it for every repetition."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIGRATE = (
    "import django; django.setup(); from django.core.management import call_command as do; "
    "do('migrate', verbosity=0, skip_checks=True); do('createcachetable', verbosity=0)"
)


class Databases:
    """Fresh databases of one kind."""

    def __init__(self, kind: str, folder: Path, postgres: str) -> None:
        self.kind, self.folder = kind, folder
        self._base = postgres.rpartition("/")[0]
        self._names = 0
        self.template = self._migrated()

    def _name(self, word: str) -> str:
        self._names += 1
        return f"awo_bench_{os.getpid()}_{self._names}_{word}"

    def _migrated(self) -> str:
        url = self._empty("template")
        environment = {**os.environ, "DATABASE_URL": url, "DATA_DIR": str(self.folder / "template-data")}
        environment["DJANGO_SETTINGS_MODULE"] = "orchestrator_site.settings"
        subprocess.run([sys.executable, "-c", MIGRATE], cwd=ROOT, env=environment, check=True)
        return url

    def _empty(self, word: str) -> str:
        name = self._name(word)
        if self.kind == "sqlite":
            return f"sqlite://{self._folder(name)}/orchestrator.sqlite3"
        self._admin(f'CREATE DATABASE "{name}"')
        return f"{self._base}/{name}"

    def _folder(self, name: str) -> Path:
        place = self.folder / name
        place.mkdir()
        return place

    def _admin(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(f"{self._base}/postgres", autocommit=True) as admin:
            admin.execute(statement)

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The address of a copy of the template, which is dropped afterwards."""
        url = self.copy()
        try:
            yield url
        finally:
            self.drop(url)

    def copy(self) -> str:
        """The address of a new copy of the template."""
        name = self._name("copy")
        if self.kind == "sqlite":
            place = self._folder(name) / "orchestrator.sqlite3"
            shutil.copy(self.template.removeprefix("sqlite://"), place)
            return f"sqlite://{place}"
        self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{self.template.rpartition("/")[2]}"')
        return f"{self._base}/{name}"

    def drop(self, url: str) -> None:
        """Remove a database."""
        if self.kind == "sqlite":
            shutil.rmtree(Path(url.removeprefix("sqlite://")).parent, ignore_errors=True)
        else:
            self._admin(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    def close(self) -> None:
        """Remove the template."""
        self.drop(self.template)
