"""Dialect A, the original's own files, and A+, what later versions added to them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator_site.lib.json import JSONValue
from workflows.operations.imports.building import OldWorkflow, build, give_keys
from workflows.operations.imports.result import Converted
from workflows.operations.imports.scope import Scope
from workflows.operations.imports.shape import refuse, seed_findings
from workflows.operations.imports.steps import OldStep

DIALECT = "seed"


def convert(source: Mapping[str, JSONValue]) -> Converted:
    """The definition of an original file. Raises Problems for a file that is not well formed."""
    refuse(seed_findings(source))
    scope = Scope()
    old = OldWorkflow(
        dialect=DIALECT,
        identifier=str(source["id"]),
        name=str(source["name"]),
        description=str(source["description"]),
        steps=[_step(step) for step in _list(source.get("steps")) if isinstance(step, dict)],
        scope=scope,
    )
    scope.add_variables(_object(source.get("variables")))
    give_keys(old)
    return build(old)


def _step(step: Mapping[str, Any]) -> OldStep:
    return OldStep(
        id=step["id"],
        type=step["type"].strip().lower(),
        action=step["action"].strip(),
        params=step.get("params") or {},
        next=(step.get("next_step") or "").strip() or None,
    )


def _list(value: JSONValue) -> list[JSONValue]:
    return value if isinstance(value, list) else []


def _object(value: JSONValue) -> dict[str, JSONValue]:
    return value if isinstance(value, dict) else {}
