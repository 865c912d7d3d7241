"""A plan by rehearsal: the action itself is gone through, and each change is foretold instead of sent. Pure.

So what is planned is what would be ordered, by the same code: the same reads, the same checks, the same target. A
`Foretell` says for one kind of change what is there now, what would be there, and what the service would answer.

    changes=[Change("create_issue", look=True, thing="issue")],
    foretell={"create_issue": foretell_issue},
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel

from integrations.context import Context, Foreseen, Order, Outcome, Plan


@dataclass(frozen=True)
class Foretold:
    """What is known of a change before it is made, and the answer with which the action goes on.

    `summary` is a sentence for a person; `before` and `after` are of the same shape, so that they can be compared.
    """

    summary: str
    before: Any = None
    after: Any = None
    outcome: Outcome = field(default_factory=Outcome)


Foretell = Callable[[Context[Any], Order], Awaitable[Foretold]]


@dataclass(frozen=True)
class Rehearsal:
    """What an action would change, and what it would give."""

    plans: tuple[Plan, ...]
    output: Mapping[str, Any]


def rehearsed(
    run: Callable[[Any, Any], Awaitable[BaseModel]], foretell: Mapping[str, Foretell]
) -> Callable[[Any, Any], Awaitable[Rehearsal]]:
    """The plan of an action whose changes are foretold one by one."""

    async def plan(context: Context[Any], values: Any) -> Rehearsal:
        plans: list[Plan] = []
        foreseen = context.foreseen or Foreseen()

        async def change(order: Order) -> Outcome:
            told = await foretell[order.op](about, order)
            made = Plan(order.op, order.target, told.summary, told.before, told.after)
            plans.append(replace(made, external_id=told.outcome.external_id, output=dict(told.outcome.data)))
            foreseen.changes.append(plans[-1])
            return told.outcome

        about = replace(context, change=change, earlier_change=False, foreseen=foreseen)
        try:
            output = await run(about, values)
        except BaseException:  # what was planned on the way is not planned
            foreseen.changes[:] = [one for one in foreseen.changes if not any(one is mine for mine in plans)]
            raise
        return Rehearsal(tuple(plans), output.model_dump(mode="json"))

    return plan


def as_rehearsal(plans: Rehearsal | Sequence[Plan], output: type[BaseModel], foreseen: Foreseen) -> Rehearsal:
    """What a plan gave in one shape; fields of the output that nobody foretold get a value of their type."""
    if isinstance(plans, Rehearsal):
        return plans
    foreseen.changes.extend(plans)
    told: dict[str, Any] = {}
    for plan in plans:
        told |= plan.output
    return Rehearsal(tuple(plans), filled(output, told))


def filled(output: type[BaseModel], told: Mapping[str, Any]) -> dict[str, Any]:
    """An output with a value of the right type for each field that is not told; texts say that they are planned."""
    missing = {name: info for name, info in output.model_fields.items() if name not in told}
    made = {
        name: info.get_default(call_default_factory=True) if not info.is_required() else _typed(info.annotation)
        for name, info in missing.items()
    }
    return {name: {**told, **made}[name] for name in output.model_fields}


def _typed(annotation: Any) -> Any:
    plain = {str: "planned", int: 0, float: 0.0, bool: False}
    if annotation in plain:
        return plain[annotation]
    kind = getattr(annotation, "__origin__", annotation)
    return {list: [], dict: {}}.get(kind)
