"""Every address of the product, read from the URLconf: its name, its arguments, and what the permission table says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.table import Methods, rule_for
from orchestrator_site.permissions import PREFIXES, TABLE
from tests.factories.world import World, argument, never

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True)
class Address:
    """One URL pattern."""

    name: str
    arguments: tuple[str, ...]

    @property
    def listed(self) -> bool:
        """Whether the table names it, itself or by the prefix of its tree."""
        return rule_for(self.name) is not None

    @property
    def rule(self) -> Methods:
        """What the table says."""
        return TABLE[self.name]

    @property
    def is_api(self) -> bool:
        """Whether it is for programs."""
        return self.name.startswith(("api:", "seed:", "watching:", "hooks:"))

    def path(self, world: World) -> str:
        """The address of an object of the world."""
        return reverse(self.name, kwargs={name: argument(self.name, name, world) for name in self.arguments})

    def words(self, world: World) -> list[bytes]:
        """The words of the address that lead to an object, and those that lead nowhere: an answer may repeat them."""
        values = [argument(self.name, name, world) for name in self.arguments if name in LEADING | {"workspace"}]
        names = [name for name in self.arguments if name in LEADING | {"workspace"}]
        return [str(word).encode() for n, v in zip(names, values, strict=True) for word in (v, never(n, v))]

    def nowhere(self, world: World) -> str:
        """The same address for an object, or for pages a workspace, that never was."""
        values = {name: argument(self.name, name, world) for name in self.arguments}
        changed = ["workspace"] if "workspace" in values else [name for name in values if name in LEADING]
        return reverse(self.name, kwargs={**values, **{name: never(name, values[name]) for name in changed}})

    def foreign_object(self, world: World, home: str) -> tuple[str, str] | None:
        """For pages: in the workspace `home`, an object of the world, and one that never was."""
        if "workspace" not in self.arguments or not set(self.arguments) & LEADING:
            return None
        values = {name: argument(self.name, name, world) for name in self.arguments} | {"workspace": home}
        nothing = {**values, **{name: never(name, value) for name, value in values.items() if name in LEADING}}
        return reverse(self.name, kwargs=values), reverse(self.name, kwargs=nothing)


LEADING = {"slug", "run", "pk", "name", "workflow_id", "template_id"}  # arguments that lead to somebody's object


def everything() -> list[Address]:
    """All named addresses."""
    return sorted(
        set(_walk(get_resolver().url_patterns, "", ())), key=lambda address: (address.name, address.arguments)
    )


def _walk(patterns: list[Any], space: str, outer: tuple[str, ...]) -> Iterator[Address]:
    for pattern in patterns:
        arguments = (*outer, *pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from _walk(pattern.url_patterns, inner, arguments)
        elif isinstance(pattern, URLPattern):
            yield Address(f"{space}{pattern.name or ''}", arguments)


def in_table() -> list[Address]:
    """The addresses with a line of their own in the table (not the trees of allauth and the admin)."""
    return [address for address in everything() if address.name in TABLE]


def trees() -> list[Address]:
    """The addresses of the trees that bring their own checks."""
    return [a for a in everything() if a.name not in TABLE and a.name.startswith(tuple(PREFIXES))]
