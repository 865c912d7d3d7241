"""Our Liquid: python-liquid's parser with our own lookup and limits, and a closed set of tags and filters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from io import StringIO
from typing import Any, TextIO

from liquid import Environment
from liquid.ast import Node
from liquid.builtin import content, illegal
from liquid.builtin.tags import assign_tag, capture_tag, comment_tag, for_tag, inline_comment_tag
from liquid.context import RenderContext
from liquid.output import LimitedStringIO
from liquid.parser import get_parser
from liquid.template import BoundTemplate
from liquid.utils import ReadOnlyChainMap

from orchestrator_site.lib.templating import limits
from orchestrator_site.lib.templating.filters import FILTERS
from orchestrator_site.lib.templating.lookup import NotThere, step_into
from orchestrator_site.lib.templating.problems import TemplateProblem, budget, too_big
from orchestrator_site.lib.templating.tags import CaseTag, ForTag, IfTag, Output, Stream, UnlessTag
from orchestrator_site.lib.templating.undefined import Missing, found
from orchestrator_site.lib.templating.values import shallow_size

TAGS = ("if", "unless", "case", "for", "break", "continue", "assign", "capture", "comment", "raw")
_ABSENT = object()


class Buffer(LimitedStringIO):
    """Text being written: bounded in bytes, and each write is paid for."""

    def __init__(self, context: Context, carry: int = 0) -> None:
        super().__init__(limit=limits.MAX_OUTPUT)
        self.size = carry
        self.context = context

    def write(self, text: str) -> int:
        """Append, unless the whole would be too large."""
        if text:
            self.size += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
            if self.size > limits.MAX_OUTPUT:
                raise too_big("The result", limits.MAX_OUTPUT)
            self.context.charge(1 + len(text) // 2048)
        return StringIO.write(self, text)


class Context(RenderContext):
    """One rendering: plain JSON data below, a budget above, no clock but the one handed in."""

    __slots__ = ("iterations", "now", "sizes", "units")

    def __init__(self, template: BoundTemplate, *, globals: Mapping[str, object] | None = None, **kwargs: Any) -> None:
        super().__init__(template, globals=globals, **kwargs)
        self.scope = ReadOnlyChainMap(self.locals, self.globals)
        self.units = self.iterations = 0
        self.sizes: dict[str, int] = {}
        self.now: datetime | None = None

    def charge(self, units: int) -> None:
        """Pay for work; raises E_TPL_BUDGET when a rendering has done too much."""
        self.units += units
        if self.units > limits.MAX_UNITS:
            raise budget("This template takes too much work.")

    def get(self, path: list[object], *, token: Any, default: object = _ABSENT) -> object:
        """Resolve a path over dicts and lists; Missing where it leads nowhere."""
        self.charge(1)
        root = path[0]
        try:
            value = self.scope[root]  # type: ignore[index]
        except (KeyError, TypeError):
            return Missing(str(root), problem=NotThere.root(root, self._names()).at(token.source, token.start_index))
        for depth in range(1, len(path)):
            try:
                value = step_into(value, found(path[depth]))
            except NotThere as gone:
                problem = gone.problem(path, depth).at(token.source, token.start_index)
                return Missing(str(root), problem=problem)
        if isinstance(value, for_tag.ForLoop):
            raise TemplateProblem("E_TPL_VALUE", "forloop is no value of its own.", hint="Use forloop.index or such.")
        return value

    def _names(self) -> list[str]:
        names: dict[str, None] = {}
        for name in self.scope:
            if len(names) < 200 and not str(name).startswith("_"):
                names[str(name)] = None
        return list(names)

    def resolve(self, name: str, *, token: Any = None, default: object = _ABSENT) -> Any:
        """A single name, as `get` would find it."""
        return self.scope.get(name)

    def assign(self, key: str, val: Any) -> None:
        """Bind a name; all names together stay within 64 KiB."""
        size = shallow_size(found(val))
        self.charge(1 + size // 256)
        self.sizes[key] = size
        if sum(self.sizes.values()) > limits.MAX_NAMESPACE:
            raise budget(
                f"The names made by assign and capture hold more than {limits.MAX_NAMESPACE // 1024} KiB.",
                limit=limits.MAX_NAMESPACE,
            )
        self.locals[key] = val

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """All loops of a rendering together make at most 10,000 rounds."""
        self.iterations += length
        if self.iterations > limits.MAX_LOOPS:
            raise budget(f"The loops make more than {limits.MAX_LOOPS:,} rounds.", limit=limits.MAX_LOOPS)

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        """A buffer for capture; it counts on from the one around it."""
        return Buffer(self, buf.size if isinstance(buf, Buffer) else 0)


class BoundTemplateOfOurs(BoundTemplate):
    """A parsed template that renders in our context."""

    context_class = Context


class OurEnvironment(Environment):
    """The closed environment: nothing is registered that is not named here."""

    block_nesting_limit = limits.MAX_NESTING + 1
    context_depth_limit = limits.MAX_NESTING + 10
    suppress_blank_control_flow_blocks = False
    template_class = BoundTemplateOfOurs

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Register our tags and filters, and no others."""
        for tag in (
            content.Literal,
            Output,
            illegal.Illegal,
            IfTag,
            UnlessTag,
            CaseTag,
            ForTag,
            for_tag.BreakTag,
            for_tag.ContinueTag,
            assign_tag.AssignTag,
            capture_tag.CaptureTag,
            comment_tag.CommentTag,
            inline_comment_tag.InlineCommentTag,
        ):
            self.add_tag(tag)
        for name, function in FILTERS.items():
            self.add_filter(name, function)

    def _parse(self, source: str) -> list[Node]:
        return get_parser(self).parse(Stream(self.tokenizer()(source)))


ENVIRONMENT = OurEnvironment(undefined=Missing)


def parse_nodes(source: str) -> BoundTemplate:
    """Parse a template that the guard has passed."""
    return ENVIRONMENT.from_string(source)
