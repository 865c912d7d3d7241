"""Dialect C, the later YAML files: inputs with types, `depends_on`, conditions, retries, `${name}`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.names import slugify_key
from workflows.engine.definition import InputSpec
from workflows.engine.findings import Problem
from workflows.engine.inputs import CHECKS
from workflows.engine.reading import RUN_TIMEOUT
from workflows.operations.imports.actions import ACTIONS
from workflows.operations.imports.building import OldWorkflow, build, give_keys, text_field
from workflows.operations.imports.conditions import condition
from workflows.operations.imports.result import Converted
from workflows.operations.imports.scope import Input, Scope, StepOutput, input_type, split_path
from workflows.operations.imports.shape import LIST, OBJECT, TEXT, Fields, Finding, check_fields, check_steps, refuse
from workflows.operations.imports.steps import OldStep

DIALECT = "graph"
DOLLAR = re.compile(r"\$\{\s*([^{}]*?)\s*\}")

_WORKFLOW: Fields = {
    "name": (TEXT, "text", True),
    "description": (TEXT, "text", False),
    "steps": (LIST, "a list", True),
    "inputs": (OBJECT, "an object", False),
}
_STEP: Fields = {
    "id": (TEXT, "text", True),
    "type": (TEXT, "text", True),
    "params": (OBJECT, "an object", False),
    "depends_on": ((list, str), "a list", False),
    "condition": (OBJECT, "an object", False),
    "on_failure": (TEXT, "text", False),
}
_TYPES = {
    "str": "text", "string": "text", "text": "text", "int": "integer", "integer": "integer", "float": "number",
    "number": "number", "bool": "boolean", "boolean": "boolean", "list": "list", "array": "list", "dict": "json",
    "object": "json", "json": "json", "date": "date", "datetime": "datetime", "file": "text", "any": "json",
}  # fmt: skip
_MODELS = {"openai", "anthropic", "claude", "claude_code", "llm", "ai", "completion", "prompt", "ollama", "gemini"}
_OPERATIONS = ("action", "operation", "method")


def convert(source: Mapping[str, JSONValue]) -> Converted:
    """The definition of a YAML file of the later versions. Raises Problems for a file that is not well formed."""
    found: list[Finding] = []
    if check_fields(source, _WORKFLOW, (), found):
        check_steps(source.get("steps"), _STEP, found)
    refuse(found)
    scope = Scope(pattern=DOLLAR)
    steps: Any = source["steps"]
    name = str(source["name"])
    old = OldWorkflow(
        dialect=DIALECT,
        identifier=text_field(source, "id") or slugify_key(name, fallback="workflow"),
        name=name,
        description=text_field(source, "description"),
        steps=[_step(step, scope) for step in steps],
        scope=scope,
        chained=False,
        settings=_settings(source, scope),
    )
    _inputs(source.get("inputs"), scope)
    give_keys(old)
    raw = {step.id: item for step, item in zip(old.steps, steps, strict=True)}
    old.steps = _sorted(old, raw)
    _aliases(old, raw)
    for step in old.steps:
        _when(step, raw[step.id], scope)
    _aliases(old, raw)
    old.outputs = _outputs(source.get("outputs"), scope)
    return build(old)


def _settings(source: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    if source.get("token_budget"):
        scope.warnings.append("token_budget is left out: budgets are set for the workspace, not in a file.")
    seconds: Any = source.get("timeout_seconds")
    return {"timeout": min(max(1, int(seconds)), RUN_TIMEOUT)} if _is_number(seconds) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# ---- Inputs and outputs --------------------------------------------------------------------------------------


def _inputs(inputs: Any, scope: Scope) -> None:
    for name, said in (inputs or {}).items():
        spec = said if isinstance(said, dict) else {"default": said}
        key = scope.keys.give(name)
        default = spec.get("default")
        kind = _TYPES.get(str(spec.get("type", "")).lower(), "text")
        if default is not None and CHECKS[kind](default, InputSpec(key, kind)):
            scope.warnings.append(
                f"{name}: the default does not fit the type {kind}; the type is taken from the default."
            )
            kind = input_type(default)
        if isinstance(default, str) and DOLLAR.search(default):
            scope.add_input(Input(key, name, "text", template=default, help=f"Left empty: {default}"))
            continue
        required = bool(spec.get("required", default is None)) and default is None
        said_of_it = str(spec.get("description") or "")
        scope.add_input(Input(key, name, kind, required=required, default=default, help=said_of_it))


def _outputs(outputs: Any, scope: Scope) -> dict[str, Any]:
    """Workflow outputs: a list of names, or an object of names and where they come from."""
    named = {str(name): str(name) for name in outputs} if isinstance(outputs, list) else outputs or {}
    made: dict[str, Any] = {}
    for name, said in named.items() if isinstance(named, dict) else ():
        value = said.get("value", said.get("from", said.get("source", name))) if isinstance(said, dict) else said
        text = str(value)
        path = split_path(text)
        if DOLLAR.search(text):
            made[slugify_key(name, made, fallback="output")] = scope.text(text, "any")
        elif path and (path[0] in scope.outputs or path[0] in scope.inputs):
            made[slugify_key(name, made, fallback="output")] = scope.reference(path, "any")
        else:
            scope.warnings.append(f"The output “{name[:60]}” is left out: no step provides it.")
    return made


# ---- Steps ---------------------------------------------------------------------------------------------------


def _step(step: Mapping[str, Any], scope: Scope) -> OldStep:
    params = dict(step.get("params") or {})
    kind, action = _action(step, params)
    return OldStep(id=step["id"], type=kind, action=action, params=params, more=_handling(step, scope))


def _action(step: Mapping[str, Any], params: dict[str, Any]) -> tuple[str, str]:
    """Type and action: `openai.summarize`, `openai/summarize`, or a type with the action beside it or in the params."""
    kind = step["type"].strip().lower()
    if found := re.fullmatch(r"(\w+)[./:](\w+)", kind):
        return found.group(1), found.group(2)
    for name in _OPERATIONS:
        if isinstance(step.get(name), str):
            return kind, step[name].strip()
        if isinstance(params.get(name), str) and (kind, params[name].strip()) in ACTIONS:
            return kind, params.pop(name).strip()
    if kind in _MODELS:
        if "prompt" in params and not {"role", "task"} & set(params):
            params.setdefault("system_prompt", params.pop("system", None))
            return "openai", "generate_completion"
        return "claude_code", "execute_agent"
    return kind, ""


def _handling(step: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """Retries, time and what happens on failure, as our fields."""
    more: dict[str, Any] = {}
    retries = step.get("max_retries")
    policy = str(step.get("on_failure") or "abort").strip().lower()
    if _is_number(retries):
        more["retry"] = {"max": _clamped(step, "max_retries", 0, 10, scope)}
    elif policy == "retry":
        more["retry"] = {"max": 3}
    if _is_number(step.get("timeout_seconds")):
        more["timeout"] = _clamped(step, "timeout_seconds", 1, 3600, scope)
    if policy in ("skip", "continue", "ignore"):
        more["on_error"] = {"do": "continue"}
    elif policy in ("fallback", "continue_with_default", "default") or "fallback" in step:
        more |= _fallback(step, scope)
    elif policy not in ("abort", "fail", "stop", "retry"):
        scope.warnings.append(f"{step['id']}: on_failure “{policy[:40]}” is not known; the run stops when it fails.")
    return more


def _clamped(step: Mapping[str, Any], name: str, low: int, high: int, scope: Scope) -> int:
    said = int(step[name])
    kept = min(max(said, low), high)
    if kept != said:
        scope.warnings.append(f"{step['id']}: {name} {said} became {kept}; {low} to {high} is possible.")
    return kept


def _fallback(step: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """A value instead of the step's output, where the file names one."""
    said = step.get("fallback", step.get("default_output", step.get("default")))
    value = said.get("value", said.get("default")) if isinstance(said, dict) else said
    if value is None:
        scope.warnings.append(f"{step['id']}: its fallback is no plain value; the run stops when it fails.")
        return {}
    field = ACTIONS.get(_action(step, dict(step.get("params") or {})))
    main = field.output.main if field and field.output.main else "text"
    return {"on_error": {"do": "value", "value": {main: scope.value(value, "any")}}}


def _aliases(old: OldWorkflow, raw: Mapping[str, Mapping[str, Any]]) -> None:
    """The names under which a step's output is known: `<id>`, `<id>_output`, and those of its `outputs`."""
    for step in old.steps:
        output = step.output
        names = raw[step.id].get("outputs") or []
        for name in (step.id, f"{step.id}_output"):
            old.scope.outputs[name] = (output, ())
        pairs = names.items() if isinstance(names, dict) else ((name, name) for name in names)
        for name, said in pairs:
            if isinstance(name, str):
                old.scope.outputs[name] = (output, _part_of(output, said))
    old.scope.outputs.pop("", None)


def _part_of(output: StepOutput, said: Any) -> tuple[str, ...]:
    """A named output is the whole one, or the part of an object that has this name."""
    known = {"url", "id", "number", "title", "commit_sha", "subject", "snippet"}
    return (said,) if output.output.shape == "object" and said in known else ()


def _when(step: OldStep, raw: Mapping[str, Any], scope: Scope) -> None:
    said = raw.get("condition")
    if isinstance(said, dict) and said:
        step.more["when"] = condition(said, scope, step.id)


def _sorted(old: OldWorkflow, raw: Mapping[str, Mapping[str, Any]]) -> list[OldStep]:
    """The steps so that each stands after those it depends on, otherwise in the order of the file."""
    waiting = {step.id: step for step in old.steps}
    if len(waiting) != len(old.steps):
        raise UserError("E_DEF_DUP", "Two steps have the same id.", field="steps", hint="Give one of them another id.")
    needs = {identifier: _needs(old, raw[identifier], waiting) for identifier in waiting}
    done: list[OldStep] = []
    while waiting:
        free = next((i for i in waiting if not needs[i] & waiting.keys()), None)
        if free is None:
            _circle(old, waiting, needs)
            done += waiting.values()
            break
        done.append(waiting.pop(free))
    return done


def _needs(old: OldWorkflow, step: Mapping[str, Any], known: Mapping[str, OldStep]) -> set[str]:
    said = step.get("depends_on") or []
    wanted = [said] if isinstance(said, str) else [name for name in said if isinstance(name, str)]
    for name in wanted:
        if name not in known:
            text = f"“{step['id']}” depends on “{name[:80]}”, which does not exist."
            _stop(old, known[step["id"]], Problem("E_DEF_REF", text, step=known[step["id"]].key, field="depends_on"))
    return {name for name in wanted if name in known}


def _circle(old: OldWorkflow, waiting: Mapping[str, OldStep], needs: Mapping[str, set[str]]) -> None:
    path = [next(iter(waiting))]
    while len(path) == len(set(path)):
        path.append(next(name for name in waiting if name in needs[path[-1]]))
    shown = " → ".join(path[path.index(path[-1]) :][-12:])
    for step in waiting.values():
        _stop(
            old, step, Problem("E_CYCLE", f"The steps wait for each other: {shown}.", step=step.key, field="depends_on")
        )


def _stop(old: OldWorkflow, step: OldStep, problem: Problem) -> None:
    step.more |= {"disabled": True, "note": problem.message}
    old.problems.append(problem)
