"""Other connections that a model step may turn to: named in its `fallback`, reached within their own limits.

What a call over another connection shows is learned for that one; the step's own learns only what it has shown itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from integrations.errors import Rejected, ServiceError, Unavailable
from orchestrator_site.lib.errors import UserError
from workflows.engine.definition import StepSpec
from workflows.engine.holding import CONNECTION
from workflows.engine.records import Held

if TYPE_CHECKING:
    from workflows.engine.execute import Executor
    from workflows.engine.interfaces import Task

FALLBACK = "fallback"


def named(step: StepSpec) -> Iterator[str]:
    """The connections that a step's `fallback` names."""
    said = step.with_.get(FALLBACK)
    for item in said if isinstance(said, list) else ():
        name = item.get("connection") if isinstance(item, dict) else None
        if isinstance(name, str) and name:
            yield name


def place(step: str, name: str) -> str:
    """Where the connection that a step may turn to stands among those of the run's steps."""
    return f"{step} {name}"


def step_of(place: str) -> str:
    """The step's key of such a place, or of a step's own."""
    return place.partition(" ")[0]


def passes_by(task: Task, held: Held | None) -> bool:
    """Whether a step that its own connection holds back may turn to others at once; it then says why."""
    task.away = ""
    if held is not None and held.why in ("failing", CONNECTION) and any(named(task.plan.step)):
        task.away = held.text
    return bool(task.away)


@asynccontextmanager
async def reach(executor: Executor, task: Task, name: str) -> AsyncIterator[Any]:
    """The client of another connection, for one call. Raises ServiceError where it cannot be used now."""
    pk = executor.facts.connections.get(place(task.plan.key, name))
    if pk is None:
        raise Rejected(f"There is no connection “{name}” for this step.", code="E_NO_CONNECTION", refused=True)
    try:
        opened = await executor.clients.get(pk)
    except UserError as problem:
        raise Rejected(problem.message, code=problem.code, refused=True) from problem
    if opened.info.workspace_id != executor.facts.workspace_id:
        raise Rejected(f"The connection “{name}” is not one of this workspace.", code="E_NO_CONNECTION", refused=True)
    limits, call = executor.house.limits, uuid5(task.record.id, f"{name} {task.record.attempts}")
    if limits is None:
        yield opened.client
        return
    try:
        await _admitted(limits, call, pk)
        limits.spend(call)
        try:
            yield opened.client
        except (ServiceError, TimeoutError) as problem:
            limits.note(pk, problem, opened.info.mark)
            raise
        limits.note(pk, None)
    finally:
        limits.leave(call)


async def _admitted(limits: Any, call: UUID, pk: UUID) -> None:
    held: Held | None = await limits.admit(call, pk, change=False)
    if held is not None:
        raise Unavailable(f"{held.text}.", refused=True)
