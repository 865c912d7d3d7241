"""An action of the catalogue in words and tables, made from its entry: what its page shows. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

DEEPEST = 3
KINDS = {
    "pure": "Works on values alone: nothing is asked and nothing leaves.",
    "read": "Asks the service and changes nothing; it may be repeated.",
    "model": "Asks a model; tokens and cost are booked.",
    "effect": "Changes something outside. It is written down before it leaves, and sent once.",
    "control": "Decides what runs, and how often.",
}
_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "yes or no", "null": "nothing"}


@dataclass(frozen=True)
class Field:
    """One row of a table of inputs or outputs; `name` is a path in outputs: items[].subject."""

    name: str
    kind: str
    label: str = ""
    text: str = ""
    default: str = ""
    example: str = ""
    required: bool = False
    target: bool = False
    literal: bool = False


def inputs_of(entry: Mapping[str, Any]) -> list[Field]:
    """The inputs in their order."""
    schema = entry["input_schema"]
    needed = set(schema.get("required", ()))
    return [_input(name, _flat(part, schema), name in needed) for name, part in schema.get("properties", {}).items()]


def outputs_of(entry: Mapping[str, Any]) -> list[Field]:
    """The fields of the output, those inside lists and objects behind them."""
    schema = entry["output_schema"]
    return list(_outputs(schema, schema, "", DEEPEST))


def facts_of(entry: Mapping[str, Any]) -> list[str]:
    """What one should know of it, in sentences."""
    facts = [KINDS.get(str(entry["kind"]), "")]
    services = entry["connection_services"]
    if services and entry.get("connection_optional"):
        facts.append("Runs without a connection; with one, its key is sent along.")
    elif services:
        facts.append(f"Runs over a connection to {' or '.join(services)}.")
    if entry["kind"] == "effect":
        looked = "is looked up at the service" if entry["can_look"] else "is asked of a person"
        facts.append(f"Whether it happened {looked} when an answer is lost.")
        facts.append("A dry run shows what it would do." if entry.get("can_plan") else "A dry run stops at it.")
    if entry["branches"]:
        facts.append(f"Holds steps: {', '.join(entry['branches'])}.")
    if entry["kind"] not in ("control", "pure"):
        facts.append(f"Takes at most {entry['timeout']} seconds, unless the step says otherwise.")
    return [fact for fact in facts if fact]


def example_of(entry: Mapping[str, Any]) -> str:
    """A step as a definition holds it, with the examples of the declaration."""
    name = str(entry["name"])
    given: dict[str, Any] = {}
    for field, part in entry["input_schema"].get("properties", {}).items():
        flat = _flat(part, entry["input_schema"])
        if "x-example" in flat:
            given[field] = flat["x-example"]
        elif field in entry["input_schema"].get("required", ()):
            given[field] = _sample(flat)
    step = {"key": name.rpartition(".")[2], "action": name, **({"with": given} if given else {})}
    return json.dumps(step, indent=2, ensure_ascii=False)


def _input(name: str, part: Mapping[str, Any], required: bool) -> Field:
    default = part.get("default")
    return Field(
        name=name,
        kind=kind_of(part),
        label=str(part.get("title") or name),
        text=str(part.get("description") or ""),
        default="" if required or default in (None, "", [], {}) else _shown(default),
        example=_shown(part["x-example"]) if "x-example" in part else "",
        required=required,
        target=part.get("x-role") == "target",
        literal=bool(part.get("x-literal")),
    )


def _outputs(part: Mapping[str, Any], schema: Mapping[str, Any], before: str, depth: int) -> Iterator[Field]:
    for name, raw in part.get("properties", {}).items():
        flat = _flat(raw, schema)
        path = f"{before}.{name}" if before else name
        yield Field(path, kind_of(flat), text=str(flat.get("description") or ""))
        inner, mark = (_flat(flat.get("items") or {}, schema), "[]") if flat.get("type") == "array" else (flat, "")
        if depth > 1:
            yield from _outputs(inner, schema, f"{path}{mark}", depth - 1)


def _flat(part: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A part with its reference resolved and `null` taken out."""
    if "$ref" in part:
        found = schema.get("$defs", {}).get(str(part["$ref"]).rpartition("/")[2], {})
        return {**found, **{key: value for key, value in part.items() if key != "$ref"}}
    choices = [choice for choice in part.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        return {**_flat(choices[0], schema), **{key: value for key, value in part.items() if key != "anyOf"}}
    return dict(part)


def kind_of(part: Mapping[str, Any]) -> str:
    """The type in words."""
    if "enum" in part:
        return " or ".join(str(value) for value in part["enum"])
    if "const" in part:
        return str(part["const"])
    choices = [choice for choice in part.get("anyOf", ()) if choice.get("type") != "null"]
    if choices:
        return " or ".join(dict.fromkeys(kind_of(choice) for choice in choices))
    kind = part.get("type")
    if kind == "array":
        inner = kind_of(part.get("items") or {})
        return "list" if inner == "any value" else f"list of {inner}"
    if kind == "object" or "$ref" in part:
        return "object"
    return _WORDS.get(str(kind), "any value")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _sample(part: Mapping[str, Any]) -> Any:
    if "enum" in part:
        return part["enum"][0]
    return {"array": [], "object": {}, "integer": 1, "number": 1, "boolean": True}.get(str(part.get("type")), "…")
