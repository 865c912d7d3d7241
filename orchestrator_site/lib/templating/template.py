"""Compiled templates and conditions: check once, ask what they need, render as often as you like."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from liquid.builtin.expressions import primitive
from liquid.exceptions import LiquidError, LiquidInterrupt
from liquid.expression import Expression
from liquid.stream import TokenStream
from liquid.token import TOKEN_EXPRESSION, Token

from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.templating import limits
from orchestrator_site.lib.templating.conditions import parse_condition
from orchestrator_site.lib.templating.environment import (
    ENVIRONMENT,
    BoundTemplateOfOurs,
    Buffer,
    Context,
    parse_nodes,
)
from orchestrator_site.lib.templating.guard import Part, check_expression, check_source, check_text
from orchestrator_site.lib.templating.problems import TemplateProblem, budget, too_big
from orchestrator_site.lib.templating.references import Reference, analyse, analyse_expression
from orchestrator_site.lib.templating.tags import OutputNode, words
from orchestrator_site.lib.templating.undefined import found

_MAX_KEPT = 2048
_BARE = BoundTemplateOfOurs(env=ENVIRONMENT, nodes=[])


class Meter:
    """One budget for many renderings over the items of a list: at most ten times what a single one may cost."""

    def __init__(self, most: int = 10 * limits.MAX_UNITS) -> None:
        self.spent, self.most = 0, most

    def add(self, units: int) -> None:
        """Pay for one rendering. Raises E_TPL_BUDGET."""
        self.spent += units
        if self.spent > self.most:
            raise budget("This takes too much work for all items together.", "Make the list or the condition smaller.")


class Template:
    """A template that is well formed. Immutable and safe to share between threads."""

    def __init__(self, source: str) -> None:
        check_source(source)
        self.source = source
        self._bound = _parse(source)
        analysis = analyse(self._bound.nodes, source)
        self._references = tuple(analysis.references)
        self.has_loops = analysis.has_loops
        nodes = self._bound.nodes
        self.is_single = len(nodes) == 1 and isinstance(nodes[0], OutputNode) and _fills(source)
        self.is_constant = not self._references

    def references(self) -> list[Reference]:
        """The paths read from the data, in order of appearance; names made by the template itself are left out."""
        return list(self._references)

    def render(self, data: Mapping[str, Any], *, now: datetime | None = None, meter: Meter | None = None) -> JSONValue:
        """Render over `data`.

        Exactly one placeholder keeps its type; anything else is text of at most 256 KiB. `now` is what the date filter
        takes for "now" (else data.run.started_at). Raises TemplateProblem.
        """
        context = _context(data, now)
        value = _value(self._bound.nodes[0], context, self.source) if self.is_single else self._text(context)
        if meter is not None:
            meter.add(context.units)
        return value

    def _text(self, context: Context) -> str:
        buffer = Buffer(context)
        for node in self._bound.nodes:
            try:
                node.render(context, buffer)
            except TemplateProblem as problem:
                raise problem.at(self.source, node.token.start_index) from None
            except LiquidInterrupt:
                raise TemplateProblem("E_TPL_SYNTAX", "break and continue belong inside a for.").at(
                    self.source, node.token.start_index
                ) from None
            except LiquidError as error:
                raise _translated(error, self.source, "E_TPL_VALUE") from None
            except RecursionError:
                raise TemplateProblem("E_TPL_BUDGET", "This template is nested too deeply.") from None
        return buffer.getvalue()


class Condition:
    """A bare Liquid condition, such as `item.subject contains 'bug' or item.urgent`."""

    def __init__(self, source: str) -> None:
        text = _unwrapped(source)
        check_text(text)
        if any(mark in text for mark in ("{{", "}}", "{%", "%}")):
            raise TemplateProblem(
                "E_TPL_SYNTAX", "A condition is written without braces.", hint="inputs.kind == 'bug'", line=1, column=1
            )
        check_expression(Part("condition", text, 0), text)
        self.source = source
        self._expression, analysis = analyse_expression(_parse_condition(text), text)
        self._references = tuple(analysis.references)
        self.is_constant = not self._references

    def references(self) -> list[Reference]:
        """The paths it reads."""
        return list(self._references)

    def evaluate(self, data: Mapping[str, Any], *, now: datetime | None = None, meter: Meter | None = None) -> bool:
        """True or false over `data`. Raises TemplateProblem."""
        context = _context(data, now)
        try:
            found = bool(self._expression.evaluate(context))
        except TemplateProblem as problem:
            raise problem.at(self.source, 0) from None
        except LiquidError as error:
            raise _translated(error, self.source, "E_TPL_VALUE") from None
        if meter is not None:
            meter.add(context.units)
        return found


def compile(source: str) -> Template:
    """A checked template. Raises TemplateProblem for everything that is wrong with it before it sees data."""
    return _kept_template(source) if len(source) <= _MAX_KEPT else Template(source)


def compile_condition(source: str) -> Condition:
    """A checked condition; surrounding {{ }} are forgiven. Raises TemplateProblem."""
    return _kept_condition(source) if len(source) <= _MAX_KEPT else Condition(source)


@lru_cache(maxsize=2048)
def _kept_template(source: str) -> Template:
    return Template(source)


@lru_cache(maxsize=512)
def _kept_condition(source: str) -> Condition:
    return Condition(source)


def _fills(source: str) -> bool:
    return source.startswith("{{") and source.endswith("}}")


def _unwrapped(source: str) -> str:
    text = source.strip() if len(source) <= limits.MAX_SOURCE else source
    if text.startswith("{{") and text.endswith("}}") and text.count("{{") == 1:
        text = text[2:-2].strip("-").strip()
    if not text:
        raise TemplateProblem("E_TPL_SYNTAX", "The condition is empty.", line=1, column=1, hint="inputs.kind == 'bug'")
    return text


def _context(data: Mapping[str, Any], now: datetime | None) -> Context:
    context = Context(_BARE, globals=data)
    context.now = now
    return context


def _value(node: Any, context: Context, source: str) -> JSONValue:
    try:
        value = found(node.expression.evaluate(context))
    except TemplateProblem as problem:
        raise problem.at(source, node.token.start_index) from None
    except LiquidError as error:
        raise _translated(error, source, "E_TPL_VALUE") from None
    if isinstance(value, (primitive.Empty, primitive.Blank)):
        return ""
    if node.expression.filters and isinstance(value, str) and len(value) > limits.MAX_OUTPUT:
        raise too_big("The result", limits.MAX_OUTPUT)
    return list(value) if isinstance(value, tuple) else value


def _parse(source: str) -> Any:
    try:
        return parse_nodes(source)
    except TemplateProblem:
        raise
    except LiquidError as error:
        raise _translated(error, source, "E_TPL_SYNTAX") from None


def _parse_condition(text: str) -> Expression:
    try:
        parent = Token(TOKEN_EXPRESSION, text, 0, text)
        return parse_condition(ENVIRONMENT, TokenStream(words(parent)))
    except LiquidError as error:
        raise _translated(error, text, "E_TPL_SYNTAX") from None
    except RecursionError:
        raise TemplateProblem("E_TPL_SYNTAX", "This condition is nested too deeply.", line=1, column=1) from None


def _translated(error: LiquidError, source: str, code: str) -> TemplateProblem:
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, TemplateProblem):
            return inner
        inner = inner.__cause__
    index = error.token.start_index if error.token is not None else -1
    said = str(error.args[0])[:200] if error.args else "it cannot be read"
    if isinstance(error.__cause__, RecursionError) or "unexpected liquid parsing error" in said:
        said = "it is nested too deeply or cannot be read"
    problem = TemplateProblem(
        code, f"This cannot be read: {said}.", hint="Check the brackets, quotes and spelling there."
    )
    return problem.at(source, index)
