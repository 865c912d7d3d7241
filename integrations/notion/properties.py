"""Plain values into Notion's property values by the database's own schema, and back. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from integrations.errors import Rejected
from integrations.notion.interface import id_in

Value = dict[str, Any]
MAX_TEXT, MAX_PIECES = 2000, 100
COMPUTED = frozenset(
    {
        "formula",
        "rollup",
        "created_by",
        "created_time",
        "last_edited_by",
        "last_edited_time",
        "unique_id",
        "button",
        "verification",
    }
)


def page_properties(schema: Mapping[str, Mapping[str, Any]], title: str, given: Mapping[str, Any]) -> dict[str, Value]:
    """The property values of a new page. The title goes into the property of type title, whatever it is called.

    Raises Rejected for a property that is unknown, computed, or given a value it cannot hold.
    """
    title_name = title_property(schema)
    made = {title_name: {"title": rich_text(title)}}
    for name, value in given.items():
        if name not in schema:
            raise _unknown(name, schema)
        if name == title_name:
            raise Rejected(
                f"“{name}” is the title of the page.", refused=True, hint="Give it as the step's title instead."
            )
        made[name] = property_value(name, schema[name], value)
    return made


def changed_properties(
    schema: Mapping[str, Mapping[str, Any]], title: str, given: Mapping[str, Any]
) -> dict[str, Value]:
    """The property values of a change: only what is given. Raises Rejected as `page_properties` does."""
    made = page_properties(schema, title, given)
    return made if title.strip() else {name: value for name, value in made.items() if name != title_property(schema)}


def title_property(schema: Mapping[str, Mapping[str, Any]]) -> str:
    """The name of the property of type title."""
    return next((name for name, spec in schema.items() if spec.get("type") == "title"), "title")


def rich_text(text: str) -> list[Value]:
    """Text as Notion takes it: pieces of at most 2,000 characters, at most 100 of them."""
    pieces = [text[at : at + MAX_TEXT] for at in range(0, len(text), MAX_TEXT)]
    if len(pieces) > MAX_PIECES:
        raise Rejected(
            f"A property holds at most {MAX_TEXT * MAX_PIECES:,} characters; this has {len(text):,}.",
            refused=True,
            hint="Put long text into the content of the page.",
        )
    return [{"type": "text", "text": {"content": piece}} for piece in pieces]


def plain_text(pieces: Any) -> str:
    """The words of rich text."""
    shown = (p.get("plain_text", (p.get("text") or {}).get("content", "")) for p in pieces or () if isinstance(p, dict))
    return "".join(shown)


def title_of(thing: Mapping[str, Any]) -> str:
    """The title of a page, database or data source: the property of type title, whatever it is called."""
    if isinstance(thing.get("title"), list):
        return plain_text(thing["title"])
    for value in (thing.get("properties") or {}).values():
        if isinstance(value, dict) and value.get("type") == "title":
            return plain_text(value.get("title"))
    return ""


def property_value(name: str, spec: Mapping[str, Any], value: Any) -> Value:
    """One value as the API takes it; what is in that shape already passes through."""
    kind = str(spec.get("type", ""))
    if kind in COMPUTED:
        raise Rejected(f"Notion computes “{name}” itself; it cannot be set.", refused=True, hint="Leave it out.")
    if isinstance(value, Mapping) and kind in value:
        return {kind: value[kind]}
    maker = _MAKERS.get(kind)
    if maker is None:
        raise Rejected(
            f"“{name}” is a property of type {kind}, which this step cannot fill.", refused=True, hint="Leave it out."
        )
    if value is None:
        return {kind: [] if kind in ("rich_text", "multi_select", "people", "relation", "files") else None}
    try:
        return {kind: maker(value)}
    except (TypeError, ValueError, KeyError):
        raise Rejected(
            f"“{name}” is a property of type {kind} and cannot hold {str(value)[:80]!r}.",
            refused=True,
            hint=_HINTS.get(kind, ""),
        ) from None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value)
    return str(value)


def _number(value: Any) -> float | int:
    if isinstance(value, bool):
        raise ValueError(value)
    if isinstance(value, (int, float)):
        return value
    number = float(str(value).strip().replace(" ", ""))
    return int(number) if number.is_integer() else number


def _checkbox(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in ("true", "yes", "1", "on", "false", "no", "0", "off", ""):
        raise ValueError(value)
    return word in ("true", "yes", "1", "on")


def _list(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _date(value: Any) -> Value:
    if isinstance(value, Mapping):
        return {"start": _day(value["start"]), **{k: value[k] for k in ("end", "time_zone") if value.get(k)}}
    return {"start": _day(value)}


def _day(value: Any) -> str:
    text = str(value).strip()
    if not re.fullmatch(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?", text):
        raise ValueError(value)
    return text.replace(" ", "T", 1)


def _file(value: Any) -> Value:
    address = str(value)
    if not address.startswith(("https://", "http://")):
        raise ValueError(value)
    return {"name": address.rpartition("/")[2][:100] or "file", "type": "external", "external": {"url": address}}


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "title": lambda value: rich_text(_text(value)),
    "rich_text": lambda value: rich_text(_text(value)),
    "number": _number,
    "checkbox": _checkbox,
    "select": lambda value: {"name": _text(value)[:100]},
    "status": lambda value: {"name": _text(value)[:100]},
    "multi_select": lambda value: [{"name": _text(item)[:100]} for item in _list(value)],
    "date": _date,
    "url": _text,
    "email": _text,
    "phone_number": _text,
    "people": lambda value: [{"object": "user", "id": id_in(str(item))} for item in _list(value)],
    "relation": lambda value: [{"id": id_in(str(item))} for item in _list(value)],
    "files": lambda value: [_file(item) for item in _list(value)],
}
_HINTS = {
    "number": "Give a number, such as 12.5.",
    "checkbox": "Give true or false.",
    "date": "Give a date such as 2026-01-31, or 2026-01-31T09:30:00Z.",
    "files": "Give the address of a file.",
}


def _unknown(name: str, schema: Mapping[str, Any]) -> Rejected:
    near = get_close_matches(name, list(schema), 1, 0.6)
    known = ", ".join(list(schema)[:12])
    hint = f"Did you mean {near[0]}?" if near else f"It has: {known}."
    if list(schema) == ["title"]:
        hint = "A page below a page has only a title; other properties need a database as the parent."
    return Rejected(f"There is no property “{name[:60]}” there.", refused=True, hint=hint)


def _address(item: Mapping[str, Any]) -> str:
    return str((item.get(str(item.get("type"))) or {}).get("url") or item.get("name") or "")


def _rollup(content: Mapping[str, Any]) -> Any:
    kind = str(content.get("type"))
    value = content.get(kind)
    if kind == "array":
        return [plain_value(item) for item in value or () if isinstance(item, Mapping)]
    return (value or {}).get("start") if kind == "date" else value


def plain_value(value: Mapping[str, Any]) -> Any:
    """A property value as a person would write it."""
    kind = str(value.get("type") or next(iter(value), ""))
    content = value.get(kind)
    if kind in ("title", "rich_text"):
        return plain_text(content)
    if kind in ("select", "status"):
        return (content or {}).get("name")
    if kind == "multi_select":
        return [item.get("name") for item in content or ()]
    if kind == "date":
        return (content or {}).get("start")
    if kind in ("people", "relation"):
        return [item.get("id") for item in content or ()]
    if kind == "formula":
        return (content or {}).get((content or {}).get("type"))
    if kind == "unique_id":
        number, prefix = (content or {}).get("number"), (content or {}).get("prefix")
        return f"{prefix}-{number}" if prefix else number
    if kind in ("created_by", "last_edited_by"):
        return (content or {}).get("id")
    if kind == "files":
        return [_address(item) for item in content or ()]
    if kind == "rollup":
        return _rollup(content or {})
    return content
