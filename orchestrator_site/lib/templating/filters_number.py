"""Filters over numbers: 64-bit whole numbers and finite decimals, decimals calculated in decimal."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from orchestrator_site.lib.templating.filters import register, whole
from orchestrator_site.lib.templating.problems import bad_value

Number = int | float


def number_of(name: str, value: Any) -> Number:
    """A number, or text that holds exactly one."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= 64:
        text = value.strip().replace("_", "x")
        try:
            return int(text) if text.lstrip("+-").isdecimal() and len(text) < 20 else _finite(float(text))
        except ValueError:
            pass
    shown = f"“{value[:40]}”" if isinstance(value, str) else "this value"
    raise bad_value(
        name, f"needs a number, and {shown} is none", "Use the default filter, or check where it comes from."
    )


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError
    return number


def _calculate(name: str, left: Any, right: Any, how: Callable[[Any, Any], Any]) -> Number:
    one, other = number_of(name, left), number_of(name, right)
    if isinstance(one, int) and isinstance(other, int):
        result: Number = how(one, other)
        return result
    return float(how(Decimal(str(one)), Decimal(str(other))))


@register("plus")
def plus(left: Any, right: Any) -> Number:
    """Added."""
    return _calculate("plus", left, right, lambda a, b: a + b)


@register("minus")
def minus(left: Any, right: Any) -> Number:
    """Taken away."""
    return _calculate("minus", left, right, lambda a, b: a - b)


@register("times")
def times(left: Any, right: Any) -> Number:
    """Multiplied."""
    return _calculate("times", left, right, lambda a, b: a * b)


@register("divided_by")
def divided_by(left: Any, right: Any) -> Number:
    """Divided; two whole numbers give a whole number, rounded down."""
    _not_zero("divided_by", right)
    return _calculate("divided_by", left, right, lambda a, b: a // b if isinstance(a, int) else a / b)


@register("modulo")
def modulo(left: Any, right: Any) -> Number:
    """The rest of a division."""
    _not_zero("modulo", right)
    return _calculate("modulo", left, right, lambda a, b: a % b if isinstance(a, int) else a - b * (a // b))


def _not_zero(name: str, right: Any) -> None:
    if number_of(name, right) == 0:
        raise bad_value(name, "cannot divide by 0")


@register("round")
def round_(left: Any, digits: Any = 0) -> Number:
    """Rounded, half up; whole unless digits are asked for."""
    places = whole("round", digits)
    if not -15 <= places <= 15:
        raise bad_value("round", "takes from -15 to 15 digits")
    exact = Decimal(str(number_of("round", left)))
    if not -300 < exact.adjusted() < 25:
        raise bad_value("round", "cannot round a number of this size")
    rounded = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return float(rounded) if places > 0 else int(rounded)


@register("ceil")
def ceil(left: Any) -> int:
    """Up to the next whole number."""
    return math.ceil(number_of("ceil", left))


@register("floor")
def floor(left: Any) -> int:
    """Down to the next whole number."""
    return math.floor(number_of("floor", left))


@register("abs")
def abs_(left: Any) -> Number:
    """Without its sign."""
    return abs(number_of("abs", left))


@register("at_least")
def at_least(left: Any, right: Any) -> Number:
    """The larger of the two."""
    return max(number_of("at_least", left), number_of("at_least", right))


@register("at_most")
def at_most(left: Any, right: Any) -> Number:
    """The smaller of the two."""
    return min(number_of("at_most", left), number_of("at_most", right))


@register("number")
def number(left: Any) -> Number:
    """Text as a number."""
    return number_of("number", left)
