"""Workloads of the engine: W1 (by API calls), W1b (by one batch), W1e (effects), W2 (model calls), W4 (one run)."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.load import percentile, request, send
from benchmarks.stage import ON, Meter, Stage
from benchmarks.upstream import Upstream

NAME = [{"name": "name", "type": "text", "required": True}]
WARM = 40
Found = dict[str, float]


def chain(steps: int) -> list[dict[str, Any]]:
    """A chain of data steps, each of which uses the one before."""
    first = {"key": "s0", "action": "data.format", "with": {"template": "Hello {{ inputs.name }}"}}
    rest = [
        {"key": f"s{n}", "action": "data.format", "with": {"template": f"{{{{ steps.s{n - 1}.text }}}} {n}"}}
        for n in range(1, steps)
    ]
    return [first, *rest]


def start_calls(token: str, slug: str, first: int, runs: int) -> list[bytes]:
    """One request a run."""
    path, bearer = f"/api/v1/workflows/{slug}/runs", f"Bearer {token}"
    return [
        request("POST", path, {"inputs": {"name": f"n{n}"}}, Authorization=bearer) for n in range(first, first + runs)
    ]


def w1(stage: Stage, runs: int = 1000) -> Found:
    """Runs of a chain of 10 data steps, each started by its own API call over 50 connections, until all are stored."""
    slug = stage.workflow("chain", chain(10), NAME)
    workers, web, token = stage.workers(), stage.web(), stage.token()
    send(stage.port, start_calls(token, slug, 0, WARM), expect=(201, 202))
    stage.until_ended(WARM, slug)
    calls = start_calls(token, slug, WARM, runs)
    meter = Meter(stage, web=web, worker=workers)
    began = time.monotonic()
    taken = send(stage.port, calls, connections=50, expect=(201, 202))
    called = time.monotonic() - began
    stage.until_ended(WARM + runs, slug)
    return {
        **meter.read(runs, "run"),
        "calls_per_s": round(runs / called, 1),
        "call_p50_ms": percentile(taken, 0.5),
        "call_p95_ms": percentile(taken, 0.95),
    }


def w1_with_quotas(stage: Stage, runs: int = 1000) -> Found:
    """W1 with the API's quota counted (and high enough not to refuse)."""
    stage.environment.update(ON)
    return w1(stage, runs)


def w1b(stage: Stage, runs: int = 1000) -> Found:
    """The same runs, started by one batch call."""
    slug = stage.workflow("chain", chain(10), NAME)
    workers = stage.workers()
    stage.batch(slug, WARM)
    stage.until_ended(WARM, slug)
    meter = Meter(stage, worker=workers)
    stage.batch(slug, runs, first=WARM)
    stage.until_ended(WARM + runs, slug)
    return meter.read(runs, "run")


def w1e(stage: Stage, runs: int = 1000) -> Found:
    """Runs of five github.create_issue, on the quickest service that answers as GitHub does; and the bare SDK call."""
    from integrations.operations.connections import create_connection

    service = Upstream("github").start()
    stage.stack.callback(service.stop)
    stage.allow(service.host)
    secret = {"token": "ghp_0123456789abcdefghijklmnopqrstuvwxyz"}
    create_connection(stage.actor, service="github", name="github", secret=secret, base_url=service.url)
    values = {"repository": "octocat/hello", "title": "{{ inputs.name }}", "body": "From a run."}
    steps = [{"key": f"issue_{n}", "action": "github.create_issue", "with": values} for n in range(5)]
    slug = stage.workflow("issues", steps, NAME)
    bare = bare_issues(service.url, secret["token"], 500)
    workers = stage.workers()
    stage.batch(slug, WARM)
    stage.until_ended(WARM, slug)
    before = service.count
    meter = Meter(stage, worker=workers)
    stage.batch(slug, runs, first=WARM)
    stage.until_ended(WARM + runs, slug)
    found = meter.read(5 * runs, "effect")
    if service.count - before != 5 * runs:
        raise SystemExit(f"{service.count - before} issues were made by {5 * runs} steps")
    more = round(found["cpu_ms_per_effect"] - bare["bare_cpu_ms"], 3)
    return {**found, **bare, "cpu_ms_over_bare": more}


def bare_issues(url: str, token: str, count: int) -> Found:
    """What PyGithub alone costs: one kept client, one thread, the same calls."""
    from github import Auth, Github

    client = Github(base_url=url, auth=Auth.Token(token), seconds_between_requests=0, seconds_between_writes=0)
    repository = client.get_repo("octocat/hello", lazy=True)
    repository.create_issue("warm")
    cpu, began = time.process_time(), time.monotonic()
    for n in range(count):
        repository.create_issue(f"n{n}", body="From a loop.")
    wall = time.monotonic() - began
    return {
        "bare_cpu_ms": round(1000 * (time.process_time() - cpu) / count, 3),
        "bare_per_s": round(count / wall, 1),
    }


def w2(stage: Stage, runs: int = 1000, seconds: float = 2.0) -> Found:
    """Runs in flight at once, each one model call that takes 2 s upstream, through the openai SDK."""
    service, slug = _asking(stage, seconds)
    workers = stage.workers()
    stage.batch(slug, WARM)
    stage.until_ended(WARM, slug)
    service.most = 0
    meter = Meter(stage, worker=workers)
    stage.batch(slug, runs, first=WARM)
    stage.until_ended(WARM + runs, slug)
    return {**meter.read(runs, "run"), "most_in_flight": service.most}


def _asking(stage: Stage, seconds: float) -> tuple[Upstream, str]:
    """A model that takes its time, a connection to it, and a workflow of one call."""
    from integrations.operations.connections import create_connection

    service = Upstream("model", seconds=seconds).start()
    stage.stack.callback(service.stop)
    stage.allow(service.host)
    secret = {"api_key": "sk-test-0123456789abcdef"}
    create_connection(stage.actor, service="openai", name="openai", secret=secret, base_url=f"{service.url}/v1")
    return service, stage.workflow("asks", [ask_step()], NAME)


def two_hosts(stage: Stage, runs: int = 800, at_once: int = 100) -> Found:
    """Work that waits upstream, by one worker process and by two (on PostgreSQL in two installations' folders).

    Each process takes `at_once` runs at a time, so that it is the waiting that is shared, not this machine's CPU.
    """
    _, slug = _asking(stage, seconds=1.0)
    few = {"ENGINE_RUNS": str(at_once)}
    found: Found = {}
    done = 0
    for hosts in (1, 2):
        for number in range(1, hosts + 1):
            stage.workers(1, **few, **({} if number == 1 else stage.another_folder()))
        stage.batch(slug, WARM, first=done)
        stage.until_ended(done + WARM, slug)
        began = time.monotonic()
        stage.batch(slug, runs, first=done + WARM)
        done += WARM + runs
        stage.until_ended(done, slug)
        found[f"{hosts}_wall_s"] = round(time.monotonic() - began, 2)
        stage.stop_commands()
    return {**found, "speedup": round(found["1_wall_s"] / found["2_wall_s"], 2)}


def w2_5000(stage: Stage) -> Found:
    """5,000 model calls in flight at once: of 10 s each, for the SDK alone takes several to begin them."""
    return w2(stage, 5000, seconds=10.0)


def ask_step() -> dict[str, Any]:
    """One model call."""
    return {"key": "ask", "action": "ai.complete", "with": {"prompt": "Say {{ inputs.name }}", "model": "gpt-4o-mini"}}


def w4(stage: Stage) -> Found:
    """One run at a time: a chain of 100 steps, one of 1,000, a for_each over 1,000 items (parallelism 50)."""
    from workflows.operations.runs import start_run

    text = {"template": "{{ inputs.name }}"}
    for length in (100, 1000):
        steps = [{"key": f"s{n}", "action": "data.format", "with": text} for n in range(length)]
        stage.workflow(f"chain_{length}", steps, NAME)
    do = [{"key": "one", "action": "data.format", "with": {"template": "{{ item }} {{ inputs.name }}"}}]
    loop = {"key": "loop", "action": "for_each", "with": {"items": "{{ inputs.items }}", "parallelism": 50}, "do": do}
    stage.workflow("for_each_1000", [loop], [*NAME, {"name": "items", "type": "list", "required": True}])
    stage.workers()
    found: Found = {}
    items = {"items": list(range(1000))}
    for slug, more in (("chain_100", {}), ("chain_1000", {}), ("for_each_1000", items)):
        times = []
        for _ in range(4):  # the first makes both workers load the version
            began = time.monotonic()
            run = start_run(stage.actor, slug, {"name": "x", **more}, wait=60)
            times.append(time.monotonic() - began)
            if run.status != "succeeded":
                raise SystemExit(f"{slug}: {run.status} {run.error}")
        found[f"{slug}_s"] = round(sorted(times[1:])[1], 3)
        found[f"{slug}_first_s"] = round(times[0], 3)
    return found
