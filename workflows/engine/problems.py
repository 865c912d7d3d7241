"""Every check of a well-formed definition: does it make sense, and may it run? Pure.

`check(definition, catalogue, known)` asks the catalogue and what the workspace has, and gives findings;
those of severity error keep a workflow from being published.
"""

from __future__ import annotations

from workflows.engine.actions import Catalogue, Facts, Known
from workflows.engine.definition import Definition
from workflows.engine.findings import ERROR, WARNING, DefinitionProblems, Problem, errors_of
from workflows.engine.mixing import check_mixing
from workflows.engine.references import Scope, walk_scopes
from workflows.engine.step_problems import check_late, check_step
from workflows.engine.template_problems import check_templates

__all__ = ["DefinitionProblems", "Facts", "Problem", "check", "errors_of", "refuse_errors"]

MAX_FOUND = 300


def check(
    definition: Definition, catalogue: Catalogue, known: Known | None = None, *, allow_empty: bool = False
) -> list[Problem]:
    """Every finding, in reading order. Without `known` connections, prompts and variables are not looked at.

    `allow_empty`: an imported workflow may have no steps; it then does nothing.
    """
    found: list[Problem] = []
    if not definition.steps:
        found.append(_empty(allow_empty))
    found.extend(_settings(definition))
    scope = Scope(definition, catalogue, None if known is None else known.variables)
    for step, seen in walk_scopes(definition, scope):
        inside = seen.inside == step.key
        found.extend(check_late(step, seen, catalogue) if inside else check_step(step, seen, catalogue, known))
        if len(found) >= MAX_FOUND:
            return found[:MAX_FOUND]
    found.extend(check_mixing(definition, catalogue))
    for name, value in definition.outputs.items():
        found.extend(check_templates(value, scope, f"outputs.{name}", None))
    return found[:MAX_FOUND]


def refuse_errors(problems: list[Problem]) -> None:
    """Go on only if none of them is an error. Raises DefinitionProblems."""
    if errors := errors_of(problems):
        raise DefinitionProblems(errors)


def _empty(allowed: bool) -> Problem:
    return Problem(
        "E_DEF_EMPTY",
        "This workflow has no steps" + ("; a run of it does nothing." if allowed else "."),
        WARNING if allowed else ERROR,
        field="steps",
        hint="Add a step.",
    )


def _settings(definition: Definition) -> list[Problem]:
    concurrency = definition.settings.get("concurrency")
    if not isinstance(concurrency, dict):
        return []
    scope = Scope(Definition(name=definition.name, inputs=definition.inputs), _NO_ACTIONS)
    return check_templates(concurrency.get("key"), scope, "settings.concurrency.key", None)


class _Nothing:
    def get(self, name: str) -> None:
        """There is no action here."""

    def names(self) -> list[str]:
        """None."""
        return []

    def ending(self, services: object, model: str) -> None:
        """There are no models here."""


_NO_ACTIONS = _Nothing()
