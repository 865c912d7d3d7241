"""What a client has found out about its server (which API it speaks), kept with the connection for the next call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from integrations.context import Calls, ConnectionInfo
from integrations.models import Connection
from orchestrator_site.lib.outbound import reads_only


async def remember(info: ConnectionInfo, calls: Calls, found: Mapping[str, Any]) -> None:
    """Keep `found` in the connection's row.

    A connection without a row (a test of one not saved yet) keeps nothing, nor does a dry run, which only reads.
    """
    row = info.id
    if row is not None and not reads_only():
        await calls.database(lambda: _keep(info, row, found))


def _keep(info: ConnectionInfo, pk: UUID, found: Mapping[str, Any]) -> None:
    with transaction.atomic():
        rows = Connection.objects.of(info.workspace_id).select_for_update().filter(pk=pk, deleted_at__isnull=True)
        row = rows.first()
        if row is not None and row.base_url == info.base_url and dict(row.learned) != {**row.learned, **found}:
            row.learned = {**row.learned, **found}
            row.save(update_fields=["learned"])
