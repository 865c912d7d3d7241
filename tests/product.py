"""The real product as processes: `manage.py up` (or web and worker apart) on a folder of its own, for acceptance tests.

with Product(tmp_path) as product:          # what `make run` starts
    product.api("GET", "/api/v1/runs")
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90
NOT_HANDED_ON = ("TEST_DB", "REDIS_URL", "SECRET_KEY", "FIELD_KEY", "EMAIL_URL", "PUBLIC_URL", "PRODUCTION")


@dataclass(frozen=True)
class Answer:
    """Status, headers and parsed body of one request."""

    status: int
    headers: Mapping[str, str]
    body: Any


def free_port() -> int:
    """A port nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Product:
    """`manage.py up` with its children, its address and a token of the owner."""

    def __init__(self, folder: Path, *, database_url: str = "", **environment: str) -> None:
        self.folder, self.port = folder, free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if name not in NOT_HANDED_ON}
        self.environment = {
            **kept,
            "DATA_DIR": str(folder / "data"),
            "PORT": str(self.port),
            "DATABASE_URL": database_url,
            "DEMO_LOGIN": "1",
            "DJANGO_SETTINGS_MODULE": "orchestrator_site.settings",
            **environment,
        }
        self.log = folder / "product.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.login_path = ""
        self._token = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def start(self) -> float:
        """Start and wait for the printed address; returns the seconds it took."""
        began = time.monotonic()
        offset = self.log.stat().st_size if self.log.exists() else 0
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=self.environment,
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        while time.monotonic() - began < START_SECONDS:
            found = re.search(r"http://127\.0\.0\.1:\d+(/sign-in/link/\S+)", self.log.read_text()[offset:])
            if found:
                self.login_path = found[1]
                return time.monotonic() - began
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"the product did not start:\n{self.log.read_text()[-4000:]}")

    def stop(self) -> None:
        """Ctrl+C, then wait; what does not end is killed."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.kill_everything()
        self.process = None

    def pids(self) -> list[int]:
        """Every process that belongs to this product, found by its DATA_DIR."""
        mark = f"DATA_DIR={self.environment['DATA_DIR']}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found

    def worker_pids(self) -> list[int]:
        """The processes that host an engine, as the product itself knows them."""
        return [row["pid"] for row in self.api("GET", "/api/v1/workers").body["results"] if row["state"] == "live"]

    def kill_everything(self) -> None:
        """kill -9 of all that was started."""
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if self.process is not None:
            self.process.wait(10)

    def manage(self, *arguments: str, timeout: float = 90, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a management command on this product's database."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=check,
        )

    @property
    def token(self) -> str:
        """A token of the owner with every scope."""
        if not self._token:
            done = self.manage("create_token", "--workspace", "demo", "--user", "owner@localhost")
            self._token = re.search(r"awo_\S+", done.stdout)[0]  # type: ignore[index]
        return self._token

    def api(self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str) -> Answer:
        """One request; header names with underscores become dashes."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token != "":
            sent["Authorization"] = f"Bearer {token or self.token}"
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        request = urllib.request.Request(self.base + path, data=data, method=method, headers=sent)
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return _answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return _answer(error.code, error.headers, error.read())

    def run(self, slug: str, inputs: Mapping[str, Any] | None = None, *, wait: int = 60, **headers: str) -> Any:
        """Start a run by the API, wait for its end, return it."""
        started = self.api(
            "POST", f"/api/v1/workflows/{slug}/runs", {"inputs": inputs or {}}, Prefer=f"wait={wait}", **headers
        )
        assert started.status in (201, 202), started.body
        return started.body

    def wait_for(self, run_id: str, *, seconds: float = 60) -> Any:
        """The run when it has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            run = self.api("GET", f"/api/v1/runs/{run_id}").body
            if run["status"] in ("succeeded", "failed", "cancelled", "timed_out"):
                return run
            time.sleep(0.1)
        raise AssertionError(f"run {run_id} is still {run['status']} after {seconds} s")


def _answer(status: int, headers: Any, raw: bytes) -> Answer:
    text = raw.decode()
    try:
        return Answer(status, dict(headers), json.loads(text))
    except ValueError:
        return Answer(status, dict(headers), text)
