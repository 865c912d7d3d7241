"""Takes typed fields out of JSON objects and notes whatever does not fit, instead of stopping at the first. Pure."""

from __future__ import annotations

from typing import Any

from orchestrator_site.lib.names import KEY_PATTERN, did_you_mean, is_key
from workflows.engine.findings import Problem

READ_ONLY = ("id", "workspace", "created_at", "updated_at", "version")
_WORDS: dict[type, str] = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}


def in_words(value: object) -> str:
    """What kind of JSON value this is, for a sentence."""
    return "nothing (null)" if value is None else _WORDS.get(type(value), "an object")


class Reader:
    """Takes typed fields out of objects; whatever does not fit becomes a finding and a harmless value."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self.keys: dict[str, str] = {}

    def note(self, code: str, message: str, where: str, hint: str | None = None, limit: Any = None) -> None:
        """Keep a finding (the first 100 are enough)."""
        if len(self.found) < 100:
            self.found.append(Problem(code, message, field=where, hint=hint, limit=limit))

    def wrong_type(self, where: str, wanted: str, value: object) -> None:
        """Not the kind of value that belongs here."""
        self.note("E_TYPE", f"{where} must be {wanted}, not {in_words(value)}.", where)

    def fields(self, value: dict[str, Any], known: tuple[str, ...], at: str) -> None:
        """Refuse every field that is not known here."""
        for name in value:
            if name in known:
                continue
            where = _join(at, name[:60])
            if not at and name in READ_ONLY:
                self.note("E_READONLY", f"{where} is set by the program and cannot be sent.", where, "Leave it out.")
            else:
                self.note("E_UNKNOWN_FIELD", f"There is no field {where}.", where, did_you_mean(name, known))

    def text(self, value: dict[str, Any], name: str, at: str, low: int, high: int, *, required: bool = False) -> str:
        """A text of `low` to `high` characters; absent and null are the same."""
        found, where = value.get(name), _join(at, name)
        if found is None:
            if required:
                self.note("E_REQUIRED", f"{where} is missing.", where)
            return ""
        if not isinstance(found, str):
            self.wrong_type(where, "text", found)
            return ""
        if not low <= len(found.strip() if low else found) or len(found) > high:
            text = f"{where} must have {low} to {high:,} characters; this has {len(found):,}."
            self.note("E_LENGTH", text, where, limit=high)
        return found

    def key(self, value: dict[str, Any], name: str, at: str, *, required: bool = False) -> str:
        """A key: lower case, digits and underscores."""
        found, where = value.get(name), _join(at, name)
        if found is None and not required:
            return ""
        if found is None:
            self.note("E_REQUIRED", f"{where} is missing.", where, f"It looks like {KEY_PATTERN}.")
        elif not isinstance(found, str):
            self.wrong_type(where, "text", found)
        elif not is_key(found):
            text = f"{where} is “{found[:60]}”; a key has 1 to 48 lower-case letters, digits and underscores."
            self.note("E_KEY", text, where, f"It must match {KEY_PATTERN}.", KEY_PATTERN)
        else:
            return found
        return ""

    def number(self, value: dict[str, Any], name: str, at: str, low: float, high: float) -> float | None:
        """A number from `low` to `high`, or None when left out."""
        found, where = value.get(name), _join(at, name)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            self.wrong_type(where, "a number", found)
        elif not low <= found <= high:
            self.note("E_RANGE", f"{where} must be {low:g} to {high:g}.", where, limit=f"{low:g} to {high:g}")
        else:
            return found
        return None

    def whole(self, value: dict[str, Any], name: str, at: str, low: int, high: int) -> int | None:
        """A whole number from `low` to `high`, or None when left out."""
        found, where = value.get(name), _join(at, name)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, (int, float)) or found != int(found):
            self.wrong_type(where, "a whole number (integer)", found)
        elif not low <= found <= high:
            span = f"{low}" if low == high else f"{low} to {high}"
            self.note("E_RANGE", f"{where} must be {span}.", where, limit=span)
        else:
            return int(found)
        return None

    def flag(self, value: dict[str, Any], name: str, at: str) -> bool:
        """True or false; left out is false."""
        found, where = value.get(name), _join(at, name)
        if found is not None and not isinstance(found, bool):
            self.wrong_type(where, "true or false", found)
        return found is True

    def choice(self, value: dict[str, Any], name: str, at: str, known: tuple[str, ...]) -> str:
        """One of the known words, or empty when left out."""
        found, where = value.get(name), _join(at, name)
        if found is None:
            return ""
        if not isinstance(found, str):
            self.wrong_type(where, "text", found)
        elif found not in known:
            text = f"{where} is “{found[:60]}”; it must be one of {', '.join(known)}."
            self.note("E_CHOICE", text, where, did_you_mean(found, known))
        else:
            return found
        return ""

    def object(self, value: dict[str, Any], name: str, at: str) -> dict[str, Any]:
        """An object; left out is empty."""
        found = value.get(name)
        if found is not None and not isinstance(found, dict):
            self.wrong_type(_join(at, name), "an object", found)
        return found if isinstance(found, dict) else {}

    def list(self, value: dict[str, Any], name: str, at: str) -> list[Any]:
        """A list; left out is empty."""
        found = value.get(name)
        if found is not None and not isinstance(found, list):
            self.wrong_type(_join(at, name), "a list", found)
        return found if isinstance(found, list) else []


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
