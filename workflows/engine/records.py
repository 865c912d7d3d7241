"""What a walk reads and writes: plain records of steps, attempts, effects, waits and the run itself. Pure.

A record is a full image of its row; writing the same one twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

FINISHED = frozenset({"succeeded", "failed", "skipped", "cancelled"})
FATAL = frozenset({"E_STEP_RUNS", "E_REPLAY"})
TERMINAL_RUN = frozenset({"succeeded", "failed", "cancelled", "timed_out"})
PARKED_RUN = frozenset({"waiting", "attention", "paused"})


@dataclass(frozen=True)
class Encoded:
    """A large value that was made JSON text beside the loop; a very large one with its bytes and their sha256."""

    text: str
    content: bytes = field(default=b"", repr=False, compare=False)
    sha256: str = field(default="", compare=False)


@dataclass(slots=True)
class StepRecord:
    """One step of a run at one place of its loops."""

    id: UUID
    key: str
    path: str
    action: str
    kind: str
    status: str = "pending"
    seq: int = 0
    connection_id: UUID | None = None
    input: Any = None
    output: Any = None
    decision: Any = None
    error: Mapping[str, Any] | None = None
    tainted: bool = False
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    due_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more happens to it."""
        return self.status in FINISHED

    def copy(self) -> StepRecord:
        """An image of it as it is now."""
        return StepRecord(*[getattr(self, name) for name in StepRecord.__slots__])


@dataclass(slots=True)
class AttemptRecord:
    """One call that failed, or was a repetition."""

    id: UUID
    step_run_id: UUID
    n: int
    status: str
    error: Mapping[str, Any] | None
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    started_at: datetime
    finished_at: datetime | None


@dataclass(slots=True)
class EffectRecord:
    """A change made outside (engine.md §9)."""

    id: UUID
    step_run_id: UUID
    seq: int
    attempt: int
    key: str
    connection_id: UUID | None
    op: str
    target: Any
    request: Any
    request_sha256: str
    state: str
    sent_at: datetime
    settle_after: datetime | None = None
    settled_at: datetime | None = None
    result: Any = None
    error: Mapping[str, Any] | None = None
    external_id: str = ""
    external_url: str = ""
    search_url: str = ""
    resolution: str = ""
    resolved_by: str = ""
    looks: int = 0
    before: Any = None
    after: Any = None

    def copy(self) -> EffectRecord:
        """An image of it as it is now."""
        return EffectRecord(*[getattr(self, name) for name in EffectRecord.__slots__])


@dataclass(slots=True)
class PlanRecord:
    """What a dry run would change; `state` is planned, or stopped where nobody can tell (then `summary` says why)."""

    id: UUID
    step_run_id: UUID
    seq: int
    connection_id: UUID | None
    action: str
    op: str
    target: Any
    summary: str
    before: Any
    after: Any
    external_id: str
    state: str
    at: datetime


@dataclass(slots=True)
class WaitRecord:
    """What a branch waits for a person (or a moment) to say."""

    id: UUID
    step_run_id: UUID
    effect_id: UUID | None
    kind: str
    title: str
    body: str = ""
    fields: list[Any] = field(default_factory=list)
    due_at: datetime | None = None
    created_at: datetime | None = None
    rules: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WaitDone:
    """The engine closes a wait that nobody has decided: its moment has come, or nobody waits any more."""

    id: UUID
    decision: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EventTaken:
    """A delivered event goes to the wait that takes it; it is taken once."""

    id: UUID
    wait_id: UUID


@dataclass(frozen=True, slots=True)
class ChildRecord:
    """A run that a step of this run starts, as the columns of its row."""

    id: UUID
    columns: tuple[str, ...]
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class StepUse:
    """What the run that a step had started used, where the step ended before it."""

    id: UUID
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal


@dataclass(slots=True)
class EventRecord:
    """A transition of the run itself."""

    id: UUID
    kind: str
    data: Any
    at: datetime


@dataclass(slots=True)
class ChunkRecord:
    """What a hundred items of a loop gave, in their order, and what is told of them (`facts`)."""

    id: UUID
    step_run_id: UUID
    number: int
    results: Any
    facts: Any


@dataclass(slots=True)
class BlobRecord:
    """A value too large for its row."""

    id: UUID
    sha256: str
    size: int
    name: str
    mime_type: str
    content: bytes
    created_at: datetime


@dataclass(slots=True)
class CacheRecord:
    """A result that is kept for equal calls."""

    id: UUID
    key: str
    run: UUID
    step: str
    output: Any
    tainted: bool
    made_at: datetime
    expires_at: datetime


@dataclass(slots=True)
class RunRecord:
    """A change of the run: its end, its release, or its running costs. `wake_seq` guards a release.

    At its end `parent` is the run that waits for it; with `waited` what it still asked is closed, and what only served
    to go on is deleted.
    """

    status: str
    release: bool = False
    wake_seq: int | None = None
    outputs: Any = None
    warnings: list[Any] = field(default_factory=list)
    error: Mapping[str, Any] | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    due_at: datetime | None = None
    finished_at: datetime | None = None
    parent: UUID | None = None
    waited: bool = False


Special = RunRecord | WaitDone | EventTaken | ChildRecord | StepUse
"""Records that are no image of a row; each is written by a statement of its own."""
SPECIAL = (RunRecord, WaitDone, EventTaken, ChildRecord, StepUse)
Row = StepRecord | AttemptRecord | EffectRecord | PlanRecord | WaitRecord | EventRecord | BlobRecord | CacheRecord
Record = Row | ChunkRecord | Special


@dataclass(frozen=True, slots=True)
class Held:
    """Why a call may not leave yet, in words, and when to ask again.

    `why`: limit, failing, rate, at_once, or connection (its credential is refused: until somebody repairs it).
    """

    due: datetime
    why: str
    text: str


class Stale(Exception):
    """The run belongs to another worker by now: stop quietly, nothing was written."""


STORE_HINT = "Make the value smaller or simpler, for example by picking the fields you need, and run it again."


class StoreRefused(Exception):
    """The database refuses a record of this run; the run fails with E_STORE, in words for a person."""

    def __init__(self, message: str, hint: str = STORE_HINT, step: str = "") -> None:
        super().__init__(message)
        self.message, self.hint, self.step = message, hint, step


@dataclass(eq=False)
class Failure(Exception):
    """A step that failed, in words for a person; `kind` decides whether another attempt helps."""

    code: str
    message: str
    hint: str = ""
    kind: str = "rejected"
    retry_after: float | None = None
    outcome: str = "refused"
    step: str = ""
    detail: str = ""
    broken: bool = False

    def __str__(self) -> str:
        return self.message

    @property
    def is_fatal(self) -> bool:
        """Whether the run fails with it, whatever its steps say about errors."""
        return self.code in FATAL

    def as_dict(self) -> dict[str, Any]:
        """The error as it is stored and shown."""
        shown = {"code": self.code, "message": self.message, "hint": self.hint, "step": self.step}
        return {**shown, "detail": self.detail} if self.detail else shown
