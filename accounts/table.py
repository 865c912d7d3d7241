"""Reads the permission table named in the settings: what a URL name and a method need. Deny by default."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final

from django.conf import settings

PUBLIC: Final = "public"
SIGNED_IN: Final = "signed_in"
STAFF: Final = "staff"

Methods = Mapping[str, str]
_EVERY = ("GET", "POST")


@cache
def _table() -> tuple[Mapping[str, Methods], Mapping[str, str]]:
    module, _, name = settings.PERMISSION_TABLE.rpartition(".")
    loaded = import_module(module)
    return getattr(loaded, name), getattr(loaded, "PREFIXES", {})


def rule_for(view_name: str) -> Methods | None:
    """The methods of a URL name and what each needs; None for a name that is not listed."""
    table, prefixes = _table()
    if view_name in table:
        return table[view_name]
    fitting = [prefix for prefix in prefixes if view_name.startswith(prefix)]
    if not view_name or not fitting:
        return None
    return dict.fromkeys(_EVERY, prefixes[max(fitting, key=len)])


def needed_for(methods: Methods, method: str) -> str | None:
    """What one method needs; HEAD needs what GET needs, OPTIONS what GET or the first needs; None when not allowed."""
    if method == "HEAD":
        return methods.get("GET")
    if method == "OPTIONS":
        return methods.get("GET") or next(iter(methods.values()))
    return methods.get(method)


def allowed(methods: Methods) -> str:
    """The value of the Allow header."""
    names = [*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"]
    return ", ".join(sorted(names))
