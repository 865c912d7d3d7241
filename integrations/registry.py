"""Finds every integration: folders here, packages with our entry point, and modules named in EXTRA_INTEGRATIONS.

A service is a folder (or one file) that holds `INTEGRATION`; nothing else is edited to add one. Loading it imports its
declarations and never its SDK. A bad declaration stops the load with the name of the module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from integrations.spec import Action, Integration, Signature, Trigger
from integrations.undoing import Rule

GROUP = "orchestrator.integrations"
HERE = Path(__file__).parent
_DECLARES = re.compile(r"^INTEGRATION\b", re.MULTILINE)
_UNSAFE_ICON = re.compile(r"<script|<foreignobject|\bon\w+\s*=|javascript:|<!entity|<image", re.IGNORECASE)


class BadIntegration(ValueError):
    """A module that calls itself an integration and is none; the message names it."""


def integrations() -> dict[str, Integration]:
    """Every service by slug, in alphabetical order."""
    return _loaded()


def get_integration(slug: str) -> Integration | None:
    """One service, or None."""
    return _loaded().get(slug)


def actions() -> list[Action]:
    """Every action, by service and in the order of its declaration."""
    return [action for integration in _loaded().values() for action in integration.actions.values()]


def get_action(name: str) -> Action | None:
    """`github.create_issue` to its declaration, or None."""
    service, _, verb = name.partition(".")
    integration = _loaded().get(service)
    return integration.actions.get(verb) if integration else None


def triggers() -> list[Trigger]:
    """Every trigger that services declare, by service and in the order of declaration."""
    return [trigger for integration in _loaded().values() for trigger in integration.triggers.values()]


def get_trigger(name: str) -> Trigger | None:
    """`gate.new_letter` to its declaration, or None."""
    service, _, what = name.partition(".")
    integration = _loaded().get(service)
    return integration.triggers.get(what) if integration else None


def action_for(role: str) -> Action:
    """The one action that the engine itself uses for this. Raises BadIntegration where there is none."""
    found = next((action for action in actions() if action.role == role), None)
    if found is None:
        raise BadIntegration(f"no action has the role “{role}”")
    return found


def signatures() -> dict[str, Signature]:
    """How services sign their deliveries, by their slugs."""
    return {slug: found.signature for slug, found in _loaded().items() if found.signature is not None}


def services_for(action: Action) -> list[str]:
    """The services whose connections an action can run over; empty when it needs none."""
    if action.needs:
        return [slug for slug, integration in _loaded().items() if action.needs in integration.provides]
    return [action.service] if _loaded()[action.service].takes_connection else []


def is_keyless(action: Action) -> bool:
    """Whether a step of it also runs without a connection: it then has its service's client, and no key."""
    service = _loaded()[action.service]
    return bool(service.client) and not service.needs_connection and not action.needs


def undo_rule(service: str, op: str) -> Rule | None:
    """How a kind of change of a service is taken back; None where nobody has said."""
    integration = _loaded().get(service)
    table = import_string(integration.undo) if integration and integration.undo else {}
    found: Rule | None = table.get(op)
    return found


def connectable() -> list[Integration]:
    """The services one can connect to."""
    return [integration for integration in _loaded().values() if integration.takes_connection]


@cache
def service_icon(slug: str) -> str:
    """The svg of a service's tile; a neutral one for services without."""
    integration = _loaded().get(slug)
    path = integration.folder / "icon.svg" if integration and integration.folder else None
    drawing = path.read_text() if path and path.is_file() else _PUZZLE
    return _PUZZLE if _UNSAFE_ICON.search(drawing) else drawing.strip()


def load() -> dict[str, Integration]:
    """Load everything now, so that a bad declaration is seen at start."""
    return _loaded()


def reload(**_: Any) -> None:
    """Forget what was loaded; the next question looks again."""
    _loaded.cache_clear()
    service_icon.cache_clear()


@cache
def _loaded() -> dict[str, Integration]:
    found: dict[str, Integration] = {}
    for module in _modules():
        integration = _read(module)
        known = found.get(integration.slug)
        if known is not None and known is not integration:
            raise BadIntegration(f"{module.__name__}: there is already a service called {integration.slug}")
        found[integration.slug] = integration
    return dict(sorted(found.items()))


def _modules() -> Iterator[ModuleType]:
    for path in sorted(HERE.iterdir()):
        source = path / "__init__.py" if path.is_dir() else path
        if path.name.startswith("_") or source.suffix != ".py" or not source.is_file():
            continue
        if _DECLARES.search(source.read_text()):
            yield _import(f"{__package__}.{path.stem}")
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        yield _import(point.module)
    for name in getattr(settings, "EXTRA_INTEGRATIONS", ()):
        yield _import(name)


def _import(name: str) -> ModuleType:
    try:
        module = import_module(name)
        for part in ("actions", "triggers"):
            if hasattr(module, "__path__") and find_spec(f"{name}.{part}"):
                import_module(f"{name}.{part}")
    except Exception as problem:
        raise BadIntegration(f"{name}: {problem}") from problem
    return module


def _read(module: ModuleType) -> Integration:
    integration = getattr(module, "INTEGRATION", None)
    if not isinstance(integration, Integration):
        raise BadIntegration(f"{module.__name__}: INTEGRATION must be an integrations.spec.Integration")
    if integration.folder is None and module.__file__:
        integration.folder = Path(module.__file__).parent
    return integration


setting_changed.connect(
    lambda setting, **_: reload() if setting == "EXTRA_INTEGRATIONS" else None, weak=False, dispatch_uid=__name__
)

_PUZZLE = (
    '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-l'
    'inecap="round" stroke-linejoin="round"><path d="M4 7h3a1 1 0 0 0 1-1v-1a2 2 0 0 1 4 0v1a1 1 0 0 0 1 '
    "1h3a1 1 0 0 1 1 1v3a1 1 0 0 0 1 1h1a2 2 0 0 1 0 4h-1a1 1 0 0 0-1 1v3a1 1 0 0 1-1 1h-3a1 1 0 0 1-1-1v"
    "-1a2 2 0 0 0-4 0v1a1 1 0 0 1-1 1h-3a1 1 0 0 1-1-1v-3a1 1 0 0 1 1-1h1a2 2 0 0 0 0-4h-1a1 1 0 0 1-1-1v"
    '-3a1 1 0 0 1 1-1"/></svg>'
)
