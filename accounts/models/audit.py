"""The audit trail: append-only, each entry chained to the one before by its hash."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models

from accounts.models.scope import WorkspaceManager, WorkspaceQuerySet
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.fields import JSONText
from orchestrator_site.lib.ids import uuid7


class AuditQuerySet(WorkspaceQuerySet["AuditEntry"]):
    """Rows that are read and added, never changed."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise TypeError("The audit trail is append-only")

    def delete(self) -> NoReturn:
        """Refused."""
        raise TypeError("The audit trail is append-only")


class AuditManager(WorkspaceManager["AuditEntry"]):
    """Hands out append-only querysets."""

    def get_queryset(self) -> AuditQuerySet:
        """A queryset that still needs its workspace."""
        return AuditQuerySet(self.model, using=self._db, hints=self._hints)  # type: ignore[attr-defined]


class AuditEntry(models.Model):
    """Who did what to which object, when, from where; before and after are redacted."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", null=True, on_delete=models.SET_NULL, related_name="+")
    seq = models.BigIntegerField(help_text="Position in the chain of this workspace, from 1.")
    chain = models.CharField(max_length=48, help_text="The workspace's id, or 'instance'.")
    at = models.DateTimeField(default=now)
    actor = models.CharField(max_length=200)
    user = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    token_prefix = models.CharField(max_length=8, blank=True)
    action = models.CharField(max_length=64)
    outcome = models.CharField(max_length=16, default="done")
    object_type = models.CharField(max_length=48, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    object_name = models.CharField(max_length=200, blank=True)
    details = JSONText(default=dict)
    ip = models.GenericIPAddressField(null=True, blank=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    objects = AuditManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain", "seq"], name="audit_chain_position")]
        indexes = [
            models.Index(fields=["workspace", "-at"], name="audit_by_time"),
            models.Index(fields=["object_id", "seq"], name="audit_by_object"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new entry. Raises TypeError for one that is written already."""
        if not self._state.adding:
            raise TypeError("The audit trail is append-only")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise TypeError("The audit trail is append-only")
