"""A test that is kept with a workflow: what goes in, what is pinned, what must come out; and its newest run."""

from __future__ import annotations

from django.db import models

from accounts.models import WorkspaceModel
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.fields import JSONText
from orchestrator_site.lib.ids import uuid7


class WorkflowTest(WorkspaceModel):
    """One test. `sha256` is that of the draft it was last run on; its run is a dry run over the sandbox."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workflow = models.ForeignKey("workflows.Workflow", on_delete=models.CASCADE, related_name="tests")
    name = models.CharField(max_length=120)
    position = models.PositiveIntegerField(default=0)
    body = JSONText(help_text="The case: inputs, pins, expect.")
    run_id = models.UUIDField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    ran_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["workflow", "name"], name="workflow_test_name")]

    def __str__(self) -> str:
        return self.name
