"""A path into a value, `a.b[0].c`, on its own: what data.extract uses."""

from __future__ import annotations

import re
from typing import Any

from orchestrator_site.lib.json import SURROGATE, JSONValue
from orchestrator_site.lib.templating import limits
from orchestrator_site.lib.templating.lookup import NotThere, path_text, step_into
from orchestrator_site.lib.templating.problems import TemplateProblem

_STEP = re.compile(r"\.?([^\W\d]?[\w-]*[\w])|\[\s*(-?\d{1,9})\s*\]|\[\s*(?:'([^']*)'|\"([^\"]*)\")\s*\]")
_NO_DEFAULT: Any = object()


def parse_path(path: str) -> tuple[str | int, ...]:
    """`a.b[0]['c d']` as its parts. Raises TemplateProblem."""
    if len(path) > limits.MAX_EXPRESSION:
        raise TemplateProblem("E_LENGTH", "This path is too long.", limit=limits.MAX_EXPRESSION, field="path")
    if SURROGATE.search(path):
        raise TemplateProblem("E_TEXT_SURROGATE", "This path holds half a character.", field="path")
    text, at, parts = path.strip(), 0, list[str | int]()
    while at < len(text):
        found = _STEP.match(text, at)
        if not found or (at and found.group(1) is not None and text[at] != ".") or (not at and text[0] == "."):
            raise TemplateProblem(
                "E_TPL_SYNTAX",
                f"The path cannot be read from “{text[at : at + 20]}”.",
                column=at + 1,
                line=1,
                field="path",
                hint="Write it like messages[0].subject.",
            )
        name, index, single, double = found.groups()
        parts.append(int(index) if index is not None else next(p for p in (name, single, double) if p is not None))
        if isinstance(parts[-1], str) and parts[-1].startswith("__"):
            raise TemplateProblem("E_TPL_FORBIDDEN", "Names that begin with __ do not exist here.", field="path")
        at = found.end()
    if len(parts) > limits.MAX_PATH:
        raise TemplateProblem(
            "E_TPL_DEPTH", f"This path is deeper than {limits.MAX_PATH} names.", limit=limits.MAX_PATH, field="path"
        )
    if not parts:
        raise TemplateProblem(
            "E_TPL_SYNTAX", "The path is empty.", field="path", hint="Write it like messages[0].subject."
        )
    return tuple(parts)


def evaluate_path(source: JSONValue, path: str, default: Any = _NO_DEFAULT) -> JSONValue:
    """The value at `path` inside `source`; `default` when it is absent, else E_TPL_UNDEFINED."""
    parts = parse_path(path)
    value: Any = source
    for depth, part in enumerate(parts):
        try:
            value = step_into(value, part)
        except NotThere as gone:
            if default is not _NO_DEFAULT:
                return default  # type: ignore[no-any-return]
            problem = gone.problem(("source", *parts), depth + 1)
            problem.field = "path"
            raise problem from None
    return value  # type: ignore[no-any-return]


__all__ = ["evaluate_path", "parse_path", "path_text"]
