"""Results that are kept: a step with `cache` is answered by an equal call of its workspace that is still fresh. Pure.

Equal: the same action over the same connection with the same rendered inputs, and the same text of the prompt it
renders. What warned, finished the run or failed is not kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from orchestrator_site.lib.json import dumps
from workflows.engine.records import CacheRecord

if TYPE_CHECKING:
    from workflows.engine.interfaces import Task
    from workflows.engine.walk import Walk

KINDS = frozenset({"pure", "read", "model"})


def cache_key(
    workspace: UUID, action: str, connection: UUID | None, inputs: Mapping[str, Any], prompts: Mapping[str, Any]
) -> str:
    """The sha256 by which an equal call is found."""
    said: list[Any] = [str(workspace), action, str(connection or ""), dict(inputs), dict(prompts)]
    return hashlib.sha256(dumps(said).encode()).hexdigest()


async def kept(walk: Walk, task: Task) -> CacheRecord | None:
    """The result of an equal call, if there is a fresh one; the step's record then says whose it is."""
    if task.plan.step.cache is None or task.record.kind not in KINDS:
        return None
    task.cache_key = await walk.aside(lambda: walk.executor.cache_key(task))
    if task.record.attempts:
        return None
    found = await walk.executor.cached(task.cache_key)
    if found is not None:
        at = found.made_at.isoformat().replace("+00:00", "Z")
        task.record.decision = {"cached": {"run": str(found.run), "step": found.step, "at": at}}
        task.record.tainted = task.record.tainted or found.tainted
    return found


def keep(walk: Walk, task: Task, output: Any) -> None:
    """Keep what a call gave, for as long as the step says."""
    cache = task.plan.step.cache
    if not task.cache_key or not isinstance(cache, dict) or task.warnings or task.finish is not None:
        return
    now = walk.clock.now()
    walk.log.put(
        CacheRecord(
            id=walk.log.new_id(),
            key=task.cache_key,
            run=walk.executor.run_id,
            step=task.record.key,
            output=output,
            tainted=task.record.tainted,
            made_at=now,
            expires_at=now + timedelta(seconds=float(str(cache["seconds"]))),
        )
    )
