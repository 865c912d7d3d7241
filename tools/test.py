"""`make test`: the whole suite on SQLite, then on PostgreSQL, with the services and the browser it needs.

Uses the PostgreSQL and Redis that already answer on this machine, or starts throwaway ones from the system's
binaries; installs Debian's chromium only as root. What had to be left out is said at the end, in words.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


def answers(port: int) -> bool:
    """Whether something listens on this port of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_binaries() -> Path | None:
    """The newest folder with initdb, if PostgreSQL is installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


@contextmanager
def throwaway_postgres(binaries: Path) -> Iterator[str]:
    """A PostgreSQL cluster in a temporary folder; yields its URL."""
    with tempfile.TemporaryDirectory(prefix="awo-pg-") as folder:
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if as_user:
            shutil.chown(folder, "postgres")
        data, port = f"{folder}/data", free_port()
        quiet = {"stdout": subprocess.DEVNULL, "check": True}
        subprocess.run([*as_user, binaries / "initdb", "-D", data, "-A", "trust", "-U", "postgres"], **quiet)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
        subprocess.run([*as_user, binaries / "pg_ctl", "-D", data, "-w", "-o", options, "start"], **quiet)
        try:
            yield f"postgres://postgres@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*as_user, binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)


@contextmanager
def throwaway_redis() -> Iterator[str]:
    """A Redis server that keeps nothing; yields its URL."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if answers(port):
                break
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/9"
    finally:
        process.terminate()


def find_browser() -> str:
    """Path of a chromium; installs Debian's as root where none is there; '' if there is none."""
    found = next((path for name in CHROMIUMS if (path := shutil.which(name))), "")
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Debian's chromium for the browser tests (once)…", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["apt-get", "update", "-q"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "-q", "chromium"], **quiet)
        found = next((path for name in CHROMIUMS if (path := shutil.which(name))), "")
    return found


def run_pytest(name: str, environment: dict[str, str], arguments: list[str]) -> int:
    """One pass of the suite; returns pytest's exit status."""
    print(f"\n=== The suite on {name} ===", flush=True)
    started = time.monotonic()
    status = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
    ).returncode
    print(f"=== {name}: exit status {status}, {time.monotonic() - started:.0f} s ===", flush=True)
    return status


def main() -> int:
    """Prepare, run both passes, say what was left out."""
    left_out: list[str] = []
    arguments = sys.argv[1:]
    environment: dict[str, str] = {}
    with ExitStack() as stack:
        browser = find_browser()
        if browser:
            environment["CHROMIUM"] = browser
        else:
            left_out.append("browser tests: no chromium found; install it (Debian: apt-get install chromium)")
        contracts = Path(os.environ.get("CONTRACTS_DIR", ROOT.parent / "shared" / "contracts"))
        if not (contracts / "contract_server").is_dir():
            left_out.append("contract suite: ../shared/contracts is not beside this clone (or set CONTRACTS_DIR)")
        if answers(6379):
            environment["TEST_REDIS_URL"] = "redis://127.0.0.1:6379/9"
        elif shutil.which("redis-server"):
            environment["TEST_REDIS_URL"] = stack.enter_context(throwaway_redis())
        else:
            left_out.append("Redis rows: no Redis answers on port 6379 and none is installed")
        postgres = "postgres://postgres@127.0.0.1:5432/postgres" if answers(5432) else ""
        binaries = None if postgres else postgres_binaries()
        if binaries:
            postgres = stack.enter_context(throwaway_postgres(binaries))
        statuses = [run_pytest("SQLite", environment, arguments)]
        if postgres:
            more = {"TEST_DB": "postgres", "TEST_POSTGRES_URL": postgres}
            statuses.append(run_pytest("PostgreSQL", {**environment, **more}, arguments))
        else:
            left_out.append("the PostgreSQL pass: none answers on port 5432 and none is installed")
    for line in left_out:
        print(f"LEFT OUT: {line}")
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())
