"""Large values and files of a workspace, once per content (sha256)."""

from __future__ import annotations

from django.db import models

from accounts.models import WorkspaceModel
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.ids import uuid7


class Blob(WorkspaceModel):
    """Bytes of at most 25 MiB; a step output over 1 MiB is kept here and referred to."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    name = models.CharField(max_length=200, blank=True)
    mime_type = models.CharField(max_length=100, default="application/json")
    content = models.BinaryField()
    created_at = models.DateTimeField(default=now)
    uploaded_at = models.DateTimeField(null=True, help_text="When a person or a program put it in.")
    uploaded_by = models.CharField(max_length=200, blank=True, db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "sha256"], name="blob_content")]

    def __str__(self) -> str:
        return f"{self.name or self.sha256[:12]} ({self.size} bytes)"
