"""What a model is writing right now, for whoever watches the run page: lossy, short-lived, never a step's output."""

from __future__ import annotations

from django.db import models

from accounts.models import WorkspaceModel
from orchestrator_site.lib.clock import now


class Preview(WorkspaceModel):
    """The text of one step as far as it has come; gone when the step has ended."""

    step_run = models.OneToOneField("workflows.StepRun", primary_key=True, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey("workflows.Run", on_delete=models.CASCADE, related_name="+")
    text = models.TextField(blank=True)
    at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"{len(self.text)} characters"
