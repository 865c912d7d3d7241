"""Which connection: by id, by name, or the one a step uses that names none. Always within one workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from accounts.actor import Actor
from accounts.models import Workspace
from integrations import registry
from integrations.models import Connection
from integrations.spec import Integration
from orchestrator_site.lib.errors import NotFound


def connections_of(workspace: Workspace | Any) -> QuerySet[Connection]:
    """The connections of a workspace, by name."""
    return Connection.objects.of(workspace).filter(deleted_at__isnull=True).order_by("name")


def get_connection(actor: Actor, pk: Any) -> Connection:
    """One connection of the actor's workspace. Raises NotFound, for a foreign one too."""
    actor.require("read")
    found = connections_of(actor.workspace).filter(pk=pk).first()
    if found is None:
        raise NotFound("That connection is not here.", hint="It may have been deleted.")
    return found


def find_connection(workspace: Workspace | Any, name: str) -> Connection | None:
    """The connection that steps call by `name`, or None."""
    return connections_of(workspace).filter(name=name).first()


def default_connection(workspace: Workspace | Any, service_or_need: str) -> Connection | None:
    """What a step uses that names no connection: the default of the service, or of a service that meets the need.

    Where several could serve a need, real ones come before the sandbox, then by the services' rank. Where a service has
    no default but exactly one connection, that one is it.
    """
    services = list(_serving(service_or_need))
    return chosen_default(list(connections_of(workspace).filter(service__in=services)), service_or_need)


def chosen_default(connections: Sequence[Connection], service_or_need: str) -> Connection | None:
    """The same, among connections that are known already."""
    services = _serving(service_or_need)
    found = [connection for connection in connections if connection.service in services]
    alone = {c.service for c in found if sum(other.service == c.service for other in found) == 1}
    usable = [c for c in found if c.is_default or c.service in alone]
    return min(usable, key=lambda c: (c.sandbox, services[c.service].rank, c.created_at), default=None)


def _serving(service_or_need: str) -> dict[str, Integration]:
    known = registry.integrations()
    if service_or_need in known and known[service_or_need].takes_connection:
        return {service_or_need: known[service_or_need]}
    return {slug: found for slug, found in known.items() if service_or_need in found.provides}


def free_name(workspace: Workspace | Any, service: str) -> str:
    """A name for a new connection that nobody has taken: the service's, with a number where needed."""
    taken = set(connections_of(workspace).values_list("name", flat=True))
    stem = service[:44] or "connection"
    return next(name for name in (stem, *(f"{stem}_{n}" for n in range(2, len(taken) + 3))) if name not in taken)
