"""Tenant scope by construction: a query that names no workspace raises before it reaches the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from accounts.models.workspace import Workspace

M = TypeVar("M", bound=models.Model)


class UnscopedQuery(RuntimeError):
    """A query on tenant data that names no workspace."""


class WorkspaceQuerySet(models.QuerySet[M]):
    """A queryset that must be told its workspace, by `of()` or through a related object."""

    _scoped: bool = False

    def of(self, workspace: Workspace | Any) -> Self:
        """The rows of one workspace (an instance or its id)."""
        scoped = self.filter(workspace=workspace)
        scoped._scoped = True
        return scoped

    def unscoped(self, reason: str) -> Self:
        """All workspaces at once, for the instance's own work; the reason is for the reader."""
        if not reason:
            raise UnscopedQuery("say why this query may see every workspace")
        free = self._chain()
        free._scoped = True
        return free

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._scoped = self._scoped
        return clone

    def _check_scope(self) -> None:
        through_an_object = "instance" in (getattr(self, "_hints", None) or {})
        if self._scoped or through_an_object or not settings.ENFORCE_WORKSPACE_SCOPE:
            return
        raise UnscopedQuery(f"query on {self.model.__name__} names no workspace: use .of(workspace)")

    def _fetch_all(self) -> None:
        if self._result_cache is None:  # type: ignore[has-type]
            self._check_scope()
        super()._fetch_all()  # type: ignore[misc]

    def iterator(self, *args: Any, **kwargs: Any) -> Iterator[M]:
        """Stream the rows of a scoped query."""
        self._check_scope()
        return super().iterator(*args, **kwargs)

    def count(self) -> int:
        """Count the rows of a scoped query."""
        self._check_scope()
        return super().count()

    def exists(self) -> bool:
        """Whether a scoped query has rows."""
        self._check_scope()
        return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Aggregate over a scoped query."""
        self._check_scope()
        return super().aggregate(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        """Update the rows of a scoped query."""
        self._check_scope()
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the rows of a scoped query."""
        self._check_scope()
        return super().delete()


class WorkspaceManager(models.Manager[M]):
    """The default manager of tenant data."""

    def get_queryset(self) -> WorkspaceQuerySet[M]:
        """A queryset that still needs its workspace."""
        return WorkspaceQuerySet(self.model, using=self._db, hints=self._hints)  # type: ignore[attr-defined]

    def of(self, workspace: Workspace | Any) -> WorkspaceQuerySet[M]:
        """The rows of one workspace."""
        return self.get_queryset().of(workspace)

    def unscoped(self, reason: str) -> WorkspaceQuerySet[M]:
        """All workspaces at once; say why."""
        return self.get_queryset().unscoped(reason)


class WorkspaceModel(models.Model):
    """A row that belongs to one workspace."""

    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")

    objects = WorkspaceManager()

    class Meta:
        abstract = True
