"""Whether a file has the form of its dialect; every finding at once, each with its place. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator_site.lib.errors import Problems, UserError
from orchestrator_site.lib.json import JSONValue

Fields = Mapping[str, tuple[tuple[type, ...], str, bool]]
TEXT, OBJECT, LIST, TEXT_OR_NULL = (str,), (dict,), (list,), (str, type(None))


class Finding(UserError):
    """A finding with its place in the file, as a path of names and positions."""

    def __init__(self, code: str, message: str, path: tuple[str | int, ...], kind: str) -> None:
        shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
        super().__init__(code, message, field=shown)
        self.path, self.kind = path, kind


def check_fields(value: Any, fields: Fields, path: tuple[str | int, ...], found: list[Finding]) -> bool:
    """Note what is missing or of the wrong type; False when `value` is not even an object."""
    if not isinstance(value, dict):
        where = str(path[-1]) if path else "file"
        found.append(Finding("E_TYPE", f"{where} must be an object.", path, "dict_type"))
        return False
    for name, (kinds, shown, required) in fields.items():
        if name not in value:
            if required:
                found.append(Finding("E_REQUIRED", f"The field {name} is missing.", (*path, name), "missing"))
        elif not isinstance(value[name], kinds):
            kind = {"text": "string_type", "an object": "dict_type", "a list": "list_type"}.get(shown, "string_type")
            found.append(Finding("E_TYPE", f"The field {name} must be {shown}.", (*path, name), kind))
    return True


SEED_WORKFLOW: Fields = {
    "id": (TEXT, "text", True),
    "name": (TEXT, "text", True),
    "description": (TEXT, "text", True),
    "steps": (LIST, "a list", False),
    "variables": (OBJECT, "an object", False),
}
SEED_STEP: Fields = {
    "id": (TEXT, "text", True),
    "type": (TEXT, "text", True),
    "action": (TEXT, "text", True),
    "params": (OBJECT, "an object", False),
    "next_step": (TEXT_OR_NULL, "text or null", False),
}


def seed_findings(value: Any) -> list[Finding]:
    """What the original would have refused in a workflow (its step types apart, which later versions extended)."""
    found: list[Finding] = []
    if check_fields(value, SEED_WORKFLOW, (), found):
        check_steps(value.get("steps"), SEED_STEP, found)
    return found


def check_steps(steps: JSONValue, fields: Fields, found: list[Finding]) -> None:
    """Each step of a list."""
    for i, step in enumerate(steps if isinstance(steps, list) else []):
        check_fields(step, fields, ("steps", i), found)


def refuse(found: Sequence[Finding]) -> None:
    """Raise for a file that has not the form of its dialect."""
    if found:
        first = found[0]
        raise Problems(found, code=first.code, message=first.message if len(found) == 1 else None, field=first.field)
