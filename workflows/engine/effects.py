"""The ledger of changes made outside: intent first, then exactly one request, then what became of it (engine.md §9).

An answer that is lost makes the effect *unknown*: it is looked up, and where nobody can look, a person is asked. It is
never repeated on a guess.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from integrations.context import Found, LookFor, Order, Outcome
from integrations.errors import CERTAIN_NO, ServiceError, Unreadable, advice
from orchestrator_site.lib.crypto import effect_hmac
from orchestrator_site.lib.json import clean_value, dumps
from orchestrator_site.lib.redact import redact_value
from workflows.engine.attempts import admitted, another
from workflows.engine.calls import set_deadline
from workflows.engine.crashpoints import crashpoint
from workflows.engine.frames import Ended
from workflows.engine.interfaces import Task
from workflows.engine.previews import Previews
from workflows.engine.records import CacheRecord, EffectRecord, Failure, WaitRecord
from workflows.engine.retry import backoff
from workflows.engine.times import Times

# For a key with an earlier unknown attempt these may be our own first attempt speaking.
AMBIGUOUS = frozenset({404, 405, 409, 410, 412, 422})
MOST_FAILED_LOOKS = 5
ANSWERS = ("happened", "repeat", "stop")


class House(Protocol):
    """What the ledger needs of the engine."""

    async def before_send(self) -> None:
        """Return only while the lease allows a change to leave."""

    async def read_effect(self, effect: UUID) -> EffectRecord | None:
        """The effect's row as it is now."""

    async def read_cached(self, workspace: UUID, key: str) -> CacheRecord | None:
        """The result that is kept under a key, while it is fresh."""

    async def on_database(self, function: Callable[[], Any]) -> Any:
        """Run a function where the database may be used, in a transaction of its own."""

    @property
    def times(self) -> Times:
        """Everything that is waited for."""

    previews: Previews
    """Where what models write is shown to whoever watches."""

    limits: Any
    """`workflows.engine.limits.Limits`; None where nothing is limited."""


class Gate(Protocol):
    """The executor, as far as a change must know it."""

    def leave(self, task: Task) -> None:
        """No call of the task is under way."""

    def spend(self, task: Task) -> None:
        """A call of the task leaves now."""

    def note(self, task: Task, error: ServiceError | TimeoutError | None) -> None:
        """What a call has shown of its service."""


@dataclass(frozen=True)
class Passage:
    """How a call of a change gets out: its limits, a thread, and a last look at the connection."""

    gate: Gate
    slot: Callable[[], Any]
    still: Callable[[bool], Awaitable[None]]


class Reopened(Exception):
    """The connection was changed since the call began: the call begins again with it as it is now."""


Remember = Callable[[Order], Awaitable[tuple[Any, Any]]]
"""Reads what is there before a change, and tells what it will leave; for taking it back later."""


class Ledger:
    """The effects of one step, at one place of its loops."""

    def __init__(
        self,
        house: House,
        task: Task,
        run_id: UUID,
        history: dict[str, list[EffectRecord]],
        timeout: float,
        passage: Passage,
    ) -> None:
        self.remember: Remember | None = None
        self.house, self.task, self.run_id, self.history = house, task, run_id, history
        self.timeout, self.passage = timeout, passage
        self.position = 0
        self.by_hand = self.nameless = False
        self._log, self._clock = task.walk.log, task.walk.clock

    async def change(self, order: Order) -> Outcome:
        """Make one change, or learn that it has been made. Raises Failure, or Ended when the run is ending."""
        self.position += 1
        record = self.task.record
        key = effect_hmac(f"{self.run_id}|{record.key}|{record.path}|{self.position}")
        past = self.history.setdefault(key, [])
        while True:
            last = past[-1] if past else None
            if last is not None and last.state == "confirmed":
                by_hand = last.resolution == "happened"
                self.by_hand = self.by_hand or by_hand
                self.nameless = self.nameless or (by_hand and not (last.external_id or last.external_url))
                return Outcome(last.external_id, last.external_url, last.result or {})
            if last is not None and (code := _expected(order, last)):
                return Outcome(refused=code)
            if last is None or last.state in ("refused", "absent"):
                await self._try_to_send(order, key, past)
            else:
                await self._settle(order, last, past)
                if last.state == "absent":
                    another(self.task.walk, self.task, last.error)

    # Sending

    async def _try_to_send(self, order: Order, key: str, past: list[EffectRecord]) -> None:
        """Send; a certain no that the action expects is on record and is no failure."""
        try:
            await self._send(order, key, past)
        except Failure:
            if not (past and _expected(order, past[-1])):
                raise

    async def _send(self, order: Order, key: str, past: list[EffectRecord]) -> None:
        self.task.frame.group.check()
        await self._admitted()
        known = (past[0].before, past[0].after) if past else await self._remembered(order)
        async with self.passage.slot():
            await self.passage.still(bool(past))
            self.task.frame.group.check()
            effect = self._intent(order, key, len(past) + 1)
            effect.before, effect.after = known
            past.append(effect)
            self._log.put(effect)
            await self._log.commit()
            await self._ready_to_leave(effect)
            await self._leave(order, effect, repeated=any(before.state == "absent" for before in past[:-1]))

    async def _remembered(self, order: Order) -> tuple[Any, Any]:
        return (None, None) if self.remember is None else await self.remember(order)

    async def _ready_to_leave(self, effect: EffectRecord) -> None:
        """The last moment at which nothing has been sent: a fault here is a certain no."""
        try:
            crashpoint("P09")
            await self.house.before_send()
        except Exception:
            self._end(effect, "refused", error={"code": "E_NOT_SENT", "message": "Nothing was sent."})
            raise

    def _intent(self, order: Order, key: str, attempt: int) -> EffectRecord:
        now = self._clock.now()
        request = clean_value(order.request, repair=True, field="request")
        settle = self.house.times.settle + self.timeout
        return EffectRecord(
            id=self._log.new_id(),
            step_run_id=self.task.record.id,
            seq=self.position,
            attempt=attempt,
            key=key,
            connection_id=self.task.record.connection_id,
            op=order.op,
            target=clean_value(dict(order.target), repair=True, field="target"),
            request=redact_value(request),
            request_sha256=hashlib.sha256(dumps(request).encode()).hexdigest(),
            state="sent",
            sent_at=now,
            settle_after=now + timedelta(seconds=settle),
            search_url=order.search_url[:1000],
        )

    async def _leave(self, order: Order, effect: EffectRecord, *, repeated: bool) -> None:
        """The one request, and what its answer says about the change."""
        set_deadline(self.timeout)
        self.passage.gate.spend(self.task)
        try:
            async with asyncio.timeout(self.timeout):
                outcome = await order.send(effect.key)
            crashpoint("P14")
        except ServiceError as error:
            self.passage.gate.note(self.task, error)
            refused = error.refused or (error.status in CERTAIN_NO and not isinstance(error, Unreadable))
            if refused and not (repeated and error.status in AMBIGUOUS):
                failure = failure_of(error)
                self._end(effect, "refused", error=failure.as_dict(), resolution="answer")
                raise failure from error
            self._unknown(effect, error.code, error.message)
        except TimeoutError as late:
            self.passage.gate.note(self.task, late)
            self._unknown(effect, "E_TIMEOUT", f"There was no answer within {self.timeout:g} seconds.")
        except Exception as error:
            self._unknown(effect, "E_ACTION", f"The answer could not be read ({type(error).__name__}).")
        else:
            self.passage.gate.note(self.task, None)
            self._confirm(effect, outcome.external_id, outcome.external_url, outcome.data, "answer")
        crashpoint("P16")

    async def _admitted(self) -> None:
        """Wait for the limits of the connection, in the middle of an attempt."""
        await admitted(self.task.walk, self.task)
        if self.task.record.status == "waiting":
            self.task.record.due_at = None
            self._put_step("running")

    # Unknown outcomes

    async def _settle(self, order: Order, effect: EffectRecord, past: list[EffectRecord]) -> None:
        """Turn an unknown effect into a confirmed or an absent one. Raises Failure where that is the answer."""
        if effect.state == "sent":
            self._unknown(effect, "E_INTERRUPTED", "The worker was interrupted before the answer was stored.")
        self.task.frame.group.check()
        if effect.resolution == "stop":
            raise Failure(
                "E_UNKNOWN_STOPPED",
                f"Whether “{order.op}” happened is unknown; {effect.resolved_by} said stop.",
                "Look at the service whether it is there.",
                outcome="unknown",
            )
        policy = self.task.plan.step.unknown or "look"
        if policy == "fail":
            self._put_step("running")
            raise _not_known(order, "and the step says: fail.")
        if policy == "retry" or (order.set_semantics and policy == "look"):
            await self._patience(order, effect, len(past))
            self._end(effect, "absent", resolution="set again" if order.set_semantics else "repeat")
        elif policy == "look" and order.look is not None:
            await self._look(order, effect, past[0].sent_at)
        else:
            await self._ask(order, effect)

    async def _patience(self, order: Order, effect: EffectRecord, sent: int) -> None:
        """Before it is sent again unseen: the step's own waits, and no more often than it may be tried."""
        policy = self.task.policy
        if sent > max(1, policy.most):
            self._put_step("running")
            raise _not_known(order, f"{sent} requests were sent and none was answered.")
        await self._pause(effect, self._clock.now() + timedelta(seconds=backoff(policy, sent)))

    async def _look(self, order: Order, effect: EffectRecord, since: datetime) -> None:
        """A find is believed at once, absence only after settle_after (twice, where the service is slow to show)."""
        failed, absent_at = 0, None
        apart = timedelta(seconds=self.house.times.apart(order.looks_apart))
        assert order.look is not None
        while True:
            found, answered = await self._one_look(order.look, LookFor(effect.key, since, effect.attempt), effect)
            if found is not None:
                crashpoint("P19")
                self._confirm(effect, found.external_id, found.external_url, found.data, "found")
                return
            now = self._clock.now()
            if not answered:
                failed += 1
                if failed >= MOST_FAILED_LOOKS:
                    await self._ask(order, effect)
                    return
                await self._pause(effect, now + timedelta(seconds=self.house.times.look_again(failed)))
            elif effect.settle_after is not None and now < effect.settle_after:
                await self._pause(effect, effect.settle_after)
            elif apart and (absent_at is None or now < absent_at + apart):
                absent_at = absent_at or now
                await self._pause(effect, absent_at + apart)
            else:
                break
        crashpoint("P20")
        self._end(effect, "absent", resolution="absent")
        self._put_step("running")
        why = str((effect.error or {}).get("message") or "There was no answer.")
        raise Failure("E_ABSENT", f"{why} “{order.op}” did not arrive.", kind="absent", outcome="unknown")

    async def _one_look(
        self, look: Callable[[LookFor], Awaitable[Found | None]], what: LookFor, effect: EffectRecord
    ) -> tuple[Found | None, bool]:
        await self._admitted()
        effect.looks += 1
        crashpoint("P18")
        set_deadline(self.timeout)
        self.passage.gate.spend(self.task)
        try:
            async with asyncio.timeout(self.timeout):
                found = await look(what)
            self.passage.gate.note(self.task, None)
            return found, True
        except (ServiceError, TimeoutError) as error:
            self.passage.gate.note(self.task, error)
            return None, False
        except Ended:
            raise
        except Exception:
            return None, False

    async def _pause(self, effect: EffectRecord, due: datetime) -> None:
        self.passage.gate.leave(self.task)
        self.task.record.due_at = due
        self._put_step("waiting", effect)
        await self.task.walk.sleep_until(self.task.frame.group, due)
        self.task.record.due_at = None

    async def _ask(self, order: Order, effect: EffectRecord) -> None:
        """Ask a person, and wait for the answer as long as it takes."""
        self.passage.gate.leave(self.task)
        record = self.task.record
        decision = record.decision if isinstance(record.decision, dict) else {}
        if decision.get("asked") != str(effect.id):
            record.decision = {**decision, "asked": str(effect.id)}
            self._put_step("waiting", effect, self._question(order, effect))
        seen = self.task.walk.known
        while effect.state == "unknown" and effect.resolution != "stop":
            await self.task.walk.park(self.task.frame.group, None, person=True, since=seen)
            seen = self.task.walk.seen
            fresh = await self.house.read_effect(effect.id)
            if fresh is not None:
                for name in EffectRecord.__slots__:
                    setattr(effect, name, getattr(fresh, name))
        record.status = "running"

    def _question(self, order: Order, effect: EffectRecord) -> WaitRecord:
        target = ", ".join(f"{name} {value}" for name, value in effect.target.items())
        return WaitRecord(
            id=self._log.new_id(),
            step_run_id=self.task.record.id,
            effect_id=effect.id,
            kind="unknown",
            title=f"Did “{order.op}” happen?"[:300],
            body=f"The request left at {effect.sent_at:%Y-%m-%d %H:%M:%S} UTC ({target}), but no answer came back.",
            fields=[{"name": "answer", "type": "choice", "options": list(ANSWERS)}],
            created_at=self._clock.now(),
        )

    # Records

    def _confirm(self, effect: EffectRecord, external_id: str, url: str, data: Mapping[str, Any], how: str) -> None:
        effect.external_id, effect.external_url = str(external_id)[:300], str(url)[:1000]
        effect.result = clean_value(dict(data), repair=True, field="answer")
        self._end(effect, "confirmed", resolution=how)

    def _unknown(self, effect: EffectRecord, code: str, message: str) -> None:
        now = self._clock.now()
        effect.settle_after = max(effect.settle_after or now, now + timedelta(seconds=self.house.times.settle))
        effect.state = "unknown"
        effect.error = {"code": code, "message": message}
        self._log.put(effect)

    def _end(self, effect: EffectRecord, state: str, *, error: Any = None, resolution: str = "") -> None:
        effect.state, effect.resolution = state, resolution
        effect.error = error or effect.error
        effect.settled_at = self._clock.now()
        self._log.put(effect)

    def _put_step(self, status: str, *more: Any) -> None:
        record = self.task.record
        record.status = status
        self._log.put(record, *more)


def _expected(order: Order, effect: EffectRecord) -> str:
    """The code of the refusal on record, if the action goes on from it by itself."""
    code = str((effect.error or {}).get("code", "")) if effect.state == "refused" else ""
    return code if code in order.expects else ""


def _not_known(order: Order, why: str) -> Failure:
    message = f"Whether “{order.op}” happened is not known, {why}"
    return Failure("E_UNKNOWN", message, "Look at the service whether it is there.", outcome="unknown")


def failure_of(error: ServiceError) -> Failure:
    """A service's error as the failure of a step."""
    return Failure(
        error.code, error.message, advice(error), kind=error.kind, retry_after=error.retry_after, detail=error.detail,
        broken=error.broken,
    )  # fmt: skip
