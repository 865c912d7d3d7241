"""n8n's expressions as Liquid, where that is provable: a reference to a field that a step of ours is known to give.

`={{ $json.subject }}` is what the node before gave, `$('A').item.json.x` and `$node["A"].json.x` what node A gave.
Anything that computes in JavaScript is not guessed: it stays readable in square brackets, and its step stays off.
Reference: https://docs.n8n.io/code/expressions/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Path = tuple[str | int, ...]
# From the name of a node ("" for the one before) and a path in its item: our expression, or None if not provable.
Resolve = Callable[[str, Path], str | None]

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_HERE = re.compile(r"^\$(?:json|input\.(?:item|first\(\)|last\(\)|all\(\)\[0\])\.json)")
_NAMED = re.compile(
    r"""^(?:\$\(\s*(?P<q1>["'`])(?P<n1>.+?)(?P=q1)\s*\)\.(?:item|first\(\)|last\(\)|all\(\)\[0\])\.json
    |\$node\[\s*(?P<q2>["'])(?P<n2>.+?)(?P=q2)\s*\]\.json
    |\$node\.(?P<n3>\w+)\.json
    |\$items\(\s*(?P<q4>["'])(?P<n4>.+?)(?P=q4)[^)]*\)\[0\]\.json)""",
    re.VERBOSE,
)
_PART = re.compile(
    r"""^(?:\?)?\.(?P<name>[A-Za-z_]\w*)(?!\w*\()|^\??\.?\[\s*(?:(?P<q>["'])(?P<key>.+?)(?P=q)|(?P<n>\d+))\s*\]"""
)
_CALL = re.compile(r"^\??\.(\w+)\(([^()]*)\)")
_FILTERS = {
    "trim": "strip",
    "toLowerCase": "downcase",
    "toUpperCase": "upcase",
    "toString": "text",
    "toNumber": "number",
}
_DATES = {
    "yyyy": "%Y",
    "MM": "%m",
    "dd": "%d",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
    "LLLL": "%B",
    "MMMM": "%B",
    "cccc": "%A",
}
_TOKEN = re.compile(r"yyyy|LLLL|MMMM|cccc|MM|dd|HH|mm|ss")
_TEXT = re.compile(r"""^(?P<q>["'`])(?P<text>[^"'`\\{}$]*)(?P=q)$""")
MAX_EXPRESSION = 2000


class Unproven(Exception):
    """An expression that is not mapped; its text."""


def convert_text(text: str, resolve: Resolve) -> tuple[str, list[str]]:
    """A parameter as a template of ours, and the expressions in it that could not be mapped."""
    if not text.startswith("="):
        return harmless(text), []
    missing: list[str] = []

    def replaced(found: re.Match[str]) -> str:
        try:
            return f"{{{{ {expression(found[1].strip(), resolve)} }}}}"
        except Unproven as unproven:
            missing.append(str(unproven))
            return f"[[ {harmless(found[1].strip())} ]]"

    pieces, at = [], 1
    for found in _PLACE.finditer(text, 1):
        pieces += [harmless(text[at : found.start()]), replaced(found)]
        at = found.end()
    return "".join([*pieces, harmless(text[at:])]), missing


def harmless(text: str) -> str:
    """Literal text that Liquid would read as a tag is written so that it stays text."""
    return text.replace("{{", "[[").replace("}}", "]]").replace("{%", "[%").replace("%}", "%]")


def expression(text: str, resolve: Resolve) -> str:
    """One JavaScript expression as a Liquid one. Raises Unproven."""
    if len(text) > MAX_EXPRESSION:
        raise Unproven(text[:200])
    left, either, right = _halves(text)
    if either:
        return f"{_single(left, resolve)} | default: {_operand(right, resolve)}"
    return _single(text, resolve)


def _halves(text: str) -> tuple[str, str, str]:
    """`a || b` and `a ?? b`, where b is the last operand."""
    for sign in ("||", "??"):
        if sign in text:
            left, _, right = text.rpartition(sign)
            return left.strip(), sign, right.strip()
    return text, "", ""


def _operand(text: str, resolve: Resolve) -> str:
    """What may stand after `default:`: a value without filters."""
    found = _single(text, resolve)
    if "|" in found:
        raise Unproven(text)
    return found


def _single(text: str, resolve: Resolve) -> str:
    if found := _TEXT.match(text):
        return f'"{found["text"]}"' if '"' not in found["text"] else f"'{found['text']}'"
    if re.fullmatch(r"-?\d+(\.\d+)?|true|false", text):
        return text
    if text.startswith("JSON.stringify(") and text.endswith(")"):
        inner = text[len("JSON.stringify(") : -1].split(",")[0].strip()
        return f"{_single(inner, resolve)} | json"
    if found := re.match(r"^\$(now|today)", text):
        return _moment(text, text[found.end() :])
    if text == "$execution.id":
        return "run.id"
    return _reference(text, resolve)


def _moment(text: str, rest: str) -> str:
    if rest in ("", ".toISO()", ".toString()"):
        return "run.started_at"
    if rest == ".toISODate()":
        return 'run.started_at | date: "%Y-%m-%d"'
    found = re.fullmatch(r"""\.(?:toFormat|format)\(\s*["'`]([\w :./,-]{1,40})["'`]\s*\)""", rest)
    if not found or re.search(r"[A-Za-z]", _TOKEN.sub("", found[1])):
        raise Unproven(text)
    form = _TOKEN.sub(lambda token: _DATES[token[0]], found[1])
    return f'run.started_at | date: "{form}"'


def _reference(text: str, resolve: Resolve) -> str:
    name, rest = "", ""
    if found := _HERE.match(text):
        rest = text[found.end() :]
    elif found := _NAMED.match(text):
        name = found["n1"] or found["n2"] or found["n3"] or found["n4"]
        rest = text[found.end() :]
    else:
        raise Unproven(text)
    path, filters = _path(rest, text)
    ours = resolve(name, path)
    if ours is None or (filters and ours.endswith(")")):
        raise Unproven(text)
    return "".join([ours, *(f" | {name}" for name in filters)])


def _path(rest: str, text: str) -> tuple[Path, list[str]]:
    path: list[str | int] = []
    while found := _PART.match(rest):
        if found["name"] == "length" and found.end() == len(rest):
            return tuple(path), ["size"]
        if rest[found.end() : found.end() + 1] == "(":
            break
        path.append(int(found["n"]) if found["n"] else found["name"] or found["key"])
        rest = rest[found.end() :]
    filters: list[str] = []
    while rest:
        call = _CALL.match(rest)
        if not call or call[1] not in _FILTERS or call[2].strip():
            raise Unproven(text)
        filters.append(_FILTERS[call[1]])
        rest = rest[call.end() :]
    return tuple(path), filters


def liquid_path(root: str, path: Path) -> str:
    """`steps.a` and ("b", 0, "my key") are steps.a.b[0]["my key"]."""
    parts = [root]
    for part in path:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        elif re.fullmatch(r"[A-Za-z_][\w-]*", part):
            parts.append(f".{part}")
        else:
            quote = "'" if '"' in part else '"'
            parts.append(f"[{quote}{part.replace(quote, '')}{quote}]")
    return "".join(parts)


def walk_texts(value: Any, change: Callable[[str], Any]) -> Any:
    """A copy of a value with every text changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [walk_texts(item, change) for item in value]
    if isinstance(value, dict):
        return {name: walk_texts(item, change) for name, item in value.items()}
    return value
