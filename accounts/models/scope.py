"""Tenant scope by construction: a query that names no workspace raises before it reaches the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from accounts.models.workspace import Workspace

M = TypeVar("M", bound=models.Model)


_everything: ContextVar[str] = ContextVar("everything", default="")


@contextmanager
def everything(reason: str) -> Iterator[None]:
    """Let every query of this block see all workspaces; for the admin, whose forms make queries of their own."""
    if not reason:
        raise UnscopedQuery("say why these queries may see every workspace")
    token = _everything.set(reason)
    try:
        yield
    finally:
        _everything.reset(token)


class ForeignRow(RuntimeError):
    """A row that would point into another workspace."""


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
        free: Self = self._chain()  # type: ignore[attr-defined]
        free._scoped = True
        return free

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._scoped = self._scoped
        return clone

    def _check_scope(self) -> None:
        through_an_object = "instance" in (getattr(self, "_hints", None) or {})
        if self._scoped or through_an_object or _everything.get() or not settings.ENFORCE_WORKSPACE_SCOPE:
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

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """Write many rows; none may point into another workspace."""
        rows = list(objs)
        for row in rows:
            refuse_foreign(row, look=False)
        return super().bulk_create(rows, *args, **kwargs)


def refuse_foreign(row: models.Model, *, look: bool = True, fields: Iterable[str] | None = None) -> None:
    """Raise ForeignRow when a foreign key of `row` points at tenant data of another workspace.

    A related object at hand is compared; otherwise its row is looked up, unless `look` is off.
    """
    mine, wanted = getattr(row, "workspace_id", None), set(fields) if fields is not None else None
    for field in _tenant_keys(type(row)):
        value = getattr(row, field.attname)
        if value is None or mine is None or (wanted is not None and not wanted & {field.name, field.attname}):
            continue
        target: Any = field.remote_field.model
        if field.is_cached(row):
            theirs = getattr(field.get_cached_value(row), "workspace_id", mine)
        elif look:
            everywhere = target._default_manager.unscoped("whether a foreign key stays inside its workspace")
            theirs = everywhere.filter(pk=value).values_list("workspace_id", flat=True).first() or mine
        else:
            continue
        if theirs != mine:
            raise ForeignRow(f"{type(row).__name__}.{field.name} would point into another workspace")


@cache
def _tenant_keys(model: type[models.Model]) -> tuple[Any, ...]:
    """The foreign keys of a model that lead to tenant data."""
    keys = [field for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey)]
    return tuple(field for field in keys if issubclass(field.remote_field.model, WorkspaceModel))


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

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row. Raises ForeignRow when it would point into another workspace."""
        refuse_foreign(self, fields=kwargs.get("update_fields"))
        super().save(*args, **kwargs)
