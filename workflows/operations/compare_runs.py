"""Two runs side by side: what was different, and at which step it first made a difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from accounts.actor import Actor
from orchestrator_site.lib.errors import UserError
from workflows.engine.definition import Definition, StepSpec, parse
from workflows.engine.reuse import Place
from workflows.models import Run, StepRun
from workflows.operations.blobs import with_outputs

MOST_STEPS = 2000
_GONE = object()


@dataclass(frozen=True)
class Difference:
    """One thing that was not the same; None where there was nothing."""

    what: str
    before: Any
    after: Any

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"what": self.what, "before": self.before, "after": self.after}


@dataclass(frozen=True)
class StepDifference:
    """A step that did not go the same way in both runs; causes (what it was given) stand before its outcome."""

    place: Place
    title: str
    causes: list[Difference]
    outcome: list[Difference]

    @property
    def words(self) -> str:
        """What it comes to, in a sentence."""
        if not self.causes:
            return "It was asked the same, and the answer was another."
        named = [difference.what for difference in self.causes[:3]]
        return f"It was not asked the same: {', '.join(named)}."

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "step": self.place.key,
            "path": self.place.path,
            "title": self.title,
            "causes": [difference.as_dict() for difference in self.causes],
            "outcome": [difference.as_dict() for difference in self.outcome],
        }


@dataclass(frozen=True)
class RunComparison:
    """What differs of the runs as a whole, and step by step in the order of the later run's version."""

    before: Run
    after: Run
    whole: list[Difference] = field(default_factory=list)
    steps: list[StepDifference] = field(default_factory=list)

    @property
    def first(self) -> StepDifference | None:
        """The first step at which they part."""
        return self.steps[0] if self.steps else None

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "a": str(self.before.pk),
            "b": str(self.after.pk),
            "whole": [difference.as_dict() for difference in self.whole],
            "first": self.first.as_dict() if self.first else None,
            "steps": [step.as_dict() for step in self.steps],
        }


def compare_runs(actor: Actor, before: Run, after: Run) -> RunComparison:
    """Compare two runs of one workflow. Raises UserError when they are of two."""
    actor.require("read")
    if before.workflow_id != after.workflow_id:
        raise UserError(
            "E_OTHER_WORKFLOW", "These are runs of two workflows.", field="b", hint="Choose two runs of the same one."
        )
    definitions = [parse(run.version.definition, trusted=True) for run in (before, after)]
    return RunComparison(before, after, list(_whole(before, after)), _steps(before, after, *definitions))


def _whole(before: Run, after: Run) -> Iterator[Difference]:
    yield from _values("version", before.version.number or "draft", after.version.number or "draft")
    if before.version.number == after.version.number and before.version_id != after.version_id:
        yield Difference("draft", "as it was then", "as it was later")
    yield from _values("mode", before.mode, after.mode)
    yield from _fields("input", before.inputs, after.inputs)
    then, now = before.frozen or {}, after.frozen or {}
    yield from _fields("variable", then.get("variables"), now.get("variables"))
    yield from _fields("prompt", _prompts(then), _prompts(now))


def _prompts(frozen: dict[str, Any]) -> dict[str, Any]:
    """Which version each prompt label stood for."""
    return {
        f"{slug} ({label})": version.get("version")
        for slug, labels in (frozen.get("prompts") or {}).items()
        for label, version in labels.items()
    }


def _steps(before: Run, after: Run, then: Definition, now: Definition) -> list[StepDifference]:
    rows, later = _rows(before), _rows(after)
    specs = {spec.key: spec for definition in (then, now) for spec, _ in definition.walk()}
    order = {spec.key: number for number, (spec, _) in enumerate(now.walk())}
    places = sorted({*rows, *later}, key=lambda place: (order.get(place.key, len(order)), _natural(place.path)))
    found = [_step(place, rows.get(place), later.get(place), before, after, specs.get(place.key)) for place in places]
    return [step for step in found if step.causes or step.outcome]


def _natural(path: str) -> tuple[int, str]:
    return len(path), path


def _rows(run: Run) -> dict[Place, StepRun]:
    rows = StepRun.objects.of(run.workspace_id).filter(run=run).select_related("connection").order_by("id")
    return {Place(step.key, step.path): step for step in with_outputs(rows[:MOST_STEPS], first_part=True)}


def _step(
    place: Place, then: StepRun | None, now: StepRun | None, before: Run, after: Run, spec: StepSpec | None
) -> StepDifference:
    causes = [
        *_values("action", then and then.action, now and now.action),
        *_values("connection", _connection(then), _connection(now)),
        *_values("prompt version", _prompt(then, before), _prompt(now, after)),
        *_values("model", _model(then), _model(now)),
        *_fields("input", then and then.input, now and now.input),
    ] if then and now else []  # fmt: skip
    outcome = [
        *_values("status", then.status if then else "not reached", now.status if now else "not reached"),
        *_values("error", _message(then), _message(now)),
        *(_fields("output", then.output, now.output) if then and now else ()),
    ]
    return StepDifference(place, spec.title if spec else place.key, causes, outcome)


def _connection(step: StepRun | None) -> str | None:
    return step.connection.name if step is not None and step.connection is not None else None


def _prompt(step: StepRun | None, run: Run) -> Any:
    given = step.input if step is not None and isinstance(step.input, dict) else {}
    labels = ((run.frozen or {}).get("prompts") or {}).get(str(given.get("prompt"))) or {}
    wanted = str(given.get("version") or given.get("label") or "live")
    return (labels.get(wanted) or {}).get("version")


def _model(step: StepRun | None) -> Any:
    output = step.output if step is not None and isinstance(step.output, dict) else {}
    return output.get("model") if step is not None and step.kind == "model" else None


def _message(step: StepRun | None) -> Any:
    return (step.error or {}).get("message") if step is not None else None


def _values(what: str, before: Any, after: Any) -> Iterator[Difference]:
    if before != after:
        yield Difference(what, before, after)


def _fields(what: str, before: Any, after: Any) -> Iterator[Difference]:
    """Field by field where both are objects, else as a whole."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        if (before or None) != (after or None):
            yield Difference(what, before, after)
        return
    for name in dict.fromkeys([*before, *after]):
        then, now = before.get(name, _GONE), after.get(name, _GONE)
        if then != now:
            yield Difference(f"{what} {name}", None if then is _GONE else then, None if now is _GONE else now)
