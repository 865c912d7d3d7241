"""A comparison of two definitions as it is read: per step, per field, per line. Builds values for templates."""

from __future__ import annotations

import json
from typing import Any

from prompts.diff import Line, compare, fold
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.comparing import Comparison, FieldChange, StepChange

NAMES = {
    "when": "Only if",
    "on_error": "When it has failed for good",
    "place": "Place",
    "retry": "Tries",
    "disabled": "Switched off",
    "unknown": "When an answer is lost",
    "inputs": "Inputs of the workflow",
    "outputs": "Outputs of the workflow",
    "user_template": "The text sent to the model",
    "system": "What the model is told to be",
}
SIGNS = {
    "added": ("plus", "ok"),
    "removed": ("minus", "bad"),
    "changed": ("pencil", "run"),
    "moved": ("arrow-right", "idle"),
}


def change_list(found: Comparison) -> list[dict[str, Any]]:
    """The changes in reading order: the workflow's own fields, then each step."""
    shown = [*prompt_list(found), *(_step(step) for step in found.steps)]
    if found.workflow:
        fields = [field_lines(field) for field in found.workflow]
        own = {"change": "changed", "title": "The workflow itself", "icon": "pencil", "tone": "run", "fields": fields}
        shown.insert(0, own)
    return shown


def prompt_list(found: Comparison) -> list[dict[str, Any]]:
    """The prompts whose texts differ."""
    return [_step(prompt) for prompt in found.prompts]


def _step(step: StepChange) -> dict[str, Any]:
    icon, tone = SIGNS.get(step.change, ("pencil", "idle"))
    info = CATALOGUE.get(step.action)
    return {
        "change": step.change,
        "title": step.title,
        "key": step.key,
        "action": info.title if info else step.action,
        "icon": icon,
        "tone": tone,
        "fields": [field_lines(field) for field in step.fields],
    }


def field_lines(field: FieldChange) -> dict[str, Any]:
    """One field: its name for people, and its lines before and after."""
    name = field.field.removeprefix("with.")
    lines: list[Line | int] = list(fold(compare(_text(field.before), _text(field.after))))
    return {"name": NAMES.get(name, name.replace("_", " ").capitalize()), "lines": [_line(line) for line in lines]}


def _line(line: Line | int) -> dict[str, Any]:
    if isinstance(line, int):
        return {"kind": "fold", "count": line}
    return {"kind": {"added": "add", "removed": "del"}.get(line.kind, ""), "pieces": line.pieces}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
