"""A workflow, its draft (steps as rows), the revisions of the draft and the frozen versions."""

from __future__ import annotations

from django.db import models

from accounts.models import WorkspaceModel
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.fields import JSONText
from orchestrator_site.lib.ids import uuid7


class Workflow(WorkspaceModel):
    """What people build: a draft that is edited, and versions that run."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.CharField(max_length=48)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    enabled = models.BooleanField(default=True, help_text="Off: nothing new starts.")
    inputs = JSONText(default=list, blank=True)
    outputs = JSONText(default=dict, blank=True)
    settings = JSONText(default=dict, blank=True)
    tags = JSONText(default=list, blank=True)
    draft_etag = models.CharField(max_length=32, help_text="Changes at each save of the draft.")
    published = models.ForeignKey(
        "workflows.WorkflowVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    source = JSONText(null=True, blank=True, help_text="The imported file {dialect, text}, for export.")
    tests_block = models.BooleanField(default=False, help_text="A draft is published only with all its tests green.")
    is_card = models.BooleanField(default=False, help_text="Shown on the home page to try at once.")
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now)
    updated_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "slug"],
                condition=models.Q(deleted_at__isnull=True),
                name="workflow_slug_in_workspace",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Step(WorkspaceModel):
    """A row of the draft; `parent` and `branch` place it in the tree, `position` in its list."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="steps")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    branch = models.CharField(max_length=64, blank=True, help_text="'' at the top, then, else, do, case:0, branch:key")
    position = models.PositiveIntegerField(default=0)
    key = models.CharField(max_length=48)
    name = models.CharField(max_length=120, blank=True)
    action = models.CharField(max_length=100)
    connection = models.CharField(max_length=48, blank=True)
    inputs = JSONText(default=dict, blank=True, help_text="The definition's `with`.")
    when = models.TextField(blank=True)
    timeout = models.PositiveIntegerField(null=True, blank=True)
    retry = JSONText(null=True, blank=True)
    on_error = JSONText(null=True, blank=True)
    unknown = models.CharField(max_length=16, blank=True)
    cache = JSONText(null=True, blank=True)
    disabled = models.BooleanField(default=False)
    note = models.TextField(blank=True)
    extra = JSONText(default=dict, blank=True, help_text="Branch descriptions: switch cases, parallel keys.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workflow", "key"], name="step_key_in_workflow")]
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.key} ({self.action})"


class DraftRevision(WorkspaceModel):
    """The draft as it stood after one save; nothing that was saved is lost."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="revisions")
    etag = models.CharField(max_length=32)
    definition = JSONText()
    saved_at = models.DateTimeField(default=now)
    saved_by = models.CharField(max_length=200, blank=True)
    what = models.CharField(max_length=200, blank=True, help_text="What was done, in words.")
    before = models.CharField(max_length=32, blank=True, help_text="The etag of the save that undo goes back to.")
    after = models.CharField(max_length=32, blank=True, help_text="The etag of the save that redo brings back.")

    class Meta:
        ordering = ["-saved_at"]
        indexes = [
            models.Index(fields=["workflow", "-saved_at"], name="revision_by_time"),
            models.Index(fields=["workflow", "etag"], name="revision_by_etag"),
        ]

    def __str__(self) -> str:
        return f"{self.workflow_id} at {self.saved_at}"


class WorkflowVersion(WorkspaceModel):
    """A frozen definition. Numbered when published; unnumbered when a draft was frozen for one run."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(null=True)
    definition = JSONText()
    sha256 = models.CharField(max_length=64)
    engine_abi = models.PositiveIntegerField(default=1)
    note = models.CharField(max_length=200, blank=True)
    prompts = JSONText(default=dict, blank=True, help_text="{slug: {label: version}} as they stood at publishing.")
    created_at = models.DateTimeField(default=now, editable=False)
    created_by = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workflow", "number"], name="version_number")]
        indexes = [models.Index(fields=["workflow", "sha256"], name="version_by_hash")]

    def __str__(self) -> str:
        return f"version {self.number}" if self.number else "draft"
