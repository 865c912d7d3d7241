"""One lease of one worker: its row, its journal, its bell, and the walks it holds."""

from __future__ import annotations

import asyncio
import logging
import math
import resource
import time
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import Error, connections

from orchestrator_site.lib.ids import uuid7
from workflows.engine.abi import ABI, ABI_MIN
from workflows.engine.bells import make_bell, ring_after_commit, workers_folder
from workflows.engine.calls import MOST_LEAKS, Clients, Pool
from workflows.engine.checkups import Checkups
from workflows.engine.claims import Watch
from workflows.engine.crashpoints import crashpoint
from workflows.engine.driver import Driver, Loaded
from workflows.engine.identity import WorkerFile, forget
from workflows.engine.journal import Journal
from workflows.engine.lease import Lease
from workflows.engine.limit_rows import View, look
from workflows.engine.limits import Limits
from workflows.engine.loading import ClaimedRun
from workflows.engine.outside import RunOutside
from workflows.engine.previews import Previews
from workflows.engine.protocol import Me, Sighting
from workflows.engine.reads import Reads
from workflows.engine.records import CacheRecord, EffectRecord
from workflows.engine.stored import RunRecords
from workflows.engine.sweeper import Sweeper
from workflows.engine.trigger_loop import TriggerLoop
from workflows.engine.turn_rows import Turns

if TYPE_CHECKING:
    from workflows.engine.engine import Engine

log = logging.getLogger(__name__)

CLAIM_AT_MOST = 200
CLAIM_APART = 0.01
STILL_HERE = 5.0
LAST_PLACES = 20  # one twentieth of all
HAND_OVER = 0.5


class End(Enum):
    """Why a lease ended."""

    DRAINED = "drained"
    FENCED = "fenced"
    TAKEN_OVER = "taken over"


class Session:
    """Claims and walks under one lease."""

    def __init__(self, engine: Engine, reads: Reads, clients: Clients, pool: Pool) -> None:
        self.engine, self.reads, self.clients, self.pool = engine, reads, clients, pool
        self.times = engine.times
        self.me = Me(uuid7(), 1)
        self.sqlite = connections[engine.alias].vendor == "sqlite"
        self.lease: Lease | None = None
        self.journal: Journal | None = None
        self.walks: dict[UUID, tuple[Driver, asyncio.Task[None]]] = {}
        self.live_workers = 1
        self.eldest = True
        self.shared = True
        self._suspects: set[UUID] = set()
        self._suspects_since: float | None = None
        self._draining = asyncio.Event()
        self._bell = asyncio.Event()
        self._named: set[UUID] = set()
        self._end: End | None = None
        self._file: WorkerFile | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._tasks_aside: set[asyncio.Task[None]] = set()
        self._watch = Watch(self.times, engine.identity, workers_folder() if self.sqlite else None)
        self._said = 0.0
        self.previews = Previews(self.on_database)
        self.turns = Turns()
        self.limits: Limits

    # The lease's beginning and end

    async def open(self, previous: Session | None) -> None:
        """Take a lease: lock, row, journal."""
        if self.sqlite:
            self._file = WorkerFile(workers_folder(), self.me.worker)
        await self.reads.run(lambda: self.reads.reader.register(self.me, self.engine.identity, (ABI_MIN, ABI)))
        if previous is not None:
            await self.reads.run(self._give_up, previous.me)
        self.lease = Lease(self.times, deadly=self.engine.deadly)
        loop = asyncio.get_running_loop()
        vendor = connections[self.engine.alias].vendor
        self.journal = Journal(loop, self.me, vendor, self.lease.note, self.engine.alias)
        self.limits = Limits(self.journal, self._limits_of)
        self.journal.start()

    def _give_up(self, old: Me) -> None:
        """Our own lease that ran out: its runs are queued again and it counts against none of them."""
        row = self.reads.reader.store.run(
            "SELECT fence, beat, seq FROM workflows_worker WHERE id = %s", (self._id(old),)
        )
        found = row.fetchone()
        if found is not None:
            self.reads.reader.take_over(
                Sighting(old.worker, int(found[0]), int(found[1]), int(found[2]), innocent=True)
            )

    def _id(self, me: Me) -> Any:
        return self.reads.reader.store.id(me.worker)

    async def run(self) -> End:
        """Work until drained, fenced or taken over."""
        await self._beat_once()
        bell = make_bell(self.me.worker, connections[self.engine.alias].settings_dict, self.ring, self.previews.watch)
        sweeper = Sweeper(self.reads, self.clients, self.times, self.me)
        loops: tuple[Coroutine[Any, Any, None], ...] = (
            bell.listen(),
            self._beats(),
            self._claims(),
            self._guard(),
            self._watch_others(),
            self._owned(),
            sweeper.run(),
            TriggerLoop(self.reads, self.times, self.clients).run(),
            Checkups(self.reads, self.clients, self.times).run(),
            self.previews.run(),
            self.limits.keep_shares(),
        )
        self._tasks = [asyncio.ensure_future(loop) for loop in loops]
        draining = asyncio.ensure_future(self._draining.wait())
        await asyncio.wait([*self._tasks, draining], return_when=asyncio.FIRST_COMPLETED)
        draining.cancel()
        if self._end is None and not self._draining.is_set():
            failed = next(task for task in self._tasks if task.done())
            failed.result()
        if self._end is None:
            self._end = End.DRAINED
            await self._drain()
        await self.close()
        return self._end

    async def close(self) -> None:
        """Nothing of this lease goes on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._drop_walks()
        if self.journal is not None:
            if self._end is End.DRAINED:
                self.journal.stop()
            else:
                self.journal.fence()
            await asyncio.get_running_loop().run_in_executor(None, self.journal.join, 10.0)
        if self._end is End.DRAINED:
            with suppress(Error):
                await self.reads.run(self._leave)
        if self.lease is not None:
            self.lease.end()
        if self._file is not None:
            self._file.close()

    def _leave(self) -> None:
        owned = self.reads.reader.owned(self.me)
        if owned:
            self.reads.reader.release(self.me, owned)
        self.reads.reader.end_worker(self.me, "stopped")

    def drain(self) -> None:
        """Claim nothing more and end as soon as what is in flight has come back."""
        self._draining.set()

    async def _drain(self) -> None:
        with suppress(Error):
            await self.reads.run(lambda: self.reads.reader.end_worker(self.me, "draining"))
        for driver, _ in list(self.walks.values()):
            driver.end("drain")
        if self.walks:
            await asyncio.wait([task for _, task in self.walks.values()], timeout=self.times.drain)

    async def _drop_walks(self) -> None:
        tasks = [task for _, task in self.walks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finish(self, end: End) -> None:
        self._end = self._end or end
        self._draining.set()

    # Beats and fences

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(self.times.beat)
            await self._beat_once()

    async def _beat_once(self) -> None:
        assert self.journal is not None
        self.journal.in_flight = len(self.walks)
        with suppress(Exception):
            await self.journal.beat()

    async def _guard(self) -> None:
        """The soft fence, the parent, and threads that never came back; looked at often because it is cheap."""
        assert self.lease is not None and self.journal is not None
        while self._end is None:
            if self.journal.taken_over:
                self._finish(End.TAKEN_OVER)
            elif self.lease.lost:
                log.error("no beat for %.1f s: calls are aborted and walks dropped", self.lease.age)
                self.lease.disarm()
                self._finish(End.FENCED)
            elif self.engine.parent_alive is not None and not self.engine.parent_alive():
                log.warning("the supervisor is gone: draining")
                self._draining.set()
            elif self.pool.leaked >= MOST_LEAKS:
                log.error("%d calls never came back: draining", self.pool.leaked)
                self._draining.set()
            await asyncio.sleep(min(0.25, self.times.poll / 4))

    # House (effects)

    async def before_send(self) -> None:
        """Return only while the lease allows a change to leave."""
        assert self.lease is not None and self.journal is not None
        while not self.lease.may_send:
            await self.journal.beat()

    async def read_effect(self, effect: UUID) -> EffectRecord | None:
        """The effect's row as it is now."""
        return await self.reads.run(lambda: self.reads.reader.effect(effect))

    async def read_cached(self, workspace: UUID, key: str) -> CacheRecord | None:
        """The result that is kept under a key, while it is fresh."""
        return await self.reads.run(lambda: self.reads.reader.cached(workspace, key))

    async def on_database(self, function: Any) -> Any:
        """Run a function where the database may be used, in a transaction of its own."""
        return await self.reads.run(self.reads.in_transaction, function)

    async def _limits_of(self, connection: UUID) -> View:
        return await self.reads.run(lambda: look(self.reads.reader.store, connection))

    # Loader (driver)

    async def load(self, run: ClaimedRun) -> Loaded:
        """The plan, the records and the connections of a run."""
        ready = self.reads.ready_plan(run)
        return ready if ready is not None else await self.reads.run(self.reads.load, run)

    def records(self, run: UUID) -> RunRecords:
        """What is stored of a run, to be read as it is needed."""
        return RunRecords(self.reads, run, self.engine.at_hand)

    async def current(self, run: UUID) -> tuple[int, int, str] | None:
        """(fence, wake_seq, ending) of a run this worker owns."""
        found = await self.reads.run(lambda: self.reads.reader.owned(self.me, [run]))
        return found.get(run)

    # Claims

    def ring(self, run: UUID | None) -> None:
        """There may be work; or this run was changed outside."""
        if run is not None and run in self.walks:
            self._named.add(run)
        self._bell.set()

    async def _claims(self) -> None:
        while not self._draining.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), self.times.poll)
            self._bell.clear()
            try:
                await self._look_at_named()
                if await self._claim_once():
                    self._bell.set()
            except Error as problem:
                log.warning("claiming failed, trying again: %s", problem)
                await asyncio.sleep(0.2)
            await asyncio.sleep(CLAIM_APART)

    async def _claim_once(self) -> bool:
        """One claim; True: there may be more."""
        room = settings.ENGINE_RUNS - len(self.walks)
        if self._suspects or room <= 0 or not self._memory_left():
            await self._still_here()
            return False
        crashpoint("P05")
        return await self._take(*await self.reads.run(self._look), room)

    async def _offload(self, function: Any) -> Any:
        """One helper thread for templates with loops."""
        return await asyncio.get_running_loop().run_in_executor(self.engine.helper, function)

    async def _still_here(self) -> None:
        """Not claiming is no sign of being stuck: say so, now and then."""
        if time.monotonic() - self._said > STILL_HERE:
            self._said = time.monotonic()
            await self.reads.run(lambda: self.reads.reader.touch(self.me))

    def _look(self) -> tuple[int, int]:
        self.reads.reader.wake_due()
        for run in self.turns.give(self.reads.reader.store):
            ring_after_commit(run)
        return self.reads.reader.due()

    async def _take(self, due: int, suspects: int, room: int) -> bool:
        idle = not self.walks and due <= suspects
        if suspects and (self.eldest or idle):
            if self.walks:
                self._make_room()
                await self._still_here()
                return False
            self._suspects_since = None
            most = min(room, CLAIM_AT_MOST)
            taken = await self.reads.run(lambda: self.reads.reader.claim_suspects(self.me, most))
            self._suspects = {run.id for run in taken or ()}
            self._begin(taken)
            return False
        if due <= suspects:
            await self._still_here()
            return False
        crowd, room = self._crowd(room)
        limit = min(room, CLAIM_AT_MOST, max(16, math.ceil(due / self.live_workers)))
        return self._begin(await self.reads.run(lambda: self.reads.reader.claim(self.me, limit, crowd)))

    def _crowd(self, room: int) -> tuple[frozenset[UUID], int]:
        """The last places of a worker are not for the workspaces that fill it: who is passed over, and the room left.

        Where there is only one workspace it has all places.
        """
        last = settings.ENGINE_RUNS // LAST_PLACES if self.shared else 0
        if room > last:
            return frozenset(), room - last
        counts = Counter(driver.run.workspace_id for driver, _ in self.walks.values())
        return frozenset(workspace for workspace, count in counts.items() if count > settings.ENGINE_RUNS // 2), room

    def _make_room(self) -> None:
        """Suspects wait to be walked apart: the walks that go on here are handed back for others to go on with."""
        since = self._suspects_since = self._suspects_since or time.monotonic()
        if time.monotonic() - since > HAND_OVER:
            for driver, _ in self.walks.values():
                driver.end("drain")
        else:
            asyncio.get_running_loop().call_later(HAND_OVER, self._bell.set)

    def _begin(self, runs: list[ClaimedRun] | None) -> bool:
        if runs is None:
            self._finish(End.TAKEN_OVER)
            return False
        crashpoint("P06")
        assert self.journal is not None
        for run in runs:
            driver = Driver(run, self.journal, self, self, self.clients, _url_of, self._offload)
            driver.outside = RunOutside(self.reads, run, _url_of)
            driver.on_acquitted = partial(self._acquit, run, driver)
            task = asyncio.ensure_future(driver.drive())
            self.walks[run.id] = (driver, task)
            task.add_done_callback(partial(self._ended, run.id))
        return bool(runs)

    def _ended(self, run: UUID, task: asyncio.Task[None]) -> None:
        ended = self.walks.pop(run, None)
        if ended is not None and ended[0].run.takes_turns:
            self.turns.want()
            self._bell.set()
        self._no_suspect(run)
        if not self.walks:
            self._bell.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("driving run %s failed", run, exc_info=task.exception())

    def _acquit(self, run: ClaimedRun, driver: Driver) -> None:
        """A suspect has survived the step it was suspected for: it is a run like others, and need not be apart."""
        driver.acquitted()
        task = asyncio.ensure_future(self._acquitted(run))
        self._tasks_aside.add(task)
        task.add_done_callback(self._tasks_aside.discard)

    async def _acquitted(self, run: ClaimedRun) -> None:
        with suppress(Error):
            await self.reads.run(self.reads.reader.acquit, self.me, run.id, run.fence)
            self._no_suspect(run.id)

    def _no_suspect(self, run: UUID) -> None:
        """One suspect less; after the last one others are claimed again."""
        if run in self._suspects:
            self._suspects.discard(run)
            if not self._suspects:
                self._bell.set()

    def _memory_left(self) -> bool:
        return not self.walks or memory_mb() < settings.ENGINE_MEMORY_MB

    # What changed outside

    async def _look_at_named(self) -> None:
        named, self._named = self._named & self.walks.keys(), set()
        if named:
            self._tell(await self.reads.run(lambda: self.reads.reader.owned(self.me, named)))

    def _tell(self, found: dict[UUID, tuple[int, int, str]]) -> None:
        for run, (fence, wake_seq, ending) in found.items():
            driver = self.walks.get(run)
            if driver is not None and driver[0].run.fence == fence:
                driver[0].changed(wake_seq, ending)

    async def _owned(self) -> None:
        """I22: what I own is what I walk; and changes whose bell was lost."""
        while True:
            await asyncio.sleep(self.times.owned_check)
            with suppress(Error):
                before = set(self.walks)
                found = await self.reads.run(lambda: self.reads.reader.owned(self.me))
                self._tell(found)
                lost = [run for run in found if run not in before and run not in self.walks]
                if lost and not self._draining.is_set():
                    log.warning("%d runs are mine and not walked: released", len(lost))
                    await self.reads.run(self.reads.reader.release, self.me, lost)

    # Other workers

    async def _watch_others(self) -> None:
        while True:
            with suppress(Error):
                workers = await self.reads.run(self.reads.reader.workers)
                for seen in await asyncio.to_thread(self._watch.dead, workers, self.me.worker):
                    count = await self.reads.run(self.reads.reader.take_over, seen)
                    if count is not None:
                        crashpoint("P17")
                        log.warning("worker %s is dead; %d runs are queued again", seen.worker, count)
                        self._bell.set()
                        if self.sqlite:
                            forget(workers_folder(), seen.worker)
                self.shared = await self.reads.run(self.reads.reader.is_shared)
                live = sorted(seen.worker for seen, _, state in workers if state == "live")
                self.live_workers, self.eldest = max(1, len(live)), not live or live[0] == self.me.worker
            await asyncio.sleep(self.times.poll / 2)


def memory_mb() -> float:
    """This process's resident memory."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 1024 / 1024


def _url_of(run: ClaimedRun) -> str:
    """The run's page; spelled out here so that no worker imports the web's views (a test compares)."""
    return f"{settings.PUBLIC_URL}/w/{run.workspace_slug}/runs/{run.id}"
