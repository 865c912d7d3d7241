"""Connections (credentials, encrypted) and the objects of the sandbox world."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models

from accounts.models import WorkspaceModel
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.fields import JSONText
from orchestrator_site.lib.ids import uuid7


def tomorrow() -> datetime:
    """A new connection is tried when it is made; by itself a day later."""
    return now() + timedelta(days=1)


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
    broken_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when the service refuses the credential; no call is made with it."
    )
    next_check_at = models.DateTimeField(default=tomorrow, help_text="When a worker looks at it by itself.")
    vain_checks = models.PositiveIntegerField(default=0, help_text="Checks in a row that found it refused.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="When the credential ends, as far as known.")
    expires_text = models.CharField(max_length=300, blank=True, help_text="How that is known.")
    warned_of = models.CharField(max_length=64, blank=True, help_text="What the admins were last written about.")
    warned_at = models.DateTimeField(null=True, blank=True)
    sharing = JSONText(default=dict, blank=True, help_text="Who may use it: {} everybody; else {role, members}.")
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of all workers together; empty: as the service asks for, 0: no limit."
    )
    at_once = models.PositiveIntegerField(
        null=True, blank=True, help_text="Calls at the same time, of all workers together; empty or 0: no limit."
    )
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


class ConnectionCheck(WorkspaceModel):
    """What was seen of a connection on one day (UTC): the newest check, and whether any of that day's failed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="checks")
    day = models.DateField()
    at = models.DateTimeField(default=now)
    state = models.CharField(max_length=16, help_text="works, broken, unknown (the service did not answer)")
    failed = models.BooleanField(default=False, help_text="Something was wrong at some time of the day.")
    text = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "day"], name="connection_check_of_a_day")]

    def __str__(self) -> str:
        return f"{self.connection_id} on {self.day}: {self.state}"


class Bucket(WorkspaceModel):
    """What all workers know of a connection's rate: until when it is blocked, and which tokens are given out."""

    connection = models.OneToOneField(Connection, primary_key=True, on_delete=models.CASCADE, related_name="bucket")
    blocked_until = models.DateTimeField(null=True, help_text="The service asked to wait until then (Retry-After).")
    taken = JSONText(default=dict, help_text="Limit → the moment up to which its tokens are given out.")

    def __str__(self) -> str:
        return f"bucket of {self.connection_id}"


class Breaker(WorkspaceModel):
    """A connection whose service has been failing: open lets no call through, half_open one."""

    connection = models.OneToOneField(Connection, primary_key=True, on_delete=models.CASCADE, related_name="breaker")
    state = models.CharField(max_length=16, default="closed", help_text="closed, open, half_open")
    failures = models.PositiveIntegerField(default=0, help_text="Calls without an answer since the last answer.")
    trips = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(null=True, help_text="When the first of these calls failed.")
    opened_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True, help_text="When one call is let through to try.")
    last_error = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"breaker of {self.connection_id}: {self.state}"


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


class StoredValue(WorkspaceModel):
    """A value that steps keep from run to run: for one workflow, or (`workflow_id` is null) for the whole workspace.

    `owner` is the workflow's id as text, or "": a column that a unique constraint can use.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.CharField(max_length=36, blank=True)
    workflow = models.CharField(max_length=48, blank=True, help_text="The workflow's slug when it was written.")
    key = models.CharField(max_length=200)
    value = JSONText(null=True)
    size = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now)
    run_id = models.UUIDField(null=True, blank=True, help_text="The run that wrote it last.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "owner", "key"], name="stored_value_key")]
        indexes = [models.Index(fields=["workspace", "expires_at"], name="stored_value_expiry")]

    def __str__(self) -> str:
        return f"{self.workflow or 'workspace'} {self.key}"


class StoreWrite(WorkspaceModel):
    """A change of a stored value that was committed together with it: its key proves that it happened."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    effect_key = models.CharField(max_length=64)
    owner = models.CharField(max_length=36, blank=True)
    answer = JSONText(default=dict)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "effect_key"], name="store_write_key")]
        indexes = [models.Index(fields=["workspace", "created_at"], name="store_write_age")]

    def __str__(self) -> str:
        return self.effect_key
