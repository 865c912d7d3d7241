"""Checks one step against its action: inputs, branches, connection, prompt and how it deals with failure. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from orchestrator_site.lib.json import JSONValue, dumps
from orchestrator_site.lib.names import did_you_mean
from orchestrator_site.lib.templating.values import as_text
from workflows.engine.actions import ActionInfo, Catalogue, Known
from workflows.engine.agent_problems import check_agent
from workflows.engine.definition import StepSpec
from workflows.engine.expressions import is_literal, literal_part, single_path
from workflows.engine.findings import WARNING, Problem
from workflows.engine.lists import BRANCH, CASE, ON_ERROR
from workflows.engine.model_problems import check_models
from workflows.engine.references import Scope, Unresolved
from workflows.engine.shapes import Shape, value_shape
from workflows.engine.template_problems import check_condition, check_templates
from workflows.engine.values import fields_of, literal_problems
from workflows.engine.waiting_problems import check_waiting

FALLBACK = "fallback"


def check_step(step: StepSpec, scope: Scope, catalogue: Catalogue, known: Known | None) -> Iterator[Problem]:
    """Everything that is wrong with one step."""
    if step.when:
        yield from check_condition(step.when, scope, "when", step.key)
    if not is_literal(step.on_error.value):
        text = "The value after an error is a fixed one; it holds no placeholders."
        yield _problem(step, "E_UNSUPPORTED", text, "on_error.value", "Write it down as it shall be.")
    if step.on_error.do == "branch" and not step.branches.get(ON_ERROR):
        text = f"There are no steps for when “{step.title}” has failed: the run then simply goes on."
        yield _problem(step, "W_EMPTY", text, "on_error", "Add a step to them.", WARNING)
    info = catalogue.get(step.action)
    if info is None:
        text = f"There is no action “{step.action[:60]}”."
        yield _problem(step, "E_KIND", text, "action", did_you_mean(step.action, catalogue.names()))
        for name, value in step.with_.items():
            yield from check_templates(value, scope, f"with.{name}", step.key)
        return
    yield from _inputs(step, info, scope)
    yield from _branches(step, info)
    yield from _cases(step, scope)
    yield from _policies(step, info)
    yield from check_waiting(step, scope.slug, known)
    yield from check_agent(step, scope, catalogue, known)
    yield from check_models(step, info, catalogue, known)
    if known is not None:
        yield from _items(step, known)
        yield from _connection(step, info, known)
        yield from _others(step, info, known)
        yield from _prompt(step, info, known)


def check_late(step: StepSpec, scope: Scope, catalogue: Catalogue) -> Iterator[Problem]:
    """The conditions of a block that see the steps inside it."""
    info = catalogue.get(step.action)
    for name in info.late if info else ():
        value = step.with_.get(name)
        if isinstance(value, str) and value.strip():
            yield from check_condition(value, scope, f"with.{name}", step.key)


def _problem(
    step: StepSpec, code: str, message: str, field: str, hint: str | None = None, severity: str = "error"
) -> Problem:
    return Problem(code, message, severity, step.key, field, hint)


def _inputs(step: StepSpec, info: ActionInfo, scope: Scope) -> Iterator[Problem]:
    facts = fields_of(info.input)
    for name in step.with_:
        if name not in facts:
            text = f"“{info.title}” has no input “{name[:60]}”."
            yield _problem(step, "E_UNKNOWN_FIELD", text, f"with.{name}", did_you_mean(name, list(facts)))
    for name, fact in facts.items():
        value = step.with_.get(name)
        if fact.required and (value is None or (isinstance(value, str) and not value.strip())):
            yield _problem(step, "E_REQUIRED", f"{fact.label} ({name}) is missing.", f"with.{name}")
        elif fact.literal and not is_literal(value):
            text = f"{fact.label} is written down as it is; it holds no placeholders."
            yield _problem(step, "E_UNSUPPORTED", text, f"with.{name}", "Write item.subject without braces.")
        elif name in info.conditions and isinstance(value, str):
            if name not in info.late:
                yield from check_condition(value, scope, f"with.{name}", step.key)
        elif name in step.with_:
            yield from check_templates(value, scope, f"with.{name}", step.key, fact)
    given = {name: value for name, value in step.with_.items() if value is not None and name in facts}
    given = {name: value for name, value in given.items() if value != "" or not facts[name].required}
    literals = literal_part(given)
    for wrong in literal_problems(info.input, literals, whole=len(literals) == len(given)):
        yield Problem(wrong.code, wrong.message, wrong.severity, step.key, wrong.field, wrong.hint, wrong.limit)


def _branches(step: StepSpec, info: ActionInfo) -> Iterator[Problem]:
    known = {"cases": CASE, "branches": BRANCH}.get(info.many)
    for name in step.blocks:
        if name not in info.branches and not (known and name.startswith(known)):
            text = f"“{info.title}” has no list “{name}” of steps."
            yield _problem(step, "E_UNKNOWN_FIELD", text, field_of(name))
    if info.many and not any(name.startswith(known or "") for name in step.blocks):
        one = "case" if info.many == "cases" else "branch"
        yield _problem(step, "E_REQUIRED", f"“{step.title}” needs at least one {one}.", info.many, f"Add a {one}.")
    elif (info.branches or info.many) and not any(step.blocks.values()):
        text = f"There are no steps in “{step.title}”; it does nothing."
        yield _problem(step, "W_EMPTY", text, info.many or info.branches[0], "Add a step to it.", WARNING)


def field_of(name: str) -> str:
    """The field of a step in which the list of this name stands."""
    return "cases" if name.startswith(CASE) else "branches" if name.startswith(BRANCH) else name


def _cases(step: StepSpec, scope: Scope) -> Iterator[Problem]:
    """The values of a switch are constants, and of the kind that the value has."""
    reference = single_path(step.with_.get("value"))
    kind = "any"
    if reference is not None:
        with suppress(Unresolved):
            kind = scope.resolve(reference).shape.kind
    for i, value in enumerate(step.cases):
        field, shape = f"cases[{i}].equals", value_shape(value)
        if not is_literal(value):
            text = "The value of a case is a fixed one; it holds no placeholders."
            yield _problem(step, "E_UNSUPPORTED", text, field, "Use an if for it.")
        elif kind not in ("any", shape.kind):
            text = f"{as_text(step.with_['value']).strip('{} ')} is {Shape(kind).words}; it is never {dumps(value)}."
            yield _problem(step, "W_NEVER", text, field, "Write the case as the value is.", WARNING)


def _policies(step: StepSpec, info: ActionInfo) -> Iterator[Problem]:
    if step.unknown and not info.is_effect:
        text = "Only a step that changes something outside can have an unknown outcome."
        yield _problem(step, "E_UNSUPPORTED", text, "unknown", "Leave it out.")
    elif step.unknown == "look" and not info.can_look:
        text = f"What “{info.title}” has done cannot be looked up."
        yield _problem(step, "E_UNSUPPORTED", text, "unknown", "Use ask.")
    if step.cache is not None and info.is_effect:
        text = f"“{info.title}” changes something outside; a kept result would say that it happened when it did not."
        yield _problem(step, "E_UNSUPPORTED", text, "cache", "Keep the results of the steps that read or ask a model.")
    if not info.is_control:
        return
    inside = "Set it on the steps inside." if info.branches or info.many else "Leave it out."
    for name, said in (("timeout", step.timeout), ("retry", step.retry), ("cache", step.cache)):
        if said is not None and name not in info.takes:
            text = f"“{info.title}” calls nothing and takes no {name}."
            yield _problem(step, "E_UNSUPPORTED", text, name, inside)
    if step.on_error.do != "stop" and "on_error" not in info.takes:
        text = f"“{info.title}” ends the run; nothing can happen after it."
        yield _problem(step, "E_UNSUPPORTED", text, "on_error", inside)


def _items(step: StepSpec, known: Known) -> Iterator[Problem]:
    items = step.with_.get("items") if step.action == "for_each" else None
    if isinstance(items, list) and len(items) > known.max_items:
        text = f"items must have at most {known.max_items:,} items; these are {len(items):,}."
        yield Problem("E_RANGE", text, step=step.key, field="with.items", limit=known.max_items)


def _others(step: StepSpec, info: ActionInfo, known: Known) -> Iterator[Problem]:
    """The connections of other models that a step may turn to."""
    said = step.with_.get(FALLBACK) if info.takes_connection else None
    for place, item in enumerate(said if isinstance(said, list) else ()):
        name = item.get("connection") if isinstance(item, dict) else None
        if not isinstance(name, str) or not name:
            continue
        field, found = f"with.{FALLBACK}[{place}].connection", known.connections.get(name)
        if found is None:
            text = f"There is no connection “{name[:48]}” in this workspace."
            yield _problem(step, "E_NOT_FOUND", text, field, did_you_mean(name, list(known.connections)))
        elif found.service not in info.services:
            text = f"“{name}” is a connection to {found.service}; it offers no model for “{info.title}”."
            yield _problem(step, "E_CONN_SERVICE", text, field, "Choose a connection that offers a model.")


def _connection(step: StepSpec, info: ActionInfo, known: Known) -> Iterator[Problem]:
    if not info.takes_connection:
        if step.connection:
            text = f"“{info.title}” uses no connection."
            yield _problem(step, "E_CONN_SERVICE", text, "connection", "Leave it out.")
        return
    if info.keyless and not step.connection:
        return
    services = " or ".join(info.services) or info.service
    if not step.connection:
        if not known.has_default(info.services):
            some = any(one.service in info.services for one in known.connections.values())
            lack = "none of those here is the default" if some else "there is none here yet"
            hint = "Choose one in the step, or make one the default." if some else "Connect it under Connections."
            text = f"“{info.title}” needs a connection to {services}, and {lack}."
            yield _problem(step, "W_NO_CONNECTION", text, "connection", hint, WARNING)
        return
    found = known.connections.get(step.connection)
    if found is None:
        text = f"There is no connection “{step.connection}” in this workspace."
        yield _problem(step, "E_NOT_FOUND", text, "connection", did_you_mean(step.connection, list(known.connections)))
    elif found.service not in info.services:
        fitting = [one.name for one in known.connections.values() if one.service in info.services]
        text = f"“{step.connection}” is a connection to {found.service}; “{info.title}” needs one to {services}."
        hint = f"Choose {', '.join(fitting[:5])}." if fitting else f"Connect {services} first."
        yield _problem(step, "E_CONN_SERVICE", text, "connection", hint)


def _prompt(step: StepSpec, info: ActionInfo, known: Known) -> Iterator[Problem]:
    """An input shown as a choice of prompts names one that is there, in a version it has, with all its values."""
    name = next((fact.name for fact in fields_of(info.input).values() if fact.widget == "prompt"), None)
    slug = step.with_.get(name) if name else None
    if not isinstance(slug, str) or not slug or not is_literal(slug):
        return
    prompt = known.prompts.get(slug)
    if prompt is None:
        text = f"There is no prompt “{slug[:60]}” in this workspace."
        yield _problem(step, "E_NOT_FOUND", text, f"with.{name}", did_you_mean(slug, list(known.prompts)))
        return
    field = "version" if step.with_.get("version") is not None else "label"
    wanted = step.with_.get(field, "live" if field == "label" else None)
    if not isinstance(wanted, (str, int)) or not is_literal(wanted):
        return
    variables = prompt.versions.get(str(wanted))
    if variables is None:
        text = f"The prompt “{slug}” has no {field} “{wanted}”."
        yield _problem(step, "E_NOT_FOUND", text, f"with.{field}", did_you_mean(str(wanted), list(prompt.versions)))
        return
    yield from _prompt_values(step, slug, variables, step.with_.get("values"))


def _prompt_values(step: StepSpec, slug: str, wanted: tuple[str, ...], given: JSONValue) -> Iterator[Problem]:
    if given is not None and not isinstance(given, dict):
        return
    for name in wanted:
        if name not in (given or {}):
            text = f"The prompt “{slug}” asks for “{name}”."
            yield _problem(step, "E_REQUIRED", text, "with.values", f"Add {name} to its values.")
