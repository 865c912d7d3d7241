"""A workspace with a workflow, and engines that really run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from accounts.actor import Actor
from accounts.models import Workspace
from orchestrator_site.lib.ids import short_token
from workflows.engine.definition import fingerprint, parse, to_json
from workflows.engine.engine import Engine
from workflows.engine.times import Times
from workflows.models import Run, StepRun, Workflow, WorkflowVersion

FAST = Times(lease=6.0, scale=1.0)


def make_workspace() -> Workspace:
    """An empty workspace."""
    name = short_token(8)
    return Workspace.objects.create(slug=f"w_{name}", name=name)


def publish(workspace: Workspace, definition: dict[str, Any]) -> Workflow:
    """A workflow whose newest version is this definition."""
    parsed = parse({"format": 1, "name": "Test", "slug": f"t_{short_token(6)}", **definition})
    workflow = Workflow.objects.create(workspace=workspace, slug=parsed.slug, name=parsed.name, draft_etag="1")
    version = WorkflowVersion.objects.create(
        workspace=workspace, workflow=workflow, number=1, definition=to_json(parsed), sha256=fingerprint(parsed)
    )
    workflow.published = version
    workflow.save()
    return workflow


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    """A workspace in a database whose transactions really commit."""
    return make_workspace()


@pytest.fixture
def actor(workspace: Workspace) -> Actor:
    """Somebody who may do everything."""
    return Actor.system(workspace, "test")


@pytest.fixture
def engine(transactional_db: None) -> Iterator[Callable[..., Engine]]:
    """Starts engines in this process; all are drained at the end."""
    started: list[Engine] = []

    def start(times: Times = FAST) -> Engine:
        found = Engine(times=times, deadly=False).start()
        started.append(found)
        assert found.wait_started()
        return found

    yield start
    for one in started:
        one.drain()
    for one in started:
        assert one.join(40)
    connections["default"].close()


def steps_of(run: Run) -> dict[str, StepRun]:
    """The step runs of a run by key and path."""
    return {f"{s.key}{'@' + s.path if s.path else ''}": s for s in StepRun.objects.of(run.workspace_id).filter(run=run)}


def until(check: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait for something to become true, and give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not become true in time")


def connect_fake(workspace: Workspace, url: str) -> None:
    """The workspace's connection to the fake service."""
    from integrations.operations.connections import create_connection

    create_connection(
        Actor.system(workspace, "test"), service="fake", name="fake", secret={"token": "abc"}, base_url=url
    )
