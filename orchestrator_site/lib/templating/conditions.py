"""Reads a condition: comparisons, then not, then and, then or, as people do; parentheses where they help."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from liquid.builtin.expressions import parse_primitive
from liquid.exceptions import LiquidSyntaxError
from liquid.expression import Expression
from liquid.stream import TokenStream
from liquid.token import (
    TOKEN_AND,
    TOKEN_CONTAINS,
    TOKEN_EOF,
    TOKEN_EQ,
    TOKEN_GE,
    TOKEN_GT,
    TOKEN_LE,
    TOKEN_LG,
    TOKEN_LPAREN,
    TOKEN_LT,
    TOKEN_NE,
    TOKEN_NOT,
    TOKEN_OR,
    TOKEN_RANGE_LITERAL,
    TOKEN_RPAREN,
    Token,
)

from orchestrator_site.lib.templating.expressions import Both, Contains, Equal, Not, Order, Truth

Make = Callable[[Token, Expression, Expression], Expression]
_COMPARISONS: dict[str, Make] = {
    TOKEN_EQ: lambda token, left, right: Equal(token, left, right, negate=False),
    TOKEN_NE: lambda token, left, right: Equal(token, left, right, negate=True),
    TOKEN_LG: lambda token, left, right: Equal(token, left, right, negate=True),
    TOKEN_LT: lambda token, left, right: Order(token, left, right, "<", operator.lt),
    TOKEN_LE: lambda token, left, right: Order(token, left, right, "<=", operator.le),
    TOKEN_GT: lambda token, left, right: Order(token, left, right, ">", operator.gt),
    TOKEN_GE: lambda token, left, right: Order(token, left, right, ">=", operator.ge),
    TOKEN_CONTAINS: Contains,
}


def parse_condition(env: Any, tokens: TokenStream) -> Truth:
    """The whole stream as one condition. Raises LiquidSyntaxError."""
    token = tokens.current
    expression = _either(env, tokens)
    tokens.eat(TOKEN_EOF)
    return Truth(token, expression)


def _either(env: Any, tokens: TokenStream) -> Expression:
    left = _all(env, tokens)
    while tokens.current.kind == TOKEN_OR:
        left = Both(tokens.next(), left, _all(env, tokens), either=True)
    return left


def _all(env: Any, tokens: TokenStream) -> Expression:
    left = _denied(env, tokens)
    while tokens.current.kind == TOKEN_AND:
        left = Both(tokens.next(), left, _denied(env, tokens), either=False)
    return left


def _denied(env: Any, tokens: TokenStream) -> Expression:
    if tokens.current.kind == TOKEN_NOT:
        return Not(tokens.next(), _denied(env, tokens))
    left = _operand(env, tokens)
    make = _COMPARISONS.get(tokens.current.kind)
    return make(tokens.next(), left, _operand(env, tokens)) if make else left


def _operand(env: Any, tokens: TokenStream) -> Expression:
    if tokens.current.kind not in (TOKEN_LPAREN, TOKEN_RANGE_LITERAL):
        return parse_primitive(env, tokens)
    tokens.next()
    inner = _either(env, tokens)
    if tokens.current.kind != TOKEN_RPAREN:
        raise LiquidSyntaxError("a parenthesis is not closed", token=tokens.current)
    tokens.next()
    return inner
