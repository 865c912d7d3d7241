"""Inputs that are a path, a condition or an expression which the action itself evaluates: checked when saved. Pure.

Conditions and expressions are `setting(literal=True)`: nothing that comes from a run ever becomes part of one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from orchestrator_site.lib.templating import Template, TemplateProblem, compile, compile_condition
from orchestrator_site.lib.templating.paths import parse_path


def _checked(check: Callable[[str], Any]) -> Callable[[str], str]:
    def validate(text: str) -> str:
        try:
            check(text)
        except TemplateProblem as problem:
            raise PydanticCustomError("expression", "{said}", {"said": problem.message, "error": problem}) from None
        return text

    return validate


def expression(source: str) -> Template:
    """`item.subject | upcase`, compiled. Raises TemplateProblem."""
    if any(mark in source for mark in ("{{", "}}", "{%", "%}")):
        raise TemplateProblem(
            "E_TPL_SYNTAX", "An expression is written without braces here.", hint="item.subject | upcase"
        )
    return compile("{{" + source + "}}")


def _path(text: str) -> None:
    if text:
        parse_path(text)


Path = Annotated[str, AfterValidator(_checked(_path))]
Condition = Annotated[str, AfterValidator(_checked(compile_condition))]
Expression = Annotated[str, AfterValidator(_checked(expression))]
