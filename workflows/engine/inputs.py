"""Values against the inputs a workflow declares: for defaults when saved, for real values at the start. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

from orchestrator_site.lib.json import INT_MAX, INT_MIN, JSONValue
from orchestrator_site.lib.names import did_you_mean
from workflows.engine.definition import InputSpec
from workflows.engine.findings import DefinitionProblems, Problem

if TYPE_CHECKING:
    from workflows.engine.reader import Reader

Complaint = tuple[str, str]
"""A code and what the value must be, in words."""

_YEARS = (1970, 2200)


def _text(value: JSONValue, _: InputSpec) -> Complaint | None:
    return None if isinstance(value, str) else ("E_TYPE", "must be text")


def _number(value: JSONValue, _: InputSpec) -> Complaint | None:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    return None if fits else ("E_TYPE", "must be a number")


def _integer(value: JSONValue, _: InputSpec) -> Complaint | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return ("E_TYPE", "must be a whole number (integer)")
    return None if INT_MIN <= value <= INT_MAX else ("E_NUMBER", "must fit into 64 bits")


def _boolean(value: JSONValue, _: InputSpec) -> Complaint | None:
    return None if isinstance(value, bool) else ("E_TYPE", "must be true or false")


def _choice(value: JSONValue, spec: InputSpec) -> Complaint | None:
    if not isinstance(value, str):
        return ("E_TYPE", "must be text")
    return None if value in spec.options else ("E_CHOICE", f"must be one of {', '.join(spec.options[:20])}")


def _date(value: JSONValue, _: InputSpec) -> Complaint | None:
    return _moment(value, date.fromisoformat, "a date like 2026-07-29")


def _datetime(value: JSONValue, _: InputSpec) -> Complaint | None:
    return _moment(value, datetime.fromisoformat, "a date and time like 2026-07-29T14:30:00Z")


def _moment(value: JSONValue, read: Callable[[str], date], wanted: str) -> Complaint | None:
    if not isinstance(value, str):
        return ("E_TYPE", f"must be text: {wanted}")
    try:
        year = read(value).year
    except ValueError:
        return ("E_DATE", f"must be {wanted}")
    low, high = _YEARS
    return None if low <= year <= high else ("E_DATE", f"must lie between {low} and {high}")


def _list(value: JSONValue, _: InputSpec) -> Complaint | None:
    return None if isinstance(value, list) else ("E_TYPE", "must be a list")


def _file(value: JSONValue, _: InputSpec) -> Complaint | None:
    """A file's value; whether the workspace has it is asked when a run is started."""
    wanted = "must be a file: the value that an upload gives, {$file, name, mime_type, size, sha256}"
    return None if is_file(value) else ("E_TYPE", wanted)


_FILE = {"$file", "name", "mime_type", "size", "sha256"}


def is_file(value: JSONValue) -> bool:
    """Whether a value has the form of a file's."""
    return isinstance(value, dict) and set(value) <= _FILE and isinstance(value.get("$file"), str)


CHECKS: dict[str, Callable[[JSONValue, InputSpec], Complaint | None]] = {
    "text": _text,
    "long_text": _text,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "choice": _choice,
    "date": _date,
    "datetime": _datetime,
    "json": lambda value, spec: None,
    "list": _list,
    "file": _file,
}


def check_default(reader: Reader, spec: InputSpec, at: str) -> None:
    """Note a default that would not be taken as a value."""
    wrong = CHECKS[spec.type](spec.default, spec)
    if wrong:
        reader.note(wrong[0], f"{at}.default {wrong[1]}.", f"{at}.default")


def check_inputs(
    specs: Iterable[InputSpec], values: Mapping[str, JSONValue], at: str = "inputs"
) -> dict[str, JSONValue]:
    """The values a run starts with: those given, defaults for the rest, null for what is optional and left out.

    Raises DefinitionProblems: E_UNKNOWN_FIELD, E_REQUIRED, E_TYPE, E_CHOICE, E_DATE.
    """
    known = {spec.name: spec for spec in specs}
    found = [
        Problem(
            "E_UNKNOWN_FIELD",
            f"There is no input “{name[:60]}”.",
            field=f"{at}.{name[:60]}",
            hint=did_you_mean(name, known),
        )
        for name in values
        if name not in known
    ]
    taken: dict[str, JSONValue] = {}
    for name, spec in known.items():
        given = values.get(name)
        if given is None or (given == "" and spec.type not in ("text", "long_text", "json")):
            given = spec.default
        taken[name] = given
        missing = given is None or (given == "" and spec.required)
        wrong = ("E_REQUIRED", "is required") if missing and spec.required else None
        if not missing:
            wrong = CHECKS[spec.type](given, spec)
        if wrong:
            found.append(Problem(wrong[0], f"{spec.title} {wrong[1]}.", field=f"{at}.{name}", hint=spec.help or None))
    if found:
        raise DefinitionProblems(found)
    return taken
