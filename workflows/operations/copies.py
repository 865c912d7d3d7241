"""The rows of a new run for what stands of an earlier one: finished steps, open blocks, outputs that were given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import Definition
from workflows.engine.reuse import Place, Reuse, bare
from workflows.models import Run, StepRun
from workflows.operations.earlier import Earlier


def copies(
    definition: Definition, found: Reuse, given: Mapping[Place, Any], earlier: Earlier, fresh: Run, by: str
) -> list[StepRun]:
    """The steps that stand and the blocks that go on, as rows of the new run, in reading order."""
    order = {spec.key: number for number, (spec, _) in enumerate(definition.walk())}
    rows = earlier.whole(found.stands | found.opened)
    places = sorted(found.stands | found.opened, key=lambda place: (order.get(place.key, 0), place.path))
    origin = {"run": str(earlier.run.pk), "edited": by[:200]}
    steps = []
    for place in places:
        then = rows.get(place)
        if place in found.given:
            steps.append(_given(definition, fresh, place, then, given[place], origin))
        elif then is not None:
            steps.append(_opened(fresh, then) if place in found.opened else _kept(fresh, then))
    for seq, step in enumerate(steps, start=1):
        step.seq = seq
    return steps


def _row(fresh: Run, then: StepRun, **said: Any) -> StepRun:
    return StepRun(
        workspace=fresh.workspace,
        run=fresh,
        key=then.key,
        path=then.path,
        action=then.action,
        kind=then.kind,
        connection_id=then.connection_id,
        input=then.input,
        **said,
    )


def _kept(fresh: Run, then: StepRun) -> StepRun:
    said = then.decision if isinstance(then.decision, dict) else {}
    origin = said.get("reused") or {"run": str(then.run_id)}
    return _row(
        fresh,
        then,
        status=then.status,
        output=then.output,
        error=then.error,
        tainted=then.tainted,
        decision={**said, "reused": origin},
        finished_at=then.finished_at,
    )


def _opened(fresh: Run, then: StepRun) -> StepRun:
    decision = {**bare(then.decision), "opened": {"run": str(then.run_id)}}
    return _row(fresh, then, status="running", decision=decision, started_at=fresh.created_at)


def _given(
    definition: Definition, fresh: Run, place: Place, then: StepRun | None, output: Any, origin: Mapping[str, str]
) -> StepRun:
    spec = definition.step(place.key)
    assert spec is not None
    info = CATALOGUE.get(spec.action)
    decision = bare(then.decision) if then is not None and then.action == spec.action else {}
    return StepRun(
        workspace=fresh.workspace,
        run=fresh,
        key=place.key,
        path=place.path,
        action=spec.action,
        kind=info.kind if info else "pure",
        status="succeeded",
        input=then.input if then is not None else None,
        output=output,
        decision={**decision, "reused": dict(origin)},
        finished_at=fresh.created_at,
    )
