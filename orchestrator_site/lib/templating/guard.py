"""Looks at a template's text before any parser does: linear, without recursion, strict about what resembles code.

It knows the delimiters and the few shapes an expression may have; meaning comes later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from orchestrator_site.lib.json import FORBIDDEN, SURROGATE
from orchestrator_site.lib.names import nearest
from orchestrator_site.lib.templating import limits
from orchestrator_site.lib.templating.problems import TemplateProblem, budget

OPENING = {"if": "endif", "unless": "endunless", "case": "endcase", "for": "endfor", "capture": "endcapture"}
OPENING["comment"] = "endcomment"
INNER = {"elsif", "else", "when", "break", "continue", "assign", "#"}
ALLOWED = {*OPENING, *OPENING.values(), *INNER, "raw", "endraw"}
# Liquid's own and those of its relatives; each would read files, keep state, or run code.
_OTHERS = """include render extends block import from macro call set filter tablerow endtablerow cycle increment
    decrement ifchanged layout
    section schema style javascript stylesheet form paginate liquid echo doc do with autoescape trans
    load endmacro endblock endset endfilter endcall exec eval python"""
ELSEWHERE = frozenset(_OTHERS.split())
MACHINERY = {"self", "cycler", "lipsum", "joiner"}

_MARK = re.compile(r"\{\{|\{%")
_TAG = re.compile(r"-?\s*(#|\w+)")
_ENDRAW = re.compile(r"\{%-?\s*endraw\s*-?%\}")
_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_CODE = re.compile(r"[*/%+@\\^~&;{}$`]")
_CALL = re.compile(r"([^\W\d][\w]*)\s*\(")
_AFTER_LITERAL = re.compile(r"§\s*\.(?!\.)|[)\]]\s*\(|\)\s*[.\[]|§\s*\[|§\s*\(")
_DUNDER = re.compile(r"(?<![\w-])__\w*")
_DEEP = re.compile(rf"(?:\.\s*[\w-]+){{{limits.MAX_PATH}}}")
_WORD = re.compile(r"[\w-]+")
_MAY_PRECEDE_PARENTHESIS = {"in", "and", "or", "not", "contains"}


class Part(NamedTuple):
    """One expression of a template: which tag it belongs to ("" for output) and where it starts."""

    tag: str
    text: str
    start: int


def check_source(source: str) -> None:
    """Refuse what must never reach the parser. Raises TemplateProblem."""
    check_text(source)
    parts = list(split(source))
    if len(parts) > limits.MAX_TAGS:
        raise budget(f"The template has more than {limits.MAX_TAGS:,} placeholders and tags.", limit=limits.MAX_TAGS)
    for part in parts:
        check_expression(part, source)
    _check_depth(parts, source)


def check_text(source: str) -> None:
    """Length and characters."""
    if len(source) > limits.MAX_SOURCE:
        _check_nesting(source[: limits.MAX_SOURCE])
        raise TemplateProblem(
            "E_LENGTH",
            f"The template has {len(source):,} characters; at most {limits.MAX_SOURCE:,} fit.",
            limit=limits.MAX_SOURCE,
            hint="Split it, or keep the long text in a variable.",
        )
    if found := SURROGATE.search(source):
        raise TemplateProblem("E_TEXT_SURROGATE", "The template holds half a character (a lone surrogate).").at(
            source, found.start()
        )
    if found := FORBIDDEN.search(source):
        raise TemplateProblem(
            "E_TEXT_CONTROL", f"The template holds a control character (U+{ord(found.group()):04X}).", hint="Remove it."
        ).at(source, found.start())


def split(source: str) -> Iterator[Part]:
    """The placeholders and tags of a template, in order. Raises TemplateProblem where one is not closed."""
    at = 0
    while found := _MARK.search(source, at):
        start = found.end()
        closing = "}}" if found.group() == "{{" else "%}"
        end = source.find(closing, start)
        if end < 0:
            raise TemplateProblem(
                "E_TPL_SYNTAX", f"“{found.group()}” is never closed.", hint=f"Add {closing} where it ends."
            ).at(source, found.start())
        at = end + 2
        if closing == "}}":
            yield _output(source, start, end)
            continue
        part = _tag(source, start, end)
        yield part
        if part.tag == "raw":
            ending = _ENDRAW.search(source, at)
            if not ending:
                raise TemplateProblem("E_TPL_SYNTAX", "“raw” is never closed.", hint="Add {% endraw %}.").at(
                    source, start
                )
            at = ending.end()


def _output(source: str, start: int, end: int) -> Part:
    text = source[start:end].removeprefix("-").removesuffix("-")
    if not text.strip():
        raise TemplateProblem("E_TPL_SYNTAX", "This placeholder is empty.", hint="Name a value between {{ and }}.").at(
            source, start
        )
    return Part("", text, start + (source[start : start + 1] == "-"))


def _tag(source: str, start: int, end: int) -> Part:
    found = _TAG.match(source, start, end)
    if not found:
        raise TemplateProblem(
            "E_TPL_SYNTAX", "This tag has no name.", hint="Write {% if … %}, {% for … %} or such."
        ).at(source, start)
    name = found.group(1)
    if name in ELSEWHERE:
        raise TemplateProblem("E_TPL_FORBIDDEN", f"The tag “{name}” is not available here.", hint=_allowed_hint()).at(
            source, found.start(1)
        )
    if name not in ALLOWED:
        close = nearest(name, ALLOWED)
        raise TemplateProblem(
            "E_TPL_SYNTAX",
            f"There is no tag “{name[:40]}”.",
            hint=f"Did you mean {close}?" if close else _allowed_hint(),
        ).at(source, found.start(1))
    return Part(name, source[found.end() : end].removesuffix("-"), found.end())


def _allowed_hint() -> str:
    return "Tags here: if, unless, case, for, assign, capture, comment, raw."


def check_expression(part: Part, source: str) -> None:
    """Refuse calls, arithmetic, attribute tricks and anything that would make the parser work too hard."""
    if part.tag in ("#", "comment", "endcomment", "raw"):
        return
    code, strings = _STRING.subn(lambda m: "§" * len(m.group()), part.text)
    if strings > limits.MAX_STRINGS:
        raise budget(f"More than {limits.MAX_STRINGS} texts in one place.").at(source, part.start)
    for pattern, message, hint in (
        (
            _DUNDER,
            "Names that begin with __ do not exist here.",
            "Templates read data; they cannot reach into the program.",
        ),
        (_AFTER_LITERAL, "A text or a result has no attributes here.", "Use a filter: {{ value | upcase }}."),
    ):
        if found := pattern.search(code):
            raise TemplateProblem("E_TPL_FORBIDDEN", message, hint=hint).at(source, part.start + found.start())
    _check_calls(part, code, source)
    if found := _CODE.search(code):
        raise TemplateProblem(
            "E_TPL_FORBIDDEN",
            f"“{found.group()}” cannot be used here: templates do not calculate.",
            hint="Use filters: plus, minus, times, divided_by, modulo, append.",
        ).at(source, part.start + found.start())
    _check_measure(part, code, source)


def _check_calls(part: Part, code: str, source: str) -> None:
    for found in _CALL.finditer(code):
        if found.group(1) not in _MAY_PRECEDE_PARENTHESIS:
            raise TemplateProblem(
                "E_TPL_FORBIDDEN",
                f"“{found.group(1)[:40]}(” is a call; nothing can be called here.",
                hint="Filters take their arguments after a colon: {{ value | truncate: 90 }}.",
            ).at(source, part.start + found.start())
    if part.tag == "":
        first = _WORD.match(code.lstrip())
        if first and first.group() in MACHINERY:
            raise TemplateProblem(
                "E_TPL_FORBIDDEN", f"“{first.group()}” does not exist here.", hint="Name an input or a step."
            ).at(source, part.start)


def _check_measure(part: Part, code: str, source: str) -> None:
    if _DEEP.search(code) or code.count("[") > limits.MAX_BRACKETS:
        raise TemplateProblem(
            "E_TPL_DEPTH", f"This path is deeper than {limits.MAX_PATH} names.", limit=limits.MAX_PATH
        ).at(source, part.start)
    if code.count("(") > limits.MAX_PARENTHESES:
        raise TemplateProblem("E_TPL_SYNTAX", "There are too many parentheses here.", limit=limits.MAX_PARENTHESES).at(
            source, part.start
        )
    if len(code) > limits.MAX_EXPRESSION and len(code) - code.count("§") > limits.MAX_EXPRESSION:
        raise budget(f"One placeholder is longer than {limits.MAX_EXPRESSION:,} characters.").at(source, part.start)
    operators = [word.group() for word in _WORD.finditer(code) if word.group() in ("and", "or", "not")]
    if len(operators) + code.count("|") > limits.MAX_OPERATORS:
        raise budget(f"More than {limits.MAX_OPERATORS} filters or operators in one place.").at(source, part.start)
    if part.tag in ("if", "elsif", "unless", "condition"):
        _check_precedence(part, code, source)


def _check_precedence(part: Part, code: str, source: str) -> None:
    """Liquid reads `a and b or c` from the right, people from the left: ask for parentheses instead of guessing."""
    seen_and = [False]
    for found in re.finditer(r"[()]|[\w-]+", code):
        word = found.group()
        if word == "(":
            seen_and.append(False)
        elif word == ")":
            seen_and = seen_and[:-1] or [False]
        elif word == "and":
            seen_and[-1] = True
        elif word == "or" and seen_and[-1]:
            raise TemplateProblem(
                "E_TPL_SYNTAX",
                "“and” followed by “or” can be read in two ways.",
                hint="Put parentheses around what belongs together: (a and b) or c.",
            ).at(source, part.start + found.start())


def _check_depth(parts: list[Part], source: str) -> None:
    open_tags: list[Part] = []
    for part in parts:
        if part.tag in OPENING:
            open_tags.append(part)
        elif part.tag.startswith("end") and part.tag != "endraw" and open_tags:
            open_tags.pop()
        if len(open_tags) > limits.MAX_NESTING:
            raise budget(f"Blocks are nested deeper than {limits.MAX_NESTING}.", limit=limits.MAX_NESTING).at(
                source, part.start
            )


def _check_nesting(prefix: str) -> None:
    """For a source that is too long anyway: say so if it is nesting that makes it long."""
    depth = 0
    for found in re.finditer(r"\{%-?\s*(end)?(?:for|if|unless|case|capture)\b", prefix):
        depth += -1 if found.group(1) else 1
        if depth > limits.MAX_NESTING:
            raise budget(f"Blocks are nested deeper than {limits.MAX_NESTING}.", limit=limits.MAX_NESTING).at(
                prefix, found.start()
            )
