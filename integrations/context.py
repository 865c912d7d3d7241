"""What an action is given: its client, the effect gate, usage booking, and the ways to call out. Pure.

The engine implements `Calls` and the gate; the web process and tests use `integrations.direct`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from integrations.files import File, Files, NoFiles

C = TypeVar("C")
T = TypeVar("T")


@dataclass(frozen=True)
class ConnectionInfo:
    """A connection, decrypted for one call. Never logged; `repr` shows no secret."""

    id: UUID | None
    workspace_id: UUID
    service: str
    name: str
    base_url: str = ""
    sandbox: bool = False
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)
    learned: Mapping[str, Any] = field(default_factory=dict)
    mark: str = ""


def mark_of(stored: str, base_url: str) -> str:
    """A mark of a connection's encrypted secret and address: whether what a call has shown is still true of the row."""
    return hashlib.sha256(f"{stored}|{base_url}".encode()).hexdigest()[:16]


class Calls(Protocol):
    """How a client reaches the outside: in a pool thread, or on the database thread (sandbox only)."""

    async def blocking(self, function: Callable[[], T]) -> T:
        """Run a blocking SDK call in a pool thread; the thread never touches the database."""
        ...

    async def database(self, function: Callable[[], T]) -> T:
        """Run a function that uses Django's database, on the thread that owns a connection."""
        ...

    @property
    def deadline(self) -> float:
        """`time.monotonic()` at which the current call must have ended."""
        ...


@dataclass(frozen=True)
class ConnectionReport:
    """What a connection test found, in words: `can` and `missing` are short phrases ("open issues in octocat/hello").

    Every client has `async describe() -> ConnectionReport`; a key that is refused raises SignInAgain instead.
    `expires_at`: when the key ends, where the service says so (`expires_text`: how that is known); `lasts`: the service
    says such things, and this key has no end.
    """

    ok: bool
    summary: str
    can: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    expires_at: datetime | None = None
    expires_text: str = ""
    lasts: bool = False


@dataclass(frozen=True)
class Choice:
    """One thing that a form offers for an input: the value that is stored, and what a person reads beside it.

    A client offers lists by `async choices(name, q, given) -> Sequence[Choice]`: `name` is the field's `choices=`, `q`
    what was typed so far, `given` the literal inputs named by its `depends=`. At most 200 are shown.
    """

    value: str
    label: str = ""


@dataclass(frozen=True)
class Found:
    """What a look found: the change did happen."""

    external_id: str
    external_url: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LookFor:
    """What to look for: the effect's key and when the first attempt left."""

    key: str
    sent_at: datetime
    attempt: int


@dataclass(frozen=True)
class Outcome:
    """What a change gave: the service's id and address of it, and the data the action goes on with (JSON).

    `refused` is the code of a certain no that the order `expects`; then nothing was changed.
    """

    external_id: str = ""
    external_url: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    refused: str = ""


@dataclass(frozen=True)
class Order:
    """One change, ready to be sent: everything the ledger needs to send it, say it, and look it up.

    `request` is JSON: shown to a person who must decide, and hashed; the same on every attempt.
    `send(key)` makes exactly one HTTP request and returns an `Outcome` or raises a `ServiceError`.
    `look(what)` returns `Found`, or None when the change is certainly not visible now; it raises ServiceError when it
    cannot tell. No look: an unknown outcome is asked of a person.
    `settle_seconds` is the least wait before absence is believed; `looks_apart` asks for two looks that far apart.
    `expects` are codes of a certain no from which the action itself goes on (a branch that has moved): `change` then
    gives an `Outcome` with `refused`, from the ledger too, instead of ending the attempt.
    """

    op: str
    target: Mapping[str, Any]
    request: Any
    send: Callable[[str], Awaitable[Outcome]]
    look: Callable[[LookFor], Awaitable[Found | None]] | None = None
    search_url: str = ""
    looks_apart: float = 0.0
    set_semantics: bool = False
    expects: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Plan:
    """What one change would do, told before anything is sent: a row of a dry run.

    `summary` is a sentence for a person ("Sends a mail to ada@example.com."); `before` is what is there now (None:
    nothing, or it cannot be known) and `after` what would be there or be sent: JSON, to be shown as a difference.
    `output` are the fields of the action's output that can be foretold; the steps after it go on with them.
    `external_id` is the name that stands for the thing until it is made (`Foreseen.name`).
    """

    op: str
    target: Mapping[str, Any]
    summary: str
    before: Any = None
    after: Any = None
    output: Mapping[str, Any] = field(default_factory=dict)
    external_id: str = ""


FIRST_PLANNED = 1_900_000_000
"""Numbers from here on stand for things that a dry run only plans."""
PLANNED = "planned-"
"""So do names that begin like this."""


def is_planned(name: object) -> bool:
    """Whether a name or number stands for something that is only planned: there is nothing to read of it."""
    text = str(name)
    return text.startswith(PLANNED) or (text.isdigit() and FIRST_PLANNED <= int(text) < FIRST_PLANNED + 10**8)


@dataclass
class Foreseen:
    """What a dry run has planned so far, first to last; later steps see it as if it had happened.

    `number` and `name` give what stands for the id of a thing that is not made yet, different for each.
    """

    changes: list[Plan] = field(default_factory=list)
    given: int = 0

    def number(self) -> int:
        """A number that no service gives."""
        self.given += 1
        return FIRST_PLANNED + self.given

    def name(self, kind: str) -> str:
        """A name that no service gives: planned-page-3."""
        self.given += 1
        return f"{PLANNED}{kind}-{self.given}"

    def last(self, op: str, **target: Any) -> Plan | None:
        """The newest change of that kind whose target holds these values."""
        return next((plan for plan in reversed(self.changes) if plan.op == op and _holds(plan.target, target)), None)


def _holds(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(there.get(name) == value for name, value in wanted.items())


@dataclass(frozen=True)
class Place:
    """Which run an action works for; actions that keep something per workflow need it."""

    workspace_id: UUID
    workflow_id: UUID
    run_id: UUID
    workflow: str = ""


@dataclass
class Context(Generic[C]):
    """Given to an action for one attempt.

    `change(order)` passes the effect gate: a recorded confirmed effect of the same position is answered from the
    ledger, otherwise the intent is committed, the request leaves once, and its outcome is recorded. An action that
    makes several changes calls it once per change, always in the same order.
    `earlier_change` is True when an earlier attempt of this step (or a worker that died) has let a change leave: an
    action that makes no change because the world already looks right must then pass the gate all the same.
    `place` is None where no run is behind it (a connection's test).
    `usage` is booked even if the action then fails. `prompt` is the frozen prompt version of `ai.run_prompt`.
    `stream` shows a piece of text that is being written to whoever watches; None when nobody does.
    `foreseen` is what a dry run has planned so far; None in every other run.
    `last_try`: a failure of this call is not tried again by itself. `away`: why the step's own connection is not to be
    asked now. `reach(name)` is the client of another connection of the workspace, for one call; `turned(problem)` says
    that the own connection failed (None: was not asked) and another one is asked.
    `files` are those of the run's workspace: `await context.read_file(values.file)` gives the bytes of a `File` input,
    `await context.write_file(content, name="a.png", mime_type="image/png")` keeps bytes and gives the `File` to return.
    """

    client: C
    connection: ConnectionInfo | None
    calls: Calls
    change: Callable[[Order], Awaitable[Outcome]]
    book: Callable[[Mapping[str, Any]], None] = lambda usage: None
    now: datetime | None = None
    place: Place | None = None
    earlier_change: bool = False
    warn: Callable[[str], None] = lambda text: None
    finish: Callable[[str], None] = lambda text: None
    render_prompt: Callable[[str, Any, Mapping[str, Any]], Any] | None = None
    stream: Callable[[str], None] | None = None
    files: Files = field(default_factory=NoFiles)
    foreseen: Foreseen | None = None
    last_try: bool = True
    away: str = ""
    reach: Callable[[str], AbstractAsyncContextManager[Any]] | None = None
    turned: Callable[[Exception | None], None] = lambda problem: None

    async def read_file(self, file: File) -> bytes:
        """The bytes of a file of this workspace. Raises Rejected E_NO_FILE."""
        return await self.files.read(file)

    async def write_file(self, content: bytes, *, name: str, mime_type: str = "") -> File:
        """Keep bytes (at most 25 MiB) as a file of this workspace. Raises Rejected E_TOO_LARGE."""
        return await self.files.write(content, name, mime_type)
