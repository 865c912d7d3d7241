"""A definition of ours in the original's form, as far as that form can say it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchestrator_site.lib.json import JSONValue
from workflows.models import Workflow
from workflows.operations.imports.actions import ACTIONS, Original
from workflows.operations.imports.steps import AGENT

_INPUT = re.compile(r"\{\{ inputs\.(\w+)(?: \| (?:text|number))? \}\}")
_STEP = re.compile(r"\{\{ steps\.(\w+)((?:\.[\w-]+|\[-?\d+\])*)(?: \| default: \"\")? \}\}")
_DATE = '{{ run.started_at | date: "%Y-%m-%d" }}'
_BRACE = '{{ "{" }}'
_KEPT = ("key", "name", "action", "with", "note", "disabled", "timeout", "retry", "unknown", "connection")

BY_ACTION: dict[str, tuple[str, str]] = {
    known.action: pair
    for pair, known in reversed(ACTIONS.items())
    if pair != AGENT and pair[1] != "create_database_entry"
}


def seed_value(workflow: Workflow, definition: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The original's workflow, and what it cannot say."""
    source = workflow.source if isinstance(workflow.source, dict) else {}
    back = _Back(source, definition)
    steps = [step for step in definition["steps"] if not step.get("disabled")]
    written = [back.step(step, steps[i + 1] if i + 1 < len(steps) else None) for i, step in enumerate(steps)]
    if len(steps) != len(definition["steps"]):
        back.losses.append("steps that are switched off")
    if definition.get("outputs"):
        back.losses.append("outputs of the workflow")
    value = {
        "id": str(source.get("id") or workflow.slug),
        "name": definition["name"],
        "description": definition.get("description", ""),
        "steps": written,
        "variables": {
            back.inputs.get(one["name"], one["name"]): one.get("default", "") for one in definition["inputs"]
        },
    }
    return value, list(dict.fromkeys(back.losses))


class _Back:
    """Names and texts on the way back."""

    def __init__(self, source: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
        self.inputs = {key: name for name, key in (source.get("inputs") or {}).items()}
        self.steps: dict[str, str] = dict(source.get("steps") or {})
        self.actions = {step["key"]: step["action"] for step in definition["steps"]}
        self.losses: list[str] = []

    def step(self, step: Mapping[str, Any], following: Mapping[str, Any] | None) -> dict[str, Any]:
        """One step."""
        pair = BY_ACTION.get(step["action"])
        beyond = [name for name in step if name not in _KEPT]
        if pair is None or beyond:
            what = step["action"] if pair is None else ", ".join(beyond)
            self.losses.append(f"{what} of step {step['key']}")
        kind, action = pair or (step["action"].partition(".")[0], step["action"].partition(".")[2] or step["action"])
        return {
            "id": self._id(step["key"]),
            "type": kind,
            "action": action,
            "params": self._params(step, pair),
            "next_step": self._id(following["key"]) if following else None,
        }

    def _id(self, key: str) -> str:
        return self.steps.get(key, key)

    def _params(self, step: Mapping[str, Any], pair: tuple[str, str] | None) -> dict[str, Any]:
        inputs = step.get("with") or {}
        if pair == ("transform", "format"):
            return {"template": self.value(inputs.get("template", ""), step["key"])}
        if pair == ("transform", "extract"):
            source = str(self.value(inputs.get("source", ""), step["key"]))
            return {"source": source.strip("{} "), "key": inputs.get("path", "")}
        known = ACTIONS[pair] if pair else None
        return {self._param(name, known, step): self.value(value, step["key"]) for name, value in inputs.items()
                if not _is_fixed(known, name, value)}  # fmt: skip

    def _param(self, name: str, known: Original | None, step: Mapping[str, Any]) -> str:
        found = next((old for old, ours in known.fields.items() if ours == name), None) if known else name
        if found is None:
            self.losses.append(f"{name} of step {step['key']}")
        return found or name

    def value(self, value: JSONValue, key: str) -> JSONValue:
        """A value with its Liquid as the original's placeholders."""
        if isinstance(value, list):
            return [self.value(item, key) for item in value]
        if isinstance(value, dict):
            return {name: self.value(item, key) for name, item in value.items()}
        return self._text(value, key) if isinstance(value, str) else value

    def _text(self, text: str, key: str) -> str:
        text = _INPUT.sub(lambda found: f"{{{{{self.inputs.get(found[1], found[1])}}}}}", text)
        text = _STEP.sub(self._output, text).replace(_DATE, "{{current_date}}").replace(_BRACE, "{")
        if re.search(r"\{%|\{\{[^}]*[|\s.]steps\.|\{\{[^}]*\|", text):
            self.losses.append(f"a template of step {key}")
        return text

    def _output(self, found: re.Match[str]) -> str:
        key, path = found[1], found[2]
        pair = BY_ACTION.get(self.actions.get(key, ""))
        output = ACTIONS[pair].output if pair else None
        whole = {f".{output.main}", ".text" if "@.text" in output.readable else ""} if output else set()
        rest = "" if path in whole else path
        if output and output.shape == "list" and rest.startswith(f".{output.main}["):
            rest = rest.removeprefix(f".{output.main}")
        for old, ours in (output.parts if output else {}).items():
            rest = re.sub(rf"\.{re.escape(ours)}$", f".{old}", rest)
        return f"{{{{{self._id(key)}_output{rest}}}}}"


def _is_fixed(known: Original | None, name: str, value: Any) -> bool:
    return (
        known is not None and name in known.fixed and known.fixed[name] == value and name not in known.fields.values()
    )
