"""The product's own processes on one database, and what they cost: CPU and memory of their trees."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
TICK = os.sysconf("SC_CLK_TCK")
OFF = {"API_PER_MINUTE": "0", "WEBHOOKS_PER_SECOND": "0", "SERVICE_LIMITS": "0"}
ON = {"API_PER_MINUTE": "1000000", "WEBHOOKS_PER_SECOND": "100000", "SERVICE_LIMITS": "1"}


def free_port() -> int:
    """A port nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Tree:
    """A process, all below it, and what they have used."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def pids(self) -> list[int]:
        """The pids of the tree."""
        found, todo = [], [self.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for task in _listed(f"/proc/{pid}/task"):
                with suppress(OSError):
                    todo += [int(word) for word in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
        return found

    def cpu(self) -> float:
        """CPU seconds so far."""
        return sum(map(cpu_of, self.pids()))

    def pss(self) -> float:
        """Proportional memory in MB."""
        return sum(map(pss_of, self.pids()))


def _listed(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def cpu_of(pid: int) -> float:
    """CPU seconds of one process so far."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def pss_of(pid: int) -> float:
    """Proportional memory of one process in MB."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0) / 1024


@dataclass
class Stage:
    """One database with a workspace, an owner and a token; web and workers are started on it."""

    folder: Path
    database_url: str
    environment: dict[str, str] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)
    commands: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "PUBLIC_URL")},
            **OFF,
            "DATA_DIR": str(self.folder),
            "DATABASE_URL": self.database_url,
            "DJANGO_SETTINGS_MODULE": "orchestrator_site.settings",
            "PORT": str(self.port),
            "WORKERS": "2",
            "LOG_LEVEL": "WARNING",
            **self.environment,
        }

    def __enter__(self) -> Self:
        """Set Django up in this process, on the same database, and make the people."""
        os.environ.update(self.environment)
        import django

        django.setup()
        from accounts.actor import Actor
        from accounts.models import User, Workspace
        from accounts.operations.setup import create_user, create_workspace

        self.owner = User.objects.filter(email="bench@localhost").first() or create_user("bench@localhost", name="Bo")
        known = Workspace.objects.filter(slug="bench").first()
        self.workspace = known or create_workspace(self.owner, "Bench", slug="bench")
        self.actor = Actor.system(self.workspace, "bench")
        return self

    def __exit__(self, *_: Any) -> None:
        self.commands.close()
        self.stack.close()

    def token(self) -> str:
        """A token of the owner with every scope."""
        from datetime import timedelta

        from accounts.operations.tokens import SCOPES, issue

        return issue(self.owner, self.workspace, name="bench", scopes=list(SCOPES), life=timedelta(days=1))[1]

    def cookie(self) -> str:
        """The cookie of a signed-in owner."""
        from django.test import Client

        client = Client()
        client.force_login(self.owner, "django.contrib.auth.backends.ModelBackend")
        return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())

    def allow(self, host: str) -> None:
        """Let connections reach a server of this machine."""
        from django.conf import settings

        settings.ALLOW_PRIVATE_HOSTS = [*settings.ALLOW_PRIVATE_HOSTS, host]
        self.environment["ALLOW_PRIVATE_HOSTS"] = ",".join(settings.ALLOW_PRIVATE_HOSTS)

    def manage(self, name: str, **more: str) -> Tree:
        """Start a management command in a session of its own; it ends with the stage, or before (`stop_commands`)."""
        log = self.commands.enter_context((self.folder / f"{name}.log").open("ab"))
        process = subprocess.Popen(
            [sys.executable, "manage.py", name],
            cwd=ROOT,
            env={**self.environment, **more},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.commands.callback(_end, process)
        return Tree(process.pid)

    def stop_commands(self) -> None:
        """End all that was started."""
        self.commands.close()

    def another_folder(self) -> dict[str, str]:
        """Where a second host keeps its files (PostgreSQL; SQLite serves one host), with the same keys."""
        from django.conf import settings

        if not self.database_url.startswith("postgres"):
            return {}
        keys = {"FIELD_KEY": ",".join(settings.FIELD_KEYS), "SECRET_KEY": settings.SECRET_KEY}
        return {"DATA_DIR": str(self.folder / "second"), **keys}

    def workers(self, count: int = 2, **more: str) -> Tree:
        """`manage.py worker`, with all its workers alive."""
        from workflows.models import Worker

        before = Worker.objects.filter(state="live").count()
        tree = self.manage("worker", WORKERS=str(count), **more)
        until = time.monotonic() + 60
        while Worker.objects.filter(state="live", beat__gt=0).count() < before + count:
            if time.monotonic() > until:
                raise SystemExit(f"the workers did not start; see {self.folder}/worker.log")
            time.sleep(0.05)
        return tree

    def web(self) -> Tree:
        """`manage.py web`, answering."""
        tree = self.manage("web")
        wait_for_page(f"{self.base}/healthz", 60)
        return tree

    def workflow(self, slug: str, steps: list[dict[str, Any]], inputs: list[dict[str, Any]]) -> str:
        """A published workflow; its slug, which gets a tail where another repetition has taken it."""
        from workflows.operations.publish import publish_workflow
        from workflows.operations.workflows import create_workflow, free_slug

        slug = free_slug(self.actor, slug)
        definition = {"format": 1, "slug": slug, "name": slug, "inputs": inputs, "steps": steps, "outputs": {}}
        publish_workflow(self.actor, create_workflow(self.actor, definition))
        return slug

    def batch(self, slug: str, runs: int, first: int = 0) -> None:
        """Start many runs with inputs of their own."""
        from workflows.operations.runs import start_batch

        for at in range(first, first + runs, 1000):
            start_batch(self.actor, slug, [{"name": f"n{n}"} for n in range(at, min(first + runs, at + 1000))])

    def until_ended(self, runs: int, slug: str, seconds: float = 300) -> None:
        """Wait until so many runs of a workflow have ended; all of them must have succeeded."""
        from workflows.models import Run

        mine = Run.objects.of(self.workspace).filter(workflow__slug=slug)
        open_ones = mine.filter(status__in=("queued", "running", "waiting", "attention", "paused"))
        end = time.monotonic() + seconds
        while open_ones.exists() or mine.count() < runs:
            if time.monotonic() > end:
                raise SystemExit(f"{open_ones.count()} of {runs} runs have not ended in {seconds:.0f} s")
            time.sleep(0.03)
        bad = mine.exclude(status="succeeded")
        if bad.exists():
            raise SystemExit(f"{bad.count()} runs of {slug} did not succeed: {bad.first().error}")

    def database_cpu(self) -> float:
        """CPU seconds of PostgreSQL's processes for this database so far; 0 on SQLite."""
        from django.db import connection

        if connection.vendor != "postgresql":
            return 0.0
        with connection.cursor() as cursor:
            cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
            return sum(cpu_of(pid) for (pid,) in cursor.fetchall())


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL to its whole session when it does not end."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for_page(address: str, seconds: float) -> float:
    """Until the address answers 200; how many seconds that took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                if answer.status == 200:
                    return time.monotonic() - began
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise SystemExit(f"nothing answered at {address} within {seconds:.0f} s")


class Meter:
    """CPU of some trees and the wall clock between two moments."""

    def __init__(self, stage: Stage, **trees: Tree) -> None:
        self.stage, self.trees = stage, trees
        self._cpu = {name: tree.cpu() for name, tree in trees.items()}
        self._database = stage.database_cpu()
        self._began = time.monotonic()

    def cpu(self) -> float:
        """CPU seconds of all trees since."""
        return sum(tree.cpu() - self._cpu[name] for name, tree in self.trees.items())

    def read(self, count: int, unit: str) -> dict[str, float]:
        """Wall seconds, things a second, CPU milliseconds a thing (all trees, and each), memory of all trees."""
        wall = time.monotonic() - self._began
        used = {name: 1000 * (tree.cpu() - self._cpu[name]) / count for name, tree in self.trees.items()}
        database = 1000 * (self.stage.database_cpu() - self._database) / count
        found = {
            "wall_s": round(wall, 3),
            f"{unit}s_per_s": round(count / wall, 1),
            f"cpu_ms_per_{unit}": round(sum(used.values()), 3),
            **({f"cpu_ms_per_{unit}_{name}": round(value, 3) for name, value in used.items()} if len(used) > 1 else {}),
            "pss_mb": round(sum(tree.pss() for tree in self.trees.values())),
        }
        return found if not database else {**found, f"cpu_ms_per_{unit}_postgres": round(database, 3)}
