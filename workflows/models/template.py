"""A workflow that a workspace keeps to begin from, beside the built-in gallery."""

from __future__ import annotations

from django.db import models

from accounts.models import WorkspaceModel
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.fields import JSONText
from orchestrator_site.lib.ids import uuid7


class Template(WorkspaceModel):
    """A definition with what people read before they use it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.CharField(max_length=48)
    name = models.CharField(max_length=120)
    about = models.CharField(max_length=500, blank=True, help_text="What it does, in a sentence or two.")
    category = models.CharField(max_length=40, blank=True)
    definition = JSONText()
    created_at = models.DateTimeField(default=now, editable=False)
    created_by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="template_slug_in_workspace")]

    def __str__(self) -> str:
        return self.name
