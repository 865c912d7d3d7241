"""The draft a person is asked about: its fields, the values they give, and what they changed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import JSONValue, clean_json
from orchestrator_site.lib.templating.values import as_text
from workflows.engine.definition import InputSpec
from workflows.engine.inputs import CHECKS, check_inputs

TEXTS = ("text", "long_text", "choice", "date", "datetime")


def specs_of(fields: Iterable[Mapping[str, Any]]) -> tuple[InputSpec, ...]:
    """The fields of a draft as inputs, with the draft as their defaults."""
    return tuple(
        InputSpec(
            name=one["name"],
            type=one.get("type", "text"),
            required=bool(one.get("required")),
            has_default=one.get("value") is not None,
            default=one.get("value"),
            label=one.get("label", ""),
            help=one.get("help", ""),
            options=tuple(one.get("options") or ()),
        )
        for one in fields
    )


def drafted(field: dict[str, Any]) -> dict[str, Any]:
    """A field with its draft in its own type where that is possible; else the draft stays for a person to mend."""
    value, kind = field.get("value"), field.get("type", "text")
    if value is None:
        return field
    if kind in TEXTS:
        return {**field, "value": as_text(value)}
    if isinstance(value, str) and kind != "json":
        if not value.strip():
            return {**field, "value": None}
        try:
            read = clean_json(value)
        except UserError:
            return field
        if CHECKS[kind](read, specs_of([field])[0]) is None:
            return {**field, "value": read}
    return field


def final_values(fields: list[dict[str, Any]], given: Mapping[str, JSONValue] | None) -> dict[str, JSONValue]:
    """The values as approved: those given, the draft for the rest. Raises DefinitionProblems (fields `values.NAME`)."""
    values = {one["name"]: one.get("value") for one in fields} | dict(given or {})
    return check_inputs(specs_of([{**one, "value": None} for one in fields]), values, at="values")


def edited(draft: Mapping[str, Any], final: Mapping[str, Any]) -> list[str]:
    """The names of the values that were changed."""
    return [name for name, value in final.items() if draft.get(name) != value]
