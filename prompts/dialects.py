"""Prompt files: the original's template, its example file of several prompts, and ours. Pure: text in, values out.

    seed      {"id", "name", "description", "system_prompt", "user_prompt", "variables", "model", "temperature"}
    example   {"<id>": {"system", "user_template"}, …}
    native    {"format": 1, "prompt": {"slug", "name", "description", "system", "user_template", …}}

The first two write placeholders as `{name}` (Python's str.format); they are converted to Liquid and never formatted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestrator_site.lib.errors import Problems, UserError
from orchestrator_site.lib.json import JSONValue, clean_json
from orchestrator_site.lib.templating import MAX_SOURCE
from prompts.braces import Converted, from_liquid, to_liquid
from prompts.originals import check_id

MAX_FILE = 1024 * 1024
MAX_PROMPTS = 100
NATIVE_FIELDS = ("system", "user_template", "model", "temperature", "max_tokens")
Dialect = Literal["seed", "example", "native"]


@dataclass(frozen=True)
class PromptFile:
    """One prompt read from a file."""

    dialect: Dialect
    identifier: str
    name: str
    user_template: str
    description: str = ""
    system: str = ""
    model: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    variables: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    source: str = field(default="", repr=False)


def read_prompts(text: str | bytes) -> list[PromptFile]:
    """The prompts of a file, whatever its dialect. Raises UserError."""
    value = clean_json(text, max_bytes=MAX_FILE, field="file")
    if not isinstance(value, dict):
        raise UserError("E_TYPE", "A prompt file is a JSON object.", field="file")
    if "user_prompt" in value:
        return [read_seed(value, source=text if isinstance(text, str) else text.decode())]
    if "format" in value:
        return [_read_native(value)]
    return _read_example(value)


def read_seed(value: Mapping[str, Any], *, source: str = "") -> PromptFile:
    """The original's template. Every problem of its shape is reported at once, as in its own API."""
    if problems := seed_problems(value):
        raise Problems(problems, code="E_IMPORT")
    system = _converted(value.get("system_prompt") or "", "system_prompt")
    user = _converted(value["user_prompt"], "user_prompt")
    model, temperature = value.get("model", "gpt-4o-mini"), value.get("temperature", 0.7)
    return PromptFile(
        dialect="seed",
        identifier=check_id(value["id"]),
        name=value["name"],
        description=value["description"],
        system=system.text,
        user_template=user.text,
        model=model,
        temperature=temperature,
        variables=tuple(value.get("variables") or ()),
        warnings=(*system.warnings, *user.warnings),
        source=source or json.dumps(value, ensure_ascii=False, indent=2),
    )


_SEED_SHAPE: dict[str, tuple[tuple[type, ...], str, bool]] = {
    "id": ((str,), "text", True),
    "name": ((str,), "text", True),
    "description": ((str,), "text", True),
    "system_prompt": ((str, type(None)), "text or null", False),
    "user_prompt": ((str,), "text", True),
    "variables": ((list,), "a list of names", False),
    "model": ((str,), "text", False),
    "temperature": ((int, float), "a number", False),
}


def seed_problems(value: Mapping[str, Any]) -> list[UserError]:
    """What is wrong with the shape of an original template; fields that it does not know were ignored there too."""
    problems = []
    for name, (kinds, shown, required) in _SEED_SHAPE.items():
        if name not in value:
            if required:
                problems.append(UserError("E_REQUIRED", f"The field {name} is missing.", field=name))
        elif not isinstance(value[name], kinds) or isinstance(value[name], bool):
            problems.append(UserError("E_TYPE", f"The field {name} is {shown}.", field=name))
    variables = value.get("variables")
    if isinstance(variables, list) and not all(isinstance(item, str) for item in variables):
        problems.append(UserError("E_TYPE", "The field variables is a list of names.", field="variables"))
    return problems


def _read_example(value: Mapping[str, JSONValue]) -> list[PromptFile]:
    if len(value) > MAX_PROMPTS:
        raise UserError(
            "E_IMPORT_COUNT",
            f"The file holds {len(value):,} prompts; at most {MAX_PROMPTS} are taken.",
            limit=MAX_PROMPTS,
        )
    wrong = [name for name, item in value.items() if not isinstance(item, dict) or "user_template" not in item]
    if wrong or not value:
        raise UserError(
            "E_IMPORT_DIALECT",
            "This is no prompt file that we know.",
            field="file",
            hint="It needs user_prompt, or an object of prompts that each have user_template.",
        )
    return [_read_example_prompt(name, item) for name, item in value.items() if isinstance(item, dict)]


def _read_example_prompt(identifier: str, item: Mapping[str, JSONValue]) -> PromptFile:
    system, user = item.get("system") or "", item["user_template"]
    if not isinstance(system, str) or not isinstance(user, str):
        raise UserError("E_TYPE", "system and user_template are texts.", field=identifier[:48])
    converted_system, converted = _converted(system, "system"), _converted(user, "user_template")
    return PromptFile(
        dialect="example",
        identifier=check_id(identifier),
        name=identifier.replace("_", " ").strip().capitalize(),
        system=converted_system.text,
        user_template=converted.text,
        warnings=(*converted_system.warnings, *converted.warnings),
        source=json.dumps({identifier: dict(item)}, ensure_ascii=False, indent=2),
    )


def _converted(text: str, field: str) -> Converted:
    if len(text) > MAX_SOURCE:
        shown = f"This text has {len(text):,} characters; at most {MAX_SOURCE:,} fit."
        raise UserError("E_LENGTH", shown, field=field, limit=MAX_SOURCE, hint="Shorten it.")
    return to_liquid(text)


def _read_native(value: Mapping[str, JSONValue]) -> PromptFile:
    if value["format"] != 1:
        raise UserError(
            "E_IMPORT_VERSION",
            "This file was written by a newer version.",
            field="format",
            hint="Update first.",
            limit=1,
        )
    prompt = value.get("prompt")
    if not isinstance(prompt, dict) or not isinstance(prompt.get("user_template"), str):
        raise UserError("E_REQUIRED", "The file holds no prompt with a user_template.", field="prompt")
    known = {"slug", "name", "description", *NATIVE_FIELDS}
    if unknown := [name for name in prompt if name not in known]:
        raise UserError(
            "E_UNKNOWN_FIELD", f"A prompt has no field “{unknown[0][:48]}”.", field=f"prompt.{unknown[0][:48]}"
        )
    return PromptFile(
        dialect="native",
        identifier=check_id(_text(prompt, "slug"), "slug"),
        name=_text(prompt, "name"),
        description=_text(prompt, "description"),
        system=_text(prompt, "system"),
        user_template=_text(prompt, "user_template"),
        model=_text(prompt, "model"),
        temperature=_number(prompt, "temperature"),
        max_tokens=_number(prompt, "max_tokens"),
    )


def _text(prompt: Mapping[str, JSONValue], name: str) -> str:
    value = prompt.get(name, "")
    if not isinstance(value, str):
        raise UserError("E_TYPE", f"The field {name} is text.", field=f"prompt.{name}")
    return value


def _number(prompt: Mapping[str, JSONValue], name: str) -> Any:
    value = prompt.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise UserError("E_TYPE", f"The field {name} is a number.", field=f"prompt.{name}")
    return value


def write_native(slug: str, name: str, description: str, version: Mapping[str, Any]) -> str:
    """Our own file."""
    fields = {field: version[field] for field in NATIVE_FIELDS if version[field] not in (None, "")}
    prompt = {"slug": slug, "name": name, "description": description, **fields}
    return json.dumps({"format": 1, "prompt": prompt}, ensure_ascii=False, indent=2) + "\n"


def seed_value(identifier: str, name: str, description: str, version: Mapping[str, Any]) -> dict[str, Any]:
    """The original's template of a version; a text that it cannot express (filters, conditions) stays Liquid."""
    system, user = version["system"], version["user_template"]
    return {
        "id": identifier,
        "name": name,
        "description": description,
        "system_prompt": (from_liquid(system) or system) if system else None,
        "user_prompt": from_liquid(user) or user,
        "variables": list(version["variables"]),
        "model": version["model"] or "gpt-4o-mini",
        "temperature": 0.7 if version["temperature"] is None else version["temperature"],
    }
