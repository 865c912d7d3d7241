"""Walks a parsed template once: swaps in our expressions, checks filters and literals, and notes what it refers to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import repeat
from operator import contains
from typing import Any

from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression, LoopExpression, Path, primitive
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.tags.case_tag import _AnyExpression
from liquid.builtin.tags.for_tag import ForNode
from liquid.expression import Expression

from orchestrator_site.lib.names import did_you_mean
from orchestrator_site.lib.templating import limits
from orchestrator_site.lib.templating.expressions import AnyOf, BoundedRange, Equal
from orchestrator_site.lib.templating.filters import FILTERS, check_arguments
from orchestrator_site.lib.templating.lookup import PSEUDO_FIELDS
from orchestrator_site.lib.templating.problems import TemplateProblem, budget, position
from orchestrator_site.lib.templating.tree import child_nodes, held

__all__ = ["PSEUDO_FIELDS", "Analysis", "Reference", "analyse", "analyse_expression"]


@dataclass(frozen=True)
class Reference:
    """A path that a template reads from its data. A dynamic part (`a[b]`) ends the path; `b` is a reference of its own.

    `optional`: absence is provided for (a `default` filter, or a comparison with nil, blank or empty).
    The last part may be one of PSEUDO_FIELDS (size, first, last), which every list and text has.
    """

    path: tuple[str | int, ...]
    line: int
    column: int
    optional: bool = False


@dataclass
class Analysis:
    """What the walk found."""

    source: str
    references: list[Reference] = field(default_factory=list)
    has_loops: bool = False
    scopes: list[set[str]] = field(default_factory=lambda: [set()])
    fixed_rounds: int = 1

    def problem(self, code: str, message: str, token: Any, **more: Any) -> TemplateProblem:
        """A problem with its place."""
        return TemplateProblem(code, message, **more).at(self.source, token.start_index)

    def knows(self, name: object) -> bool:
        """Whether a name was made by the template itself."""
        return any(map(contains, self.scopes, repeat(name)))


def analyse(nodes: list[Node], source: str) -> Analysis:
    """Check and prepare a parsed template in place."""
    found = Analysis(source)
    for node in nodes:
        _node(node, found)
    return found


def analyse_expression(expression: Expression, source: str) -> tuple[Expression, Analysis]:
    """The same for one expression on its own."""
    found = Analysis(source)
    return _expression(expression, found), found


def _node(node: Node, found: Analysis) -> None:
    rounds = found.fixed_rounds
    if isinstance(node, ForNode):
        found.has_loops = True
        _loop(node.expression, found)
    else:
        for owner, slot, value in held(node):
            if isinstance(value, Expression):
                setattr(owner, slot, _expression(value, found))
    inside = {str(name) for name in node.block_scope()}
    found.scopes.append(inside)
    for child in child_nodes(node):
        _node(child, found)
    found.scopes.pop()
    found.fixed_rounds = rounds
    found.scopes[0].update(str(name) for name in node.template_scope())


def _loop(loop: LoopExpression, found: Analysis) -> None:
    if isinstance(loop.iterable, primitive.RangeLiteral):
        loop.iterable = _range(loop.iterable, found)
    else:
        loop.iterable = _expression(loop.iterable, found)
    for slot in ("limit", "offset"):
        if (value := getattr(loop, slot)) is not None:
            setattr(loop, slot, _expression(value, found))


def _range(literal: Any, found: Analysis) -> BoundedRange:
    start, stop = _expression(literal.start, found), _expression(literal.stop, found)
    if isinstance(start, primitive.IntegerLiteral) and isinstance(stop, primitive.IntegerLiteral):
        found.fixed_rounds *= max(stop.value - start.value + 1, 1)
        if found.fixed_rounds > limits.MAX_LOOPS:
            raise budget(f"The loops make more than {limits.MAX_LOOPS:,} rounds.", limit=limits.MAX_LOOPS).at(
                found.source, literal.token.start_index
            )
    return BoundedRange(literal.token, start, stop)


def _expression(expression: Expression, found: Analysis, optional: bool = False) -> Expression:
    if isinstance(expression, Path):
        return _path(expression, found, optional)
    if isinstance(expression, FilteredExpression):
        return _filtered(expression, found)
    if isinstance(expression, primitive.RangeLiteral):
        raise found.problem(
            "E_TPL_FORBIDDEN",
            "A range can only be walked over by a for.",
            expression.token,
            hint="{% for i in (1..5) %} … {% endfor %}",
        )
    _literal(expression, found)
    absence = isinstance(expression, Equal) and expression.about_absence
    for owner, slot, value in list(held(expression)):
        if isinstance(expression, _AnyExpression) and slot == "left":
            continue  # the value of the case itself, already seen
        if isinstance(value, Expression):
            setattr(owner, slot, _expression(value, found, absence))
        elif isinstance(value, list):
            value[:] = [_expression(item, found) if isinstance(item, Expression) else item for item in value]
    if isinstance(expression, _AnyExpression):
        return AnyOf(expression.token, expression.left, expression.expressions)
    return expression


def _literal(expression: Expression, found: Analysis) -> None:
    if not isinstance(expression, (primitive.IntegerLiteral, primitive.FloatLiteral)):
        return
    number = expression.value
    if not math.isfinite(number) or not limits.INT_MIN <= number <= limits.INT_MAX:
        raise found.problem("E_TPL_FORBIDDEN", "This number is too large.", expression.token, limit=limits.INT_MAX)


def _path(path: Path, found: Analysis, optional: bool) -> Path:
    if len(path.path) > limits.MAX_PATH:
        raise found.problem(
            "E_TPL_DEPTH", f"This path is deeper than {limits.MAX_PATH} names.", path.token, limit=limits.MAX_PATH
        )
    if not isinstance(path.path[0], str):
        raise found.problem("E_TPL_SYNTAX", "A path begins with a name.", path.token, hint="Write inputs.query.")
    known: list[str | int] = []
    for part in path.path:
        if isinstance(part, Path):
            break
        known.append(part)
    for part in path.path:
        if isinstance(part, Path):
            _path(part, found, optional=False)
    if not found.knows(known[0]):
        line, column = position(found.source, path.token.start_index)
        found.references.append(Reference(tuple(known), line, column, optional))
    return path


def _filtered(expression: FilteredExpression, found: Analysis) -> FilteredExpression:
    filters = expression.filters or []
    for one in filters:
        _filter(one, found)
    optional = any(one.name == "default" for one in filters)
    expression.left = _expression(expression.left, found, optional)
    for one in filters:
        for argument in one.args:
            argument.value = _expression(argument.value, found)
    return expression


def _filter(one: Filter, found: Analysis) -> None:
    if one.name not in FILTERS:
        raise found.problem(
            "E_TPL_FILTER",
            f"There is no filter “{one.name[:40]}”.",
            one.token,
            hint=did_you_mean(one.name, list(FILTERS)),
        )
    names = [getattr(argument, "name", None) for argument in one.args]
    if complaint := check_arguments(one.name, names.count(None), [name for name in names if name]):
        raise found.problem("E_TPL_SYNTAX", f"The filter {one.name} {complaint}.", one.token)
