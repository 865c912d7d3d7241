"""A JSON value as nested lists a person can read: keys and values, long text folded, long lists cut with a count."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from orchestrator_site.lib.look import size

FOLD_TEXT = 1200
SHOW_ITEMS = 20
SHOW_DEPTH = 6


def value_html(value: Any, depth: int = 0) -> SafeString:
    """The whole value; objects become `dl`, lists `ol`, everything else one `span`."""
    if depth >= SHOW_DEPTH and isinstance(value, (Mapping, list, tuple)):
        return _text(json.dumps(value, default=str, ensure_ascii=False))
    if isinstance(value, Mapping):
        return _file(value) if "$file" in value else _object(value, depth)
    if isinstance(value, (list, tuple)):
        return _list(value, depth)
    return _text(value) if isinstance(value, str) else format_html("<span>{}</span>", _plain(value))


def _plain(value: Any) -> str | SafeString:
    if value is None:
        return format_html('<span class="nothing">nothing</span>')
    return json.dumps(value) if isinstance(value, (bool, int, float)) else str(value)


def _text(value: str) -> SafeString:
    if len(value) <= FOLD_TEXT:
        return format_html('<span>"{}"</span>', value)
    head = value[: FOLD_TEXT // 4]
    return format_html('<details><summary>"{}… all {} characters</summary>"{}"</details>', head, len(value), value)


def _file(value: Mapping[str, Any]) -> SafeString:
    kind, length = value.get("mime_type", "file"), int(value.get("size") or 0)
    return format_html("<span>{} <span class='nothing'>{}, {}</span></span>", value.get("name", ""), kind, size(length))


def _object(value: Mapping[str, Any], depth: int) -> SafeString:
    if not value:
        return format_html('<span class="nothing">nothing in it</span>')
    rows = format_html_join("", "<dt>{}</dt><dd>{}</dd>", ((key, value_html(v, depth + 1)) for key, v in value.items()))
    return format_html('<dl class="value">{}</dl>', rows)


def _list(value: Sequence[Any], depth: int) -> SafeString:
    if not value:
        return format_html('<span class="nothing">an empty list</span>')
    rows = format_html_join("", "<li>{}</li>", ((value_html(item, depth + 1),) for item in value[:SHOW_ITEMS]))
    rest = len(value) - SHOW_ITEMS
    more = format_html('<li class="nothing">and {} more</li>', rest) if rest > 0 else ""
    return format_html('<ol class="value">{}{}</ol>', rows, more)
