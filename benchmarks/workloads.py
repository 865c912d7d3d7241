"""The table of workloads: what each measures, and its targets. Imports the code of one only when it is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Target:
    """A figure that must be at least or at most something; `postgres` where it differs from SQLite's."""

    figure: str
    sense: Literal["≥", "≤"]
    sqlite: float
    postgres: float | None = None

    def wanted(self, kind: str) -> float:
        """The bound on this database."""
        return self.postgres if kind == "postgres" and self.postgres is not None else self.sqlite

    def met(self, kind: str, value: float) -> bool:
        """Whether the figure is within it."""
        return value >= self.wanted(kind) if self.sense == "≥" else value <= self.wanted(kind)


@dataclass(frozen=True)
class Workload:
    """One workload: where its code is, in words, its targets, further figures to show, repetitions at
    most, and how many finished runs are stored before."""

    code: str
    words: str
    targets: tuple[Target, ...] = ()
    shown: tuple[str, ...] = ()
    most: int = 3
    stored: int = 0


W1_TARGETS = (Target("runs_per_s", "≥", 200), Target("cpu_ms_per_run", "≤", 8), Target("pss_mb", "≤", 400))
MOMENT, SEARCH = 60, 300
W5_TARGETS = (
    *[
        Target(f"{name}_p95_ms", "≤", MOMENT)
        for name in ("list_page", "list_api", "open_page", "open_api", "start_api")
    ],
    *[Target(f"search_{name}_p95_ms", "≤", SEARCH) for name in ("found", "nothing", "api")],
)
W5_SHOWN = ("list_failed_p95_ms", "list_workflow_p95_ms", "home_page_p95_ms")
GROWTH = ("start_cpu_ms", "list_cpu_ms", "run_cpu_ms", "long_run_cpu_ms")

WORKLOADS: dict[str, Workload] = {
    "W1": Workload(
        "runs:w1",
        "1,000 runs of 10 data steps, one API call each over 50 connections, until stored",
        W1_TARGETS,
        ("cpu_ms_per_run_web", "cpu_ms_per_run_worker", "call_p50_ms", "call_p95_ms"),
    ),
    "W1q": Workload("runs:w1_with_quotas", "W1 with quotas counted", shown=("runs_per_s", "cpu_ms_per_run"), most=1),
    "W1b": Workload(
        "runs:w1b",
        "the same 1,000 runs by one batch call",
        (Target("runs_per_s", "≥", 600, 400),),
        ("cpu_ms_per_run", "pss_mb"),
    ),
    "W1e": Workload(
        "runs:w1e",
        "1,000 runs of 5 github.create_issue at 0 ms, each with its committed intent and result",
        (Target("effects_per_s", "≥", 200), Target("cpu_ms_over_bare", "≤", 1.2)),
        ("cpu_ms_per_effect", "bare_cpu_ms", "pss_mb"),
    ),
    "W2": Workload(
        "runs:w2",
        "1,000 runs in flight, each one model call of 2 s through the openai SDK",
        (Target("wall_s", "≤", 5), Target("most_in_flight", "≥", 1000), Target("pss_mb", "≤", 450)),
        ("cpu_ms_per_run",),
    ),
    "W2x5": Workload(
        "runs:w2_5000",
        "5,000 runs in flight, each one model call of 10 s",
        (Target("wall_s", "≤", 20), Target("most_in_flight", "≥", 5000)),
        ("cpu_ms_per_run", "pss_mb"),
    ),
    "W4": Workload(
        "runs:w4",
        "one run: a chain of 100, a chain of 1,000, for_each over 1,000 items (parallelism 50)",
        (Target("chain_100_s", "≤", 0.1), Target("chain_1000_s", "≤", 0.8), Target("for_each_1000_s", "≤", 1)),
    ),
    "W5k10": Workload("pages:w5", "one caller over 10,000 finished runs", W5_TARGETS, W5_SHOWN, stored=10_000),
    "W5": Workload("pages:w5", "one caller over 200,000 finished runs", W5_TARGETS, W5_SHOWN, stored=200_000),
    "growth1k": Workload("pages:growth", "the same work over 1,000 stored runs", shown=GROWTH, stored=1_000),
    "growth": Workload("pages:growth", "the same work over 200,000 stored runs", shown=GROWTH, stored=200_000),
    "W6": Workload(
        "starting:w6",
        "the second start of `manage.py up` to its first page; web and workers at idle",
        (Target("second_start_s", "≤", 4), Target("idle_pss_mb", "≤", 300), Target("idle_cpu_percent", "≤", 2)),
        ("web_import_cpu_s",),
    ),
    "hosts": Workload(
        "runs:two_hosts",
        "800 runs that wait 1 s upstream, 100 at a time for each worker process: one process and two",
        (Target("speedup", "≥", 1.8),),
        ("1_wall_s", "2_wall_s"),
    ),
}
