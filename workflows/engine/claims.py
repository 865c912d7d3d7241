"""Claims, loads and take-overs: what the engine's reads thread does with the database.

Every function here runs on that one thread, on its own connection, outside the event loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from workflows.engine import protocol
from workflows.engine.identity import Identity, certainly_dead, lock_is_free
from workflows.engine.loading import ClaimedRun, Loading
from workflows.engine.protocol import Me, Sighting
from workflows.engine.sql import _marks
from workflows.engine.times import Times

# Said in the words of the partial indexes: with a parameter, or less, SQLite reads every run there ever was.
UNFINISHED = "status IN ('running', 'paused', 'attention')"
PARKED = ("status = 'waiting'", f"{UNFINISHED} AND status = 'attention'")


class Reader(Loading):
    """Rows as the engine's records, and the transactions of the protocol."""

    # Claims

    def claim(self, me: Me, limit: int, crowd: frozenset[UUID] = frozenset()) -> list[ClaimedRun] | None:
        """Take due runs and load them, none of the workspaces that crowd us; None: taken over."""
        self.store.crowd = [self.store.id(workspace) for workspace in crowd]
        taken = self._tried(lambda: protocol.claim(self.store, me, limit))
        return None if taken is None else self.load_runs(taken)

    def claim_suspects(self, me: Me, limit: int) -> list[ClaimedRun] | None:
        """Take runs that were there when a worker died: several, or one that must be alone."""

        def take() -> list[tuple[UUID, int]] | None:
            self.store.begin()
            if self.store.hold_worker(me) == 0:
                self.store.rollback()
                return None
            taken = self.store.take_suspects(me, limit)
            self.store.commit()
            return taken

        taken = self._tried(take)
        return None if taken is None else self.load_runs(taken)

    def _tried(self, transaction: Callable[[], Any]) -> Any:
        try:
            return transaction()
        except BaseException:
            self.store.rollback()
            raise

    def due(self, most: int = 2000) -> tuple[int, int]:
        """How many runs are due (counted up to `most`), and how many of them are suspects."""
        sql = (
            "SELECT count(*), COALESCE(sum(CASE WHEN deaths > 0 THEN 1 ELSE 0 END), 0) FROM (SELECT deaths FROM "
            "workflows_run WHERE status = 'queued' AND due_at <= NOW LIMIT %s) q"
        )
        row = self.store.run(sql, (most,)).fetchone()
        return int(row[0]), int(row[1])

    def is_shared(self) -> bool:
        """Whether there is more than one workspace."""
        return len(self.store.run("SELECT 1 FROM accounts_workspace LIMIT 2").fetchall()) > 1

    def wake_due(self) -> int:
        """Queue parked runs whose moment has come."""
        count = 0
        for parked in PARKED:
            found = f"SELECT id FROM workflows_run WHERE {parked} AND due_at <= NOW LIMIT 500"
            ids = [row[0] for row in self.store.run(found).fetchall()]
            if ids:
                sql = (
                    f"UPDATE workflows_run SET status = 'queued' WHERE id IN ({_marks(ids)}) AND {parked} "
                    "AND due_at <= NOW"
                )
                count += self.in_one(partial(self._changed, sql, ids))
        return count

    def queue_nobodys(self) -> int:
        """Queue runs that are `running` and owned by no worker; how many there were."""
        # An index of worker_id would lead through all runs that have ended: so this asks for it in other words.
        nobodys = "status = 'running' AND CASE WHEN worker_id IS NULL THEN 1 ELSE 0 END = 1"
        found = self.store.run(f"SELECT id FROM workflows_run WHERE {UNFINISHED} AND {nobodys} LIMIT 500").fetchall()
        sql = f"UPDATE workflows_run SET status = 'queued' WHERE id = %s AND {nobodys}"
        return int(self.in_one(lambda: self.store.many(sql, found))) if found else 0

    def queue_forgotten(self) -> int:
        """Queue parked runs that nothing will ever wake: no moment, no open question, no run below; how many."""
        unasked = (
            "AND due_at > '9000-01-01' "
            "AND NOT EXISTS (SELECT 1 FROM workflows_wait w "
            "WHERE w.run_id = workflows_run.id AND w.decided_at IS NULL) "
            "AND NOT EXISTS (SELECT 1 FROM workflows_steprun s JOIN workflows_run c ON c.parent_step_id = s.id "
            "WHERE s.run_id = workflows_run.id AND c.finished_at IS NULL) LIMIT 500"
        )
        queries = [f"SELECT workflows_run.id FROM workflows_run WHERE {_named(parked)} {unasked}" for parked in PARKED]
        found = [row for sql in queries for row in self.store.run(sql).fetchall()]
        change = (
            "UPDATE workflows_run SET status = 'queued', due_at = NOW, wake_seq = wake_seq + 1 "
            "WHERE id = %s AND status IN ('waiting', 'attention')"
        )
        return int(self.in_one(lambda: self.store.many(change, found))) if found else 0

    def _changed(self, sql: str, values: Sequence[Any]) -> int:
        return int(self.store.run(sql, values).rowcount)

    def in_one(self, work: Callable[[], Any]) -> Any:
        """A write transaction of its own."""

        def transaction() -> Any:
            self.store.begin()
            result = work()
            self.store.commit()
            return result

        return self._tried(transaction)

    def forget_results(self) -> int:
        """Delete kept results that are no longer fresh; how many there were."""
        among = "SELECT id FROM workflows_stepcache WHERE expires_at <= NOW LIMIT 1000"
        sql = f"DELETE FROM workflows_stepcache WHERE id IN ({among})"
        return int(self.in_one(lambda: self._changed(sql, ())))

    # What changed outside

    def owned(self, me: Me, only: Iterable[UUID] | None = None) -> dict[UUID, tuple[int, int, str]]:
        """(fence, wake_seq, ending) of the runs this worker owns, or of some of them."""
        sql = "SELECT id, fence, wake_seq, ending FROM workflows_run WHERE worker_id = %s"
        values: list[Any] = [self.store.id(me.worker)]
        if only is not None:
            ids = [self.store.id(run) for run in only]
            sql += f" AND id IN ({_marks(ids)})"
            values += ids
        rows = self.store.run(sql, values).fetchall()
        return {self.store.uuid(row[0]): (int(row[1]), int(row[2]), row[3]) for row in rows}

    def release(self, me: Me, runs: Iterable[UUID]) -> int:
        """Queue runs that this worker owns and does not walk (I22)."""
        ids = [self.store.id(run) for run in runs]
        sql = (
            "UPDATE workflows_run SET worker_id = NULL, status = 'queued' WHERE worker_id = %s AND status = 'running' "
            f"AND id IN ({_marks(ids)})"
        )
        return int(self.in_one(lambda: self.store.run(sql, (self.store.id(me.worker), *ids)).rowcount))

    def acquit(self, me: Me, run: UUID, fence: int) -> int:
        """A run of mine is under suspicion no more."""
        sql = "UPDATE workflows_run SET deaths = 0 WHERE id = %s AND worker_id = %s AND fence = %s"
        values = (self.store.id(run), self.store.id(me.worker), fence)
        return int(self.in_one(lambda: self.store.run(sql, values).rowcount))

    # Workers

    def register(self, me: Me, who: Identity, abi: tuple[int, int]) -> None:
        """A row for this lease."""
        sql = (
            "INSERT INTO workflows_worker (id, fence, seq, beat, state, host, boot_id, pid_ns, pid, pid_start, "
            "abi_min, abi_max, in_flight, beat_at, started_at) "
            "VALUES (%s, %s, 0, 0, 'live', %s, %s, %s, %s, %s, %s, %s, 0, NOW, NOW)"
        )
        values = (self.store.id(me.worker), me.fence, who.host, who.boot_id, who.pid_ns, who.pid, who.pid_start, *abi)
        self.in_one(lambda: self.store.run(sql, values))

    def touch(self, me: Me) -> None:
        """The claim loop lives."""
        self.in_one(lambda: self.store.hold_worker(me))

    def end_worker(self, me: Me, state: str) -> None:
        """The lease ends by our own will (draining, stopped)."""
        sql = (
            "UPDATE workflows_worker SET state = %s, ended_at = CASE WHEN %s = 'stopped' THEN NOW ELSE ended_at END "
            "WHERE id = %s AND fence = %s"
        )
        self.in_one(lambda: self.store.run(sql, (state, state, self.store.id(me.worker), me.fence)))

    def workers(self) -> list[tuple[Sighting, Identity, str]]:
        """Those that have not ended, with who they are; and those declared dead that still own runs."""
        sql = (
            "SELECT id, fence, beat, seq, host, boot_id, pid_ns, pid, pid_start, state FROM workflows_worker "
            "WHERE state IN ('live', 'draining') OR (state IN ('dead', 'stopped') AND EXISTS "
            "(SELECT 1 FROM workflows_run r WHERE r.worker_id = workflows_worker.id))"
        )
        found = []
        for row in self.store.run(sql).fetchall():
            seen = Sighting(self.store.uuid(row[0]), int(row[1]), int(row[2]), int(row[3]))
            found.append((seen, Identity(row[4], row[5], row[6], int(row[7]), row[8]), row[9]))
        return found

    def take_over(self, seen: Sighting) -> int | None:
        """Declare a worker dead and queue its runs again."""
        return self._tried(lambda: protocol.take_over(self.store, seen))  # type: ignore[no-any-return]


class Watch:
    """Finds dead workers: by proof on this machine, elsewhere by seeing them unchanged on one clock."""

    def __init__(self, times: Times, me: Identity, files: Path | None) -> None:
        self.times, self.me, self.files = times, me, files
        self._seen: dict[UUID, tuple[Sighting, float]] = {}

    def dead(self, workers: Iterable[tuple[Sighting, Identity, str]], mine: UUID) -> list[Sighting]:
        """Those of the workers that are dead now."""
        now = time.monotonic()
        found, present = [], set()
        for seen, who, state in workers:
            if seen.worker == mine:
                continue
            present.add(seen.worker)
            if state in ("dead", "stopped"):
                found.append(replace(seen, innocent=state == "stopped"))
            elif self._proven(seen, who) or self._unchanged(seen, now):
                found.append(seen)
        self._seen = {worker: sighting for worker, sighting in self._seen.items() if worker in present}
        return found

    def _proven(self, seen: Sighting, who: Identity) -> bool:
        if certainly_dead(who, self.me):
            return True
        same_machine = bool(who.boot_id) and who.boot_id == self.me.boot_id
        return self.files is not None and same_machine and lock_is_free(self.files, seen.worker)

    def _unchanged(self, seen: Sighting, now: float) -> bool:
        before = self._seen.get(seen.worker)
        if before is None or before[0] != seen:
            self._seen[seen.worker] = (seen, now)
            return False
        return now - before[1] > self.times.observed_dead


def _named(condition: str) -> str:
    """A condition on runs, where other tables have a status too."""
    return condition.replace("status", "workflows_run.status")
