"""Sample outputs of a draft's steps: what a step is taken to have given while one tries others."""

from __future__ import annotations

from django.db import models

from accounts.models import WorkspaceModel
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.fields import JSONText
from orchestrator_site.lib.ids import uuid7


class Sample(WorkspaceModel):
    """The pinned output of one step of a workflow's draft."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workflow = models.ForeignKey("workflows.Workflow", on_delete=models.CASCADE, related_name="samples")
    key = models.CharField(max_length=48, help_text="The step.")
    output = JSONText(default=dict)
    saved_by = models.CharField(max_length=200, blank=True)
    saved_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workflow", "key"], name="sample_of_a_step")]

    def __str__(self) -> str:
        return f"sample of {self.key}"
