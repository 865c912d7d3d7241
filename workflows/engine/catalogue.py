"""The catalogue of this installation: the registry's actions and the control actions, in one shape."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import cache
from typing import Any

from integrations import registry
from integrations.schema import model_schema
from integrations.spec import Action
from integrations.tables import facts_of
from orchestrator_site.lib.clock import now
from workflows.engine.actions import CONTROL_INFOS, ActionInfo, Ending


@cache
def action_info(action: Action) -> ActionInfo:
    """A service's action as the checks and the walk see it."""
    return ActionInfo(
        name=action.name,
        kind=str(action.kind),
        title=action.title,
        description=action.description,
        input=action.input,
        output=action.output,
        service=action.service,
        needs=action.needs,
        services=tuple(registry.services_for(action)),
        keyless=registry.is_keyless(action),
        icon=action.icon,
        verb=action.verb,
        tainted=action.tainted,
        can_look=action.can_look,
        timeout=action.timeout,
        default_retries=action.default_retries,
        keywords=action.keywords,
        lists=f"{action.service}.{action.lists}" if action.lists else "",
    )


class RegistryCatalogue:
    """Answers from the registry, which may be reloaded at any time."""

    def get(self, name: str) -> ActionInfo | None:
        """The action of that name, or None."""
        if name in CONTROL_INFOS:
            return _with_services(CONTROL_INFOS[name])
        action = registry.get_action(name)
        return None if action is None else action_info(action)

    def names(self) -> list[str]:
        """Every name."""
        return [*CONTROL_INFOS, *(action.name for action in registry.actions())]

    def ending(self, services: Collection[str], model: str) -> Ending | None:
        """When a model of one of these services ends, as their tables say."""
        facts = facts_of(services, model)
        if facts is None or facts.ends is None:
            return None
        return Ending(facts.ends, facts.ends <= now().date(), facts.instead)

    def all(self) -> list[ActionInfo]:
        """Every action, those of the engine first."""
        return [*map(_with_services, CONTROL_INFOS.values()), *(action_info(action) for action in registry.actions())]


CATALOGUE = RegistryCatalogue()


def _with_services(info: ActionInfo) -> ActionInfo:
    """A control action that runs over a connection, with the services that it can be one to."""
    if not info.needs:
        return info
    found = registry.integrations().values()
    return replace(info, services=tuple(one.slug for one in found if info.needs in one.provides))


def control_entries() -> list[dict[str, Any]]:
    """The control actions for the catalogue of the API, in the shape of `integrations.schema.action_json`."""
    return [
        {
            "name": info.name,
            "service": "",
            "kind": info.kind,
            "title": info.title,
            "description": info.description,
            "verb": info.verb,
            "input_schema": model_schema(info.input),
            "output_schema": model_schema(info.output),
            "needs": info.needs or None,
            "connection_services": list(info.services),
            "connection_optional": False,
            "branches": [*([info.many] if info.many else []), *info.branches],
            "can_look": False,
            "can_plan": False,
            "timeout": info.timeout,
            "keywords": list(info.keywords),
        }
        for info in map(_with_services, CONTROL_INFOS.values())
    ]
