"""Checks templates and conditions: their syntax, what they name, and where text from outside may go. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.templating import Reference, TemplateProblem, compile, compile_condition
from workflows.engine.expressions import single_path, templates_in
from workflows.engine.findings import WARNING, Problem
from workflows.engine.references import Scope, Unresolved
from workflows.engine.values import FieldFacts


def check_templates(
    value: JSONValue, scope: Scope, where: str, step: str | None, facts: FieldFacts | None = None
) -> list[Problem]:
    """What is wrong with the templates in a value; `facts` says what kind of input it fills."""
    found: list[Problem] = []
    for at, text in templates_in(value):
        place = f"{where}{at if at.startswith('[') or not at else '.' + at}"
        try:
            references = compile(text).references()
        except TemplateProblem as wrong:
            found.append(_syntax(wrong, place, step))
            continue
        found.extend(_references(references, scope, place, step, facts))
    if facts is not None and not found:
        found.extend(_type(value, scope, where, step, facts))
    return found


def check_condition(source: str, scope: Scope, where: str, step: str | None) -> list[Problem]:
    """What is wrong with a condition; one that never changes is a warning."""
    try:
        condition = compile_condition(source)
    except TemplateProblem as wrong:
        return [_syntax(wrong, where, step)]
    if condition.is_constant:
        text = f"The condition “{source.strip()[:80]}” never changes."
        return [Problem("W_CONSTANT", text, WARNING, step, where, "Compare a value: inputs.kind == 'bug'.")]
    return _references(condition.references(), scope, where, step, None)


def _syntax(wrong: UserError, where: str, step: str | None) -> Problem:
    line, column = wrong.extra.get("line"), wrong.extra.get("column")
    at = f" (line {line}, column {column})" if line else ""
    return Problem(wrong.code, f"{wrong.message}{at}", step=step, field=where, hint=wrong.hint, limit=wrong.limit)


def _references(
    references: Iterable[Reference], scope: Scope, where: str, step: str | None, facts: FieldFacts | None
) -> list[Problem]:
    found = []
    for reference in references:
        try:
            leads_to = scope.resolve(reference)
        except Unresolved as nowhere:
            wrong = nowhere.problem
            at = f" (line {reference.line}, column {reference.column})" if reference.line > 1 else ""
            found.append(Problem(wrong.code, f"{wrong.message}{at}", step=step, field=where, hint=wrong.hint))
            continue
        if leads_to.chain and facts is not None and facts.role == "target":
            found.append(_tainted(facts, leads_to.chain, where, step))
    return found


def _tainted(facts: FieldFacts, chain: tuple[str, ...], where: str, step: str | None) -> Problem:
    way = " ← ".join(chain)
    return Problem(
        "E_TAINT",
        f"{facts.label} says where something goes and may not be filled with text from outside: {way}.",
        step=step,
        field=where,
        hint="Write it down, or take it from an input or a variable of the workspace.",
    )


def _type(value: JSONValue, scope: Scope, where: str, step: str | None, facts: FieldFacts) -> list[Problem]:
    """One placeholder alone keeps its type: a list does not go into a text."""
    reference = single_path(value)
    if reference is None or facts.shape.kind == "any":
        return []
    given = scope.resolve(reference).shape
    wanted = facts.shape
    containers = ("list", "object")
    fits = given.kind in ("any", wanted.kind) or (given.kind not in containers and wanted.kind not in containers)
    if fits or (given.kind == "text" and wanted.kind in containers):
        return []
    said = str(value).strip("{} ")
    if wanted.kind == "text":
        text = f"{said} is {given.words}; {facts.label} will hold it written as JSON."
        return [Problem("W_AS_JSON", text, WARNING, step, where, "Name one field of it.")]
    text = f"{facts.label} must be {wanted.words}; {said} is {given.words}."
    return [Problem("E_TYPE", text, step=step, field=where, hint="Name a list." if wanted.kind == "list" else None)]
