"""Workloads of the web process: W5 (pages and calls over many stored runs) and growth (the same work on more rows)."""

from __future__ import annotations

from benchmarks.load import percentile, request, send
from benchmarks.runs import NAME, chain, start_calls
from benchmarks.stage import Meter, Stage

TIMES = 60
Found = dict[str, float]


def w5(stage: Stage) -> Found:
    """Lists, a run, searches and a start by API and page, one caller; p50 and p95 in milliseconds."""
    from workflows.models import Run

    slug = stage.workflow("extra", chain(3), NAME)
    stage.workers()
    stage.web()
    token, cookie = {"Authorization": f"Bearer {stage.token()}"}, {"Cookie": stage.cookie()}
    some = Run.objects.of(stage.workspace).order_by("id")[500].pk
    place = f"/w/{stage.workspace.slug}"
    calls = {
        "list_page": request("GET", f"{place}/runs", **cookie),
        "list_failed": request("GET", f"{place}/runs?state=failed", **cookie),
        "list_workflow": request("GET", f"{place}/runs?workflow=chain_3", **cookie),
        "list_api": request("GET", "/api/v1/runs", **token),
        "open_page": request("GET", f"{place}/runs/{some}", **cookie),
        "open_api": request("GET", f"/api/v1/runs/{some}", **token),
        "home_page": request("GET", f"{place}/", **cookie),
        "search_found": request("GET", f"{place}/runs?q=copy3n17", **cookie),
        "search_nothing": request("GET", f"{place}/runs?q=zebrafinch", **cookie),
        "search_api": request("GET", "/api/v1/runs?q=zebrafinch", **token),
        "start_api": start_calls(stage.token(), slug, 0, 1)[0],
    }
    found: Found = {"stored": Run.objects.of(stage.workspace).count()}
    for name, call in calls.items():
        times = TIMES if "search" not in name else TIMES // 3
        send(stage.port, [call] * 3, connections=1, expect=(200, 201, 202))
        taken = send(stage.port, [call] * times, connections=1, expect=(200, 201, 202))
        found |= {f"{name}_p50_ms": percentile(taken, 0.5), f"{name}_p95_ms": percentile(taken, 0.95)}
    return found


def growth(stage: Stage, runs: int = 400) -> Found:
    """What a start, a list and a run (claimed, walked, finished) cost in CPU; and a run of 10 times the steps."""
    from workflows.models import Run

    slug, long = stage.workflow("grow", chain(3), NAME), stage.workflow("grow_long", chain(30), NAME)
    workers, web, token = stage.workers(), stage.web(), stage.token()
    for name in (slug, long):
        send(stage.port, start_calls(token, name, 0, 200), connections=8, expect=(201, 202))
        stage.until_ended(200, name)
    started = Meter(stage, web=web)
    send(stage.port, start_calls(token, slug, 200, runs), connections=8, expect=(201, 202))
    stage.until_ended(200 + runs, slug)
    start = started.read(runs, "start")["cpu_ms_per_start"]
    batches = {}
    for name, first in ((slug, 200 + runs), (long, 200)):
        worked = Meter(stage, worker=workers)
        stage.batch(name, 2 * runs, first=first)
        stage.until_ended(first + 2 * runs, name)
        batches[name] = worked.read(2 * runs, "run")["cpu_ms_per_run"]
    listed = Meter(stage, web=web)
    send(stage.port, [request("GET", "/api/v1/runs", Authorization=f"Bearer {token}")] * 300, connections=4)
    return {
        "stored": Run.objects.of(stage.workspace).count(),
        "start_cpu_ms": start,
        "run_cpu_ms": batches[slug],
        "long_run_cpu_ms": batches[long],
        "list_cpu_ms": listed.read(300, "list")["cpu_ms_per_list"],
    }
