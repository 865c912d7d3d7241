"""A dry run: the effect gate set to “plan”. Reads and models are really asked; a change is told instead of sent.

Two things hold it, both below the actions: an effect's plan is asked in place of the effect itself, and whatever code
runs meanwhile, the transports let nothing leave that may change something, and sandboxes only read (`reading`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from integrations import registry
from integrations.context import Context, Foreseen, Outcome, Plan
from integrations.http_failures import would_change
from integrations.rehearsal import Rehearsal, as_rehearsal
from integrations.spec import Action, Kind
from orchestrator_site.lib import outbound
from orchestrator_site.lib.json import clean_value, dumps
from orchestrator_site.lib.redact import redact_value
from workflows.engine.records import Failure, PlanRecord

if TYPE_CHECKING:
    from workflows.engine.interfaces import Task

MOST_SHOWN = 400_000
MOST_TEXT = 100_000
NO_PLAN_HINT = "Save a sample output for the step (Try), or leave the step out; nothing was sent."


@contextmanager
def reading(service: str) -> Iterator[None]:
    """Within it nothing leaves but reads, and the questions that this service takes by POST."""
    integration = registry.get_integration(service)
    with outbound.only_reads(integration.asks if integration is not None else ()):
        yield


async def no_change(order: Any) -> Outcome:
    """The gate of everything but a plan: whoever wants to change something here is stopped."""
    raise would_change(f"“{order.op}”")


def planning(action: Action, task: Task, foreseen: Foreseen, sample: Any) -> Callable[[Any, Any], Awaitable[Any]]:
    """What is run in place of an effect: its plan, which is kept; gives what later steps go on with.

    With a sample output the later steps go on with that: a plan cannot know every answer. Without a plan there is
    nothing but the sample, and without that the step fails (E_NO_PLAN).
    """

    async def run(context: Context[Any], values: Any) -> Any:
        if action.plan is None:
            _keep(task, action, (), stopped=True)
            if sample is None:
                text = f"“{action.title}” cannot tell what it would change, so a dry run stops at it."
                raise Failure("E_NO_PLAN", text, NO_PLAN_HINT)
            return sample
        found = as_rehearsal(await action.plan(context, values), action.output, foreseen)
        _keep(task, action, found.plans)
        return _given(found) if sample is None else sample

    return run


def pinned(sample: Any) -> Callable[[Any, Any], Awaitable[Any]]:
    """What is run in place of a step whose output is pinned: nothing is read and no model is asked."""

    async def run(context: Context[Any], values: Any) -> Any:
        return sample

    return run


def _given(found: Rehearsal) -> Mapping[str, Any]:
    return dict(found.output)


def _keep(task: Task, action: Action, plans: tuple[Plan, ...], *, stopped: bool = False) -> None:
    """Hand the plans in; they are committed before the step's own end, and a second attempt replaces them."""
    log, now, record = task.walk.log, task.walk.clock.now(), task.record
    if stopped:
        plans = (Plan(action.changes[0].op, {}, f"{action.title} cannot tell what it would change."),)
    for seq, plan in enumerate(plans, 1):
        row = PlanRecord(
            id=log.new_id(),
            step_run_id=record.id,
            seq=seq,
            connection_id=record.connection_id,
            action=action.name,
            op=plan.op,
            target=shown(dict(plan.target), "target"),
            summary=str(shown(plan.summary, "summary"))[:1000],
            before=shown(plan.before, "before"),
            after=shown(plan.after, "after"),
            external_id=plan.external_id[:300],
            state="stopped" if stopped else "planned",
            at=now,
        )
        log.put(row)


def shown(value: Any, field: str) -> Any:
    """A value for a person to look at: clean, without secrets, long texts cut, and never too large to store."""
    clean = _cut(redact_value(clean_value(value, repair=True, field=field)))
    size = len(dumps(clean))
    return clean if size <= MOST_SHOWN else {"size": size, "text": dumps(clean)[:MOST_TEXT]}


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MOST_TEXT:
        return f"{value[:MOST_TEXT]}… ({len(value):,} characters)"
    if isinstance(value, dict):
        return {name: _cut(item) for name, item in value.items()}
    return [_cut(item) for item in value] if isinstance(value, list) else value


def as_read(action: Action, run: Callable[[Any, Any], Awaitable[Any]]) -> Action:
    """The action as far as limits and time are concerned: in a dry run it only reads."""
    return replace(action, kind=Kind.READ, run=run)
