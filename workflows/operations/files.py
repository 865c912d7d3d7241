"""The files of a workspace for people: one file's bytes. Steps refer to a file by its id."""

from __future__ import annotations

from uuid import UUID

from accounts.actor import Actor
from orchestrator_site.lib.errors import NotFound
from workflows.models import Blob


def get_file(actor: Actor, pk: UUID) -> Blob:
    """One file of the actor's workspace. Raises NotFound, for a foreign one too."""
    actor.require("read")
    found = Blob.objects.of(actor.workspace).filter(pk=pk).first()
    if found is None:
        raise NotFound("That file is not here.", hint="It may have been deleted.")
    return found
