"""The catalogue as others see it: every action of the registry, and what an app above adds (the engine's own steps)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from integrations import registry
from integrations.schema import action_json, service_json

Entries = Callable[[], list[dict[str, Any]]]
_more: list[Entries] = []


def also(entries: Entries) -> None:
    """Let an app above this one add entries of the same shape; called once, when that app is ready."""
    if entries not in _more:
        _more.append(entries)


def entries(service: str = "", q: str = "") -> list[dict[str, Any]]:
    """The actions in the order of their names, narrowed to a service or to what contains all words of `q`."""
    found = [action_json(action) for action in registry.actions()]
    found += [entry for more in _more for entry in more()]
    words = q.lower().split()
    return [
        entry
        for entry in sorted(found, key=lambda entry: str(entry["name"]))
        if (not service or entry["service"] == service) and all(word in _haystack(entry) for word in words)
    ]


def services() -> list[dict[str, Any]]:
    """The services one can connect to, with the fields of their secrets."""
    return [service_json(integration) for integration in registry.connectable()]


def _haystack(entry: dict[str, Any]) -> str:
    parts = (entry["name"], entry["title"], entry["description"], *entry.get("keywords", ()))
    return " ".join(str(part) for part in parts).lower()
