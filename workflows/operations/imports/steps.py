"""One step of an old file as a step of ours, whatever dialect it came from. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.names import did_you_mean
from prompts.braces import to_liquid
from workflows.engine.findings import Problem
from workflows.operations.imports.actions import ACTIONS, NO_SUCH_HERE, Original, Output, known_names, wanted
from workflows.operations.imports.scope import Path, Scope, StepOutput, check_length, output_reference, path_text

UNKNOWN = Output("text", "output")
AGENT = ("claude_code", "execute_agent")


@dataclass
class OldStep:
    """A step as the file has it. `more` are fields of ours that the dialect has already worked out (retry, when, …)."""

    id: str
    type: str
    action: str
    params: Mapping[str, JSONValue]
    next: str | None = None
    more: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    disabled: bool = False

    @property
    def original(self) -> Original | None:
        """The entry of the table, or None for an action that nobody knows."""
        return ACTIONS.get((self.type, self.action))

    @property
    def output(self) -> StepOutput:
        """What later steps see of it."""
        known = self.original
        absent = "when" in self.more or self.more.get("on_error", {}).get("do") == "continue"
        return StepOutput(self.key, known.output if known else UNKNOWN, absent)


def convert_step(old: OldStep, scope: Scope, problems: list[Problem]) -> dict[str, Any]:
    """Our step; an action that we do not have makes it a disabled one, with a problem."""
    known = old.original
    if known is None:
        return _unsupported(old, scope, problems)
    step: dict[str, Any] = {"key": old.key, "name": title(old.id), "action": known.action}
    if inputs := _inputs(old, known, scope):
        step["with"] = inputs
    step |= old.more
    if (old.type, old.action) == AGENT:
        scope.warnings.append(f"{old.id}: {known.note}")
    return step


def title(identifier: str) -> str:
    """A readable name out of an id."""
    words = re.sub(r"[_\-\s]+", " ", identifier).strip()
    return (words[:1].upper() + words[1:])[:120] or "Step"


def _unsupported(old: OldStep, scope: Scope, problems: list[Problem]) -> dict[str, Any]:
    shown = f"{old.type}/{old.action}" if old.action else old.type
    hint = did_you_mean(shown, known_names()) if not NO_SUCH_HERE.get((old.type, old.action)) else None
    text = NO_SUCH_HERE.get((old.type, old.action)) or f"There is no action “{shown[:80]}” here."
    problems.append(
        Problem(
            "E_KIND",
            f"{text} The step “{old.id[:60]}” was imported switched off.",
            step=old.key,
            field="action",
            hint=f"{hint or ''} Choose another action for it, or remove it.".strip(),
        )
    )
    old.disabled = True
    name = re.sub(r"[^a-z0-9_.]+", "_", f"{old.type}.{old.action}".lower().strip("."))[:100]
    return {
        "key": old.key,
        "name": title(old.id),
        "action": name or "unknown",
        "with": scope.value(dict(old.params), "any"),
        **old.more,
        "disabled": True,
    }


def _inputs(old: OldStep, known: Original, scope: Scope) -> dict[str, Any]:
    special = _SPECIAL.get((old.type, old.action))
    if special:
        return special(old, scope)
    made: dict[str, Any] = {}
    for name, value in old.params.items():
        field_name = known.fields.get(name)
        if field_name is None:
            scope.warnings.append(f"{old.id}: {old.action} has no parameter “{name[:60]}”; it is left out.")
        elif value is not None:
            made[field_name] = scope.value(value, wanted(field_name))
    return {**made, **{name: value for name, value in known.fixed.items() if name not in made}}


# ---- The few that are not a matter of names ------------------------------------------------------------------


def _format(old: OldStep, scope: Scope) -> dict[str, Any]:
    """`transform/format`: str.format over the context; later files write `{{name}}` there."""
    template = old.params.get("template", "")
    if not isinstance(template, str):
        return {"template": scope.value(template)}
    check_length(template)
    doubled = [found for found in scope.pattern.finditer(template) if _is_known(found, scope)]
    if scope.pattern.fullmatch(template.strip()) or doubled:
        return {"template": scope.text(template)}

    def refer(path: Path) -> str:
        return scope.reference(path, "text")

    converted = to_liquid(template, refer)
    scope.warnings += [f"{old.id}: {warning}" for warning in converted.warnings]
    return {"template": converted.text}


def _is_known(found: re.Match[str], scope: Scope) -> bool:
    name = re.split(r"[.\[]", (found.group(1) or "").strip())[0]
    return name in scope.inputs or name in scope.outputs or name == "current_date"


def _extract(old: OldStep, scope: Scope) -> dict[str, Any]:
    """`transform/extract`: `source` names a value of the context, `key` one of its keys; absent gives ""."""
    source, key = str(old.params.get("source", "")), str(old.params.get("key", ""))
    name = (scope.pattern.fullmatch(source.strip()) or [None, source])[1] or source
    if name in scope.outputs:
        step, inside = scope.outputs[name]
        renamed = step.output.parts.get(key, key) if not inside else key
        path = renamed if renamed != key else path_text((key,)).lstrip(".")
        whole = (
            f"{{{{ steps.{step.key} }}}}" if step.output.shape == "object" else output_reference(step, inside, "any")
        )
        return {"source": whole, "path": path, "default": ""}
    return {"source": scope.placeholder(name, "any"), "path": path_text((key,)).lstrip("."), "default": ""}


def _agent(old: OldStep, scope: Scope) -> dict[str, Any]:
    """`claude_code/execute_agent`: role, task and context as one prompt."""
    params = old.params
    task = scope.value(params.get("task") or params.get("prompt") or "")
    context = scope.value(params.get("context") or "")
    prompt = f"{task}\n\n<context>\n{context}\n</context>" if context else task
    made: dict[str, Any] = {"prompt": prompt}
    if role := params.get("role"):
        made["system"] = f"You are the {scope.value(role)} of a team. Do the task with the context you are given."
    for name in ("model", "max_tokens"):
        if params.get(name) is not None:
            made[name] = scope.value(params[name], wanted(name))
    return made


def _database_entry(old: OldStep, scope: Scope) -> dict[str, Any]:
    """`notion/create_database_entry`: the title stands among the properties there."""
    properties = old.params.get("properties")
    rest = dict(properties) if isinstance(properties, dict) else {}
    named = next(
        (name for name in rest if _title_text(rest[name]) is not None or name.lower() in ("name", "title")), None
    )
    made: dict[str, Any] = {"parent": scope.value(old.params.get("database_id", ""))}
    if named is not None:
        value = rest.pop(named)
        text = _title_text(value)
        made["title"] = scope.value(text if text is not None else value)
    elif "title" in old.params:
        made["title"] = scope.value(old.params["title"])
    if "content" in old.params:
        made["content"] = scope.value(old.params["content"])
    if rest:
        made["properties"] = scope.value(rest, "any")
    elif isinstance(properties, str):
        made["properties"] = scope.value(properties, "any")
    return made


def _title_text(value: Any) -> str | None:
    """The text of a Notion title property, `{"title": [{"text": {"content": …}}]}`."""
    parts = value.get("title") if isinstance(value, dict) else None
    if not isinstance(parts, list):
        return None
    texts = [part.get("text", {}).get("content", "") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


_SPECIAL = {
    ("transform", "format"): _format,
    ("transform", "extract"): _extract,
    AGENT: _agent,
    ("notion", "create_database_entry"): _database_entry,
}
