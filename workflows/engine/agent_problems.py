"""Checks of an agent: its tools are known, what is fixed fits, and no target is left to text from outside. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from integrations.schema_words import check_schema
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.names import did_you_mean
from workflows.engine.actions import ActionInfo, Catalogue, Known
from workflows.engine.agent_tools import raw_tools
from workflows.engine.control.agent import AgentTool
from workflows.engine.definition import StepSpec
from workflows.engine.expressions import is_literal, literal_part
from workflows.engine.findings import WARNING, Problem
from workflows.engine.references import Scope
from workflows.engine.template_problems import check_templates
from workflows.engine.values import fields_of, literal_problems

JSON = dict[str, Any]
OF_THE_FIELD = frozenset({"E_TAINT", "E_TYPE", "W_AS_JSON"})  # syntax and names are checked with the whole of the tools


def check_agent(step: StepSpec, scope: Scope, catalogue: Catalogue, known: Known | None) -> Iterator[Problem]:
    """What is wrong with an `agent` step, beyond what every step is checked for."""
    if step.action != "agent":
        return
    yield from _orders(step, scope)
    yield from _unseen(step, scope, catalogue)
    yield from _schema(step)
    tools = step.with_.get("tools")
    if tools is not None and not isinstance(tools, list):
        hint = "Write down the tools; only what is fixed in `with` may hold placeholders."
        yield _problem(step, "E_TYPE", "The tools of an agent are a list.", "with.tools", hint)
        return
    if not tools:
        text = f"“{step.title}” has no tools: it can only answer."
        yield _problem(step, "W_EMPTY", text, "with.tools", "Allow it an action.", severity=WARNING)
    names: set[str] = set()
    for number, tool in enumerate(raw_tools(step)):
        yield from _tool(step, tool, f"with.tools[{number}]", scope, catalogue, known)
        name = tool.get("name")
        if isinstance(name, str) and name and name in names:
            text = f"Two tools are called “{name[:48]}”."
            yield _problem(step, "E_DEF_DUP", text, f"with.tools[{number}].name", "Give one of them another name.")
        names.add(str(name))


def _problem(step: StepSpec, code: str, text: str, field: str, hint: str | None = None, **more: Any) -> Problem:
    return Problem(code, text, step=step.key, field=field, hint=hint, **more)


def _orders(step: StepSpec, scope: Scope) -> Iterator[Problem]:
    """What tells the agent what to do should not come from outside."""
    for name in ("task", "system"):
        chain = scope.chain_of(step.with_.get(name))
        if chain:
            text = f"Text from outside would tell the agent what to do: {' ← '.join(chain)}."
            yield _problem(step, "W_ORDERS", text, f"with.{name}", "Put it into the data.", severity=WARNING)


def _unseen(step: StepSpec, scope: Scope, catalogue: Catalogue) -> Iterator[Problem]:
    """Text from outside is read, and something is changed that nobody looks at before: the text may order it."""
    known = [(tool, catalogue.get(str(tool.get("action")))) for tool in raw_tools(step)]
    sources = [info.title for _, info in known if info is not None and info.tainted and not info.is_effect]
    sources += ["its data"] if scope.chain_of(step.with_.get("data")) else []
    changes = [
        info.title for tool, info in known if info is not None and info.is_effect and tool.get("approve") == "never"
    ]
    if sources and changes:
        text = f"What “{sources[0]}” gives can order “{changes[0]}”, and nobody looks at it before it is done."
        hint = "Let a person approve it, or be sure that what is fixed leaves no room for harm."
        yield _problem(step, "W_OUTWARD", text, "with.tools", hint, severity=WARNING)


def _schema(step: StepSpec) -> Iterator[Problem]:
    schema = step.with_.get("answer_schema")
    if schema is None or not is_literal(schema):
        return
    try:
        check_schema(schema, "with.answer_schema")
    except UserError as wrong:
        yield _problem(step, wrong.code, wrong.message, "with.answer_schema", wrong.hint)


def _tool(
    step: StepSpec, tool: JSON, at: str, scope: Scope, catalogue: Catalogue, known: Known | None
) -> Iterator[Problem]:
    plain = {name: value for name, value in tool.items() if name not in ("with", "with_")}
    for wrong in literal_problems(AgentTool, plain, whole=True):
        yield replace(wrong, step=step.key, field=f"{at}.{(wrong.field or '').removeprefix('with.')}")
    for name in tool:
        if name not in ("action", "name", "connection", "with", "allow", "approve"):
            hint = did_you_mean(name, ["action", "name", "connection", "with", "allow", "approve"])
            yield _problem(step, "E_UNKNOWN_FIELD", f"There is no “{name[:48]}” here.", f"{at}.{name[:48]}", hint)
    action = tool.get("action")
    if not isinstance(action, str):
        return
    info = catalogue.get(action)
    if info is None or info.is_control:
        found = [name for name in catalogue.names() if "." in name]
        text = f"“{action[:60]}” is no action that an agent can use."
        yield _problem(step, "E_KIND", text, f"{at}.action", did_you_mean(action, found))
        return
    yield from _fixed(step, tool, at, info, scope)
    yield from _targets(step, tool, at, info)
    if known is not None:
        yield from _connection(step, tool, at, info, known)


def _fixed(step: StepSpec, tool: JSON, at: str, info: ActionInfo, scope: Scope) -> Iterator[Problem]:
    """What the author fixes is checked like the inputs of a step of that action."""
    fixed, facts = tool.get("with"), fields_of(info.input)
    if fixed is not None and not isinstance(fixed, dict):
        yield _problem(step, "E_TYPE", f"{at}.with must be an object.", f"{at}.with", 'Like {"repository": "a/b"}.')
        return
    given = fixed or {}
    for name, value in given.items():
        if name not in facts:
            text = f"“{info.title}” has no input “{name[:60]}”."
            yield _problem(step, "E_UNKNOWN_FIELD", text, f"{at}.with.{name[:60]}", did_you_mean(name, list(facts)))
            continue
        for wrong in check_templates(value, scope, f"{at}.with.{name}", step.key, facts[name]):
            if wrong.code in OF_THE_FIELD:
                yield wrong
    literals = literal_part({name: value for name, value in given.items() if name in facts})
    for wrong in literal_problems(info.input, literals, whole=False):
        yield replace(wrong, step=step.key, field=f"{at}.{wrong.field}")


def _targets(step: StepSpec, tool: JSON, at: str, info: ActionInfo) -> Iterator[Problem]:
    """A target is fixed, chosen from a list, or approved; a model may not choose it alone."""
    facts, fixed, allow = fields_of(info.input), tool.get("with") or {}, tool.get("allow") or {}
    if not isinstance(fixed, dict) or not isinstance(allow, dict):
        return
    for name in allow:
        if name not in facts or facts[name].role != "target":
            text = f"“{name[:48]}” does not say where something goes; only such inputs have a list of what is allowed."
            yield _problem(step, "E_UNKNOWN_FIELD", text, f"{at}.allow.{name[:48]}", "Take it out.")
    if tool.get("approve") != "never":
        return
    open_ended = [fact for fact in facts.values() if fact.role == "target" and fact.name not in (*fixed, *allow)]
    for fact in open_ended:
        if fact.required:
            text = f"The model would choose “{fact.label}” of “{info.title}”, and nobody would approve it."
            hint = f"Fix {fact.name} in `with`, list what is allowed, or let a person approve."
            yield _problem(step, "E_TAINT", text, f"{at}.approve", hint)


def _connection(step: StepSpec, tool: JSON, at: str, info: ActionInfo, known: Known) -> Iterator[Problem]:
    name = tool.get("connection") or ""
    if not isinstance(name, str) or not info.takes_connection:
        if name:
            yield _problem(step, "E_CONN_SERVICE", f"“{info.title}” uses no connection.", f"{at}.connection")
        return
    if not name:
        if not info.keyless and not known.has_default(info.services):
            text = f"“{info.title}” needs a connection to {' or '.join(info.services)}, and there is no default."
            hint = "Choose one, or connect it under Connections."
            yield _problem(step, "W_NO_CONNECTION", text, f"{at}.connection", hint, severity=WARNING)
        return
    found = known.connections.get(name)
    if found is None:
        hint = did_you_mean(name, list(known.connections))
        text = f"There is no connection “{name[:48]}” in this workspace."
        yield _problem(step, "E_NOT_FOUND", text, f"{at}.connection", hint)
    elif found.service not in info.services:
        text = f"“{name}” is a connection to {found.service}; “{info.title}” needs one to {' or '.join(info.services)}."
        yield _problem(step, "E_CONN_SERVICE", text, f"{at}.connection", "Choose another.")
