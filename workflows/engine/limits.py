"""The limits that all workers share, connection by connection: rates, Retry-After, breakers, calls at once.

`admit` is asked before each call. It gives nothing to hold on to: a call that may not leave yet is told when to ask
again, and its step parks until then. What holds is read at most once a second; what is learned goes through the
journal. A call that was held back is no attempt.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import Error

from integrations import registry
from integrations.errors import RateLimited, ServiceError, Unavailable, Unreadable
from integrations.spec import Limit
from orchestrator_site.lib.clock import now
from workflows.engine.journal import Journal
from workflows.engine.limit_rows import Ask, View
from workflows.engine.pace import BLOCK, LONGEST_BLOCK, applies, interval, limits_for
from workflows.engine.records import Held, Stale, StoreRefused

LOOK_AGAIN = 1.0
TOKEN_KEEPS = 1.0
WAIT_FOR_SLOT = 1.0
ASK_SLOTS_APART = 0.5
PROBE_TAKES = 2.0
AT_LEAST = 0.02
CONNECTION = "connection"
NO_RETRY_AFTER = (5.0, 10.0, 20.0, 40.0, 60.0)


@dataclass(slots=True)
class Pass:
    """A call that may leave: it counts as one of the connection's calls at once until it is given back."""

    connection: UUID
    in_slot: bool
    spent: bool = False


@dataclass(slots=True)
class Line:
    """Those who wait for a token of one kind: who came when, how many have gone, and the tokens at hand."""

    tokens: deque[float] = field(default_factory=deque)
    tickets: dict[UUID, int] = field(default_factory=dict)
    came: int = 0
    gone: int = 0
    not_before: float = 0.0
    asking: asyncio.Future[None] | None = None

    def place(self, step: UUID) -> int:
        """How many are before it."""
        if step not in self.tickets:
            self.tickets[step] = self.came
            self.came += 1
        return max(0, self.tickets[step] - self.gone)

    def leave(self, step: UUID) -> None:
        """It has its token, or wants none any more."""
        if self.tickets.pop(step, None) is not None:
            self.gone += 1

    def take(self, at: float) -> bool:
        """A token whose moment has come and not passed."""
        while self.tokens and self.tokens[0] < at - TOKEN_KEEPS:
            self.tokens.popleft()
        if self.tokens and self.tokens[0] <= at:
            self.tokens.popleft()
            return True
        return False


@dataclass(slots=True)
class Known:
    """What this worker knows of a connection."""

    view: View = field(default_factory=View)
    seen: float = 0.0
    stale: bool = True
    blocked: float = 0.0
    looking: asyncio.Future[None] | None = None
    telling: asyncio.Future[None] | None = None
    lines: dict[bool, Line] = field(default_factory=lambda: {False: Line(), True: Line()})
    held: set[UUID] = field(default_factory=set)
    strikes: int = 0
    in_use: int = 0
    slots: int = 0
    slots_held: int = 0
    slots_asked: float = -1e9
    slot_line: deque[asyncio.Future[None]] = field(default_factory=deque)

    @property
    def title(self) -> str:
        """The service's name."""
        found = registry.get_integration(self.view.service)
        return found.title if found else self.view.service

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The rates that hold for it: what a service declares is meant for its usual address."""
        found = registry.get_integration(self.view.service)
        declared = found.limits if found and self.view.base_url in ("", found.base_url) else ()
        return limits_for(declared, self.view.per_minute, not settings.SERVICE_LIMITS)


class Limits:
    """One worker's part of the limits."""

    def __init__(
        self,
        journal: Journal,
        read: Callable[[UUID], Awaitable[View]],
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.journal, self.read, self.clock, self.jitter = journal, read, clock, jitter
        self._known: dict[UUID, Known] = {}
        self._passes: dict[UUID, Pass] = {}
        self._waits: dict[UUID, UUID] = {}

    # Before a call

    async def admit(self, step: UUID, connection: UUID, *, change: bool) -> Held | None:
        """None: a call of this step may leave now. Otherwise why not, and when to ask again."""
        had = self._passes.get(step)
        if had is not None and not had.spent:
            return None
        known = await self._looked(connection)
        if known.view.broken:  # repaired a moment ago, perhaps: who was woken for that must see it
            known.stale = True
            known = await self._looked(connection)
        if known.view.sandbox:
            return None
        self._waits[step] = connection
        held = await self._held(known, step, connection, change, in_slot=had is not None and had.in_slot)
        if held is None:
            known.held.discard(step)
            return None
        if had is not None:  # in the middle of an attempt: what is parked holds no place
            del self._passes[step]
            if had.in_slot:
                self._free(known)
        known.held.add(step)
        return held

    async def _held(self, known: Known, step: UUID, connection: UUID, change: bool, *, in_slot: bool) -> Held | None:
        if known.view.broken:
            text = f"The connection “{known.view.name}” has to be repaired: {known.view.broken}"
            return self._later(LONGEST_BLOCK, CONNECTION, text)
        if (left := known.blocked - self.clock()) > 0:
            return self._later(left + self._spread(known), "limit", f"{known.title} asked us to slow down")
        if known.view.state != "closed" and (left := known.view.retry - (self.clock() - known.seen)) > 0:
            soon = PROBE_TAKES * (0.5 + self.jitter())  # somebody tries just now: look again when that is known
            return self._failing(known, soon if known.view.state == "half_open" else left + self.jitter())
        counted = in_slot
        if known.view.at_once and not in_slot:
            if (held := await self._slot(known, connection)) is not None:
                return held
            counted = True
        free = counted and not in_slot
        try:
            held = await self._token(known, step, connection, change)
            if held is None and known.view.state != "closed" and not await self._probe(connection):
                held = self._failing(known, PROBE_TAKES * (0.5 + self.jitter()))
            if held is None:
                self._passes[step] = Pass(connection, counted)
                free = False
            return held
        finally:
            if free:
                self._free(known)

    def spend(self, step: UUID) -> None:
        """The call leaves: the next one needs a token of its own."""
        if step in self._passes:
            self._passes[step].spent = True

    def leave(self, step: UUID) -> None:
        """No call of this step is under way, and none waits: its places are free."""
        connection = self._waits.pop(step, None)
        if connection is not None:
            known = self._known[connection]
            known.held.discard(step)
            for line in known.lines.values():
                line.leave(step)
        had = self._passes.pop(step, None)
        if had is not None and had.in_slot:
            self._free(self._known[had.connection])

    @staticmethod
    def _free(known: Known) -> None:
        known.in_use -= 1
        while known.slot_line:
            waiting = known.slot_line.popleft()
            if not waiting.done():
                waiting.set_result(None)
                break

    def _spread(self, known: Known) -> float:
        """Not all at once: more time the more there are."""
        return self.jitter() * min(10.0, 0.5 + 0.02 * len(known.held))

    def _later(self, seconds: float, why: str, text: str) -> Held:
        return Held(now() + timedelta(seconds=max(AT_LEAST, seconds)), why, text)

    def _failing(self, known: Known, seconds: float) -> Held:
        since = f" since {known.view.since:%H:%M} UTC" if known.view.since else ""
        return self._later(seconds, "failing", f"{known.title} has been failing{since}")

    # What holds

    async def _looked(self, connection: UUID) -> Known:
        known = self._known.setdefault(connection, Known())
        if known.telling is not None:
            await asyncio.shield(known.telling)
        if known.stale or self.clock() - known.seen > LOOK_AGAIN:
            if known.looking is None:
                known.looking = asyncio.ensure_future(self._look(known, connection))
            await asyncio.shield(known.looking)
        return known

    async def _look(self, known: Known, connection: UUID) -> None:
        """What the database says; while it does not answer, what was known goes on to hold."""
        known.stale = False
        try:
            view = await self.read(connection)
            known.view = view
            known.blocked = max(known.blocked, self.clock() + view.blocked if view.blocked else 0.0)
        except Error:
            known.view.retry -= self.clock() - known.seen
        finally:
            known.seen = self.clock()
            known.looking = None

    # Tokens

    async def _token(self, known: Known, step: UUID, connection: UUID, change: bool) -> Held | None:
        limits = applies(known.limits, change)
        if not limits:
            return None
        line = known.lines[change]
        place = line.place(step)
        if line.take(self.clock()):
            line.leave(step)
            return None
        if not line.tokens and self.clock() >= line.not_before:
            if line.asking is None:
                line.asking = asyncio.ensure_future(self._more(line, connection, limits))
            await asyncio.shield(line.asking)
            if line.take(self.clock()):
                line.leave(step)
                return None
        place = min(place, line.place(step))
        pace = max(interval(limit) for limit in limits)
        soon = line.tokens[min(place, len(line.tokens) - 1)] if line.tokens else line.not_before
        beyond = max(0, place - max(0, len(line.tokens) - 1))
        left = max(soon - self.clock(), 0.0) + beyond * pace
        return self._later(left, "rate", f"This connection makes at most {' and '.join(x.words for x in limits)}")

    async def _more(self, line: Line, connection: UUID, limits: list[Limit]) -> None:
        """Take the next block; where there is none yet, say when to look again."""
        try:
            wanted = max(1, len(line.tickets))
            answer = await self.journal.ask(Ask(connection, tokens=wanted, limits=tuple(limits)))
            at = self.clock()
            line.tokens.extend(at + max(0.0, seconds) for seconds in answer.tokens)
            line.not_before = at + max(0.0, answer.later - BLOCK) if not answer.tokens else 0.0
        finally:
            line.asking = None

    # Calls at once

    async def _slot(self, known: Known, connection: UUID) -> Held | None:
        """Take a place among the calls at once; waits a moment for one of this worker's own to be free."""
        if known.in_use >= known.slots and self.clock() - known.slots_asked > ASK_SLOTS_APART:
            await self._ask_slots(known, connection, 1)
        if known.in_use >= known.slots > 0:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            known.slot_line.append(waiting)
            with suppress(TimeoutError):
                await asyncio.wait_for(waiting, WAIT_FOR_SLOT)
        if known.in_use < known.slots:
            known.in_use += 1
            return None
        many = "one call" if known.view.at_once == 1 else f"{known.view.at_once} calls"
        text = f"This connection makes at most {many} at a time"
        return self._later(ASK_SLOTS_APART * (0.5 + self.jitter()), "at_once", text)

    async def _ask_slots(self, known: Known, connection: UUID, more: int = 0) -> None:
        known.slots_asked = self.clock()
        waiting = sum(not one.done() for one in known.slot_line) + len(known.held)
        slots = (known.in_use, known.in_use + waiting + more, known.view.at_once)
        answer = await self.journal.ask(Ask(connection, slots=slots))
        known.slots, known.slots_held = answer.slots, answer.held

    async def keep_shares(self) -> None:
        """Once a second: say how many calls at once this worker needs, and give back what it does not."""
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            for connection, known in list(self._known.items()):
                if known.slots_held:
                    with suppress(Stale, StoreRefused):
                        await self._ask_slots(known, connection)

    # What a call has shown

    async def _probe(self, connection: UUID) -> bool:
        return (await self.journal.ask(Ask(connection, probe=True))).probe

    def note(self, connection: UUID, error: ServiceError | TimeoutError | None, mark: str = "") -> None:
        """What a call has shown of its service: it answers, it fails, it asks us to slow down, or it does not take the
        credential with this mark."""
        known = self._known.get(connection)
        if known is None or known.view.sandbox:
            return
        if isinstance(error, ServiceError) and error.broken:
            self._refused(known, Ask(connection, outcome="refused", error=_told(error), mark=mark))
            return
        if isinstance(error, RateLimited) or (isinstance(error, Unavailable) and error.retry_after):
            self._slow_down(known, connection, error.retry_after)
        if is_failure(error):
            known.view.failures += 1
            text = error.message if isinstance(error, ServiceError) else "There was no answer in time."
            self._tell(known, Ask(connection, outcome="failed", error=text))
        elif known.view.failures or known.view.state != "closed" or (error is None and known.view.status == "broken"):
            known.view.failures, known.view.status = 0, ""
            self._tell(known, Ask(connection, outcome="worked"))
        if error is None:
            known.strikes = 0

    def _refused(self, known: Known, learned: Ask) -> None:
        """Nobody is admitted before this is stored: then it shows whether the credential was replaced meanwhile."""
        told = known.telling = asyncio.get_running_loop().create_future()

        def stored() -> None:
            known.stale = True
            if known.telling is told:
                known.telling = None
            if not told.done():
                told.set_result(None)

        self.journal.tell(learned, stored)

    def _slow_down(self, known: Known, connection: UUID, asked: float | None) -> None:
        """Without a time it is longer each time; calls that were under way together are one time."""
        seconds = asked
        if seconds is None:
            if known.blocked > self.clock():
                return
            seconds = NO_RETRY_AFTER[min(known.strikes, len(NO_RETRY_AFTER) - 1)]
            known.strikes += 1
        until = self.clock() + seconds
        if seconds > 0 and until > known.blocked:
            known.blocked = until
            self._tell(known, Ask(connection, block=seconds))

    def _tell(self, known: Known, learned: Ask) -> None:
        """What was learned is stored, and then looked at: others may have learned the rest."""

        def stored() -> None:
            known.stale = True

        self.journal.tell(learned, stored)


def _told(error: ServiceError) -> str:
    return " ".join(part for part in (error.message, error.hint) if part)


def is_failure(error: ServiceError | TimeoutError | None) -> bool:
    """Whether a breaker counts it: a connect error, a timeout, a 5xx; not an answer that is merely unwelcome."""
    if isinstance(error, TimeoutError):
        return True
    if not isinstance(error, Unavailable) or isinstance(error, Unreadable):
        return False
    if error.refused and error.code == "E_TIMEOUT":
        return False  # our own time was up before anything was sent
    return error.status is None or error.status == 408 or error.status >= 500
