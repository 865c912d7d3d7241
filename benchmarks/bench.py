"""`make bench`: every workload of docs/performance.md on SQLite and PostgreSQL, as one table and one JSON file.

    python -m benchmarks.bench [--only W1,W4] [--database sqlite|postgres] [--repeat 3]

Each repetition has a fresh database and real processes; the figures are medians. Quotas are lifted (API_PER_MINUTE=0,
WEBHOOKS_PER_SECOND=0) except in W1q; durability is the product's own: SQLite synchronous FULL, PostgreSQL
synchronous_commit on.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

from benchmarks.databases import Databases
from benchmarks.report import markdown, medians, printed
from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parent.parent
POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"


def main() -> int:
    """Measure, write, print; exit status 1 when a workload could not be measured."""
    options = _options()
    names = options.only.split(",") if options.only else list(WORKLOADS)
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown:
        raise SystemExit(f"{', '.join(unknown)}: not known; there are {', '.join(WORKLOADS)}")
    sitting: dict[str, Any] = {"at": time.strftime("%Y-%m-%d %H:%M"), "machine": _machine(), "figures": {}}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="awo-bench-", ignore_cleanup_errors=True)))
        for kind in ("sqlite", "postgres") if options.database == "both" else (options.database,):
            postgres = _postgres(stack) if kind == "postgres" else ""
            sitting["figures"][kind] = _measure(kind, names, options, folder, postgres)
    sitting["load_after"] = round(os.getloadavg()[0], 2)
    _write(sitting)
    return int(any("failed" in found for figures in sitting["figures"].values() for found in figures.values()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help=f"some of {','.join(WORKLOADS)}")
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--repeat", type=int, default=3, help="repetitions of each workload (3)")
    return parser.parse_args()


def _measure(kind: str, names: list[str], options: argparse.Namespace, folder: Path, postgres: str) -> dict[str, Any]:
    databases = Databases(kind, folder, postgres)
    filled: dict[int, str] = {}
    found: dict[str, Any] = {}
    try:
        for name in names:
            stored = WORKLOADS[name].stored
            if stored and stored not in filled:
                filled[stored] = _filled(databases, folder, stored)
            found[name] = _workload(name, databases, folder, filled.get(stored, ""), options.repeat)
            print(f"{kind} {name}: {json.dumps(found[name])}", flush=True)
    finally:
        for url in filled.values():
            databases.drop(url)
        databases.close()
    return found


def _workload(name: str, databases: Databases, folder: Path, filled: str, repeat: int) -> dict[str, Any]:
    """The medians; over stored runs the repetitions share one database, for a copy of it takes longer than the work."""
    found = []
    for _ in range(min(repeat, WORKLOADS[name].most)):
        place = tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True)
        with nullcontext(filled) if filled else databases.fresh() as url, place as data:
            done = _child("one", name, "--database-url", url, "--folder", data)
        if done.returncode:
            return {"failed": done.stderr[-2000:] or f"exit status {done.returncode}"}
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return medians(found)


def _filled(databases: Databases, folder: Path, runs: int) -> str:
    url = databases.copy()
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as data:
        done = _child("filling", "--database-url", url, "--folder", data, "--runs", str(runs))
    if done.returncode:
        raise SystemExit(done.stderr[-4000:])
    return url


def _child(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def _machine() -> dict[str, Any]:
    """What the figures depend on: compare those of one sitting; `python_ms` tells machines apart."""
    best = min(_loop() for _ in range(5))
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "python_ms": round(1000 * best, 1),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _loop() -> float:
    began = time.process_time()
    sum(number * number for number in range(1_000_000))
    return time.process_time() - began


def _postgres(stack: ExitStack) -> str:
    """The PostgreSQL that answers on this machine, or a throwaway one."""
    from tools.test import answers, postgres_binaries, throwaway_postgres

    if os.environ.get("TEST_POSTGRES_URL"):
        return os.environ["TEST_POSTGRES_URL"]
    if answers(5432):
        return POSTGRES
    binaries = postgres_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL does not answer on port 5432 and is not installed; try --database sqlite.")
    return stack.enter_context(throwaway_postgres(binaries))


def _write(sitting: dict[str, Any]) -> None:
    folder = ROOT / "benchmarks" / "results"
    folder.mkdir(exist_ok=True)
    name = time.strftime("%Y%m%d-%H%M%S")
    (folder / f"{name}.json").write_text(json.dumps(sitting, indent=1) + "\n")
    (folder / f"{name}.md").write_text(markdown(sitting))
    print(printed(sitting))
    print(f"Written: benchmarks/results/{name}.json and .md")


if __name__ == "__main__":
    sys.exit(main())
