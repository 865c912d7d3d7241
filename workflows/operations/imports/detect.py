"""Which dialect a file is written in, told from its shape. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import JSONValue
from workflows.operations.imports.reading import read_file

NATIVE, SEED, EXAMPLES, GRAPH, PROMPTS, N8N = "native", "seed", "examples", "graph", "prompts", "n8n"

_NOT_WORKFLOWS = {
    "schedule_type": ("a schedule", "Import its workflow; schedules come with triggers."),
    "payload_mappings": ("a webhook", "Import its workflow; webhooks come with triggers."),
    "result": ("a log of a run", "Import what stands under its key “workflow”."),
}


def detect(text: str | bytes) -> str:
    """The dialect of a file: native, seed, examples, graph, n8n or prompts. Raises UserError for what is none."""
    return dialect_of(read_file(text))


def dialect_of(value: JSONValue) -> str:
    """The same for a value that was read already."""
    if isinstance(value, list):
        return dialect_of(value[0]) if value else _refuse({})
    if not isinstance(value, dict):
        return _refuse({})
    if isinstance(value.get("nodes"), list) and "steps" not in value:
        return N8N
    if "workflows" in value or _steps_have(value, "key"):
        return NATIVE
    if "format" in value:
        return PROMPTS if "prompt" in value else NATIVE
    if "user_prompt" in value or _is_prompt_library(value):
        return PROMPTS
    if "steps" not in value and any(name in value for name in _NOT_WORKFLOWS):
        return _refuse(value)
    if "workflow_id" in value or _steps_have(value, "step_id"):
        return EXAMPLES
    if "id" in value and not _is_graph(value):
        return SEED
    return GRAPH if "steps" in value else _refuse(value)


def _steps_have(value: Mapping[str, Any], name: str) -> bool:
    steps = value.get("steps")
    return isinstance(steps, list) and bool(steps) and isinstance(steps[0], dict) and name in steps[0]


def _is_graph(value: Mapping[str, Any]) -> bool:
    steps = value.get("steps")
    some = [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
    without_action = bool(some) and not any("action" in step for step in some)
    return "inputs" in value or without_action or any("depends_on" in step for step in some)


def _is_prompt_library(value: Mapping[str, Any]) -> bool:
    return bool(value) and all(isinstance(item, dict) and "user_template" in item for item in value.values())


def _refuse(value: Mapping[str, Any]) -> str:
    for name, (what, hint) in _NOT_WORKFLOWS.items():
        if name in value:
            raise UserError("E_IMPORT_DIALECT", f"This is {what}, not a workflow.", field="file", hint=hint)
    raise UserError(
        "E_IMPORT_DIALECT",
        "This is no workflow file that we know.",
        field="file",
        hint="It needs steps, and an id, a workflow_id or a name.",
    )
