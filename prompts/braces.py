"""The original's prompt placeholders, `{name}` as in Python's str.format, to Liquid and back. Pure.

`{{` and `}}` stand for single braces there. Nothing is ever formatted by Python: a path into an object's attributes
(`{a.__class__}`) is plain text here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator_site.lib.templating.guard import split

_NAME = r"(?!__)[A-Za-z_][A-Za-z0-9_-]*"
_FIELD = re.compile(
    rf"(?P<path>{_NAME}(?:\.{_NAME}|\[[^\[\]{{}}\"']{{1,100}}\])*)(?P<conversion>![rsa])?(?P<spec>:[^{{}}]*)?"
)
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_PART = re.compile(rf"({_NAME})|\[([^\[\]]+)\]")
_ROUND = re.compile(r":\.([0-9])f")
_SIMPLE = re.compile(rf"\s*({_NAME}(?:\.{_NAME})*)\s*")
_TEXT = re.compile(r"\s*\"([^\"]*)\"\s*")

Path = tuple[str, ...]
Refer = Callable[[Path], str]


@dataclass
class Converted:
    """A text in Liquid, the paths it uses, and what had to be changed or left as text."""

    text: str
    paths: list[Path] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Note it once; the first twenty are enough."""
        if len(self.warnings) < 20 and text not in self.warnings:
            self.warnings.append(text)


def liquid_path(path: Path) -> str:
    """A path as Liquid writes it: `a.b`, or `a["b c"]` for what is no name."""
    first, *rest = path
    return first + "".join(_liquid_part(part) for part in rest)


def _liquid_part(part: str) -> str:
    if re.fullmatch(_NAME, part):
        return f".{part}"
    return f"[{part}]" if re.fullmatch(r"[0-9]{1,9}", part) else f'["{part}"]'


def escape_literal(text: str, *, before_placeholder: bool = False) -> str:
    """Author's text with every brace that Liquid would read as its own made plain."""
    ending = r"|$" if before_placeholder else ""
    return re.sub(rf"\{{(?=[{{%]{ending})", '{{ "{" }}', text)


def to_liquid(source: str, refer: Refer = liquid_path) -> Converted:
    """Convert `{name}`, `{name[key]}` and `{name.key}`; braces around anything else stay as text, with a warning.

    `refer` says what Liquid expression stands for a path; a text with braces of its own is taken as it is.
    """
    result = Converted("")
    pieces: list[str] = []
    literal: list[str] = []
    at = 0
    for token in _TOKEN.finditer(source):
        literal.append(source[at : token.start()])
        at = token.end()
        placeholder = _placeholder(token, refer, result)
        if placeholder is None:
            literal.append(_plain(token.group()))
        else:
            pieces += [escape_literal("".join(literal), before_placeholder=True), placeholder]
            literal = []
    pieces.append(escape_literal("".join([*literal, source[at:]])))
    result.text = "".join(pieces)
    return result


def _plain(token: str) -> str:
    return token[0] if token in ("{{", "}}") else token


def _placeholder(token: re.Match[str], refer: Refer, result: Converted) -> str | None:
    inner = token.group(1)
    if inner is None:
        if token.group() in "{}":
            result.warn(f"A single “{token.group()}” is kept as text; in str.format it would be an error.")
        return None
    found = _FIELD.fullmatch(inner.strip())
    if not found:
        result.warn(f"“{token.group()[:60]}” is kept as text: it names no value.")
        return None
    path = tuple(name or key for name, key in _PART.findall(found["path"]))
    result.paths.append(path)
    written, filters = refer(path), _filters(found, token.group(), result)
    if "{{" not in written:
        return f"{{{{ {written}{filters} }}}}"
    alone = written.endswith(" }}") and written.count("{{") == 1
    return f"{written.removesuffix(' }}')}{filters} }}}}" if alone and filters else written


def _filters(found: re.Match[str], shown: str, result: Converted) -> str:
    spec = found["spec"] or ""
    if rounded := _ROUND.fullmatch(spec):
        return f" | round: {rounded.group(1)}"
    if spec not in ("", ":") or found["conversion"] not in (None, "!s"):
        result.warn(f"The format in “{shown[:60]}” is left out; the value is written as it is.")
    return ""


def from_liquid(source: str) -> str | None:
    """The text in the original's dialect, or None where it uses more than plain placeholders."""
    pieces: list[str] = []
    at = 0
    for part in split(source):
        placeholder = _braced(part.text) if part.tag == "" else None
        if placeholder is None:
            return None
        pieces += [_braces(source[at : source.rfind("{{", 0, part.start)]), placeholder]
        at = source.find("}}", part.start) + 2
    return "".join([*pieces, _braces(source[at:])])


def _braced(expression: str) -> str | None:
    if name := _SIMPLE.fullmatch(expression):
        first, *rest = name.group(1).split(".")
        return f"{{{first}{''.join(f'[{part}]' for part in rest)}}}"
    text = _TEXT.fullmatch(expression)
    return _braces(text.group(1)) if text else None


def _braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
