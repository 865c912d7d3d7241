"""The real product as processes on a data folder of its own: what `make run` starts, on a free port."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FIELD_KEY", "EMAIL_URL", "PUBLIC_URL", "DJANGO_SETTINGS_MODULE")


@dataclass
class Product:
    """A running product; `with Product() as product: product.base, product.login_link()`."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="awo-product-")))
    port: int = 0
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> Product:
        self.port = _free_port()
        for command in ("migrate", "createcachetable", "quickstart"):
            self.manage(command)
        try:
            self.start("web")
            self.start("worker")
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def base(self) -> str:
        """The address of the product."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes: nothing of ours but the path."""
        kept = {name: value for name, value in os.environ.items() if name not in OURS}
        return {**kept, "DATA_DIR": str(self.folder), "PORT": str(self.port), "DEMO_LOGIN": "1", "WORKERS": "1"}

    def manage(self, *arguments: str) -> str:
        """Run a management command to its end; its output."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, name: str) -> None:
        """Start `manage.py <name>`; its log is kept in the folder."""
        log = (self.folder / f"{name}.log").open("ab")
        command = [sys.executable, "manage.py", name]
        self.processes.append(
            subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        )

    def log(self, name: str) -> str:
        """What a process has said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def login_link(self) -> str:
        """A fresh one-time sign-in address."""
        found = re.search(r"https?://\S+", self.manage("login_link"))
        assert found, "login_link printed no address"
        return found.group()

    def _wait(self) -> None:
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            if any(process.poll() is not None for process in self.processes):
                raise RuntimeError(f"a process ended at once:\n{self.log('web')}\n{self.log('worker')}")
            try:
                with urllib.request.urlopen(f"{self.base}/healthz", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"the product did not answer within {READY_SECONDS} s:\n{self.log('web')}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def chromium() -> str | None:
    """The browser to drive: CHROMIUM, or the usual places."""
    wanted = os.environ.get("CHROMIUM")
    names = [wanted] if wanted else ["/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"]
    return next((path for name in names if name and (path := shutil.which(name))), None)
