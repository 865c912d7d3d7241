"""What the stage does with the product, each in a process of its own (see stage.py)."""

from __future__ import annotations

import json
from typing import Any

from accounts.actor import Actor
from accounts.models import Workspace
from workflows.models import Effect, Run, StepRun, Worker

EFFECTS = 2
OWNER = "owner@stage.test"


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
    from accounts.operations.setup import create_user, create_workspace
    from integrations.operations.connections import create_connection
    from workflows.operations.publish import publish_workflow
    from workflows.operations.workflows import create_workflow

    workspace = create_workspace(create_user(OWNER), "Stage", slug="stage")
    actor = Actor.system(workspace, "stage")
    create_connection(actor, service="fake", name="fake", secret={"token": "abc"}, base_url=url)
    for slug, steps in WORKFLOWS.items():
        definition = {"format": 1, "slug": slug, "name": slug, "inputs": INPUTS.get(slug, []), "steps": steps}
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
    "blind": [{"key": "make", "action": "fake.blind", "with": {"title": "blind"}}],
    "big": [
        {
            "key": "all",
            "action": "for_each",
            "with": {"items": [1, 2, 3]},
            "do": [
                {"key": "ask", "action": "fake.model", "with": {"text": "{{ inputs.text }}"}},
            ],
        },
        {"key": "make", "action": "fake.make", "with": {"title": "{{ steps.all.count }}"}},
    ],
    "pure": [{"key": f"s{n}", "action": "data.format", "with": {"template": f"{n}"}} for n in range(10)],
}
INPUTS: dict[str, list[dict[str, Any]]] = {"big": [{"name": "text", "type": "long_text", "required": True}]}
BIG = "x" * 400_000
WANTED = {"blind": (1, 1), "big": (5, 1), "effects": (5, 2), "poison": (1, 0), "slow": (1, 0), "pure": (10, 0)}


def start(slug: str, count: int) -> list[str]:
    """Start runs."""
    from workflows.operations.runs import start_batch

    actor = Actor.system(Workspace.objects.get(slug="stage"), "stage")
    inputs = {"text": BIG} if slug == "big" else {}
    return [str(run.id) for run in start_batch(actor, slug, [inputs] * count)]


def make_token() -> str:
    """A token for the API."""
    from accounts.models import Member
    from accounts.operations.tokens import create_token
    from accounts.roles import SCOPES

    member = Member.objects.unscoped("the stage's only owner").select_related("workspace", "user").get()
    return create_token(Actor.of_member(member), "stage", SCOPES)[1]


def ask_start(key: str, token: str) -> str:
    """Start a run by the API, in this process; its id, or "" when the answer was no promise."""
    from django.test import Client

    asked = Client(raise_request_exception=False, SERVER_NAME="localhost").post(
        "/api/v1/workflows/effects/runs", json.dumps({"inputs": {}}), "application/json",
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key, "Prefer": "respond-async"},
    )  # fmt: skip
    if asked.status_code >= 500:
        return ""
    assert asked.status_code in (201, 202), asked.content
    return str(asked.json()["id"])


def settle(answer: str) -> int:
    """Answer every open question; how many there were."""
    from workflows.models import Wait
    from workflows.operations.runs import decide

    actor = Actor.system(Workspace.objects.get(slug="stage"), "stage")
    found = Wait.objects.of(actor.workspace).filter(decided_at__isnull=True).select_related("effect", "effect__run")
    return len([decide(actor, wait, answer) for wait in found])


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
