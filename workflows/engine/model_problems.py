"""Models that a step names and that their service shuts down: said when the workflow is saved, with the day. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from workflows.engine.actions import ActionInfo, Catalogue, Known
from workflows.engine.definition import StepSpec
from workflows.engine.expressions import is_literal
from workflows.engine.findings import WARNING, Problem
from workflows.engine.values import fields_of

WIDGETS = frozenset({"model", "models"})


def check_models(step: StepSpec, info: ActionInfo, catalogue: Catalogue, known: Known | None) -> Iterator[Problem]:
    """A warning for each model that has ended or will."""
    services = _services(step, info, known)
    for name, fact in fields_of(info.input).items():
        value = step.with_.get(name)
        if fact.widget not in WIDGETS or value is None or not is_literal(value):
            continue
        for model in value if isinstance(value, list) else [value]:
            if not isinstance(model, str) or (ending := catalogue.ending(services, model)) is None:
                continue
            day = f"{ending.day.day} {ending.day:%B %Y}"
            words = f"The model “{model[:60]}” has ended on {day}: calls fail." if ending.past else ""
            text = words or f"The model “{model[:60]}” ends on {day}; calls will fail from then on."
            hint = f"Use {ending.instead} instead." if ending.instead else "Choose another model."
            yield Problem("W_MODEL_DEPRECATED", text, WARNING, step.key, f"with.{name}", hint)


def _services(step: StepSpec, info: ActionInfo, known: Known | None) -> tuple[str, ...]:
    """The service of the connection that is named, else all that the step could use."""
    found = known.connections.get(step.connection) if known is not None and step.connection else None
    return (found.service,) if found is not None else info.services
