"""The workloads of docs/performance: W1b (batches of data steps) and W2 (model calls in flight), on real workers.

    python -m benchmarks.bench w1b --runs 1000 --database sqlite|postgres     (make bench)
    python -m benchmarks.bench w2 --runs 1000

Prints a table and one line of JSON. Quotas are off, durability is the product's own (SQLite synchronous FULL,
PostgreSQL synchronous_commit on). CPU is that of the whole tree of worker processes.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TICK = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run the workloads named on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workloads", nargs="*", default=["w1b", "w2"])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--postgres", default="postgres://postgres@127.0.0.1:5432/awo_bench")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="awo-bench-"))
    _environment(folder, options)
    import django

    django.setup()
    _fresh_database(options)
    results = [WORKLOADS[name](options, folder) for name in options.workloads]
    for result in results:
        print("  ".join(f"{name} {value}" for name, value in result.items()))
    print(json.dumps({"database": options.database, "results": results}))


def _environment(folder: Path, options: argparse.Namespace) -> None:
    os.environ.update(
        DATA_DIR=str(folder),
        DJANGO_SETTINGS_MODULE="benchmarks.settings",
        WORKERS=str(options.workers),
        LOG_LEVEL=os.environ.get("LOG_LEVEL", "WARNING"),
        DATABASE_URL=options.postgres if options.database == "postgres" else "",
        PYTHONPATH=str(ROOT),
    )


def _fresh_database(options: argparse.Namespace) -> None:
    if options.database == "postgres":
        import psycopg

        base, _, name = options.postgres.rpartition("/")
        with psycopg.connect(f"{base}/postgres", autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            admin.execute(f'CREATE DATABASE "{name}"')
    from django.core.management import call_command

    call_command("migrate", verbosity=0, skip_checks=True)
    call_command("createcachetable", verbosity=0)


class Workers:
    """A real `manage.py worker` and its tree."""

    def __init__(self, folder: Path) -> None:
        self.log = open(folder / "worker.log", "w")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Workers:
        from workflows.models import Worker

        end = time.monotonic() + 30
        while Worker.objects.filter(state="live", beat__gt=0).count() < int(os.environ["WORKERS"]):
            if time.monotonic() > end or self.process.poll() is not None:
                raise SystemExit(f"the workers did not start; see {self.log.name}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: Any) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def tree(self) -> list[int]:
        """The pids of the tree."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
            except OSError:
                continue
            todo += [int(word) for word in text.split()]
        return found

    def cpu(self) -> float:
        """CPU seconds of the tree so far."""
        total = 0
        for pid in self.tree():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def pss(self) -> float:
        """Proportional memory of the tree in MB."""
        total = 0
        for pid in self.tree():
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
        return total / 1024


def w1b(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """`runs` runs of a chain of data steps, started by batch calls, until all are finished and stored."""
    workspace, actor = _actor()
    steps = [{"key": "s0", "action": "data.format", "with": {"template": "Hello {{ inputs.name }}"}}]
    steps += [
        {"key": f"s{n}", "action": "data.format", "with": {"template": f"{{{{ steps.s{n - 1}.text }}}} {n}"}}
        for n in range(1, options.steps)
    ]
    slug = _publish(workspace, actor, "chain", steps, inputs=[{"name": "name", "type": "text", "required": True}])
    with Workers(folder) as workers:
        _batch(actor, slug, 20)
        _until_done(workspace, 20)
        return _measured("W1b", options.runs, workers, workspace, lambda: _batch(actor, slug, options.runs), 20)


def w2(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """`runs` runs in flight at once, each one model call that takes 2 s upstream, through the real openai SDK."""
    from benchmarks.upstream import Upstream

    upstream = Upstream(seconds=2.0).start()
    workspace, actor = _actor()
    from integrations.operations.connections import create_connection

    create_connection(
        actor,
        service="openai",
        name="openai",
        secret={"api_key": "sk-test-0123456789abcdef"},
        base_url=f"{upstream.url}/v1",
    )
    steps = [
        {"key": "ask", "action": "ai.complete", "with": {"prompt": "Say {{ inputs.name }}", "model": "gpt-4o-mini"}}
    ]
    slug = _publish(workspace, actor, "asks", steps, inputs=[{"name": "name", "type": "text", "required": True}])
    with Workers(folder) as workers:
        _batch(actor, slug, 4)
        _until_done(workspace, 4)
        upstream.most = 0
        result = _measured("W2", options.runs, workers, workspace, lambda: _batch(actor, slug, options.runs), 4)
    result["most_in_flight"] = upstream.most
    upstream.stop()
    return result


def w4(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One run at a time: a chain of 100, a chain of 1,000, a for_each over 1,000 items (parallelism 50)."""
    from workflows.operations.runs import start_run

    workspace, actor = _actor()
    text = {"template": "{{ inputs.name }}"}
    named = [{"name": "name", "type": "text", "required": True}]
    for length in (100, 999):
        steps = [{"key": f"s{n}", "action": "data.format", "with": text} for n in range(length)]
        _publish(workspace, actor, f"chain_{length}", steps, inputs=named)
    do = [{"key": "one", "action": "data.format", "with": {"template": "{{ item }} {{ inputs.name }}"}}]
    loop = {"key": "loop", "action": "for_each", "with": {"items": "{{ inputs.items }}", "parallelism": 50}, "do": do}
    _publish(workspace, actor, "loop", [loop], inputs=[*named, {"name": "items", "type": "list", "required": True}])
    found: dict[str, Any] = {"workload": "W4"}
    with Workers(folder):
        for slug, more in (("chain_100", {}), ("chain_999", {}), ("loop", {"items": list(range(1000))})):
            times = []
            for _ in range(3):
                began = time.monotonic()
                run = start_run(actor, slug, {"name": "x", **more}, wait=60)
                times.append(time.monotonic() - began)
                if run.status != "succeeded":
                    raise SystemExit(f"{slug}: {run.status} {run.error}")
            found[f"{slug}_s"] = round(sorted(times)[1], 3)
    return found


def _measured(name: str, runs: int, workers: Workers, workspace: Any, start: Any, before: int) -> dict[str, Any]:
    cpu, began = workers.cpu(), time.monotonic()
    start()
    started = time.monotonic() - began
    _until_done(workspace, before + runs)
    wall = time.monotonic() - began
    used = workers.cpu() - cpu
    from workflows.models import Run

    bad = Run.objects.of(workspace).exclude(status="succeeded")
    for run in bad[:3]:
        print(run.status, run.error, file=sys.stderr)
    return {
        "workload": name,
        "runs": runs,
        "wall_s": round(wall, 2),
        "start_call_s": round(started, 2),
        "runs_per_s": round(runs / wall, 1),
        "cpu_ms_per_run": round(1000 * used / runs, 2),
        "pss_mb": round(workers.pss()),
        "not_succeeded": bad.count(),
    }


def _actor() -> tuple[Any, Any]:
    from accounts.actor import Actor
    from accounts.models import Workspace
    from orchestrator_site.lib.ids import short_token

    workspace = Workspace.objects.create(slug=f"bench_{short_token(5)}", name="Bench")
    return workspace, Actor.system(workspace, "bench")


def _publish(workspace: Any, actor: Any, slug: str, steps: list[dict], inputs: list[dict]) -> str:
    from workflows.operations.publish import publish_workflow
    from workflows.operations.workflows import create_workflow

    definition = {"format": 1, "slug": slug, "name": slug, "inputs": inputs, "steps": steps, "outputs": {}}
    publish_workflow(actor, create_workflow(actor, definition))
    return slug


def _batch(actor: Any, slug: str, runs: int) -> None:
    from workflows.operations.runs import start_batch

    for first in range(0, runs, 1000):
        start_batch(actor, slug, [{"name": f"n{n}"} for n in range(first, min(runs, first + 1000))])


def _until_done(workspace: Any, runs: int, seconds: float = 300) -> None:
    from workflows.models import Run

    end = time.monotonic() + seconds
    done = Run.objects.of(workspace).filter(status__in=("succeeded", "failed", "cancelled", "timed_out"))
    while done.count() < runs:
        if time.monotonic() > end:
            raise SystemExit(f"{done.count()} of {runs} runs ended in {seconds:.0f} s")
        time.sleep(0.05)


WORKLOADS = {"w1b": w1b, "w2": w2, "w4": w4}

if __name__ == "__main__":
    main()
