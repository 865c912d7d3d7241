"""A run and its record: step runs, attempts, effects, waits and the run's own transitions.

The engine writes these tables through its journal in guarded set statements (engine.md §5); pages and
the API only read them, and change a run through `workflows.operations.runs`.
"""

from __future__ import annotations

from django.db import models

from accounts.models import WorkspaceModel
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.fields import JSONText
from orchestrator_site.lib.ids import uuid7


class RunStatus(models.TextChoices):
    """engine.md §8; the last four are terminal and never change."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    ATTENTION = "attention"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


WITH_CHILDREN = 2
"""From this engine ABI on the totals of a run include those of the runs that its steps have started."""
TERMINAL = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.TIMED_OUT)


class StepStatus(models.TextChoices):
    """Where a step of a run stands."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Run(WorkspaceModel):
    """One walk over one frozen version."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workflow = models.ForeignKey("workflows.Workflow", on_delete=models.CASCADE, related_name="runs")
    version = models.ForeignKey("workflows.WorkflowVersion", on_delete=models.PROTECT, related_name="runs")
    status = models.CharField(max_length=16, choices=RunStatus.choices, default=RunStatus.QUEUED)
    ending = models.CharField(max_length=16, blank=True, help_text="Nothing new starts: cancel, deadline, pause.")
    mode = models.CharField(max_length=8, default="live")
    inputs = JSONText(default=dict)
    frozen = JSONText(default=dict, help_text="Variables and prompt versions as at the start.")
    outputs = JSONText(null=True)
    warnings = JSONText(default=list)
    error = JSONText(null=True)
    trigger_kind = models.CharField(max_length=24, default="page", help_text="page, api, command, python, seed, …")
    trigger_id = models.CharField(max_length=64, blank=True)
    started_by = models.CharField(max_length=200, blank=True)
    starter = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    replay_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="replays")
    parent_step = models.ForeignKey("workflows.StepRun", null=True, on_delete=models.SET_NULL, related_name="children")
    idempotency_key = models.CharField(max_length=128, null=True)
    request_sha256 = models.CharField(max_length=64, blank=True)

    worker = models.ForeignKey("workflows.Worker", null=True, on_delete=models.SET_NULL, related_name="runs")
    fence = models.BigIntegerField(default=0)
    claims = models.PositiveIntegerField(default=0)
    deaths = models.PositiveIntegerField(default=0)
    wake_seq = models.BigIntegerField(default=0)
    priority = models.SmallIntegerField(default=0, help_text="Smaller first.")
    due_at = models.DateTimeField(default=now)
    deadline_at = models.DateTimeField(null=True)
    abi = models.PositiveIntegerField(default=0, help_text="engine ABI, stamped at the first claim.")
    concurrency_key = models.CharField(max_length=200, null=True, help_text="Runs with the same key take turns.")
    concurrency_limit = models.PositiveSmallIntegerField(null=True)
    concurrency_policy = models.CharField(max_length=8, null=True, help_text="queue, drop, replace")
    admitted_at = models.DateTimeField(null=True, help_text="When it got its turn; it keeps it until its end.")

    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    created_at = models.DateTimeField(default=now, editable=False)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
                name="run_idempotency_key",
            ),
            models.UniqueConstraint(
                fields=["parent_step"], condition=models.Q(parent_step__isnull=False), name="run_of_a_step_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "priority", "due_at", "id"],
                condition=models.Q(status="queued"),
                name="run_queued",
            ),
            models.Index(fields=["worker"], condition=models.Q(worker__isnull=False), name="run_owned"),
            models.Index(fields=["due_at"], condition=models.Q(status="waiting"), name="run_waiting"),
            models.Index(
                fields=["status"],
                condition=models.Q(status__in=["running", "paused", "attention"]),
                name="run_unfinished",
            ),
            models.Index(fields=["workspace", "-id"], name="run_newest"),
            models.Index(fields=["workspace", "status", "-id"], name="run_by_status"),
            models.Index(fields=["workflow", "-id"], name="run_by_workflow"),
            models.Index(
                fields=["concurrency_key", "workflow", "id"],
                condition=models.Q(concurrency_key__isnull=False, finished_at__isnull=True),
                name="run_turns",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.id}"

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended; nothing changes it after that."""
        return self.status in TERMINAL

    @property
    def counts_children(self) -> bool:
        """Whether its totals include those of the runs that its steps have started; those of older runs do not."""
        return self.abi == 0 or self.abi >= WITH_CHILDREN


class StepRun(WorkspaceModel):
    """One step of one run at one place of its loops; unique by (run, step key, iteration path)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    key = models.CharField(max_length=48)
    path = models.CharField(max_length=300, blank=True, help_text="'' outside loops; 'each_mail[3]' inside one.")
    action = models.CharField(max_length=100)
    kind = models.CharField(max_length=8, help_text="pure, read, model, effect, control")
    status = models.CharField(max_length=16, choices=StepStatus.choices, default=StepStatus.PENDING)
    seq = models.BigIntegerField(default=0, help_text="Grows with each change within the run; live pages read by it.")
    connection = models.ForeignKey("integrations.Connection", null=True, on_delete=models.SET_NULL, related_name="+")
    input = JSONText(null=True)
    output = JSONText(null=True)
    decision = JSONText(null=True, help_text="What a control step decided; answered from here on resume.")
    error = JSONText(null=True)
    tainted = models.BooleanField(default=False)
    attempts_count = models.PositiveIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    due_at = models.DateTimeField(null=True, help_text="When a parked step goes on (retry, wait, look).")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key", "path"], name="step_run_place")]
        indexes = [
            models.Index(fields=["run", "seq"], name="step_run_by_seq"),
            models.Index(fields=["connection"], condition=models.Q(status="waiting"), name="step_run_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.key}{self.path} {self.status}"


class Attempt(WorkspaceModel):
    """One call of a step that failed or was repeated (a step that succeeds at once has none)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    step_run = models.ForeignKey(StepRun, on_delete=models.CASCADE, related_name="attempts")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+")
    n = models.PositiveIntegerField()
    status = models.CharField(max_length=16, help_text="running, succeeded, failed, unknown, cancelled")
    error = JSONText(null=True)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    started_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["step_run", "n"], name="attempt_number")]

    def __str__(self) -> str:
        return f"attempt {self.n} {self.status}"


class Effect(WorkspaceModel):
    """A change made outside: committed as `sent` before the request leaves (engine.md §9)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="effects")
    step_run = models.ForeignKey(StepRun, on_delete=models.CASCADE, related_name="effects")
    seq = models.PositiveIntegerField(default=1)
    attempt = models.PositiveIntegerField(default=1)
    key = models.CharField(max_length=64)
    connection = models.ForeignKey("integrations.Connection", null=True, on_delete=models.SET_NULL, related_name="+")
    op = models.CharField(max_length=100)
    target = JSONText(default=dict)
    request = JSONText(null=True, help_text="What was sent, redacted, for the person who must decide.")
    request_sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=16, help_text="sent, confirmed, refused, unknown, absent")
    result = JSONText(null=True, help_text="What the service answered, for the step that goes on from it.")
    error = JSONText(null=True)
    external_id = models.CharField(max_length=300, blank=True)
    external_url = models.CharField(max_length=1000, blank=True)
    search_url = models.CharField(max_length=1000, blank=True, help_text="Where a person can look for it.")
    resolution = models.CharField(max_length=24, blank=True, help_text="answer, found, absent, happened, repeat, stop")
    resolved_by = models.CharField(max_length=200, blank=True)
    looks = models.PositiveIntegerField(default=0)
    before = JSONText(null=True, help_text="What was there before, where taking the change back needs it.")
    after = JSONText(null=True, help_text="What it left, to see whether somebody has changed it since.")
    sent_at = models.DateTimeField(default=now)
    settle_after = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "attempt"], name="effect_attempt"),
            models.UniqueConstraint(
                fields=["key"], condition=models.Q(state="confirmed"), name="effect_confirmed_once"
            ),
        ]
        indexes = [
            models.Index(fields=["run", "seq"], name="effect_by_run"),
            models.Index(fields=["workspace", "external_id"], name="effect_by_external_id"),
            models.Index(fields=["workspace", "external_url"], name="effect_by_external_url"),
            models.Index(fields=["workspace", "-sent_at"], name="effect_newest"),
            models.Index(fields=["state"], condition=models.Q(state__in=["sent", "unknown"]), name="effect_open"),
        ]

    def __str__(self) -> str:
        return f"{self.op} {self.state}"


class Undo(WorkspaceModel):
    """A change that somebody had taken back: by which run, and by which of its steps."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    effect = models.ForeignKey(Effect, on_delete=models.CASCADE, related_name="undos")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="undoes")
    steps = JSONText(default=list, help_text="The keys of its steps in that run.")
    by = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(default=now)
    dropped = models.BooleanField(default=False, help_text="It failed, and somebody tried again.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["effect"], condition=models.Q(dropped=False), name="undone_once")
        ]

    def __str__(self) -> str:
        return f"undo of {self.effect_id}"


class PlannedEffect(WorkspaceModel):
    """What a dry run would change outside; nothing of it was sent."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="plans")
    step_run = models.ForeignKey(StepRun, on_delete=models.CASCADE, related_name="plans")
    seq = models.PositiveIntegerField(default=1)
    connection = models.ForeignKey("integrations.Connection", null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=100)
    op = models.CharField(max_length=100)
    target = JSONText(default=dict)
    summary = models.CharField(max_length=1000, blank=True, help_text="A sentence: what would be done, or why not.")
    before = JSONText(null=True, help_text="What is there now.")
    after = JSONText(null=True, help_text="What would be there, or be sent.")
    external_id = models.CharField(max_length=300, blank=True, help_text="What stands for it until it is made.")
    state = models.CharField(max_length=16, help_text="planned, stopped")
    at = models.DateTimeField(default=now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["step_run", "seq"], name="planned_effect_place")]
        indexes = [models.Index(fields=["run", "id"], name="planned_effect_by_run")]

    def __str__(self) -> str:
        return f"{self.op} {self.state}"


class Wait(WorkspaceModel):
    """What a run waits for: a timer, a person, an event, or the answer to an unknown effect."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="waits")
    step_run = models.ForeignKey(StepRun, on_delete=models.CASCADE, related_name="waits")
    effect = models.ForeignKey(Effect, null=True, on_delete=models.CASCADE, related_name="waits")
    kind = models.CharField(max_length=16, help_text="approval, timer, event, unknown")
    title = models.CharField(max_length=300, blank=True)
    body = models.TextField(blank=True)
    fields = JSONText(default=list, help_text="What is asked, each with the draft of its value.")
    rules = JSONText(default=dict, help_text="Who may decide, and between what: approvers, not_starter, choices.")
    due_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=48, blank=True)
    values = JSONText(null=True)
    comment = models.TextField(blank=True)
    decided_by = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        indexes = [
            models.Index(
                fields=["workspace", "-created_at"], condition=models.Q(decided_at__isnull=True), name="wait_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.title}"


class DeliveredEvent(WorkspaceModel):
    """An event that somebody delivered to a run; kept until a `wait` step takes it, and taken once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="delivered")
    name = models.CharField(max_length=48)
    data = JSONText(null=True)
    idempotency_key = models.CharField(max_length=128, null=True)
    delivered_by = models.CharField(max_length=200, blank=True)
    delivered_at = models.DateTimeField(default=now)
    taken_by = models.ForeignKey(Wait, null=True, on_delete=models.SET_NULL, related_name="taken")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "idempotency_key"], name="delivered_event_once")]
        indexes = [
            models.Index(fields=["run", "name", "id"], condition=models.Q(taken_by__isnull=True), name="event_open")
        ]

    def __str__(self) -> str:
        return self.name


class RunEvent(WorkspaceModel):
    """A transition of the run itself (not of its steps), for the live page and the record."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=32, help_text="queued, running, waiting, attention, cancel, succeeded, …")
    data = JSONText(default=dict)
    at = models.DateTimeField(default=now)

    class Meta:
        indexes = [models.Index(fields=["run", "id"], name="run_event_order")]

    def __str__(self) -> str:
        return self.kind
