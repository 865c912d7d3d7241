"""One object of every kind in a workspace, with a canary in every text: for the tests of isolation.

A new kind of URL argument is added to ARGUMENTS; a new kind of object to `plant`.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from accounts import audit
from accounts.models import Workspace
from accounts.operations.members import invite_member
from accounts.operations.tokens import issue
from integrations.models import Connection, SandboxObject, StoredValue
from orchestrator_site.lib.clock import now
from prompts.models import Prompt, PromptLabel, PromptVersion
from tests.factories.accounts import WorkspaceFactory
from tests.personas import Persona, persona
from workflows.models import (
    Attempt,
    Blob,
    DeliveredEvent,
    DraftRevision,
    Effect,
    InboundEvent,
    Preview,
    Run,
    RunEvent,
    Sample,
    ScheduleTick,
    Step,
    StepRun,
    Template,
    Trigger,
    TriggerDay,
    Variable,
    Wait,
    Workflow,
    WorkflowVersion,
)


@dataclass
class World:
    """A workspace, its owner, and what stands in it."""

    workspace: Workspace
    canary: str
    owner: Persona
    things: dict[str, Any] = field(default_factory=dict)


def plant(canary: str) -> World:
    """A workspace in which every text holds `canary`."""
    workspace = WorkspaceFactory(name=f"Home of {canary}")
    world = World(workspace, canary, persona(workspace, "owner", f"Owner {canary}"))
    for layer in (_people, _prompts, _connections, _stored, _workflow, _run):
        layer(world)
    return world


def _people(world: World) -> None:
    victim = persona(world.workspace, "viewer", f"Victim {world.canary}")
    world.things["member"] = victim.member
    world.things["invitation"], _ = invite_member(world.owner.actor, f"guest.{world.canary}@example.com", "viewer")
    name = f"token {world.canary}"
    world.things["token"], _ = issue(
        world.owner.user, world.workspace, name=name, scopes=["read"], life=timedelta(days=90)
    )
    audit.record(world.owner.actor, "thing.done", details={"canary": world.canary})


def _prompts(world: World) -> None:
    text = {"name": f"Prompt {world.canary}", "description": world.canary}
    prompt = Prompt.objects.create(workspace=world.workspace, slug=f"prompt_{world.canary}", **text)
    version = PromptVersion.objects.create(
        workspace=world.workspace, prompt=prompt, number=1, system=world.canary, user_template=f"Say {world.canary}"
    )
    PromptLabel.objects.create(workspace=world.workspace, prompt=prompt, name="live", version=version)
    world.things["prompt"] = prompt


def _connections(world: World) -> None:
    world.things["connection"] = Connection.objects.create(
        workspace=world.workspace,
        name=f"notion_{world.canary}",
        service="notion",
        sandbox=True,
        is_default=True,
        masked={"token": f"••••{world.canary}"},
        status_text=world.canary,
    )
    world.things["sandbox"] = SandboxObject.objects.create(
        workspace=world.workspace,
        service="notion",
        kind="page",
        external_id=str(uuid.uuid4()),
        title=f"Page {world.canary}",
        data={"markdown": f"text {world.canary}", "text": world.canary},
    )


def _stored(world: World) -> None:
    canary = world.canary
    world.things["stored"] = StoredValue.objects.create(
        workspace=world.workspace, workflow=f"flow_{canary}", key=f"seen {canary}", value=canary
    )


def _workflow(world: World) -> None:
    space, canary = world.workspace, world.canary
    step = {"key": "write", "action": "data.format", "name": f"Step {canary}", "with": {"template": f"Hello {canary}"}}
    definition = {
        "format": 1,
        "slug": f"flow_{canary}",
        "name": f"Flow {canary}",
        "description": canary,
        "inputs": [],
        "steps": [step],
        "outputs": {"text": "{{ steps.write.text }}"},
    }
    workflow = Workflow.objects.create(
        workspace=space,
        slug=f"flow_{canary}",
        name=f"Flow {canary}",
        description=canary,
        draft_etag="etag1",
        outputs=definition["outputs"],
        is_card=True,
    )
    Step.objects.create(
        workspace=space,
        workflow=workflow,
        key="write",
        name=f"Step {canary}",
        action="data.format",
        inputs=step["with"],
        note=canary,
    )
    version = WorkflowVersion.objects.create(
        workspace=space, workflow=workflow, number=1, definition=definition, sha256=_sha(canary), note=canary
    )
    DraftRevision.objects.create(workspace=space, workflow=workflow, etag="etag1", definition=definition)
    workflow.published = version
    workflow.save(update_fields=["published"])
    Sample.objects.create(workspace=space, workflow=workflow, key="write", output={"text": canary}, saved_by=canary)
    world.things["template"] = Template.objects.create(
        workspace=space, slug=f"template_{canary}", name=canary, about=canary, category=canary, definition=definition
    )
    Variable.objects.create(workspace=space, name=f"variable_{canary}", value=canary, help=canary)
    world.things |= {"workflow": workflow, "version": version}
    _trigger(world)


def _trigger(world: World) -> None:
    space, canary = world.workspace, world.canary
    trigger = world.things["trigger"] = Trigger.objects.create(
        workspace=space,
        workflow=world.things["workflow"],
        name=f"Trigger {canary}",
        kind="schedule",
        config={"cron": "0 9 * * 1-5", "timezone": "UTC", "misfire": "coalesce"},
        inputs={"text": canary},
        filter=f"trigger.time == '{canary}'",
        created_by=f"Owner {canary}",
        error={"code": "E_X", "message": canary},
        events=1,
    )
    ScheduleTick.objects.create(workspace=space, trigger=trigger, due_at=now(), error={"message": canary})
    InboundEvent.objects.create(
        workspace=space, trigger=trigger, n=1, key=canary, status="failed", headers={"x-canary": canary},
        query={"canary": canary}, body=canary.encode(), data={"canary": canary}, error={"message": canary},
    )  # fmt: skip
    TriggerDay.objects.create(workspace=space, trigger=trigger, day=now().date(), hours=[0] * 24)


def _run(world: World) -> None:
    space, canary, ago = world.workspace, world.canary, now() - timedelta(minutes=5)
    run = Run.objects.create(
        workspace=space,
        workflow=world.things["workflow"],
        version=world.things["version"],
        status="attention",
        inputs={"canary": canary},
        outputs={"text": canary},
        started_by=f"Owner {canary}",
        started_at=ago,
        error={"code": "E_X", "message": canary, "step": "write", "hint": canary},
    )
    step = StepRun.objects.create(
        workspace=space,
        run=run,
        key="write",
        action="notion.create_page",
        kind="effect",
        status="waiting",
        seq=1,
        input={"text": canary},
        output={"text": canary},
        started_at=ago,
        connection=world.things["connection"],
    )
    Attempt.objects.create(workspace=space, run=run, step_run=step, n=1, status="unknown", error={"message": canary})
    effect = Effect.objects.create(
        workspace=space,
        run=run,
        step_run=step,
        key=_sha(canary)[:32],
        op="notion.create_page",
        target={"parent": canary},
        request={"title": canary},
        request_sha256=_sha(canary),
        state="unknown",
        search_url=f"https://example.com/{canary}",
    )
    wait = Wait.objects.create(
        workspace=space,
        run=run,
        step_run=step,
        effect=effect,
        kind="unknown",
        title=f"Did it happen? {canary}",
        body=canary,
    )
    Preview.objects.create(workspace=space, run=run, step_run=step, text=canary)
    world.things["approval"] = Wait.objects.create(
        workspace=space,
        run=run,
        step_run=StepRun.objects.create(
            workspace=space, run=run, key="ask", action="approve", kind="control", status="waiting", seq=2,
            input={"title": canary, "on_timeout": canary}, started_at=ago,
        ),
        kind="approval",
        title=f"Send it? {canary}",
        body=canary,
        fields=[{"name": "text", "type": "text", "label": canary, "help": canary, "value": canary, "options": []}],
        rules={"approvers": [canary, "viewer"], "choices": [canary], "tainted": True},
    )  # fmt: skip
    DeliveredEvent.objects.create(workspace=space, run=run, name="paid", data={"canary": canary}, delivered_by=canary)
    RunEvent.objects.create(workspace=space, run=run, kind="attention", data={"canary": canary})
    world.things["file"] = Blob.objects.create(
        workspace=space, sha256=_sha(canary), size=len(canary), name=f"{canary}.txt", content=canary.encode()
    )
    world.things |= {"run": run, "effect": effect, "wait": wait}


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# ---- Arguments of addresses: (pattern of the URL name, argument) → the value that leads to an object of the world ---

_THINGS = "connection|effect|file|wait|member|invitation|token|run|sandbox|stored"
ARGUMENTS: tuple[tuple[str, str, Callable[[World], Any]], ...] = (
    (r".*", "workspace", lambda w: w.workspace.slug),
    (r"(api:)?prompt.*", "slug", lambda w: w.things["prompt"].slug),
    (r"(api:)?gallery_.*", "item", lambda w: w.things["template"].slug),
    (r"(api:|seed:)?workflow.*", "slug", lambda w: w.things["workflow"].slug),
    (r"seed:workflow.*", "workflow_id", lambda w: w.things["workflow"].slug),
    (r"seed:prompt.*", "template_id", lambda w: w.things["prompt"].slug),
    (r"seed:prompt.*", "slug", lambda w: w.things["prompt"].slug),
    (r".*", "run", lambda w: w.things["run"].pk),
    (r".*", "key", lambda w: "write"),
    (r".*", "n", lambda w: 1),
    (r"catalogue_action", "action", lambda w: "ai.complete"),
    (r"(api:)?action_choices", "action", lambda w: "ai.complete"),
    (r"(api:)?action_choices", "field", lambda w: "model"),
    (r"wait", "pk", lambda w: w.things["approval"].pk),
    (r"oauth_start", "service", lambda w: "gmail"),
    (r".*", "service", lambda w: "notion"),
    (r"(api:)?variable.*", "name", lambda w: f"variable_{w.canary}"),
    (r"hooks:hook", "token", lambda w: f"nonsense_{w.canary}"),
    (r"(api:)?trigger.*", "pk", lambda w: w.things["trigger"].pk),
    (r"(login_link|invitation)", "token", lambda w: "pnonsense"),
)


def argument(view_name: str, name: str, world: World) -> Any:
    """The value of one URL argument. Raises LookupError for a kind nobody has described here."""
    for pattern, known, value in ARGUMENTS:
        if known == name and re.fullmatch(pattern, view_name):
            return value(world)
    kind = re.match(rf"(?:\w+:)?({_THINGS})", view_name)
    if name == "pk" and kind:
        return world.things[kind[1]].pk
    raise LookupError(
        f"tests/factories/world.py does not know the argument {name!r} of {view_name!r}: describe it there"
    )


def never(name: str, value: Any) -> Any:
    """A value of the same form that leads to nothing."""
    if isinstance(value, uuid.UUID):
        return uuid.UUID("0199aaaa-0000-7000-8000-00000000dead")
    return 987_654 if isinstance(value, int) else f"{value[:-1]}x"
