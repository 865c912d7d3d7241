"""Our versions of the tags that python-liquid reads or renders in ways we do not want."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

from liquid.ast import BlockNode, ConditionalBlockNode, Node
from liquid.builtin import output
from liquid.builtin.expressions import FilteredExpression, parse_primitive, tokenize
from liquid.builtin.tags import case_tag, for_tag, if_tag, unless_tag
from liquid.context import RenderContext
from liquid.exceptions import LiquidSyntaxError
from liquid.expression import Expression
from liquid.parser import get_parser
from liquid.stream import TokenStream
from liquid.token import (
    TOKEN_AS,
    TOKEN_BLANK,
    TOKEN_COLS,
    TOKEN_COMMA,
    TOKEN_CONTINUE,
    TOKEN_DOT,
    TOKEN_ELSE,
    TOKEN_EMPTY,
    TOKEN_EXPRESSION,
    TOKEN_FALSE,
    TOKEN_FOR,
    TOKEN_IF,
    TOKEN_IN,
    TOKEN_LIMIT,
    TOKEN_NIL,
    TOKEN_NULL,
    TOKEN_OFFSET,
    TOKEN_OR,
    TOKEN_OUTPUT,
    TOKEN_REQUIRED,
    TOKEN_REVERSED,
    TOKEN_TAG,
    TOKEN_TRUE,
    TOKEN_WITH,
    TOKEN_WORD,
    Token,
)

from orchestrator_site.lib.templating.conditions import parse_condition
from orchestrator_site.lib.templating.tree import count_nodes
from orchestrator_site.lib.templating.undefined import found
from orchestrator_site.lib.templating.values import as_text

_LOOP_WORDS = {TOKEN_IN, TOKEN_LIMIT, TOKEN_OFFSET, TOKEN_REVERSED, TOKEN_COLS, TOKEN_CONTINUE}
_SPARE_WORDS = {TOKEN_WITH, TOKEN_FOR, TOKEN_AS, TOKEN_IF, TOKEN_ELSE, TOKEN_REQUIRED}
_WORDS_OF_LIQUID = {
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_NIL,
    TOKEN_NULL,
    TOKEN_EMPTY,
    TOKEN_BLANK,
    "and",
    "or",
    "not",
    "contains",
}


def words(token: Token, *, loop: bool = False) -> Iterator[Token]:
    """The tokens of an expression. Fields may have any name: `step.limit` is a path, not a keyword."""
    after_dot = False
    for one in tokenize(token.value, token):
        plain = after_dot and (one.kind in _LOOP_WORDS | _SPARE_WORDS | _WORDS_OF_LIQUID)
        if plain or one.kind in _SPARE_WORDS or (not loop and one.kind in _LOOP_WORDS):
            one = Token(TOKEN_WORD, one.value, one.start_index, one.source)
        after_dot = one.kind == TOKEN_DOT
        yield one


class Stream(TokenStream):
    """Tokens of a template whose expressions are read by `words`."""

    def into_inner(self, *, tag: Token | None = None, eat: bool = True) -> TokenStream:
        """The tokens of the current expression."""
        token = self.current
        if token.kind != TOKEN_EXPRESSION:
            raise LiquidSyntaxError("something is missing after the name of the tag", token=tag or token)
        if eat:
            next(self)
        return TokenStream(words(token, loop=tag is not None and tag.value == "for"))


class Round(BlockNode):
    """The body of a loop: each round is paid for by what stands in it."""

    __slots__ = ("weight",)

    def __init__(self, block: BlockNode) -> None:
        super().__init__(block.token, block.nodes)
        self.weight = count_nodes(block)

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Pay, then render."""
        context.charge(self.weight)  # type: ignore[attr-defined]
        return super().render_to_output(context, buffer)


class Loop(for_tag.ForNode):
    """A for whose body is paid for."""

    __slots__ = ()

    def __init__(self, token: Any, expression: Any, block: BlockNode, default: BlockNode | None = None) -> None:
        super().__init__(token, expression, Round(block), default)


class ForTag(for_tag.ForTag):
    """for, with our node."""

    node_class = Loop


def _branches(env: Any, stream: TokenStream, end: str, make: type) -> Node:
    """if and unless: a condition, any number of elsif, at most one else."""
    token = stream.eat(TOKEN_TAG)
    condition = parse_condition(env, stream.into_inner(tag=token))
    block = get_parser(env).parse_block
    first = block(stream, frozenset((end, "elsif", "else")))
    others: list[ConditionalBlockNode] = []
    while stream.current.is_tag("elsif"):
        place = next(stream)
        test = parse_condition(env, stream.into_inner(tag=place))
        others.append(ConditionalBlockNode(place, test, block(stream, frozenset((end, "elsif", "else")))))
    last = None
    if stream.current.is_tag("else"):
        next(stream)
        last = block(stream, frozenset((end,)))
    if not stream.current.is_tag(end):
        raise LiquidSyntaxError(f"{{% {end} %}} is missing", token=token)
    node: Node = make(token, condition, first, others, last)
    return node


class IfTag(if_tag.IfTag):
    """if, with our conditions."""

    def parse(self, stream: TokenStream) -> Node:
        """Read the block."""
        return _branches(self.env, stream, "endif", if_tag.IfNode)


class UnlessTag(unless_tag.UnlessTag):
    """unless, with our conditions."""

    def parse(self, stream: TokenStream) -> Node:
        """Read the block."""
        return _branches(self.env, stream, "endunless", unless_tag.UnlessNode)


class CaseTag(case_tag.CaseTag):
    """case, whose choices must be readable to the end."""

    def _parse_when_expression(self, stream: TokenStream) -> list[Expression]:
        choices = [parse_primitive(self.env, stream)]
        while stream.current.kind in (TOKEN_COMMA, TOKEN_OR):
            next(stream)
            choices.append(parse_primitive(self.env, stream))
        stream.expect_eos()
        return choices


class OutputNode(output.OutputNode):
    """A placeholder inside text."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Write the value as text."""
        return buffer.write(as_text(found(self.expression.evaluate(context))))


class Output(output.Output):
    """{{ … }}, with our node."""

    node_class = OutputNode

    def parse(self, stream: TokenStream) -> output.OutputNode:
        """Read the placeholder."""
        token = stream.eat(TOKEN_OUTPUT)
        inner = stream.expect(TOKEN_EXPRESSION)
        return self.node_class(token, FilteredExpression.parse(self.env, TokenStream(words(inner))))
