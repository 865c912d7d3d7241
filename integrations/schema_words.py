"""JSON Schema for models: checked when it is written down, made strict where a service wants that, told in words. Pure.

Patterns are refused (a pattern written by a user may never end, S26), and so are references that lead elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_json

Schema = Mapping[str, Any]
MOST_PARTS = 2_000
MOST_JSON = 1024 * 1024
_FENCE = re.compile(r"^\s*```[a-z]*\s*\n(.*)\n\s*```\s*$", re.DOTALL | re.IGNORECASE)
DEEPEST = 30
_NOT_STRICT = frozenset(
    {"patternProperties", "allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas",
     "unevaluatedProperties", "propertyNames", "contains", "prefixItems", "uniqueItems", "minProperties",
     "maxProperties"}
)  # fmt: skip
_UNKNOWN_TO_STRICT = frozenset({"default", "examples", "example", "title", "$schema", "$id", "$comment"})


def check_schema(schema: Any, field: str = "schema") -> None:
    """Refuse what is no schema that a model's answer can be held to: E_SCHEMA, E_SCHEMA_REF or E_SCHEMA_PATTERN."""
    import jsonschema

    if not isinstance(schema, Mapping):
        raise UserError("E_SCHEMA", "The schema must be an object.", field=field)
    for count, (part, depth) in enumerate(_parts_of(schema)):
        if depth > DEEPEST or count > MOST_PARTS:
            raise UserError(
                "E_SCHEMA", f"The schema is nested deeper than {DEEPEST} or has too many parts.", field=field
            )
        _check_part(part, field)
    kind = schema.get("type", "object")
    if kind != "object":
        raise UserError(
            "E_SCHEMA", "The schema must describe an object.", field=field, hint='Begin with {"type": "object", …}.'
        )
    try:
        jsonschema.Draft202012Validator.check_schema(dict(schema))
    except jsonschema.SchemaError as wrong:
        raise UserError("E_SCHEMA", f"This is no JSON Schema: {wrong.message[:200]}", field=field) from None


def _check_part(part: Schema, field: str) -> None:
    if isinstance(part.get("pattern"), str) or isinstance(part.get("patternProperties"), Mapping):
        text = "A schema may hold no patterns here: a pattern can take for ever."
        raise UserError("E_SCHEMA_PATTERN", text, field=field, hint="Use enum, format or a description instead.")
    reference = part.get("$ref", part.get("$dynamicRef"))
    if isinstance(reference, str) and not (reference == "#" or reference.startswith("#/$defs/")):
        text = f"The schema refers to “{reference[:100]}”; only #/$defs/… of itself may be referred to."
        raise UserError("E_SCHEMA_REF", text, field=field)


def _parts_of(schema: Any) -> Iterator[tuple[Schema, int]]:
    todo: list[tuple[Any, int]] = [(schema, 0)]
    while todo:
        part, depth = todo.pop()
        if isinstance(part, Mapping):
            yield part, depth
            todo += [(child, depth + 1) for child in part.values()]
        elif isinstance(part, list):
            todo += [(child, depth + 1) for child in part]


def strict(schema: Schema) -> dict[str, Any] | None:
    """The schema as strict services take it: every property required (optional ones may be null), none added.

    None where it cannot be said that way. Reference: https://platform.openai.com/docs/guides/structured-outputs
    """
    try:
        made: dict[str, Any] = _strict(schema)
    except ValueError:
        return None
    return made


def _strict(part: Any) -> Any:
    if isinstance(part, list):
        return [_strict(child) for child in part]
    if not isinstance(part, Mapping):
        return part
    if _NOT_STRICT & part.keys():
        raise ValueError("cannot be strict")
    found = {k: v for k, v in part.items() if k not in _UNKNOWN_TO_STRICT}
    for name in ("items", "anyOf"):
        if name in found:
            found[name] = _strict(found[name])
    if "$defs" in found:
        found["$defs"] = {name: _strict(child) for name, child in found["$defs"].items()}
    if found.get("type") == "object" or "properties" in found:
        return _strict_object(found)
    if found.get("type") == "array" and "items" not in found:
        raise ValueError("cannot be strict")
    return found


def _strict_object(part: dict[str, Any]) -> dict[str, Any]:
    properties, required = part.get("properties"), set(part.get("required", ()))
    if not isinstance(properties, Mapping) or not properties or part.get("additionalProperties") not in (None, False):
        raise ValueError("cannot be strict")
    made = {name: _strict(child) for name, child in properties.items()}
    return {
        **part,
        "type": "object",
        "properties": {name: child if name in required else _or_null(child) for name, child in made.items()},
        "required": list(properties),
        "additionalProperties": False,
    }


def _or_null(part: Any) -> Any:
    return part if _takes_null(part) else {"anyOf": [part, {"type": "null"}]}


def _takes_null(part: Any) -> bool:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind == "null" or (isinstance(kind, list) and "null" in kind):
        return True
    return any(map(_takes_null, part.get("anyOf", ()))) if isinstance(part, Mapping) else False


def without_nulls(value: Any, schema: Schema, root: Schema | None = None) -> Any:
    """An answer without the nulls that stand only for "left out" (strict services make every property required)."""
    root = root or schema
    part = _resolved(schema, root)
    if isinstance(value, list):
        items = part.get("items")
        return [without_nulls(item, items, root) for item in value] if isinstance(items, Mapping) else value
    if not isinstance(value, Mapping) or not isinstance(part.get("properties"), Mapping):
        return value
    required, known = set(part.get("required", ())), part["properties"]
    kept = {
        name: item
        for name, item in value.items()
        if item is not None or name in required or name not in known or _takes_null(_resolved(known[name], root))
    }
    return {name: without_nulls(item, known[name], root) if name in known else item for name, item in kept.items()}


def _resolved(schema: Schema, root: Schema) -> Schema:
    seen = 0
    while isinstance(schema.get("$ref"), str) and seen < DEEPEST:
        name = str(schema["$ref"])
        target = root if name == "#" else root.get("$defs", {}).get(name.removeprefix("#/$defs/"))
        if not isinstance(target, Mapping):
            return {}
        schema, seen = target, seen + 1
    return schema


def complaints(value: Any, schema: Schema, most: int = 5) -> list[str]:
    """What is wrong with an answer, in short sentences; empty when it follows the schema."""
    import jsonschema

    found = jsonschema.Draft202012Validator(dict(schema)).iter_errors(value)
    lines = []
    for wrong in found:
        where = ".".join(str(part) for part in wrong.absolute_path)
        lines.append(f"{where}: {wrong.message[:200]}" if where else wrong.message[:200])
        if len(lines) >= most:
            break
    return lines


def read_json(text: str, schema: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[str]]:
    """The object in an answer, if it follows the schema; else what is wrong with it."""
    fenced = _FENCE.match(text)
    plain = (fenced[1] if fenced else text).strip()
    first, last = plain.find("{"), plain.rfind("}")
    if first < 0 or last < first:
        return None, ["there is no JSON object in it"]
    try:
        found = clean_json(plain[first : last + 1], max_bytes=MOST_JSON, field="answer")
    except UserError as problem:
        return None, [f"it is no JSON ({problem.message.rstrip('.')})"]
    kept = without_nulls(found, schema)
    wrong = complaints(kept, schema)
    return (None, wrong) if wrong or not isinstance(kept, dict) else (kept, [])


def in_words(schema: Schema) -> str:
    """The order for a model that cannot be held to a schema."""
    return (
        "Answer with one JSON object and nothing else: no words before or after it, no code fence. "
        f"It must follow this JSON Schema: {json.dumps(schema, ensure_ascii=False, separators=(',', ':'))}"
    )
