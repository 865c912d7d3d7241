"""A start-up check: every service that is installed can be loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, register

from integrations import registry


@register("integrations")
def services_load(app_configs: Sequence[Any] | None = None, **_: Any) -> list[CheckMessage]:
    """integrations.E001: a package or folder that calls itself a service and cannot be loaded as one."""
    try:
        registry.load()
    except registry.BadIntegration as problem:
        hint = "Repair it, uninstall its package, or take it out of EXTRA_INTEGRATIONS."
        return [Error(f"A service cannot be loaded: {problem}", hint=hint, id="integrations.E001")]
    return []
