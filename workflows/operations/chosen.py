"""Which of a workspace's connections the steps of a definition's JSON use, without reading it as a definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from integrations import registry
from integrations.models import Connection
from integrations.operations.finding import chosen_default
from workflows.engine.fallbacks import FALLBACK
from workflows.engine.lists import lists_of


def steps_in(steps: Any) -> Iterator[dict[str, Any]]:
    """Every step of a definition's JSON that is not switched off, with those that it holds."""
    todo = list(steps or ())
    while todo:
        step = todo.pop()
        if isinstance(step, dict) and not step.get("disabled"):
            yield step
            todo.extend(child for _, children in lists_of(step) for child in children)


class Chosen:
    """Which of a workspace's connections a step uses: the one it names, or the default of its service."""

    def __init__(self, connections: list[Connection]) -> None:
        self.connections = connections
        self._by_name = {connection.name: connection for connection in connections}
        self._defaults: dict[str, Connection | None] = {}

    def of(self, step: Mapping[str, Any]) -> Iterator[Connection]:
        """The connections that a step as JSON uses; none where it needs none, or has none."""
        action = registry.get_action(str(step.get("action", "")))
        if action is None or not registry.services_for(action):
            return
        name = step.get("connection")
        if name:
            found = self._by_name.get(str(name))
        else:
            found = None if registry.is_keyless(action) else self._default(action.needs or action.service)
        if found is not None:
            yield found
        said = (step.get("with") or step.get("inputs") or {}).get(FALLBACK)
        for item in said if isinstance(said, list) else ():
            other = self._by_name.get(str(item.get("connection", ""))) if isinstance(item, dict) else None
            if other is not None:
                yield other

    def _default(self, service: str) -> Connection | None:
        if service not in self._defaults:
            self._defaults[service] = chosen_default(self.connections, service)
        return self._defaults[service]
