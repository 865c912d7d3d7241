"""A stage for faults: a database of its own, real workers, a service with a journal, and a checker of five zeros.

The truth is outside: the service's fsynced journal, and the ids that starting a run gave back.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HELPER = """
import json, sys, traceback
import django; django.setup()
from tests.faults import acts
for line in sys.stdin:
    name, args = json.loads(line)
    try:
        answer = {"ok": getattr(acts, name)(*args)}
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
"""


# Ways to fail that tell the truth about what happened.
HONEST = ("E_POISON", "E_REJECTED", "E_ACTION", "E_ENGINE", "E_SERVICE_UNAVAILABLE")
TEMPLATE = Path(tempfile.gettempdir()) / f"awo-fault-template-{os.getpid()}.sqlite3"


@dataclass
class Verdict:
    """What the checker found; the five counts must be zero."""

    runs: int = 0
    lost: int = 0
    doubled: int = 0
    phantom: int = 0
    stuck: int = 0
    lying: int = 0
    details: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Five zeros."""
        return not (self.lost or self.doubled or self.phantom or self.stuck or self.lying)


class Stage:
    """One story of faults."""

    def __init__(self, database: str = "sqlite", lease: int = 12, scale: float = 0.5, workers: int = 2) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="awo-fault-"))
        self.journal = self.folder / "service.journal"
        self.database = database
        self.name = f"awo_fault_{os.getpid()}_{self.folder.name[-6:].lower().replace('_', 'x')}"
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AWO_", "DJANGO_", "DATABASE_"))},
            "DATA_DIR": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "LEASE_SECONDS": str(lease),
            "AWO_TIME_SCALE": str(scale),
            "WORKERS": str(workers),
            "DATABASE_URL": self._postgres() if database == "postgres" else "",
        }
        self.supervisors: list[subprocess.Popen[bytes]] = []
        self.service: subprocess.Popen[str] | None = None
        self.helper: subprocess.Popen[str] | None = None
        self.acked: list[str] = []
        self.token = ""
        self.kills = 0

    def _postgres(self) -> str:
        base = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres").rpartition("/")[0]
        import psycopg

        with psycopg.connect(f"{base}/postgres", autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{self.name}"')
        self._drop = (base, self.name)
        return f"{base}/{self.name}"

    def __enter__(self) -> Stage:
        self.service = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.service", "--journal", str(self.journal)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self.database == "sqlite" and TEMPLATE.exists():
            shutil.copy(TEMPLATE, self.folder / "orchestrator.sqlite3")
        assert self.service.stdout is not None
        self.url = self.service.stdout.readline().strip()
        self.env["FAKE_HOST"] = self.url.removeprefix("http://")
        self.act("migrate")
        if self.database == "sqlite" and not TEMPLATE.exists():
            self.act("copy", str(TEMPLATE))
        self.act("prepare", self.url)
        return self

    def __exit__(self, *_: Any) -> None:
        for supervisor in self.supervisors:
            if supervisor.poll() is None:
                self.kill_all(supervisor)
        for process in (self.service, self.helper):
            if process is not None:
                process.kill()
                process.wait()
        if self.database == "postgres":
            import psycopg

            with psycopg.connect(f"{self._drop[0]}/postgres", autocommit=True) as admin:
                admin.execute(f'DROP DATABASE IF EXISTS "{self._drop[1]}" WITH (FORCE)')

    def act(self, name: str, *args: Any) -> Any:
        """Do something with the product, in a process beside this one."""
        if self.helper is None:
            self.helper = self._helper({})
        assert self.helper.stdin is not None and self.helper.stdout is not None
        self.helper.stdin.write(json.dumps([name, args]) + "\n")
        self.helper.stdin.flush()
        answer = json.loads(self.helper.stdout.readline())
        assert "ok" in answer, answer.get("error")
        return answer["ok"]

    def start_workers(self, **env: str) -> subprocess.Popen[bytes]:
        """A real `manage.py worker`."""
        log = open(self.folder / "worker.log", "ab")  # noqa: SIM115
        supervisor = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT,
            env={**self.env, **env},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.supervisors.append(supervisor)
        end = time.monotonic() + 60
        while not self.worker_pids() and supervisor.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        return supervisor

    def attempt(self, name: str, *args: Any, seconds: float = 20.0, **env: str) -> Any:
        """An act in a process of its own that may die of it: its answer, or None. What stands still is woken."""
        helper = self._helper(env)
        assert helper.stdin is not None and helper.stdout is not None
        helper.stdin.write(json.dumps([name, args]) + "\n")
        helper.stdin.close()
        end = time.monotonic() + seconds
        while helper.poll() is None and time.monotonic() < end:
            if Path(f"/proc/{helper.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
                time.sleep(1.0)
                helper.send_signal(signal.SIGCONT)
            time.sleep(0.02)
        helper.kill()
        line = helper.stdout.readline()
        helper.wait()
        answer = json.loads(line) if line else {}
        return answer.get("ok")

    def _helper(self, env: dict[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", HELPER],
            cwd=ROOT,
            env={**self.env, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start_runs(self, slug: str, count: int) -> list[str]:
        """Start runs; their ids are what was promised."""
        ids = self.act("start", slug, count)
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
        import urllib.request

        request = urllib.request.Request(f"{self.url}/plan", json.dumps({"plan": faults}).encode(), method="POST")
        urllib.request.urlopen(request, timeout=5).read()

    def tree(self, supervisor: subprocess.Popen[bytes]) -> list[int]:
        """Every process below a supervisor."""
        found, todo = [], [supervisor.pid]
        while todo:
            pid = todo.pop()
            try:
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            except OSError:
                continue
            found += [int(child) for child in children]
            todo += [int(child) for child in children]
        return found

    def worker_pids(self) -> list[int]:
        """The processes that hold an engine now."""
        return self.act("worker_pids")

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """Kill one process."""
        try:
            os.kill(pid, number)
            self.kills += 1
        except ProcessLookupError:
            return

    def kill_all(self, supervisor: subprocess.Popen[bytes]) -> None:
        """The supervisor and everything below it, at once."""
        for pid in [supervisor.pid, *self.tree(supervisor)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        supervisor.wait()

    def until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not true() and time.monotonic() < end:
            time.sleep(0.05)
        return true()

    def until_quiet(self, seconds: float) -> float:
        """Wait until every run has ended; how long it took."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self.act("unfinished") == 0:
                break
            time.sleep(0.1)
        return time.monotonic() - began

    def check(self) -> Verdict:
        """Five zeros, by comparing the service's journal and the promises with the database."""
        lines = [json.loads(line) for line in self.journal.read_text().splitlines()] if self.journal.exists() else []
        found = self.act("evidence")
        return judge(self.acked, lines, found)


def judge(  # noqa: C901 - one line a fault; split it would hide the list
    acked: list[str], lines: list[dict], found: dict
) -> Verdict:
    """Compare promises, journal and database. Pure, so that the checker can be tried itself."""
    verdict = Verdict(runs=len(acked))
    runs = {run["id"]: run for run in found["runs"]}
    done = [line["key"] for line in lines]
    known = {effect["key"] for effect in found["effects"]}
    confirmed = [effect for effect in found["effects"] if effect["state"] == "confirmed"]

    def note(kind: str, text: str) -> None:
        setattr(verdict, kind, getattr(verdict, kind) + 1)
        verdict.details.append(f"{kind}: {text}")

    for run in acked:
        if run not in runs:
            note("lost", f"run {run} was promised and is gone")
    for run in sorted(set(runs) - set(acked)):
        note("doubled", f"run {run} was promised to nobody")
    for effect in confirmed:
        if effect["key"] not in done:
            note("lost", f"effect {effect['key']} is confirmed and never happened")
    for key in sorted({key for key in done if done.count(key) > 1}):
        note("doubled", f"{key} happened {done.count(key)} times")
    for key in sorted(set(done) - known):
        note("phantom", f"{key} happened without a row")
    for run in runs.values():
        if run["status"] not in ("succeeded", "failed", "cancelled", "timed_out", "attention"):
            note("stuck", f"run {run['id']} is {run['status']}")
        if run["status"] == "succeeded" and run["finished_steps"] != run["wanted_steps"]:
            note("lying", f"run {run['id']} succeeded with {run['finished_steps']} of {run['wanted_steps']} steps")
        if run["status"] == "succeeded" and run["confirmed"] != run["effects"]:
            note("lying", f"run {run['id']} succeeded with {run['confirmed']} of {run['effects']} effects")
        if run["status"] == "failed" and run["code"] not in HONEST:
            note("lying", f"run {run['id']} failed with {run['code']}")
    return verdict
