"""Numbers as they come: as numbers, or written as text. Pure."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

_NUMBER = re.compile(r"\s*[+-]?(\d{1,30}(\.\d{1,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?\s*")


def number_or_none(value: Any) -> Decimal | None:
    """An exact number, or None where there is none; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    text = str(value)
    if len(text) > 70 or not _NUMBER.fullmatch(text):
        return None
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    return found if abs(found) < Decimal("1e300") else None


def plain_number(number: Decimal) -> int | float:
    """The number as JSON has it: whole where it is whole and fits 64 bits."""
    whole = number == number.to_integral_value() and abs(number) < 2**63
    return int(number) if whole else float(number)
