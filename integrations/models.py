"""Connections (credentials, encrypted) and the objects of the sandbox world."""

from __future__ import annotations

from django.db import models

from accounts.models import WorkspaceModel
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.fields import JSONText
from orchestrator_site.lib.ids import uuid7


class Connection(WorkspaceModel):
    """Credentials for one service; the secret is write-only and bound to this row and workspace."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=48, help_text="Steps name it by this key.")
    service = models.CharField(max_length=48)
    base_url = models.CharField(max_length=500, blank=True)
    sandbox = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)
    secret = models.TextField(blank=True, help_text="MultiFernet token; never shown.")
    key_id = models.CharField(max_length=32, blank=True)
    masked = JSONText(default=dict, help_text="What may be shown: field → '••••1234'.")
    learned = JSONText(default=dict, help_text="What calls have found out about the server, kept for the next one.")
    status = models.CharField(max_length=16, default="unknown", help_text="unknown, works, broken")
    status_text = models.CharField(max_length=500, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now)
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"],
                condition=models.Q(deleted_at__isnull=True),
                name="connection_name_in_workspace",
            )
        ]
        indexes = [models.Index(fields=["workspace", "service"], name="connection_by_service")]

    def __str__(self) -> str:
        return f"{self.name} ({self.service})"


class SandboxObject(WorkspaceModel):
    """One thing in the sandbox world of a workspace: a mail, a page, a file, an issue."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    service = models.CharField(max_length=48)
    kind = models.CharField(max_length=48)
    external_id = models.CharField(max_length=200)
    parent = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=300, blank=True)
    marker = models.CharField(max_length=64, blank=True, help_text="Effect key of the change that made it.")
    data = JSONText(default=dict)
    seeded = models.BooleanField(default=False, help_text="Was there from the start.")
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "service", "kind", "external_id"], name="sandbox_object_identity"
            )
        ]
        indexes = [models.Index(fields=["workspace", "service", "kind", "parent"], name="sandbox_by_parent")]

    def __str__(self) -> str:
        return f"{self.service} {self.kind} {self.external_id}"
