"""The journal: coroutines hand in records, one thread commits them in groups (engine.md §5).

A batch begins with the worker's own row: fence check, beat and proof in one statement. Records that the database
refuses fail their own run; a lost connection is answered by the same batch again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError, connections

from orchestrator_site.lib.clock import boottime, now
from orchestrator_site.lib.ids import uuid7
from workflows.engine import protocol
from workflows.engine.limit_rows import Answer, Ask
from workflows.engine.protocol import Me, Memo, Verdict
from workflows.engine.records import (
    SPECIAL,
    BlobRecord,
    CacheRecord,
    Encoded,
    Record,
    Stale,
    StepRecord,
    StoreRefused,
)
from workflows.engine.rows import CACHE, ROW_BYTES, STEPS, RowMaker, encoded, json_text
from workflows.engine.shelf import Shelf
from workflows.engine.sql import SqlStore

if TYPE_CHECKING:
    from workflows.engine.stored import RunRecords

log = logging.getLogger(__name__)

BATCH_RECORDS = 200
BATCH_RECORDS_POSTGRES = 1000
BATCH_BYTES = 2 * 1024 * 1024
RUN_UNCOMMITTED = 100
BLOB_BYTES = 10 * 1024 * 1024
OUTPUT_COLUMN = {table.record: [column.name for column in table.columns].index("output") for table in (STEPS, CACHE)}
MOST_RECORDS = 5_000
MOST_BYTES = 32 * 1024 * 1024
LINGER = 0.005
LINGER_PUTS = 150
GUILTY = (DataError, IntegrityError, UnicodeError, OverflowError, ValueError)


class Put:
    """Records of one run that are committed together."""

    __slots__ = ("log", "records", "result", "rows", "size", "waiters")

    def __init__(self, log: RunLog | None, records: tuple[Record, ...], rows: list[Any], size: int) -> None:
        self.log = log
        self.records = records
        self.rows = rows
        self.size = size
        self.result: Any = None
        self.waiters: list[asyncio.Future[None]] = []


class RunLog:
    """One run's part of the journal: what is known of its steps, and what is on its way."""

    def __init__(
        self,
        journal: Journal,
        run_id: UUID,
        fence: int,
        steps: list[StepRecord],
        stored: RunRecords | None = None,
        seq: int = 0,
    ) -> None:
        self.journal, self.run_id, self.fence = journal, run_id, fence
        self.steps = {(step.key, step.path): step for step in steps}
        self.seq = seq
        self.uncommitted = 0
        self.broken: Exception | None = None
        self.last_result: Any = None
        self._tail: Put | None = None
        self._stored = stored

    def find(self, key: str, path: str) -> StepRecord | None:
        """What is known of a step at a place; taken out, for nobody asks twice."""
        return self.steps.pop((key, path), None) if self.steps else None

    async def open(self, paths: Collection[str], keys: Collection[str]) -> None:
        """Load the records of steps with these keys at these places of an unfinished loop."""
        if self._stored is not None:
            for step in await self._stored.at(paths, keys):
                self.steps[(step.key, step.path)] = step

    async def chunks(self, loop: UUID) -> Mapping[int, Mapping[str, Any]]:
        """The chunks of results that an unfinished loop has on record, and what is told of each."""
        return {} if self._stored is None else await self._stored.chunks(loop)

    def keep(self, shelf: Shelf, value: Any, size: int) -> None:
        """Have a value of so many bytes, that is put already, at hand for a while."""
        if self._stored is not None:
            self._stored.at_hand.put(shelf, value, size)

    async def load(self, shelf: Shelf) -> Any:
        """A value that was put: an output, or the text of a chunk. Raises Failure where it is not there any more."""
        stored = self._stored
        assert stored is not None

        async def fetched() -> tuple[Any, int]:
            await self.commit()
            return await stored.value(shelf)

        return await stored.at_hand.get(shelf, fetched)

    def new_id(self) -> UUID:
        """A name for a row."""
        return uuid7()

    def put(self, *records: Record) -> None:
        """Hand in records; they are committed together, in the order in which they are put."""
        if self.broken is not None:
            raise self.broken
        for record in records:
            if type(record) is StepRecord:
                self.seq += 1
                record.seq = self.seq
        put = self.journal.make(self, records)
        self.uncommitted += len(records)
        self._tail = put
        self.journal.submit(put)

    async def commit(self) -> None:
        """Wait until everything put so far is committed. Raises Stale or StoreRefused."""
        if self.uncommitted and self._tail is not None and self.broken is None:
            waiter = asyncio.get_running_loop().create_future()
            self._tail.waiters.append(waiter)
            self.journal.hurry()
            await waiter
        if self.broken is not None:
            raise self.broken

    async def room(self) -> None:
        """Wait while too much is uncommitted."""
        if self.uncommitted >= RUN_UNCOMMITTED or self.journal.full:
            await self.commit()
        elif self.broken is not None:
            raise self.broken


class Journal:
    """Commits in groups on a thread of its own."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        me: Me,
        vendor: str,
        on_beat: Callable[[float], None],
        alias: str = "default",
    ) -> None:
        self.loop, self.me, self.alias = loop, me, alias
        self.rows = RowMaker(vendor)
        self.on_beat = on_beat
        self.records = self.bytes = 0
        self.batches = self.written = 0
        self.in_flight = 0
        self.taken_over = False
        self._seq = 0
        self._most = BATCH_RECORDS if vendor == "sqlite" else BATCH_RECORDS_POSTGRES
        self._queue: deque[Put] = deque()
        self._arrived = threading.Condition()
        self._stop = False
        self._fenced = False
        self._hurry = self._lingering = False
        self._store: SqlStore | None = None
        self._thread = threading.Thread(target=self._main, name="journal", daemon=True)

    # On the loop's thread

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether handing in must wait."""
        return self.records >= MOST_RECORDS or self.bytes >= MOST_BYTES

    def make(self, run_log: RunLog | None, records: tuple[Record, ...]) -> Put:
        """Records as rows; what has no place in the database raises StoreRefused here, before it enters."""
        rows: list[tuple[type, Any]] = []
        size = 0
        for record in records:
            try:
                row = record if type(record) in SPECIAL else self.rows.row(record)
            except (ValueError, TypeError) as problem:
                log.error("a record of run %s is no row: %s", run_log and run_log.run_id, problem)
                raise _refused(records) from problem
            if type(row) is tuple:
                length = sum([len(value) for value in row if type(value) is str or type(value) is bytes])
                if length > ROW_BYTES and isinstance(record, (StepRecord, CacheRecord)):
                    row = self._spill(record, row, rows)
                size += 200 + length
            rows.append((type(record), row))
        return Put(run_log, records, rows, size)

    def _spill(self, record: StepRecord | CacheRecord, row: tuple[Any, ...], rows: list[Any]) -> tuple[Any, ...]:
        """An output of more than 1 MiB goes into a blob of its own; its row refers to it."""
        at, step = OUTPUT_COLUMN[type(record)], record.key if isinstance(record, StepRecord) else record.step
        if row[at] is None or len(row[at]) <= ROW_BYTES:
            return row
        ready = record.output if isinstance(record.output, Encoded) and record.output.sha256 else encoded(record.output)
        content, sha = ready.content, ready.sha256
        if len(content) > BLOB_BYTES:
            message = f"The output of “{step}” has {len(content):,} bytes; at most {BLOB_BYTES:,} are kept."
            raise StoreRefused(message, step=step)
        blob = BlobRecord(uuid7(), sha, len(content), f"{step}.json", "application/json", content, now())
        rows.append((BlobRecord, self.rows.row(blob)))
        return (*row[:at], json_text({"$blob": sha, "size": len(content)}), *row[at + 1 :])

    def submit(self, put: Put) -> None:
        """Queue a put."""
        self.records += len(put.rows)
        self.bytes += put.size
        with self._arrived:
            self._queue.append(put)
            if not self._lingering or self._hurry or len(self._queue) >= LINGER_PUTS:
                self._arrived.notify()

    def hurry(self) -> None:
        """Somebody waits for what is queued: do not linger."""
        self._hurry = True
        if self._lingering:
            with self._arrived:
                self._arrived.notify()

    async def beat(self) -> None:
        """An empty batch: the worker lives."""
        put = Put(None, (), [], 0)
        put.waiters.append(asyncio.get_running_loop().create_future())
        self._hurry = True
        self.submit(put)
        await put.waiters[0]

    async def ask(self, wanted: Ask) -> Answer:
        """Hand in an ask of a connection's limits and wait for the answer. Raises Stale when we are taken over."""
        put = self._ask(wanted)
        self.hurry()
        await put.waiters[0]
        assert isinstance(put.result, Answer)
        return put.result

    def tell(self, learned: Ask, stored: Callable[[], None]) -> None:
        """Hand in what was learned of a connection; `stored` is called when that is over, however it went."""

        def over(waiter: asyncio.Future[None]) -> None:
            if not waiter.cancelled():
                waiter.exception()
            stored()

        self._ask(learned).waiters[0].add_done_callback(over)

    def _ask(self, wanted: Ask) -> Put:
        put = Put(None, (), [(Ask, wanted)], 200)
        put.waiters.append(asyncio.get_running_loop().create_future())
        self.submit(put)
        return put

    def fence(self) -> None:
        """Write nothing more: what is queued is dropped as stale."""
        with self._arrived:
            self._fenced = self._stop = True
            self._arrived.notify()

    def stop(self) -> None:
        """Write what is queued and end."""
        with self._arrived:
            self._stop = True
            self._arrived.notify()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the thread; whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _resolve(self, puts: list[Put]) -> None:
        for put in puts:
            self.records -= len(put.rows)
            self.bytes -= put.size
            error = self._settle(put)
            for waiter in put.waiters:
                if not waiter.done():
                    if error is None:
                        waiter.set_result(None)
                    else:
                        waiter.set_exception(error)

    def _settle(self, put: Put) -> Exception | None:
        if put.log is None:
            return put.result if isinstance(put.result, Exception) else None
        put.log.uncommitted -= len(put.rows)
        if isinstance(put.result, Exception):
            put.log.broken = put.log.broken or put.result
            return put.result
        put.log.last_result = put.result
        return None

    # On the journal's thread

    def _main(self) -> None:
        try:
            self._work()
        except BaseException:
            # No journal means no beat: the lease would run out. End now, so that others take over at once.
            log.critical("the journal failed; this process ends", exc_info=True)
            for handler in logging.getLogger().handlers:
                with contextlib.suppress(Exception):
                    handler.flush()
            os._exit(70)
        finally:
            connections[self.alias].close()

    def _work(self) -> None:
        while True:
            puts = self._take()
            if not puts:
                return
            self._write(puts)

    def _take(self) -> list[Put]:
        with self._arrived:
            while not self._queue and not self._stop:
                self._arrived.wait()
            self._linger()
            taken: list[Put] = []
            records = size = 0
            while self._queue and records < self._most and size < BATCH_BYTES:
                put = self._queue.popleft()
                taken.append(put)
                records += len(put.rows)
                size += put.size
            return taken

    def _linger(self) -> None:
        """While nobody waits, let a batch grow for a moment: fewer commits, the same promises."""
        until = time.monotonic() + LINGER
        self._lingering = True
        while not self._hurry and not self._stop and len(self._queue) < LINGER_PUTS:
            left = until - time.monotonic()
            if left <= 0:
                break
            self._arrived.wait(left)
        self._lingering = self._hurry = False

    def _write(self, puts: list[Put]) -> None:
        """Commit a batch; halve it where the database refuses something, until the guilty put is alone."""
        wanted = [put for put in puts if put.log is None or put.log.broken is None]
        for put in puts:
            if put.log is not None and put.log.broken is not None:
                put.result = put.log.broken
        try:
            if self._fenced or not self._attempt(wanted):
                for put in wanted:
                    put.result = Stale("this worker has been taken over")
        except GUILTY as problem:
            if len(wanted) == 1:
                self._refuse(wanted[0], problem)
            else:
                half = len(wanted) // 2
                self._write(wanted[:half])
                self._write(wanted[half:])
                puts = [put for put in puts if put not in wanted]
        if puts:
            self._hand_back(puts)

    def _hand_back(self, puts: list[Put]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
            self.loop.call_soon_threadsafe(self._resolve, puts)

    def _refuse(self, put: Put, problem: BaseException) -> None:
        log.error("the database refuses a record of run %s: %s", put.log and put.log.run_id, problem)
        refused = _refused(put.records)
        put.result = refused
        if put.log is not None:
            put.log.broken = refused

    def _attempt(self, puts: list[Put]) -> bool:
        """One batch until it is settled; False: taken over."""
        number, memo, waited = self._seq + 1, Memo(), 0.02
        while not self._fenced:
            sent = boottime()
            try:
                verdict = protocol.batch(self._open(), self.me, number, puts, memo)
            except GUILTY:
                self._abandon()
                raise
            except (OperationalError, InterfaceError, DatabaseError) as problem:
                self._abandon(reconnect=True)
                log.warning("the journal tries its batch again: %s", problem)
                time.sleep(waited)
                waited = min(1.0, waited * 2)
                continue
            if verdict is Verdict.TAKEN_OVER:
                self.taken_over = self._fenced = True
                return False
            self._seq = number
            self.on_beat(sent)
            self.batches += 1
            self.written += sum(len(put.rows) for put in puts)
            for put, result in zip(puts, memo.results, strict=True):
                put.result = result
            return True
        return False

    def _open(self) -> SqlStore:
        if self._store is None:
            self._store = SqlStore(connections[self.alias], self.rows, in_flight=lambda: self.in_flight)
            self._store.prepare()
        return self._store

    def _abandon(self, reconnect: bool = False) -> None:
        if self._store is not None:
            with contextlib.suppress(Exception):
                self._store.rollback()
        if reconnect:
            with contextlib.suppress(Exception):
                connections[self.alias].close()
            self._store = None


def _refused(records: tuple[Record, ...]) -> StoreRefused:
    """What a person is told of a value that has no place in the database; the log has the database's own words."""
    step = next((record.key for record in records if isinstance(record, StepRecord)), "")
    what = f"What the step “{step}” was given or made" if step else "A value of this run"
    return StoreRefused(
        f"{what} cannot be stored: it holds a number or a text that the database does not take.", step=step
    )
