"""Truth, comparisons, choices and ranges: strict about absence, and paid for by the size of what they look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from liquid.builtin.expressions import primitive
from liquid.expression import Expression

from orchestrator_site.lib.templating import limits
from orchestrator_site.lib.templating.problems import TemplateProblem, budget
from orchestrator_site.lib.templating.undefined import Missing, found
from orchestrator_site.lib.templating.values import as_text, holds, same

EMPTINESS = (primitive.Nil, primitive.Empty, primitive.Blank)


def truthy(value: Any) -> bool:
    """Only false and null are false; a missing value raises."""
    value = found(value)
    return not (value is None or value is False)


class Truth(Expression):
    """A whole condition."""

    __slots__ = ("expression",)

    def __init__(self, token: Any, expression: Expression) -> None:
        super().__init__(token)
        self.expression = expression

    def evaluate(self, context: Any) -> bool:
        """True or false."""
        context.charge(1)
        return truthy(self.expression.evaluate(context))

    def children(self) -> list[Expression]:
        """What is inside."""
        return [self.expression]


class Both(Expression):
    """`and`, `or`: the right side is looked at only if it matters."""

    __slots__ = ("either", "left", "right")

    def __init__(self, token: Any, left: Expression, right: Expression, either: bool) -> None:
        super().__init__(token)
        self.left, self.right, self.either = left, right, either

    def evaluate(self, context: Any) -> bool:
        """True or false."""
        context.charge(1)
        first = truthy(self.left.evaluate(context))
        return first if first is self.either else truthy(self.right.evaluate(context))

    def children(self) -> list[Expression]:
        """Both sides."""
        return [self.left, self.right]


class Not(Expression):
    """`not`."""

    __slots__ = ("right",)

    def __init__(self, token: Any, right: Expression) -> None:
        super().__init__(token)
        self.right = right

    def evaluate(self, context: Any) -> bool:
        """True or false."""
        return not truthy(self.right.evaluate(context))

    def children(self) -> list[Expression]:
        """What is denied."""
        return [self.right]


class Equal(Expression):
    """`==`, `!=`. Compared with nil, blank or empty, a value may be absent."""

    __slots__ = ("left", "negate", "right")

    def __init__(self, token: Any, left: Expression, right: Expression, negate: bool) -> None:
        super().__init__(token)
        self.left, self.right, self.negate = left, right, negate

    @property
    def about_absence(self) -> bool:
        """Whether one side is nil, blank or empty."""
        return isinstance(self.left, EMPTINESS) or isinstance(self.right, EMPTINESS)

    def evaluate(self, context: Any) -> bool:
        """True or false."""
        context.charge(1)
        left, right = self.left.evaluate(context), self.right.evaluate(context)
        if self.about_absence:
            left, right = _absent_is_null(left), _absent_is_null(right)
        return equal(found(left), found(right), context) is not self.negate

    def children(self) -> list[Expression]:
        """Both sides."""
        return [self.left, self.right]


def _absent_is_null(value: Any) -> Any:
    return None if isinstance(value, Missing) else value


def equal(left: Any, right: Any, context: Any) -> bool:
    """Equality with Liquid's `empty` and `blank`, paid for by size."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, primitive.Empty):
            return isinstance(other, (str, list, dict)) and not other
        if isinstance(one, primitive.Blank):
            return other is None or other is False or (isinstance(other, (str, list, dict)) and not _stripped(other))
    return same(left, right, context.charge)


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


class Order(Expression):
    """`<`, `<=`, `>`, `>=` between two numbers or two texts; null compares as false."""

    __slots__ = ("compare", "left", "right", "sign")

    def __init__(
        self, token: Any, left: Expression, right: Expression, sign: str, compare: Callable[..., bool]
    ) -> None:
        super().__init__(token)
        self.left, self.right, self.sign, self.compare = left, right, sign, compare

    def evaluate(self, context: Any) -> bool:
        """True or false."""
        context.charge(1)
        left, right = found(self.left.evaluate(context)), found(self.right.evaluate(context))
        if left is None or right is None:
            return False
        if isinstance(left, str) and isinstance(right, str):
            return self.compare(left, right)
        if _is_number(left) and _is_number(right):
            return self.compare(left, right)
        raise TemplateProblem(
            "E_TPL_VALUE",
            f"{_kind(left)} and {_kind(right)} cannot be compared with {self.sign}.",
            hint="Turn text into a number first: {% assign n = value | number %}.",
        )

    def children(self) -> list[Expression]:
        """Both sides."""
        return [self.left, self.right]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    names = {str: "Text", bool: "True or false", int: "A number", float: "A number", list: "A list", dict: "An object"}
    return names.get(type(value), "A value")


class Contains(Expression):
    """`contains`: text in text, a value in a list, a key in an object."""

    __slots__ = ("left", "right")

    def __init__(self, token: Any, left: Expression, right: Expression) -> None:
        super().__init__(token)
        self.left, self.right = left, right

    def evaluate(self, context: Any) -> bool:
        """True or false."""
        left, right = found(self.left.evaluate(context)), found(self.right.evaluate(context))
        if left is None or right is None:
            return False
        if isinstance(left, str):
            context.charge(1 + len(left) // 256)
            return as_text(right) in left
        if isinstance(left, (list, tuple)):
            return holds(left, right, context.charge)
        if isinstance(left, dict):
            return isinstance(right, str) and right in left
        raise TemplateProblem("E_TPL_VALUE", f"{_kind(left)} cannot contain anything.", hint="Use == instead.")

    def children(self) -> list[Expression]:
        """Both sides."""
        return [self.left, self.right]


class AnyOf(Expression):
    """The choices of a `when`: true once if one of them equals the value."""

    __slots__ = ("expressions", "left")

    def __init__(self, token: Any, left: Expression, expressions: list[Expression]) -> None:
        super().__init__(token)
        self.left, self.expressions = left, expressions

    def evaluate(self, context: Any) -> list[bool]:
        """One True if any choice fits."""
        context.charge(len(self.expressions))
        left = found(self.left.evaluate(context))
        return [any(equal(left, found(choice.evaluate(context)), context) for choice in self.expressions)]

    def children(self) -> list[Expression]:
        """The choices."""
        return self.expressions


class BoundedRange(Expression):
    """`(1..n)` as what a for walks over: at most 10,000 long."""

    __slots__ = ("start", "stop")

    def __init__(self, token: Any, start: Expression, stop: Expression) -> None:
        super().__init__(token)
        self.start, self.stop = start, stop

    def __str__(self) -> str:
        return "range"

    def evaluate(self, context: Any) -> range:
        """The numbers."""
        first, last = self._number(self.start, context), self._number(self.stop, context)
        if last - first >= limits.MAX_LOOPS:
            raise budget(f"This range is longer than {limits.MAX_LOOPS:,}.", limit=limits.MAX_LOOPS)
        return range(first, last + 1) if first <= last else range(0)

    def _number(self, expression: Expression, context: Any) -> int:
        value = found(expression.evaluate(context))
        if isinstance(value, str) and value.strip().lstrip("-").isdecimal() and len(value) < 20:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not limits.INT_MIN <= value <= limits.INT_MAX:
            raise TemplateProblem("E_TPL_VALUE", "A range needs two whole numbers.", hint="Write (1..5).")
        return value

    def children(self) -> list[Expression]:
        """Both ends."""
        return [self.start, self.stop]
