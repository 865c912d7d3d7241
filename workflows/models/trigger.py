"""What starts runs by itself: triggers, the due times they have had, what was delivered to them, and what is usual.

A trigger belongs to the workflow's published version: it starts runs of that one, and publishing carries it along.
"""

from __future__ import annotations

from django.db import models

from accounts.models import WorkspaceModel
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.fields import JSONText
from orchestrator_site.lib.ids import uuid7


class Trigger(WorkspaceModel):
    """Starts runs of one workflow: at times, when something is delivered, or when a service has something new."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workflow = models.ForeignKey("workflows.Workflow", on_delete=models.CASCADE, related_name="triggers")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=100, help_text="schedule, webhook, or <service>.<what>")
    connection = models.CharField(max_length=48, blank=True, help_text="The connection it asks, by name.")
    config = JSONText(default=dict)
    inputs = JSONText(default=dict, help_text="Input of the workflow → template over trigger.*")
    filter = models.TextField(blank=True, help_text="A condition over trigger.*; empty: everything.")
    enabled = models.BooleanField(default=False)
    enabled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    created_by = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(default=now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    token_sha256 = models.CharField(max_length=64, null=True, unique=True, help_text="Of the last part of its address.")
    secret = models.TextField(blank=True, help_text="MultiFernet token: address and secrets; never shown.")
    key_id = models.CharField(max_length=32, blank=True)

    next_due_at = models.DateTimeField(null=True, help_text="Schedule: the next due time; polls: the next look.")
    last_due_at = models.DateTimeField(null=True, help_text="The due time that was dealt with last.")
    missed_count = models.BigIntegerField(default=0, help_text="Due times that passed without a run of their own.")
    cursor = JSONText(null=True, help_text="How far the service was read.")
    registration = JSONText(null=True, help_text="What the service was told, to take it back.")
    held_until = models.DateTimeField(null=True, help_text="A worker looks for it until then.")
    fence = models.BigIntegerField(default=0, help_text="Grows with each look; an older look writes nothing.")

    events = models.BigIntegerField(default=0, help_text="How many events there were; numbers them.")
    last_poll_at = models.DateTimeField(null=True)
    last_event_at = models.DateTimeField(null=True)
    last_run_at = models.DateTimeField(null=True)
    error = JSONText(null=True, help_text="What went wrong last {code, message, hint}; null when all is well.")
    error_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0, help_text="Errors since the last success.")
    refused = JSONText(null=True, help_text="The last delivery that was not let in {code, message, at, ip}.")
    silence = JSONText(null=True, help_text="Events stay away {since, words}; null: nothing unusual.")
    alarmed_at = models.DateTimeField(null=True, help_text="When a mail about the silence was last sent.")

    class Meta:
        indexes = [
            models.Index(
                fields=["next_due_at"],
                condition=models.Q(enabled=True, next_due_at__isnull=False),
                name="trigger_due",
            ),
            models.Index(fields=["workspace", "-id"], name="trigger_newest"),
        ]

    def __str__(self) -> str:
        return self.name


class ScheduleTick(WorkspaceModel):
    """A due time of a schedule that was dealt with: one row, one run (I14)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    trigger = models.ForeignKey(Trigger, on_delete=models.CASCADE, related_name="ticks")
    due_at = models.DateTimeField()
    run = models.ForeignKey("workflows.Run", null=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=16, default="tick", help_text="tick, backfill")
    missed = models.PositiveIntegerField(default=0, help_text="Due times before it that this run stands for.")
    error = JSONText(null=True, help_text="Why no run could be started.")
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trigger", "due_at"], name="tick_once")]
        indexes = [models.Index(fields=["created_at"], name="tick_age")]

    def __str__(self) -> str:
        return f"{self.trigger_id} {self.due_at}"


class InboundEvent(WorkspaceModel):
    """Something that was delivered to a trigger or found by it, as it came; kept 14 days, counted once by its key."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    trigger = models.ForeignKey(Trigger, on_delete=models.CASCADE, related_name="inbound")
    n = models.BigIntegerField(help_text="Its number, per trigger.")
    key = models.CharField(max_length=200, null=True, help_text="What tells it from others; null for replays.")
    source = models.CharField(max_length=16, default="delivery", help_text="delivery, poll, replay, test")
    status = models.CharField(max_length=16, help_text="run, filtered, waiting, rejected, failed")
    content_type = models.CharField(max_length=200, blank=True)
    headers = JSONText(default=dict)
    query = JSONText(default=dict)
    body = models.BinaryField(null=True, help_text="The bytes as they came.")
    data = JSONText(null=True, help_text="What the run sees as trigger.*, where it is not made of the bytes.")
    error = JSONText(null=True)
    run = models.ForeignKey("workflows.Run", null=True, on_delete=models.SET_NULL, related_name="+")
    replay_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    repeats = models.PositiveIntegerField(default=0, help_text="How often it came again.")
    received_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["trigger", "key"], condition=models.Q(key__isnull=False), name="event_once"
            ),
            models.UniqueConstraint(fields=["trigger", "n"], name="event_number"),
        ]
        indexes = [
            models.Index(fields=["trigger", "id"], condition=models.Q(status="waiting"), name="event_waiting"),
            models.Index(fields=["received_at"], name="event_age"),
        ]

    def __str__(self) -> str:
        return f"{self.trigger_id} #{self.n} {self.status}"


class TriggerDay(WorkspaceModel):
    """How many events each hour of a day had: what is usual is learned from it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    trigger = models.ForeignKey(Trigger, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    hours = JSONText(default=list, help_text="24 counts, in UTC.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trigger", "day"], name="trigger_day_once")]

    def __str__(self) -> str:
        return f"{self.trigger_id} {self.day}"
