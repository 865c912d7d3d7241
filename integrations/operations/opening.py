"""Opening a connection for one call: decrypt it, and make the client that speaks to the service or the sandbox."""

from __future__ import annotations

from typing import Any

from django.utils.module_loading import import_string

from integrations import registry
from integrations.context import Calls, ConnectionInfo, Foreseen, mark_of
from integrations.models import Connection
from integrations.operations.secrets import unseal
from orchestrator_site.lib.errors import NotFound, UserError


def open_connection(connection: Connection) -> ConnectionInfo:
    """Decrypt a connection for one call. Raises UserError when its secret cannot be read or was moved to this row."""
    if connection.deleted_at is not None:
        raise NotFound(f"The connection “{connection.name}” was deleted.", hint="Choose another one in the step.")
    return ConnectionInfo(
        id=connection.pk,
        workspace_id=connection.workspace_id,
        service=connection.service,
        name=connection.name,
        base_url=connection.base_url,
        sandbox=connection.sandbox,
        secret=unseal(connection),
        learned=connection.learned,
        mark=mark_of(connection.secret, connection.base_url),
    )


def client_for(info: ConnectionInfo, calls: Calls) -> Any:
    """The client of a connection: the real one, or the sandbox's. Imports the SDK at this moment."""
    integration = registry.get_integration(info.service)
    path = (integration.sandbox if info.sandbox else integration.client) if integration else ""
    if not path:
        raise UserError("E_CONN_SERVICE", f"There is no client for the service {info.service}.")
    return import_string(path)(info, calls)


def overlaid(client: Any, service: str, foreseen: Foreseen) -> Any:
    """The client as a dry run sees it: what the run has planned so far lies over what is really there."""
    integration = registry.get_integration(service)
    path = integration.overlay if integration else ""
    return import_string(path)(client, foreseen) if path else client
