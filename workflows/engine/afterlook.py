"""Looks for changes whose answer was lost when their step is over, or their run: the effect's row learns, no more."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from integrations import registry
from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.errors import ServiceError
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.crypto import effect_hmac
from orchestrator_site.lib.errors import UserError
from workflows.engine.calls import Clients, set_deadline
from workflows.engine.claims import Reader
from workflows.engine.execute import validated
from workflows.engine.records import EffectRecord, Failure

log = logging.getLogger(__name__)

MOST_LOOKS = 10
A_SWEEP = 20


@dataclass(frozen=True)
class Lost:
    """An unknown effect whose step or run has ended, with what the step was given."""

    effect: EffectRecord
    run: UUID
    key: str
    path: str
    action: str
    input: Any
    history: dict[str, list[EffectRecord]]


class _Seen(Exception):
    """The look has been made: what was found, and whether the service could tell."""

    def __init__(self, found: Found | None, told: bool) -> None:
        super().__init__()
        self.found, self.told = found, told


class Glance:
    """Context.change of a step that is only looked after: it sends nothing."""

    def __init__(self, lost: Lost) -> None:
        self.lost, self.position = lost, 0

    async def change(self, order: Order) -> Outcome:
        """Answer what is confirmed, look for what is lost, stop there."""
        self.position += 1
        key = effect_hmac(f"{self.lost.run}|{self.lost.key}|{self.lost.path}|{self.position}")
        past = self.lost.history.get(key, [])
        if past and past[-1].state == "confirmed":
            return Outcome(past[-1].external_id, past[-1].external_url, past[-1].result or {})
        if key != self.lost.effect.key or order.look is None:
            raise _Seen(None, False)
        raise _Seen(await order.look(LookFor(key, past[0].sent_at, past[-1].attempt)), True)


def find_lost(reader: Reader) -> list[Lost]:
    """Unknown effects of steps and runs that are over, whose settle time has passed. On the reads thread."""
    sql = (
        "SELECT e.id, e.run_id, s.key, s.path, s.action, s.input FROM workflows_effect e "
        "JOIN workflows_run r ON r.id = e.run_id JOIN workflows_steprun s ON s.id = e.step_run_id "
        "WHERE e.state = 'unknown' AND e.resolution = '' AND e.looks < %s AND e.settle_after <= NOW "
        "AND (r.finished_at IS NOT NULL OR s.finished_at IS NOT NULL) ORDER BY e.looks LIMIT %s"
    )
    found = []
    for row in reader.store.run(sql, (MOST_LOOKS, A_SWEEP)).fetchall():
        effect = reader.effect(reader.store.uuid(row[0]))
        run = reader.store.uuid(row[1])
        if effect is not None:
            given = reader.value(row[5])
            found.append(Lost(effect, run, row[2], row[3], row[4], given, reader.effects(run)))
    return found


async def glance(lost: Lost, clients: Clients) -> tuple[Found | None, bool]:
    """One look: what was found, and whether the service could tell."""
    action = registry.get_action(lost.action)
    if action is None or lost.effect.connection_id is None:
        return None, False
    try:
        opened = await clients.get(lost.effect.connection_id)
        values = validated(action, lost.input or {})
        set_deadline(float(action.timeout))
        context = Context(opened.client, opened.info, opened.calls, Glance(lost).change, now=now())
        async with asyncio.timeout(action.timeout):
            await action.run(context, values)
    except _Seen as seen:
        return seen.found, seen.told
    except (ServiceError, UserError, Failure, TimeoutError):
        return None, False
    except Exception:
        log.exception("looking after %s failed", lost.effect.op)
    return None, False


def settle(reader: Reader, lost: Lost, found: Found | None, told: bool) -> bool:
    """Write what the look said, unless somebody was faster. On the reads thread."""
    store, at = reader.store, _time(reader, now())
    where = "WHERE id = %s AND state = 'unknown' AND resolution = ''"
    if not told:
        sql, values = f"UPDATE workflows_effect SET looks = looks + 1 {where}", [store.id(lost.effect.id)]
    elif found is None:
        sql = (
            "UPDATE workflows_effect SET state = 'absent', resolution = 'absent', looks = looks + 1, "
            f"settled_at = %s {where}"
        )
        values = [at, store.id(lost.effect.id)]
    else:
        sql = (
            "UPDATE workflows_effect SET state = 'confirmed', resolution = 'found', looks = looks + 1, "
            f"settled_at = %s, external_id = %s, external_url = %s {where}"
        )
        values = [at, found.external_id[:300], found.external_url[:1000], store.id(lost.effect.id)]
    closing = (
        "UPDATE workflows_wait SET decided_at = %s, decision = %s, decided_by = 'looked up' "
        "WHERE effect_id = %s AND decided_at IS NULL"
    )

    def write() -> bool:
        changed = bool(store.run(sql, values).rowcount)
        if changed and told:
            store.run(closing, (at, "found" if found else "absent", store.id(lost.effect.id)))
        return changed

    return bool(reader.in_one(write))


def _time(reader: Reader, at: datetime) -> Any:
    return reader.store.rows.time(at)


async def look_after(reads: Any, clients: Clients) -> int:
    """Look for everything that is due; how many effects became certain."""
    settled = 0
    for lost in await reads.run(lambda: find_lost(reads.reader)):
        found, told = await glance(lost, clients)
        with suppress(UserError):
            changed = await reads.run(lambda lost=lost, f=found, t=told: settle(reads.reader, lost, f, t))
            settled += int(changed and told)
    return settled
