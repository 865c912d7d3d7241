"""The tools of an agent: what its model is told of an action, and what of a call the author has fixed. Pure."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from orchestrator_site.lib.json import dumps
from orchestrator_site.lib.names import did_you_mean
from workflows.engine.actions import ActionInfo
from workflows.engine.control.agent import AgentTool
from workflows.engine.definition import StepSpec
from workflows.engine.findings import DefinitionProblems
from workflows.engine.records import Failure
from workflows.engine.values import fields_of, take_inputs

JSON = dict[str, Any]
LONG_TEXT = 80
LONG_WIDGETS = ("long", "markdown", "code")


@dataclass(frozen=True)
class Offer:
    """One tool as the agent's record keeps it.

    `parameters` is the JSON Schema of what the model gives, `fixed` what it cannot change (`tainted`: those of it that
    text from outside filled), `free` the targets that it chooses. `lists` is the action that knows more of it.
    """

    name: str
    action: str
    title: str
    kind: str
    source: str
    connection: str = ""
    description: str = ""
    parameters: JSON = field(default_factory=dict)
    fixed: JSON = field(default_factory=dict)
    tainted: list[str] = field(default_factory=list)
    free: list[str] = field(default_factory=list)
    allow: dict[str, list[Any]] = field(default_factory=dict)
    approve: str = "effects"
    timeout: int = 60
    lists: str = ""

    def as_json(self) -> JSON:
        """The same as it is stored."""
        return asdict(self)

    def unknown(self, given: Iterable[str]) -> str:
        """What is wrong with the names of the arguments, in words for the model."""
        known = self.parameters.get("properties", {})
        for name in given:
            if name in self.fixed:
                return f"“{name}” is fixed and cannot be given."
            if name not in known:
                hint = did_you_mean(name, list(known))
                return f"There is no argument “{name[:60]}”. {hint or ''}".strip()
        return ""

    def chosen(self, given: Mapping[str, Any]) -> list[str]:
        """The targets that the model chooses and that nobody has allowed."""
        return [name for name in self.free if name in given and not self._allowed(name, given[name])]

    def must_ask(self, given: Mapping[str, Any]) -> bool:
        """Whether a person is asked before this call."""
        asks = self.approve == "always" or (self.approve == "effects" and self.kind == "effect")
        return asks or bool(self.chosen(given))

    def _allowed(self, name: str, value: Any) -> bool:
        known = self.allow.get(name, [])
        return all(one in known for one in value) if isinstance(value, list) else value in known

    def fields(self, given: JSON) -> list[JSON]:
        """What the model gives as the fields of a draft, for a person to read and to edit."""
        properties, needed = self.parameters.get("properties", {}), self.parameters.get("required", ())
        chosen = self.chosen(given)
        found = []
        for name, value in given.items():
            part = _flat(properties.get(name, {}))
            kind, options = _form_of(value, part)
            label = str(part.get("title") or name)
            one = {"name": name, "type": kind, "label": label[:120], "value": value, "required": name in needed}
            if name in chosen:
                one["help"] = "It says where this goes, and the model chose it."
            found.append({**one, "options": options} if options else one)
        return found


def offers_of(
    key: str, tools: Iterable[AgentTool], info_of: Callable[[str], ActionInfo | None], tainted: list[set[str]]
) -> list[Offer]:
    """The tools as the model is offered them; `tainted` are the fixed inputs of each that came from outside.

    Raises Failure where an action is unknown or has no such input.
    """
    found: list[Offer] = []
    for number, (tool, from_outside) in enumerate(zip(tools, tainted, strict=True)):
        info = info_of(tool.action)
        if info is None or info.is_control:
            raise Failure("E_KIND", f"“{tool.action}” is no action that an agent can use.", "Take it out of the tools.")
        facts = fields_of(info.input)
        for name in tool.with_:
            if name not in facts:
                hint = did_you_mean(name, list(facts)) or ""
                raise Failure("E_UNKNOWN_FIELD", f"“{info.title}” has no input “{name[:60]}”.", hint)
        free = [name for name, fact in facts.items() if fact.role == "target" and name not in tool.with_]
        name = tool_name(tool, {one.name for one in found})
        found.append(
            Offer(
                name=name,
                action=tool.action,
                title=info.title,
                kind=info.kind,
                source=source_of(key, number),
                connection=tool.connection,
                description=_description(info, tool),
                parameters=parameters_of(info, tool.with_),
                fixed=dict(tool.with_),
                tainted=sorted(from_outside),
                free=free,
                allow=dict(tool.allow),
                approve=tool.approve,
                timeout=info.timeout,
                lists=info.lists,
            )
        )
    return found


def tool_name(tool: AgentTool, taken: set[str]) -> str:
    """What the model calls a tool: as the author says, else after its action."""
    name = tool.name or tool.action.replace(".", "_")[:60]
    number = 2
    while name in taken:
        name = f"{(tool.name or tool.action.replace('.', '_'))[:57]}_{number}"
        number += 1
    return name


def source_of(key: str, number: int | None = None) -> str:
    """Under which name the connection of a made step is kept: that of the model, or of a tool by its number."""
    return f"{key}/turn" if number is None else f"{key}/{number}"


def made_by(step: StepSpec, turn_action: str) -> Iterator[StepSpec]:
    """The calls that a step may make, as steps of their own: those of an agent, nothing for any other."""
    if step.action != "agent" or step.disabled:
        return
    yield StepSpec(source_of(step.key), turn_action, name=step.title, connection=step.connection)
    for number, tool in enumerate(raw_tools(step)):
        action, connection, fixed = tool.get("action"), tool.get("connection"), tool.get("with")
        if isinstance(action, str) and "." in action:
            yield StepSpec(
                source_of(step.key, number),
                action,
                name=f"{step.title}: {action}",
                connection=connection if isinstance(connection, str) else "",
                with_=fixed if isinstance(fixed, dict) else {},
            )


def raw_tools(step: StepSpec) -> list[JSON]:
    """The tools as they are written down; what is no object is passed over."""
    tools = step.with_.get("tools")
    return [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []


def parameters_of(info: ActionInfo, fixed: Iterable[str]) -> JSON:
    """The JSON Schema of what the model gives: the action's inputs without the fixed ones, without marks of ours."""
    schema = copy.deepcopy(info.input.model_json_schema(by_alias=True))
    hidden = set(fixed)
    properties = {name: part for name, part in schema.get("properties", {}).items() if name not in hidden}
    made: JSON = {"type": "object", "properties": properties, "additionalProperties": False}
    if needed := [name for name in schema.get("required", ()) if name not in hidden]:
        made["required"] = needed
    used = dumps(made)
    if kept := {name: part for name, part in schema.get("$defs", {}).items() if f"#/$defs/{name}" in used}:
        made["$defs"] = schema["$defs"] if len(kept) > 1 else kept
    found: JSON = _unmarked(made)
    return found


def learned(offer: Offer, listed: Any) -> Offer:
    """The tool with what its own server says of it; unchanged where it says nothing.

    `listed` is the output of its listing action: `tools`, each with name, description and `input_schema`.
    """
    tools = listed.get("tools") if isinstance(listed, dict) else None
    names = set(map(str, offer.fixed.values()))
    found = next((one for one in tools or () if isinstance(one, dict) and one.get("name") in names), None)
    if found is None or "arguments" not in offer.parameters.get("properties", {}):
        return offer
    arguments = found.get("input_schema")
    properties = {**offer.parameters["properties"]}
    if isinstance(arguments, dict):
        properties["arguments"] = {**arguments, "title": "Arguments"}
    text = str(found.get("description") or "")
    values = {**asdict(offer), "parameters": {**offer.parameters, "properties": properties}}
    return Offer(**{**values, "description": f"{text}\n{offer.description}".strip()[:4000]})


def taken(model: type[Any], values: Mapping[str, Any]) -> Any:
    """Inputs as their model wants them. Raises Failure in words."""
    try:
        return take_inputs(model, values)
    except DefinitionProblems as wrong:
        raise Failure(wrong.code, f"The inputs cannot be used: {wrong.message}", "Change the step's inputs.") from None


def _description(info: ActionInfo, tool: AgentTool) -> str:
    fixed = "".join(f"\n{name} is fixed: {dumps(value)[:200]}." for name, value in tool.with_.items())
    allowed = "".join(f"\nFor {name}, take one of {dumps(values)[:500]}." for name, values in tool.allow.items())
    asks = "\nA person approves each call." if tool.approve == "always" else ""
    asks = asks or ("\nA person approves each change." if info.is_effect and tool.approve == "effects" else "")
    return f"{info.title}. {info.description}{fixed}{allowed}{asks}"[:4000]


def _unmarked(part: Any) -> Any:
    if isinstance(part, list):
        return [_unmarked(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {name: _unmarked(item) for name, item in part.items() if not name.startswith("x-")}


def _flat(part: JSON) -> JSON:
    """A property without the null that it may also be."""
    choices = [one for one in part.get("anyOf", ()) if isinstance(one, dict) and one.get("type") != "null"]
    return {**part, **choices[0]} if len(choices) == 1 else part


def _form_of(value: Any, part: JSON) -> tuple[str, list[str]]:
    """The type of a field of a draft, and what there is to choose from."""
    options = [str(one) for one in part.get("enum", ()) if isinstance(one, str)]
    if options and value in options:
        return "choice", options
    if isinstance(value, bool):
        return "boolean", []
    if isinstance(value, str):
        return ("long_text" if len(value) > LONG_TEXT or "\n" in value else "text"), []
    if isinstance(value, int):
        return ("integer" if part.get("type") == "integer" else "number"), []
    if isinstance(value, float):
        return "number", []
    return ("list" if isinstance(value, list) else "json"), []
