"""What a walk is given (a log, an executor, a clock) and what it gives back. Pure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from workflows.engine.frames import Frame
from workflows.engine.plan import StepPlan
from workflows.engine.records import CacheRecord, Held, Record, StepRecord
from workflows.engine.retry import Policy
from workflows.engine.shelf import Shelf

if TYPE_CHECKING:
    from workflows.engine.actions import ActionInfo
    from workflows.engine.walk import Walk

Offload = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs a slow pure function in a helper thread."""


class Log(Protocol):
    """The run's own part of the journal."""

    def find(self, key: str, path: str) -> StepRecord | None:
        """What is known of a step at a place."""

    async def open(self, paths: Collection[str], keys: Collection[str]) -> None:
        """Load the records of steps with these keys at these places of an unfinished loop."""

    async def chunks(self, loop: UUID) -> Mapping[int, Mapping[str, Any]]:
        """The chunks of results that an unfinished loop has on record, and what is told of each."""

    def keep(self, shelf: Shelf, value: Any, size: int) -> None:
        """Have a value of so many bytes, that is put already, at hand for a while."""

    async def load(self, shelf: Shelf) -> Any:
        """A value that was put: an output, or the text of a chunk."""

    def put(self, *records: Record) -> None:
        """Hand in records as they are now; they are committed together, in the order in which they are put."""

    async def room(self) -> None:
        """Wait while too much is uncommitted."""

    async def commit(self) -> None:
        """Wait until everything put so far is committed. Raises Stale or StoreRefused."""

    def new_id(self) -> UUID:
        """A name for a row."""


class Clock(Protocol):
    """Time, which a test can hold still."""

    def now(self) -> datetime:
        """The time."""

    async def wait(self, event: asyncio.Event, due: datetime | None) -> None:
        """Until the event is set or the moment has come."""

    def call_at(self, due: datetime, function: Callable[[], None]) -> Callable[[], None]:
        """Call a function when the moment has come; gives what calls it off."""


@dataclass(frozen=True)
class Traits:
    """What the walk must know of an action."""

    kind: str
    retries: int
    tainted: bool
    takes: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()


@dataclass(slots=True)
class Task:
    """One step handed to the executor, and what it says on the way."""

    plan: StepPlan
    record: StepRecord
    frame: Frame
    walk: Walk
    started: datetime
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    warnings: list[str] = field(default_factory=list)
    finish: str | None = None
    policy: Policy = field(default_factory=Policy)
    cache_key: str = ""
    mark: str = ""
    away: str = ""
    elsewhere: bool = False


class Executor(Protocol):
    """Does one call of one action."""

    def traits(self, action: str) -> Traits:
        """What kind of action it is. Raises Failure E_KIND for an unknown one."""

    def check(self, plan: StepPlan, values: dict[str, Any], tainted: set[str]) -> UUID | None:
        """Check inputs and connection before anything is recorded; the connection's id. Raises Failure."""

    def last_change(self, task: Task) -> tuple[str, Mapping[str, Any] | None]:
        """State and error of the last change that a step made or tried to make; '' where there is none."""

    def abandon(self, step: StepRecord, at: datetime, new_id: Callable[[], UUID]) -> list[Record]:
        """What is told of a step that an earlier walk began and that does not go on."""

    async def admit(self, task: Task) -> Held | None:
        """None: the limits of the task's connection let a call leave; else why not yet, and when to ask again."""

    def leave(self, task: Task) -> None:
        """No call of the task is under way."""

    async def call(self, task: Task) -> Any:
        """Run the action once and return its output as JSON. Raises Failure."""

    @property
    def run_id(self) -> UUID:
        """The run it works for."""

    def cache_key(self, task: Task) -> str:
        """The key of a result that is kept for equal calls."""

    async def cached(self, key: str) -> CacheRecord | None:
        """The fresh result of this key in the run's workspace, if there is one."""

    # For agents

    def info(self, action: str) -> ActionInfo | None:
        """Everything that is declared of an action."""

    @property
    def turn_action(self) -> str:
        """The action that asks a model for one turn of a conversation."""

    def wrong(self, action: str, values: Mapping[str, Any]) -> str:
        """Why an action would not take these inputs, in words for a model; empty where it does."""

    async def costs_at_most(self, task: Task) -> Decimal | None:
        """US dollars that one call of the task can cost at most; None where no price is known."""


@dataclass(frozen=True)
class Done:
    """The run has ended."""

    status: str
    outputs: Any
    error: dict[str, Any] | None
    warnings: list[dict[str, Any]]


@dataclass(frozen=True)
class Released:
    """Every branch is parked: the run goes on at `due`, or when a person has answered (`attention`)."""

    status: str
    due: datetime | None
    seen: int = 0
