"""The gallery really run: a workspace with its sandbox, an engine in this process, and somebody who decides."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from accounts.actor import Actor
from accounts.models import Workspace
from integrations.operations.sandbox import seed_sandbox
from tests.workflows.engine.conftest import engine, make_workspace
from workflows.engine.times import Times
from workflows.models import Run, Wait
from workflows.operations.waits import decide_approval

PATIENT = Times(lease=60.0, scale=1.0)
"""These tests are about what runs do, not about how soon a slow machine loses its lease."""

__all__ = ["engine"]


@pytest.fixture
def world(transactional_db) -> Workspace:
    """A workspace with its sandbox."""
    made = make_workspace()
    seed_sandbox(made)
    return made


@pytest.fixture
def somebody(world) -> Actor:
    """Who may do everything in it."""
    return Actor.system(world, "test")


def finish(actor: Actor, runs: Mapping[UUID, Mapping[str, Any]], seconds: float = 180) -> list[Run]:
    """Answer what the runs ask until all have ended; `runs`: what is decided, by id and step (else approve)."""
    waiting, end = set(runs), time.monotonic() + seconds
    while time.monotonic() < end:
        asked = Wait.objects.of(actor.workspace).filter(run__in=waiting, kind="approval", decided_at__isnull=True)
        for wait in asked.select_related("step_run", "run"):
            said = runs[wait.run_id].get(wait.step_run.key, {"decision": "approve"})
            decide_approval(actor, wait, said["decision"], said.get("values"))
        rows = list(Run.objects.of(actor.workspace).filter(pk__in=waiting).select_related("workflow", "version"))
        if all(run.is_terminal for run in rows):
            return rows
        time.sleep(0.03)
    raise AssertionError({run.workflow.slug: run.status for run in rows if not run.is_terminal})
