"""How control steps are walked: `if`, `switch`, `stop`, `fail`; loops and parallel branches stand beside. Pure.

What a control step decides is a record. Another one is a function of this shape and a declaration in `control/`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from workflows.engine.frames import Ended, Finished, Frame, Group
from workflows.engine.lists import CASE
from workflows.engine.reading import same
from workflows.engine.records import Failure, StepRecord
from workflows.engine.shelf import Away, Shelf

if TYPE_CHECKING:
    from workflows.engine.plan import StepPlan
    from workflows.engine.walk import Walk

Handler = Callable[["Walk", "StepPlan", Frame, StepRecord], Awaitable[None]]
MOST_WARNINGS = 50
TIMEOUT = "timeout"


async def branch(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`if`: decide once, then walk one of the two lists."""
    if record.decision is None:
        assert plan.condition is not None
        taken = "then" if await walk.ask(plan.condition, frame) else "else"
        begin(walk, record, {"taken": taken}, {"condition": plan.condition.source})
    taken = record.decision["taken"]
    await _one_list(walk, plan, frame, record, taken, taken)


async def switch(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`switch`: compare once, then walk the list of the case that has the value, else the other one."""
    cases = plan.step.cases
    if record.decision is None:
        value = (await walk.render(plan, frame)).get("value")
        number = next((i for i, case in enumerate(cases) if same(case, value)), None)
        begin(walk, record, {"taken": "else" if number is None else f"{CASE}{number}"}, {"value": value})
    name = str(record.decision["taken"])
    taken = cases[int(name.removeprefix(CASE))] if name.startswith(CASE) else None
    await _one_list(walk, plan, frame, record, name, taken)


async def _one_list(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord, name: str, taken: Any) -> None:
    inner = frame.inner()
    try:
        await walk.walk_list(plan.branches.get(name, ()), inner)
    except Finished:
        record.output, record.tainted = {"taken": taken, "results": await walk.whole(inner.made)}, any_taint(inner)
        raise
    output = {"taken": taken, "results": await walk.whole(inner.made)}
    await close(walk, frame, record, inner.warnings, output, any_taint(inner))


async def stop(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`stop`: the run ends here as succeeded."""
    message = await _message(walk, plan, frame)
    record.input, record.output, record.decision = {"message": message}, {"message": message}, {"finish": message}
    walk.finish(record, "succeeded")
    raise Finished(message, warning=False)


async def fail(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`fail`: the run ends here as failed."""
    message = await _message(walk, plan, frame)
    record.input = {"message": message}
    raise Failure("E_FAILED", message or "The workflow says: fail.", step=plan.key)


async def in_time(handler: Handler, walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """Walk a block within the time it was given since it began: then nothing new starts in it, and it fails."""
    assert plan.step.timeout is not None and record.started_at is not None
    group = Group(frame.group)
    due = record.started_at + timedelta(seconds=plan.step.timeout)
    if walk.clock.now() >= due:
        group.end(TIMEOUT)
    quiet = walk.alarm(due, lambda: group.end(TIMEOUT))
    try:
        await handler(walk, plan, frame.within(group), record)
    except Ended:
        frame.group.check()
        if group.ended != TIMEOUT:
            raise
        message = f"“{plan.step.title}” did not end within {plan.step.timeout} seconds."
        raise Failure("E_TIMEOUT", message, "Raise its timeout, or split the work.", step=plan.key) from None
    finally:
        quiet()
        frame.group.children.discard(group)


# What the handlers share


def begin(walk: Walk, record: StepRecord, decision: dict[str, Any], given: dict[str, Any]) -> None:
    """Put on record what a block has decided and was given, before anything in it begins."""
    record.decision, record.input, record.status = decision, given, "running"
    walk.log.put(record)


async def close(
    walk: Walk,
    frame: Frame,
    record: StepRecord,
    warnings: list[dict[str, Any]],
    output: Any,
    tainted: bool,
    fields: Mapping[str, Any] | None = None,
) -> None:
    """A block has ended well: its last record, and its output for the steps after it.

    With `fields` the output is text already, and not held: only these fields of it are.
    """
    record.decision = {**record.decision, "warnings": warnings[:MOST_WARNINGS]}
    record.output = await walk.stored(output) if fields is None else output
    record.tainted, record.error = tainted, None
    walk.finish(record, "succeeded")
    record.output = (
        await walk.shelve(record, output, record.output) if fields is None else Away(Shelf(record.id), fields)
    )
    frame.warnings.extend(warnings[:MOST_WARNINGS])
    frame.keep(record.key, record.output, frozenset({"results"}) if tainted else "")


def any_taint(frame: Frame) -> bool:
    """Whether anything that was made in a list is tainted."""
    return any(frame.taint.get(key) for key in frame.made)


async def _message(walk: Walk, plan: StepPlan, frame: Frame) -> str:
    values = await walk.render(plan, frame)
    return str(values.get("message") or "")[:1000]
