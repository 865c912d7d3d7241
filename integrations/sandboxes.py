"""What the sandbox clients of all services share: finding, adding and changing the things of one workspace's world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction

from accounts.models import Workspace, WorkspaceQuerySet
from integrations.context import Calls, ConnectionInfo
from integrations.errors import Unavailable
from integrations.models import SandboxObject
from integrations.world import Thing
from orchestrator_site.lib.clock import now

T = TypeVar("T")


TRIES = 5


def _whole(function: Callable[[], T]) -> T:
    for tries_left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                return function()
        except IntegrityError:
            if not tries_left:
                raise
        except OperationalError as problem:
            raise Unavailable(
                "The sandbox's database was busy.", refused=True, hint="The step tries once more by itself."
            ) from problem
    raise AssertionError("unreachable")


class Sandbox:
    """One service's world in one workspace. Everything but `run` is called on the database's thread, inside `run`."""

    def __init__(self, info: ConnectionInfo, calls: Calls, service: str) -> None:
        self._workspace_id = info.workspace_id
        self._calls = calls
        self.service = service

    async def run(self, function: Callable[[], T]) -> T:
        """Run `function` in one transaction where the database may be used; again where somebody else was faster.

        Raises Unavailable when the database is busy: nothing was changed then.
        """
        return await self._calls.database(lambda: _whole(function))

    def things(self, kind: str, **filters: Any) -> WorkspaceQuerySet[SandboxObject]:
        """The things of one kind, in the order they came into the world."""
        found = SandboxObject.objects.of(self._workspace_id).filter(service=self.service, kind=kind, **filters)
        return found.order_by("created_at", "id")

    def lock(self, row: SandboxObject) -> SandboxObject:
        """The row as it is now; nobody else changes it until this transaction ends."""
        return SandboxObject.objects.of(self._workspace_id).select_for_update().get(pk=row.pk)

    def find(self, kind: str, external_id: str) -> SandboxObject | None:
        """One thing by the service's id of it."""
        return self.things(kind, external_id=external_id).first()

    def add(self, thing: Thing, marker: str = "") -> SandboxObject:
        """Bring a thing into the world."""
        data: Any = dict(thing.data)
        return SandboxObject.objects.create(
            workspace_id=self._workspace_id,
            service=self.service,
            kind=thing.kind,
            external_id=thing.external_id,
            parent=thing.parent,
            title=thing.title[:300],
            marker=marker[:64],
            data=data,
        )

    def change(self, row: SandboxObject, changes: Mapping[str, Any]) -> SandboxObject:
        """Overwrite parts of a thing's data."""
        row.data = {**row.data, **changes}
        row.updated_at = now()
        row.save(update_fields=["data", "updated_at"])
        return row

    def url(self, row: SandboxObject) -> str:
        """The page on which a person sees the thing. (Not by `reverse`: a worker need not load every page for it.)"""
        return f"{settings.PUBLIC_URL}/w/{self._slug}/sandbox/{self.service}/{row.pk}/"

    @property
    def _slug(self) -> str:
        if not hasattr(self, "_known_slug"):
            self._known_slug = Workspace.objects.values_list("slug", flat=True).get(pk=self._workspace_id)
        return self._known_slug
