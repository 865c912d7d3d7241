"""Values against the pydantic model of an action: literals at save, all of them when a step runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from integrations.spec import role_of
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import JSONValue, dumps
from orchestrator_site.lib.templating.values import as_text
from workflows.engine.findings import DefinitionProblems, Problem
from workflows.engine.reader import in_words
from workflows.engine.shapes import Shape, model_shape


@dataclass(frozen=True)
class FieldFacts:
    """One input of an action, as the checks see it."""

    name: str
    label: str
    role: str
    widget: str
    required: bool
    shape: Shape
    literal: bool = False


@cache
def fields_of(model: type[BaseModel]) -> dict[str, FieldFacts]:
    """The inputs of an action by name, in order."""
    shape = model_shape(model).fields or {}
    found = {}
    for name, info in model.model_fields.items():
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        found[name] = FieldFacts(
            name=name,
            label=info.title or name,
            role=role_of(model, name),
            widget=str(extra.get("x-widget", "")),
            required=info.is_required(),
            shape=shape[name],
            literal=bool(extra.get("x-literal")),
        )
    return found


def literal_problems(model: type[BaseModel], literals: Mapping[str, JSONValue], *, whole: bool) -> list[Problem]:
    """What is wrong with the inputs that are written down as they are; `whole` says that there are no others.

    Strict: "5" is not a number here, because a person can still correct it.
    """
    known = {name: _whole_numbers(value) for name, value in literals.items() if name in model.model_fields}
    try:
        model.model_validate_json(dumps(known), strict=True)
    except ValidationError as wrong:
        details = wrong.errors(include_url=False)
    else:
        return []
    return [
        _problem(detail)
        for detail in details
        if not (detail["type"] == "missing" and len(detail["loc"]) == 1) and (detail["loc"] or whole)
    ]


def _whole_numbers(value: JSONValue) -> JSONValue:
    """1e12 is how JSON may write a whole number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def take_inputs(model: type[BaseModel], values: Mapping[str, JSONValue]) -> BaseModel:
    """The rendered inputs of a step as its action wants them. Raises DefinitionProblems.

    A placeholder keeps its type: where text is wanted, a number, a list or an object is written as text. Null
    means left out where the input is optional.
    """
    facts = fields_of(model)
    given = {}
    for name, value in values.items():
        if value is None and name in facts and not facts[name].required:
            continue
        wants_text = name in facts and facts[name].shape.kind == "text"
        given[name] = as_text(value) if wants_text and value is not None else value
    try:
        return model.model_validate(given)
    except ValidationError as wrong:
        raise DefinitionProblems([_problem(detail) for detail in wrong.errors(include_url=False)]) from None


def output_problems(model: type[BaseModel], value: Mapping[str, JSONValue]) -> list[Problem]:
    """What is wrong with a value that is to stand for an action's output; more than it gives, and null, are fine."""
    try:
        model.model_validate(value)
    except ValidationError as wrong:
        details = wrong.errors(include_url=False)
        return [_problem(d) for d in details if d["type"] != "extra_forbidden" and d["input"] is not None]
    return []


_CODES: dict[str, str] = {
    "missing": "E_REQUIRED",
    "extra_forbidden": "E_UNKNOWN_FIELD",
    "string_too_short": "E_LENGTH",
    "string_too_long": "E_LENGTH",
    "too_short": "E_RANGE",
    "too_long": "E_RANGE",
    "greater_than": "E_RANGE",
    "greater_than_equal": "E_RANGE",
    "less_than": "E_RANGE",
    "less_than_equal": "E_RANGE",
    "multiple_of": "E_RANGE",
    "literal_error": "E_CHOICE",
    "enum": "E_CHOICE",
    "finite_number": "E_NUMBER",
    "int_parsing_size": "E_NUMBER",
    "string_pattern_mismatch": "E_VALUE",
    "value_error": "E_VALUE",
    "assertion_error": "E_VALUE",
}
_LIMITS = ("le", "lt", "ge", "gt", "max_length", "min_length", "pattern")


def _problem(detail: ErrorDetails) -> Problem:
    where = place(detail["loc"])
    context = detail.get("ctx") or {}
    cause = context.get("error")
    if isinstance(cause, UserError):
        return Problem(cause.code, cause.message, field=f"with.{where}", hint=cause.hint, limit=cause.limit)
    code = _CODES.get(detail["type"], "E_TYPE")
    limit = next((context[name] for name in _LIMITS if name in context), None)
    return Problem(
        code, _sentence(where or "The inputs", detail), field=f"with.{where}" if where else "with", limit=limit
    )


_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_BOUNDS = {"less_than_equal": ("at most", "le"), "greater_than_equal": ("at least", "ge")}


def _sentence(where: str, detail: ErrorDetails) -> str:
    kind, said = detail["type"], detail["msg"].removeprefix("Value error, ")
    if kind == "missing":
        return f"{where} is missing."
    if kind == "extra_forbidden":
        return f"There is no input {where}."
    if kind in _WANTED:
        return f"{where} must be {_WANTED[kind]}, not {in_words(detail['input'])}."
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return f"{where} must be {words} {detail['ctx'][name]:g}."
    for subject in ("Input should", "String should", "List should", "Dictionary should", "Value should"):
        if said.startswith(subject):
            return f"{where} must{said.removeprefix(subject)}."
    return f"{where}: {said[:1].lower()}{said[1:]}" + ("" if said.endswith(".") else ".")


def place(path: tuple[int | str, ...]) -> str:
    """`labels[0]` from ("labels", 0)."""
    shown = ""
    for part in path:
        shown += f"[{part}]" if isinstance(part, int) else (f".{part}" if shown else part)
    return shown
