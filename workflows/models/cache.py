"""Results of steps that are kept for a while, so that an equal call is not made again."""

from __future__ import annotations

from django.db import models

from accounts.models import WorkspaceModel
from orchestrator_site.lib.fields import JSONText
from orchestrator_site.lib.ids import uuid7
from workflows.models.run import Run


class StepCache(WorkspaceModel):
    """One result; `key` is made of the action, its connection, its inputs and the prompt it renders."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=64)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", help_text="The run that made it.")
    step = models.CharField(max_length=48, help_text="The key of the step that made it.")
    output = JSONText(null=True)
    tainted = models.BooleanField(default=False)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "key"], name="step_cache_key")]
        indexes = [models.Index(fields=["expires_at"], name="step_cache_expiry")]

    def __str__(self) -> str:
        return f"{self.step} until {self.expires_at:%Y-%m-%d %H:%M}"
