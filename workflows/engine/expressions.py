"""The values of a step: literals, or Liquid anywhere inside them. Pure.

A text with `{{` or `{%` in it is a template, also deep inside lists and objects; one that is exactly one placeholder
keeps the type of what it names. What a template gives is data and is never read as a template again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.templating import (
    MAX_SOURCE,
    Condition,
    Reference,
    Template,
    TemplateProblem,
    compile,
    compile_condition,
)

__all__ = [
    "Condition",
    "Expression",
    "Place",
    "Reference",
    "TemplateProblem",
    "compile_condition",
    "compile_value",
    "is_literal",
    "is_template",
    "literal_part",
    "single_path",
    "templates_in",
]

Place = str
"""Where inside a value: `labels[0]`, `properties.Status`, empty for the value itself."""


def is_template(value: object) -> bool:
    """Whether a value is text that has to be rendered (longer text than a template may have is judged as one)."""
    return isinstance(value, str) and ("{{" in value or "{%" in value or len(value) > MAX_SOURCE)


def templates_in(value: JSONValue, at: Place = "") -> Iterator[tuple[Place, str]]:
    """Every template inside a value, with its place."""
    if isinstance(value, str):
        if is_template(value):
            yield at, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from templates_in(item, f"{at}.{name}" if at else name)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from templates_in(item, f"{at}[{i}]")


def is_literal(value: JSONValue) -> bool:
    """Whether nothing in a value has to be rendered."""
    return next(templates_in(value), None) is None


def literal_part(values: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """The inputs of a step that are known before it runs."""
    return {name: value for name, value in values.items() if is_literal(value)}


def single_path(value: JSONValue) -> Reference | None:
    """The one path that a value is, if it is exactly one placeholder without filters."""
    if not isinstance(value, str) or not is_template(value) or "|" in value:
        return None
    try:
        template = compile(value)
    except TemplateProblem:
        return None
    references = template.references()
    return references[0] if template.is_single and len(references) == 1 else None


@dataclass(frozen=True)
class Expression:
    """A value with its templates compiled: `render` gives it filled in."""

    source: JSONValue
    templates: Mapping[str, Template]

    @property
    def is_literal(self) -> bool:
        """Whether there is nothing to fill in."""
        return not self.templates

    @property
    def has_loops(self) -> bool:
        """Whether rendering may take long (such work belongs on a helper thread)."""
        return any(template.has_loops for template in self.templates.values())

    def references(self) -> list[Reference]:
        """Every path it reads."""
        return [reference for template in self.templates.values() for reference in template.references()]

    def render(self, data: Mapping[str, Any], *, now: datetime | None = None) -> JSONValue:
        """The value over `data`. Raises TemplateProblem with `field` set to the place inside the value."""
        return self.source if self.is_literal else self._filled(self.source, "", data, now)

    def _filled(self, value: JSONValue, at: Place, data: Mapping[str, Any], now: datetime | None) -> JSONValue:
        if isinstance(value, str):
            return self._text(value, at, data, now)
        if isinstance(value, dict):
            return {name: self._filled(item, f"{at}.{name}" if at else name, data, now) for name, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, f"{at}[{i}]", data, now) for i, item in enumerate(value)]
        return value

    def _text(self, text: str, at: Place, data: Mapping[str, Any], now: datetime | None) -> JSONValue:
        template = self.templates.get(text)
        if template is None:
            return text
        try:
            return template.render(data, now=now)
        except TemplateProblem as problem:
            problem.field = problem.field or at or None
            raise


def compile_value(value: JSONValue) -> Expression:
    """Compile every template in a value. Raises TemplateProblem, with `field` set to its place."""
    templates: dict[str, Template] = {}
    for at, text in templates_in(value):
        try:
            templates[text] = compile(text)
        except TemplateProblem as problem:
            raise _placed(problem, at) from None
    return Expression(value, templates)


def _placed(problem: TemplateProblem, at: Place) -> TemplateProblem:
    return TemplateProblem(
        problem.code,
        problem.message,
        line=problem.line,
        column=problem.column,
        hint=problem.hint,
        limit=problem.limit if isinstance(problem.limit, int) else None,
        field=at or None,
    )
