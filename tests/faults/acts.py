"""What the stage does with the product, each in a process of its own (see stage.py)."""

from __future__ import annotations

from typing import Any

from accounts.actor import Actor
from accounts.models import Workspace
from workflows.models import Effect, Run, StepRun, Worker

EFFECTS = 2


def migrate() -> bool:
    """The tables."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, skip_checks=True)
    call_command("createcachetable", verbosity=0)
    return True


def copy(path: str) -> bool:
    """A copy of the empty database, for the stages after this one."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [path])
    return True


def prepare(url: str) -> bool:
    """A workspace, a connection and the workflows."""
    from integrations.operations.connections import create_connection
    from workflows.operations.publish import publish_workflow
    from workflows.operations.workflows import create_workflow

    workspace = Workspace.objects.create(slug="stage", name="Stage")
    actor = Actor.system(workspace, "stage")
    create_connection(actor, service="fake", name="fake", secret={"token": "abc"}, base_url=url)
    for slug, steps in WORKFLOWS.items():
        definition = {"format": 1, "slug": slug, "name": slug, "steps": steps}
        publish_workflow(actor, create_workflow(actor, definition))
    return True


WORKFLOWS: dict[str, list[dict[str, Any]]] = {
    "effects": [
        {"key": "first", "action": "data.format", "with": {"template": "one"}},
        {"key": "make", "action": "fake.make", "with": {"title": "{{ steps.first.text }}"}},
        {"key": "between", "action": "data.format", "with": {"template": "{{ steps.make.id }}"}},
        {"key": "again", "action": "fake.make", "with": {"title": "{{ steps.between.text }}"}},
        {"key": "last", "action": "data.format", "with": {"template": "{{ steps.again.id }}"}},
    ],
    "poison": [{"key": "die", "action": "fake.die", "with": {}}],
    "slow": [{"key": "ask", "action": "fake.model", "with": {"text": "x", "seconds": 3}}],
    "pure": [{"key": f"s{n}", "action": "data.format", "with": {"template": f"{n}"}} for n in range(10)],
}
WANTED = {"effects": (5, 2), "poison": (1, 0), "slow": (1, 0), "pure": (10, 0)}


def start(slug: str, count: int) -> list[str]:
    """Start runs."""
    from workflows.operations.runs import start_batch

    actor = Actor.system(Workspace.objects.get(slug="stage"), "stage")
    return [str(run.id) for run in start_batch(actor, slug, [{}] * count)]


def unfinished() -> int:
    """Runs that have not ended."""
    runs = Run.objects.unscoped("the stage sees all")
    return runs.exclude(status__in=("succeeded", "failed", "cancelled", "timed_out")).count()


def worker_pids() -> list[int]:
    """Processes that hold a live lease."""
    return list(Worker.objects.filter(state="live").values_list("pid", flat=True))


def waits() -> int:
    """Questions that wait for a person."""
    from workflows.models import Wait

    return Wait.objects.unscoped("the stage sees all").filter(decided_at__isnull=True).count()


def errors() -> list[Any]:
    """What went wrong in the runs."""
    return list(Run.objects.unscoped("the stage sees all").values_list("error", flat=True))


def evidence() -> dict[str, Any]:
    """What the database says."""
    runs = []
    for run in Run.objects.unscoped("the stage sees all").select_related("workflow"):
        steps, effects = WANTED[run.workflow.slug]
        finished = StepRun.objects.of(run.workspace_id).filter(run=run, status="succeeded").count()
        confirmed = Effect.objects.of(run.workspace_id).filter(run=run, state="confirmed").count()
        runs.append({
            "id": str(run.id), "status": run.status, "code": (run.error or {}).get("code", ""), "deaths": run.deaths,
            "finished_steps": finished, "wanted_steps": steps, "confirmed": confirmed, "effects": effects,
        })  # fmt: skip
    found = Effect.objects.unscoped("the stage sees all").values("key", "state")
    return {"runs": runs, "effects": list(found)}
