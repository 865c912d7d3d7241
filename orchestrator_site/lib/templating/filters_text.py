"""Filters over text."""

from __future__ import annotations

import html
import urllib.parse
from typing import Any

from orchestrator_site.lib.templating import limits
from orchestrator_site.lib.templating.filters import list_of, register, text_of, whole
from orchestrator_site.lib.templating.problems import bad_value, budget, too_big
from orchestrator_site.lib.templating.values import as_json, as_text


@register("append")
def append(left: Any, text: Any) -> str:
    """Text after it."""
    return text_of("append", left) + text_of("append", text)


@register("prepend")
def prepend(left: Any, text: Any) -> str:
    """Text before it."""
    return text_of("prepend", text) + text_of("prepend", left)


@register("upcase")
def upcase(left: Any) -> str:
    """CAPITALS."""
    return text_of("upcase", left).upper()


@register("downcase")
def downcase(left: Any) -> str:
    """small letters."""
    return text_of("downcase", left).lower()


@register("capitalize")
def capitalize(left: Any) -> str:
    """First letter capital, the rest small."""
    return text_of("capitalize", left).capitalize()


@register("strip")
def strip(left: Any) -> str:
    """No space around it."""
    return text_of("strip", left).strip()


@register("lstrip")
def lstrip(left: Any) -> str:
    """No space before it."""
    return text_of("lstrip", left).lstrip()


@register("rstrip")
def rstrip(left: Any) -> str:
    """No space after it."""
    return text_of("rstrip", left).rstrip()


@register("squish")
def squish(left: Any) -> str:
    """Every run of white space becomes one space."""
    return " ".join(text_of("squish", left).split())


@register("strip_newlines")
def strip_newlines(left: Any) -> str:
    """All in one line."""
    return text_of("strip_newlines", left).replace("\r\n", "").replace("\n", "")


@register("truncate")
def truncate(left: Any, length: Any = 50, end: Any = "...") -> str:
    """At most `length` characters, the end included."""
    text, most, tail = text_of("truncate", left), whole("truncate", length), as_text(end)
    if len(text) <= most:
        return text
    return text[: max(most - len(tail), 0)] + tail


@register("truncatewords")
def truncatewords(left: Any, words: Any = 15, end: Any = "...") -> str:
    """At most so many words."""
    most = max(whole("truncatewords", words), 1)
    found = text_of("truncatewords", left).split(None, min(most, limits.MAX_FILTER_INPUT))
    return " ".join(found) if len(found) <= most else " ".join(found[:most]) + as_text(end)


@register("replace")
def replace(left: Any, old: Any, new: Any = "") -> str:
    """Every `old` becomes `new`."""
    return _replaced("replace", left, old, new, -1)


@register("replace_first")
def replace_first(left: Any, old: Any, new: Any = "") -> str:
    """The first `old` becomes `new`."""
    return _replaced("replace_first", left, old, new, 1)


@register("remove")
def remove(left: Any, old: Any) -> str:
    """Without any `old`."""
    return _replaced("remove", left, old, "", -1)


@register("remove_first")
def remove_first(left: Any, old: Any) -> str:
    """Without the first `old`."""
    return _replaced("remove_first", left, old, "", 1)


def _replaced(name: str, left: Any, old: Any, new: Any, most: int) -> str:
    text, before, after = text_of(name, left), text_of(name, old), text_of(name, new)
    if not before:
        return text
    count = text.count(before) if most < 0 else 1
    if len(text) + count * (len(after) - len(before)) > limits.MAX_OUTPUT and len(after) > len(before):
        raise too_big(f"The result of {name}", limits.MAX_OUTPUT)
    return text.replace(before, after, most)


@register("split")
def split(left: Any, separator: Any = " ") -> list[str]:
    """A list, cut at the separator (white space when it is one space, every character when it is empty)."""
    text, mark = text_of("split", left), as_text(separator)
    if not text:
        return []
    if mark == "":
        parts = list(text[: limits.MAX_ITEMS + 1])
    else:
        parts = text.split(None if mark == " " else mark, limits.MAX_ITEMS)
    if len(parts) > limits.MAX_ITEMS:
        raise budget(f"split would make more than {limits.MAX_ITEMS:,} items.", limit=limits.MAX_ITEMS)
    return parts


@register("join")
def join(left: Any, separator: Any = " ") -> str:
    """One text from a list."""
    mark, total, parts = text_of("join", separator), 0, []
    for item in list_of("join", left):
        part = as_text(item)
        total += len(part) + len(mark)
        if total > limits.MAX_OUTPUT + len(mark):
            raise too_big("The result of join", limits.MAX_OUTPUT)
        parts.append(part)
    return mark.join(parts)


@register("escape")
def escape(left: Any) -> str:
    """Safe inside HTML."""
    return html.escape(text_of("escape", left))


@register("strip_html")
def strip_html(left: Any) -> str:
    """The text of HTML, without tags."""
    import nh3

    return html.unescape(nh3.clean(text_of("strip_html", left), tags=set()))


@register("newline_to_br")
def newline_to_br(left: Any) -> str:
    """A <br /> before each line end."""
    return _replaced("newline_to_br", text_of("newline_to_br", left).replace("\r\n", "\n"), "\n", "<br />\n", -1)


@register("url_encode")
def url_encode(left: Any) -> str:
    """As a part of a web address."""
    return urllib.parse.quote_plus(text_of("url_encode", left), errors="replace")


@register("url_decode")
def url_decode(left: Any) -> str:
    """The text of an encoded part of a web address."""
    from orchestrator_site.lib.json import repair_text

    return repair_text(urllib.parse.unquote_plus(text_of("url_decode", left)))


@register("json")
def json(left: Any) -> str:
    """The value as JSON."""
    return as_json(left, "The result of json")


@register("text")
def text(left: Any) -> str:
    """The value as text."""
    return text_of("text", left)


@register("date")
def date(left: Any, format: Any = "%Y-%m-%d", zone: Any = None, *, context: Any) -> str:
    """A moment (ISO 8601, RFC 2822, or seconds) written as wished; `now` is the moment the run began.

    Without a zone it is the workspace's, and a moment that says none is meant there: a day stays that day.
    """
    from orchestrator_site.lib.templating.dates import format_moment, read_moment, zone_here, zone_named

    if left is None or left == "":
        return ""
    here = zone_here(context) if zone is None else "UTC"
    moment = read_moment(left, context, zone_named(here))
    if moment is None:
        raise bad_value(
            "date", f"does not see a date in “{as_text(left)[:40]}”", "Use a date such as 2026-11-24T09:30:00Z."
        )
    return format_moment(moment, text_of("date", format), here if zone is None else text_of("date", zone))
