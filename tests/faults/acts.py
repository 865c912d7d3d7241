"""What the stage does with the product, each in a process of its own (see stage.py)."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from accounts.actor import Actor
from accounts.models import Workspace
from tests.faults.scripts import BIG, CHILDREN, INPUTS, WANTED, WORKFLOWS
from workflows.models import Effect, Run, StepRun, Wait, Worker

ALL = "the stage sees all"
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


def prepare(url: str, other: str = "") -> bool:
    """A workspace, its connections (the second may lead to another service) and the workflows."""
    from accounts.operations.setup import create_user, create_workspace
    from integrations.operations.connections import create_connection
    from workflows.operations.publish import publish_workflow
    from workflows.operations.workflows import create_workflow

    workspace = create_workspace(create_user(OWNER), "Stage", slug="stage")
    actor = Actor.system(workspace, "stage")
    create_connection(actor, service="fake", name="fake", secret={"token": "abc"}, base_url=url)
    create_connection(actor, service="fake", name="other", secret={"token": "abc"}, base_url=other or url)
    for slug, steps in WORKFLOWS.items():
        definition = {"format": 1, "slug": slug, "name": slug, "inputs": INPUTS.get(slug, []), "steps": steps}
        publish_workflow(actor, create_workflow(actor, definition))
    return True


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


def answer(journals: list[str]) -> int:
    """Answer all that runs wait for: a change happened if the service's journals have its key; how many that were.

    The journals are read after the questions: a change that is asked about later is in them, or has not happened.
    """
    from orchestrator_site.lib.errors import UserError

    actor = Actor.system(Workspace.objects.get(slug="stage"), "stage")
    rows = Wait.objects.of(actor.workspace).filter(decided_at__isnull=True)
    found = list(rows.select_related("effect", "run", "run__workspace", "effect__run"))
    lines = [line for path in journals for line in Path(path).read_text().splitlines()]
    keys, count = {json.loads(line)["key"] for line in lines}, 0
    for wait in found:
        with suppress(UserError):  # a look was faster, or the run has ended
            count += _answered(actor, wait, keys)
    return count


def _answered(actor: Actor, wait: Wait, happened: set[str]) -> int:
    from workflows.operations.runs import decide
    from workflows.operations.waits import deliver_event

    if wait.kind == "unknown" and wait.effect is not None:
        decide(actor, wait, "happened" if wait.effect.key in happened else "repeat")
    elif wait.kind == "approval":
        decide(actor, wait, "approve")
    elif wait.kind == "event":
        deliver_event(actor, wait.run, "go", idempotency_key=str(wait.pk))
    else:
        return 0
    return 1


def cancel(run: str) -> bool:
    """Cancel a run; whether it had not ended yet."""
    from orchestrator_site.lib.errors import Conflict
    from workflows.operations.runs import cancel_run, get_run

    actor = Actor.system(Workspace.objects.get(slug="stage"), "stage")
    try:
        cancel_run(actor, get_run(actor, run))
    except Conflict:
        return False
    return True


def delete_workflow(slug: str) -> bool:
    """Take a workflow away."""
    from workflows.operations import workflows

    actor = Actor.system(Workspace.objects.get(slug="stage"), "stage")
    workflows.delete_workflow(actor, workflows.get_workflow(actor, slug))
    return True


def delete_connection() -> bool:
    """Take the connection away."""
    from integrations.models import Connection
    from integrations.operations.changing import delete_connection as delete

    actor = Actor.system(Workspace.objects.get(slug="stage"), "stage")
    for connection in Connection.objects.of(actor.workspace).filter(deleted_at__isnull=True):
        delete(actor, connection)
    return True


def integrity() -> str:
    """What SQLite says of its own file."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA quick_check")
        return str(cursor.fetchone()[0])


def unfinished() -> int:
    """Runs that have not ended."""
    runs = Run.objects.unscoped(ALL)
    return runs.exclude(status__in=("succeeded", "failed", "cancelled", "timed_out")).count()


def worker_pids() -> list[int]:
    """Processes that hold a live lease."""
    return list(Worker.objects.filter(state="live").values_list("pid", flat=True))


def waits() -> int:
    """Questions that wait for a person."""

    return Wait.objects.unscoped(ALL).filter(decided_at__isnull=True).count()


def errors() -> list[Any]:
    """What went wrong in the runs."""
    return list(Run.objects.unscoped(ALL).values_list("error", flat=True))


def evidence() -> dict[str, Any]:
    """What the database says, in the checker's words."""
    steps = _counts(StepRun.objects.unscoped(ALL).filter(status="succeeded"))
    confirmed = _counts(Effect.objects.unscoped(ALL).filter(state="confirmed"))
    sent = _counts(Effect.objects.unscoped(ALL).filter(state="sent"))
    asks = _counts(Wait.objects.unscoped(ALL).filter(decided_at__isnull=True))
    born = Run.objects.unscoped(ALL).filter(status="succeeded", parent_step__isnull=False)
    children = Counter(born.values_list("parent_step__run_id", flat=True))
    runs = []
    for run in Run.objects.unscoped(ALL).select_related("workflow"):
        wanted, effects = WANTED[run.workflow.slug]
        runs.append({
            "id": str(run.id), "slug": run.workflow.slug, "status": run.status, "deaths": run.deaths,
            "code": (run.error or {}).get("code", ""), "finished_steps": steps[run.pk], "wanted_steps": wanted,
            "confirmed": confirmed[run.pk], "effects": effects, "sent": sent[run.pk], "asks": asks[run.pk],
            "parent": str(run.parent_step_id or ""), "children": children[run.pk],
            "wanted_children": CHILDREN.get(run.workflow.slug, 0),
        })  # fmt: skip
    rows = Effect.objects.unscoped(ALL).values("key", "state", "resolution", "attempt", "step_run__action")
    found = [{**row, "look": row.pop("step_run__action") == "fake.make"} for row in rows]
    return {"runs": runs, "effects": found, "workers": [_worker(row) for row in Worker.objects.all()]}


def _counts(rows: Any) -> Counter[Any]:
    return Counter(rows.values_list("run_id", flat=True))


def _worker(row: Worker) -> dict[str, Any]:
    ended = row.ended_at.timestamp() if row.ended_at else None
    return {
        "process": f"{row.host}:{row.pid}",
        "state": row.state,
        "started_at": row.started_at.timestamp(),
        "ended_at": ended,
    }
