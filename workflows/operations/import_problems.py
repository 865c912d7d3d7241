"""Problems of an import that stand until somebody has settled them: the step is switched on, changed or removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.engine.definition import Definition
from workflows.engine.findings import Problem


def import_problems(source: Any, definition: Definition, found: list[Problem]) -> list[Problem]:
    """What the import could not map and still stands switched off as it was imported; `found` is not said twice."""
    stored = source.get("problems") if isinstance(source, Mapping) else None
    if not stored:
        return []
    said = {(problem.step, problem.code) for problem in found}
    waiting = {step.key for step, _ in definition.walk() if step.disabled}
    problems = [_problem(item) for item in stored]
    return [one for one in problems if one.step in waiting and (one.step, one.code) not in said]


def _problem(item: Mapping[str, Any]) -> Problem:
    return Problem(
        code=str(item["code"]),
        message=str(item["message"]),
        severity=str(item.get("severity", "error")),
        step=item.get("step"),
        field=item.get("field"),
        hint=item.get("hint"),
    )
