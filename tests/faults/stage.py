"""A stage for faults: a database of its own, real workers, a service with a journal, and the checker.

The truth is outside: the service's fsynced journal, and the ids that starting a run gave back.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from tests.faults.eyes import Eyes, Recovery, state_of
from tests.faults.judge import HONEST, Verdict, judge
from tests.product import free_port

ROOT = Path(__file__).resolve().parents[2]
HELPER = """
import json, sys, traceback
import django; django.setup()
from django.db import close_old_connections
from tests.faults import acts
for line in sys.stdin:
    name, args = json.loads(line)
    close_old_connections()
    try:
        answer = {"ok": getattr(acts, name)(*args)}
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
"""
POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres").rpartition("/")[0]
TEMPLATE = Path(tempfile.gettempdir()) / f"awo-fault-template-{os.getpid()}.sqlite3"
_templates: set[str] = set()


class Stage:
    """One story of faults."""

    def __init__(
        self,
        database: str = "sqlite",
        lease: int = 12,
        scale: float = 0.5,
        workers: int = 2,
        *,
        postgres: str = POSTGRES,
        host: str = "127.0.0.1",
        folder: Path | None = None,
        two_services: bool = False,
        **env: str,
    ) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="awo-fault-"))
        self.kept = Path(tempfile.mkdtemp(prefix="awo-fault-log-")) if folder else self.folder
        self.journal = self.kept / "service.journal"
        self.database, self.postgres, self.host = database, postgres, host
        self.lease_seconds = lease * scale
        self.name = f"awo_fault_{os.getpid()}_{time.monotonic_ns() % 10**9}"
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AWO_", "DJANGO_", "DATABASE_", "REDIS_"))},
            "DATA_DIR": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "LEASE_SECONDS": str(lease),
            "AWO_TIME_SCALE": str(scale),
            "WORKERS": str(workers),
            "DATABASE_URL": f"{postgres}/{self.name}" if database == "postgres" else "",
            **env,
        }
        self.supervisors: list[subprocess.Popen[bytes]] = []
        self.service: subprocess.Popen[str] | None = None
        self.other: subprocess.Popen[str] | None = None
        self.two_services = two_services
        self.helper: subprocess.Popen[str] | None = None
        self.acked: list[str] = []
        self.token = ""
        self.kills = 0
        self.keep = False  # what a story that failed left behind is worth reading
        self._eyes: Eyes | None = None

    # Curtain up, curtain down

    def __enter__(self) -> Self:
        self.service, self.url = self._serve(self.journal)
        self.other, url = self._serve(self.kept / "other.journal") if self.two_services else (None, "")
        self.env["FAKE_HOST"] = f"{self.url} {url}".replace("http://", "")
        if self.database == "postgres":
            self._make_postgres()
        else:
            self._make_sqlite()
        self.act("prepare", self.url, url)
        return self

    def _serve(self, journal: Path) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "tests.fakes.service", "--journal", str(journal), "--host", self.host]
        service = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert service.stdout is not None
        return service, service.stdout.readline().strip()

    def _make_sqlite(self) -> None:
        if TEMPLATE.exists():
            shutil.copy(TEMPLATE, self.folder / "orchestrator.sqlite3")
            return
        self.act("migrate")
        self.act("copy", str(TEMPLATE))
        atexit.register(TEMPLATE.unlink, missing_ok=True)

    def _make_postgres(self) -> None:
        template = f"awo_fault_template_{os.getpid()}"
        if self.postgres not in _templates:
            _templates.add(self.postgres)
            self._admin(f'DROP DATABASE IF EXISTS "{template}"')
            self._admin(f'CREATE DATABASE "{template}"')
            assert self.attempt("migrate", seconds=120, DATABASE_URL=f"{self.postgres}/{template}")
            atexit.register(_quietly, lambda: self._admin(f'DROP DATABASE IF EXISTS "{template}" WITH (FORCE)'))
        self._admin(f'CREATE DATABASE "{self.name}" TEMPLATE "{template}"')

    def _admin(self, sql: str) -> None:
        import psycopg

        with psycopg.connect(f"{self.postgres}/postgres", autocommit=True) as admin:
            admin.execute(sql)

    def __exit__(self, gone: type[BaseException] | None, *_: Any) -> None:
        for supervisor in self.supervisors:
            self.kill_all(supervisor)
        for process in (self.service, self.other, self.helper):
            if process is not None:
                process.kill()
                process.wait()
        if self._eyes is not None:
            self._eyes.close()
        if gone is None and not self.keep:
            for folder in {self.folder, self.kept}:
                shutil.rmtree(folder, ignore_errors=True)
        if self.database == "postgres":
            _quietly(lambda: self._admin(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)'))

    # The product

    def act(self, name: str, *args: Any) -> Any:
        """Do something with the product, in a process beside this one."""
        if self.helper is None or self.helper.poll() is not None:
            self.helper = self._helper({})
        assert self.helper.stdin is not None and self.helper.stdout is not None
        self.helper.stdin.write(json.dumps([name, args]) + "\n")
        self.helper.stdin.flush()
        answer = json.loads(self.helper.stdout.readline())
        assert "ok" in answer, answer.get("error")
        return answer["ok"]

    def attempt(self, name: str, *args: Any, seconds: float = 20.0, **env: str) -> Any:
        """An act in a process of its own that may die of it: its answer, or None. What stands still is woken."""
        helper = self._helper(env)
        assert helper.stdin is not None and helper.stdout is not None
        helper.stdin.write(json.dumps([name, args]) + "\n")
        helper.stdin.close()
        end = time.monotonic() + seconds
        while helper.poll() is None and time.monotonic() < end:
            if state_of(helper.pid) == "T":
                time.sleep(1.0)
                helper.send_signal(signal.SIGCONT)
            time.sleep(0.02)
        helper.kill()
        line = helper.stdout.readline()
        helper.wait()
        answer = json.loads(line) if line else {}
        return answer.get("ok")

    def _helper(self, env: dict[str, str]) -> subprocess.Popen[str]:
        with open(self.kept / "helper.log", "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", HELPER],
                cwd=ROOT,
                env={**self.env, **env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def start_workers(self, *, prefix: Sequence[str] = (), wait: bool = True, **env: str) -> subprocess.Popen[bytes]:
        """A real `manage.py worker`; `prefix` may put it on another host (`ip netns exec …`)."""
        before = set(self.live()) if wait else set()
        supervisor = self._start("worker", [*prefix, sys.executable, "manage.py", "worker"], env)
        if wait:
            self.until(lambda: supervisor.poll() is not None or bool(set(self.live()) - before), 60)
        return supervisor

    def start_web(self, **env: str) -> str:
        """A real `manage.py web`; its address."""
        port = free_port()
        command = [sys.executable, "manage.py", "web", "--port", str(port), "--bind", "127.0.0.1"]
        self.web = self._start("web", command, {"PORT": str(port), **env})
        base = f"http://127.0.0.1:{port}"
        self.until(lambda: _answers(f"{base}/healthz"), 60)
        return base

    def _start(self, name: str, command: Sequence[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        with open(self.kept / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env={**self.env, **env}, stdout=log, stderr=log, start_new_session=True
            )
        self.supervisors.append(process)
        return process

    # The load

    def start_runs(self, slug: str, count: int) -> list[str]:
        """Start runs; their ids are what was promised."""
        ids: list[str] = self.act("start", slug, count)
        self.acked += ids
        return ids

    def promised(self, key: str, **env: str) -> None:
        """Ask for a run by the API under an idempotency key; a promise is remembered."""
        self.token = self.token or self.act("make_token")
        run = self.attempt("ask_start", key.replace(" ", "-"), self.token, **env)
        if run:
            self.acked = list(dict.fromkeys([*self.acked, run]))

    def plan(self, *faults: str) -> None:
        """What the service does with the next changes."""
        self._tell("plan", {"plan": faults})

    def mood(self, mood: str) -> int:
        """What the service does with every request from now on ("" lifts it); how many it has had."""
        return int(self._tell("mood", {"mood": mood})["requests"])

    def _tell(self, path: str, body: Any) -> Any:
        request = urllib.request.Request(f"{self.url}/{path}", json.dumps(body).encode(), method="POST")
        return json.loads(urllib.request.urlopen(request, timeout=5).read())

    def lines(self) -> list[dict[str, Any]]:
        """What has happened at the service."""
        return [json.loads(line) for path in self.journals() for line in path.read_text().splitlines()]

    def journals(self) -> list[Path]:
        """Where the services write what has happened, before they answer."""
        return [path for path in (self.journal, self.kept / "other.journal") if path.exists()]

    def answer_truly(self) -> int:
        """Answer every open question with what the service's journal says; how many there were."""
        return int(self.act("answer", [str(path) for path in self.journals()]))

    def crash(self, *plans: str) -> dict[str, str]:
        """The environment in which one process meets its fate: P07:1:kill."""
        return {"AWO_CRASH": ",".join(plans), "AWO_CRASH_ONCE": str(self.kept / "crashed")}

    def crashed(self, point: str) -> bool:
        """Whether somebody has."""
        return (self.kept / f"crashed.{point}").exists()

    # Processes

    def tree(self, supervisor: subprocess.Popen[bytes]) -> list[int]:
        """Every process below a supervisor."""
        found, todo = [], [supervisor.pid]
        while todo:
            pid = todo.pop()
            try:
                tasks = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
            except OSError:
                continue
            children = [int(child) for task in tasks for child in task]
            found += children
            todo += children
        return found

    @property
    def eyes(self) -> Eyes:
        """A reading connection of the test's own."""
        if self._eyes is None:
            self._eyes = Eyes(self.folder, self.env["DATABASE_URL"])
        return self._eyes

    def recovery(self) -> Recovery:
        """A watch over how soon what was hit goes on."""
        return Recovery(self.eyes)

    def live(self) -> list[int]:
        """The processes that hold a live lease and are there."""
        return [pid for pid, _ in self.eyes.workers()]

    def worker_pids(self) -> list[int]:
        """The processes that hold an engine, as the product knows them."""
        return list(self.act("worker_pids"))

    def kill(self, pid: int, number: int = signal.SIGKILL) -> bool:
        """Signal one process; whether it was there."""
        if state_of(pid) in ("", "Z", "X"):
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        self.kills += 1
        return True

    def kill_all(self, supervisor: subprocess.Popen[bytes]) -> None:
        """The supervisor and everything below it, at once."""
        for pid in [supervisor.pid, *self.tree(supervisor)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        supervisor.wait()

    # Waiting and judging

    def until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not true() and time.monotonic() < end:
            time.sleep(0.05)
        return true()

    def until_quiet(self, seconds: float, *, answer: bool = False) -> float:
        """Wait until every run has ended (answering truly what is asked, if told so); how long it took."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self.eyes.unfinished() == 0:
                break
            if answer and self.eyes.asking():
                self.answer_truly()
            time.sleep(0.1)
        return time.monotonic() - began

    def check(self, honest: Iterable[str] = HONEST, deleted: Iterable[str] = ()) -> Verdict:
        """The zeros, by comparing the service's journal and the promises with the database."""
        verdict = judge(self.acked, self.lines(), self.act("evidence"), honest, deleted)
        self.keep = self.keep or not verdict.clean
        return verdict


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _quietly(function: Callable[[], Any]) -> None:
    with contextlib.suppress(Exception):
        function()
