"""What a client has learned, kept with the connection for the next call: which API its server speaks, a token that the
service gave in place of another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from integrations.context import Calls, ConnectionInfo
from integrations.models import Connection
from integrations.operations.secrets import seal, unseal
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


async def replace_token(info: ConnectionInfo, calls: Calls, name: str, old: str, new: str) -> None:
    """Keep a token that the service gave in place of `old`, which it may not take again; only where `old` is kept."""
    row = info.id
    if row is not None:
        await calls.database(lambda: _replace(info, row, name, old, new))


def _replace(info: ConnectionInfo, pk: UUID, name: str, old: str, new: str) -> None:
    with transaction.atomic():
        rows = Connection.objects.of(info.workspace_id).select_for_update().filter(pk=pk, deleted_at__isnull=True)
        row = rows.first()
        secret = unseal(row) if row is not None else {}
        if row is not None and secret.get(name) == old:
            seal(row, {**secret, name: new})
            row.save(update_fields=["secret", "key_id", "masked"])
