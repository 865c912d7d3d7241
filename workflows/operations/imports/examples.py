"""Dialect B, the later example files: `workflow_id`, `step_id`, `step_type`, `parameters`; list order. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator_site.lib.json import JSONValue
from workflows.operations.imports.building import OldWorkflow, build, give_keys, text_field
from workflows.operations.imports.result import Converted
from workflows.operations.imports.scope import Scope
from workflows.operations.imports.shape import LIST, OBJECT, TEXT, Fields, Finding, check_fields, check_steps, refuse
from workflows.operations.imports.steps import OldStep

DIALECT = "examples"

_WORKFLOW: Fields = {
    "workflow_id": (TEXT, "text", True),
    "name": (TEXT, "text", False),
    "description": (TEXT, "text", False),
    "steps": (LIST, "a list", True),
    "variables": (OBJECT, "an object", False),
}
_STEP: Fields = {
    "step_id": (TEXT, "text", True),
    "step_type": (TEXT, "text", True),
    "action": (TEXT, "text", True),
    "parameters": (OBJECT, "an object", False),
}


def convert(source: Mapping[str, JSONValue]) -> Converted:
    """The definition of an example file. Raises Problems for a file that is not well formed."""
    found: list[Finding] = []
    if check_fields(source, _WORKFLOW, (), found):
        check_steps(source.get("steps"), _STEP, found)
    refuse(found)
    scope = Scope()
    steps: Any = source["steps"]
    variables: Any = source.get("variables") or {}
    old = OldWorkflow(
        dialect=DIALECT,
        identifier=str(source["workflow_id"]),
        name=text_field(source, "name"),
        description=text_field(source, "description"),
        steps=[_step(step) for step in steps],
        scope=scope,
        chained=any(step.get("next_step") for step in steps),
    )
    scope.add_variables(variables)
    give_keys(old)
    return build(old)


def _step(step: Mapping[str, Any]) -> OldStep:
    return OldStep(
        id=step["step_id"],
        type=step["step_type"].strip().lower(),
        action=step["action"].strip(),
        params=step.get("parameters") or {},
        next=step.get("next_step"),
    )
