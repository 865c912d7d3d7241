"""The processes that walk runs: one row a lease, fenced (engine.md §3)."""

from __future__ import annotations

from django.db import models

from orchestrator_site.lib.clock import now
from orchestrator_site.lib.ids import uuid7


class Worker(models.Model):
    """One engine in one process; `fence` moves when another declares it dead."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    fence = models.BigIntegerField(default=1)
    seq = models.BigIntegerField(default=0)
    beat = models.BigIntegerField(default=0)
    state = models.CharField(max_length=16, default="live", help_text="live, draining, dead, stopped")
    host = models.CharField(max_length=200)
    boot_id = models.CharField(max_length=64, blank=True)
    pid_ns = models.CharField(max_length=64, blank=True)
    pid = models.BigIntegerField()
    pid_start = models.CharField(max_length=64, blank=True)
    abi_min = models.PositiveIntegerField(default=1)
    abi_max = models.PositiveIntegerField(default=1)
    in_flight = models.PositiveIntegerField(default=0)
    beat_at = models.DateTimeField(default=now, help_text="For people; liveness is judged by (fence, beat, seq).")
    last_claim_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["state"], name="worker_by_state")]

    def __str__(self) -> str:
        return f"worker {self.pid}@{self.host} {self.state}"


class Slot(models.Model):
    """How many of a connection's calls at once a worker holds, where the connection has such a limit."""

    connection = models.ForeignKey("integrations.Connection", on_delete=models.CASCADE, related_name="+")
    worker = models.ForeignKey(Worker, on_delete=models.CASCADE, related_name="slots")
    held = models.PositiveIntegerField(default=0)
    wanted = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "worker"], name="slot_of_worker")]

    def __str__(self) -> str:
        return f"{self.held} of {self.connection_id}"
