"""The closed set of filters. Each bounds what it takes and what it gives, and raises TemplateProblem, nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from orchestrator_site.lib.templating import limits
from orchestrator_site.lib.templating.problems import TemplateProblem, bad_value, budget, too_big
from orchestrator_site.lib.templating.undefined import Missing, found

FILTERS: dict[str, Callable[..., Any]] = {}
_SIGNATURES: dict[str, inspect.Signature] = {}


def register(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function a filter: a missing value passes to a later `default`, work is paid for, results are bounded.

    A filter that takes a keyword-only `context` gets the rendering it runs in.
    """

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)
        wants_context = "context" in signature.parameters

        @wraps(function)
        def run(left: Any, *args: Any, context: Any, **kwargs: Any) -> Any:
            context.charge(1 + _cost(left))
            if isinstance(left, Missing) and name != "default":
                return left
            if name != "default":
                args = tuple(plain(found(arg)) for arg in args)
            if wants_context:
                kwargs["context"] = context
            try:
                return _bounded(name, function(plain(left), *args, **kwargs))
            except TemplateProblem:
                raise
            except (ValueError, TypeError, ArithmeticError, LookupError) as error:
                raise bad_value(name, f"cannot work on this ({error})"[:200]) from None

        run.with_context = True  # type: ignore[attr-defined]
        parameters = [p for p in list(signature.parameters.values())[1:] if p.name != "context"]
        _SIGNATURES[name] = inspect.Signature(parameters)
        FILTERS[name] = run
        return function

    return wrap


def plain(value: Any) -> Any:
    """Liquid's own literals as JSON values."""
    kind = type(value).__name__
    if kind in ("Empty", "Blank"):
        return ""
    return list(value) if isinstance(value, tuple) else value


def check_arguments(name: str, positional: int, keywords: list[str]) -> str | None:
    """What is wrong with the arguments of a filter, or None."""
    parameters = _SIGNATURES[name].parameters.values()
    places = [p for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    required = sum(p.default is inspect.Parameter.empty for p in places)
    if positional < required:
        return f"needs {required} argument{'s' if required > 1 else ''} after a colon"
    if positional > len(places):
        return f"takes at most {len(places)} argument{'' if len(places) == 1 else 's'}"
    if unknown := [word for word in keywords if word not in {p.name for p in parameters}]:
        return f"has no argument {unknown[0][:40]}"
    if len(set(keywords)) != len(keywords) or any(word in {p.name for p in places[:positional]} for word in keywords):
        return "gets one argument twice"
    return None


def _cost(value: Any) -> int:
    if isinstance(value, str):
        return len(value) // 256
    return len(value) // 4 if isinstance(value, (list, tuple)) else 0


def _bounded(name: str, value: Any) -> Any:
    if isinstance(value, str) and len(value) > limits.MAX_OUTPUT:
        raise too_big(f"The result of {name}", limits.MAX_OUTPUT)
    if isinstance(value, int) and not isinstance(value, bool) and not limits.INT_MIN <= value <= limits.INT_MAX:
        raise bad_value(name, "gives a number that is too large")
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        raise bad_value(name, "gives no finite number")
    return value


def text_of(name: str, value: Any) -> str:
    """The input of a text filter: at most 1 MiB."""
    from orchestrator_site.lib.templating.values import as_text

    text = as_text(value, f"The input of {name}")
    if len(text) > limits.MAX_FILTER_INPUT:
        raise too_big(f"The input of {name}", limits.MAX_FILTER_INPUT)
    return text


def list_of(name: str, value: Any) -> Sequence[Any]:
    """The input of a list filter: at most 10,000 items; null is an empty list, a single value a list of one."""
    if value is None:
        return []
    items = list(value) if isinstance(value, tuple) else value
    if not isinstance(items, list):
        return [items]
    if len(items) > limits.MAX_ITEMS:
        raise budget(f"The filter {name} takes at most {limits.MAX_ITEMS:,} items.", limit=limits.MAX_ITEMS)
    return items


def whole(name: str, value: Any) -> int:
    """An argument that must be a whole number."""
    if isinstance(value, bool) or value is None:
        raise bad_value(name, "needs a whole number")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and len(value) < 20 and value.strip().lstrip("+-").isdecimal():
        value = int(value)
    if not isinstance(value, int):
        raise bad_value(name, "needs a whole number")
    return max(min(value, 2**31), -(2**31))


from orchestrator_site.lib.templating import (  # noqa: E402 - they register themselves here
    filters_list,
    filters_number,
    filters_text,
)

__all__ = ["FILTERS", "check_arguments", "filters_list", "filters_number", "filters_text"]
