"""The files of one workspace, for actions: kept once per content, read by id within the workspace only.

The database is used on the engine's reads thread. A file that is kept and never referred to (its worker died) does no
harm: it is the same bytes under the same hash when the step is run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from django.db import transaction

from integrations.files import File, check_size, clean_name, clean_type, no_file
from workflows.models import Blob

OnDatabase = Callable[[Callable[[], Any]], Awaitable[Any]]


class WorkspaceFiles:
    """`integrations.files.Files` for one workspace; `database` runs a function where the database may be used."""

    def __init__(self, workspace_id: UUID, database: OnDatabase) -> None:
        self._workspace_id, self._database = workspace_id, database

    async def read(self, file: File) -> bytes:
        """The bytes of a file of this workspace. Raises Rejected E_NO_FILE."""
        found: bytes | None = await self._database(lambda: read_content(self._workspace_id, file.id))
        if found is None:
            raise no_file(file)
        return found

    async def write(self, content: bytes, name: str, mime_type: str) -> File:
        """Keep a file of at most 25 MiB. Raises Rejected E_TOO_LARGE."""
        check_size(len(content), name)
        kept: File = await self._database(lambda: keep(self._workspace_id, content, name, mime_type))
        return kept


def read_content(workspace_id: Any, file: UUID) -> bytes | None:
    """The bytes of one file of a workspace, or None."""
    row = Blob.objects.of(workspace_id).filter(pk=file).values_list("content", flat=True).first()
    return None if row is None else bytes(row)


def keep(workspace_id: Any, content: bytes, name: str, mime_type: str) -> File:
    """Store bytes once per content; the value carries its own name and type. Raises Rejected E_TOO_LARGE."""
    check_size(len(content), name)
    called, kind = clean_name(name), clean_type(mime_type, name)
    sha = hashlib.sha256(content).hexdigest()
    with transaction.atomic():
        row, _ = Blob.objects.of(workspace_id).get_or_create(
            sha256=sha,
            defaults={
                "workspace_id": getattr(workspace_id, "pk", workspace_id),
                "size": len(content),
                "name": called,
                "mime_type": kind,
                "content": content,
            },
        )
    return File(id=row.pk, name=called, mime_type=kind, size=len(content), sha256=sha)
