"""What the items of an unfinished loop gave, a hundred at a time."""

from __future__ import annotations

from django.db import models

from accounts.models import WorkspaceModel
from orchestrator_site.lib.fields import JSONText
from orchestrator_site.lib.ids import uuid7
from workflows.models.run import Run, StepRun


class LoopChunk(WorkspaceModel):
    """A hundred items that are over, so that going on with the loop reads this and not each of them.

    It is deleted with the end of its run: then the loop's own row has all results.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+")
    step_run = models.ForeignKey(StepRun, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.PositiveIntegerField(help_text="From 0; the items from 100 times that on.")
    results = JSONText(default=list, help_text="What each item gave, in their order.")
    facts = JSONText(default=dict, help_text="Size, failed, tainted, warnings.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["step_run", "number"], name="loop_chunk_number")]

    def __str__(self) -> str:
        return f"chunk {self.number}"
