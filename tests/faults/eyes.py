"""Eyes on the database, beside the product and without it: who owns which run now, and how soon it is owned again.

Recovery is measured a run at a time, from the blow that hit its owner: *pure* until it is claimed again, *effect* (a
change was on its way) until that change is known to have happened or not.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

LOOK_EVERY = 0.05
AT_ONCE = 400
PATIENCE = 60.0
OPEN = "state IN ('sent', 'unknown')"
ENDED = ("succeeded", "failed", "cancelled", "timed_out")


class Eyes:
    """One reading connection of the test's own."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.sqlite = not database_url
        if self.sqlite:
            path = f"file:{folder / 'orchestrator.sqlite3'}?mode=ro"
            self._db: Any = sqlite3.connect(path, uri=True, isolation_level=None, check_same_thread=False, timeout=10)
        else:
            self._connect = lambda: _postgres(database_url)
            self._db = self._connect()
        self._lock = threading.Lock()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """A query, written with %s; UUIDs come as 32 hex digits."""
        with self._lock:
            if self.sqlite:
                found = self._db.execute(sql.replace("%s", "?"), values).fetchall()
            else:
                found = self._patiently(sql, values)
        return [tuple(value.hex if isinstance(value, UUID) else value for value in row) for row in found]

    def _patiently(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The server may be down or restarting: that is part of some stories."""
        import psycopg

        end = time.monotonic() + PATIENCE
        while True:
            try:
                return list(self._db.execute(sql, values).fetchall())
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
                with suppress(psycopg.OperationalError):
                    self._db = self._connect()

    def one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """The first value."""
        return self.rows(sql, values)[0][0]

    def close(self) -> None:
        """Look no more."""
        with self._lock:
            self._db.close()

    def workers(self) -> list[tuple[int, int]]:
        """(pid, runs it holds) of every process with a live lease, those that are still there."""
        sql = (
            "SELECT w.pid, (SELECT count(*) FROM workflows_run r WHERE r.worker_id = w.id) FROM workflows_worker w "
            "WHERE w.state = 'live'"
        )
        return [(int(pid), int(held)) for pid, held in self.rows(sql) if runs(int(pid))]

    def unfinished(self) -> int:
        """Runs that have not ended."""
        marks = ", ".join(["%s"] * len(ENDED))
        return int(self.one(f"SELECT count(*) FROM workflows_run WHERE status NOT IN ({marks})", ENDED))

    def failed(self, code: str) -> int:
        """Runs that failed for this reason."""
        return int(
            self.one("SELECT count(*) FROM workflows_run WHERE status = 'failed' AND error LIKE %s", (f"%{code}%",))
        )

    def claims(self) -> int:
        """How often runs have been claimed."""
        return int(self.one("SELECT COALESCE(sum(claims), 0) FROM workflows_run"))

    def claimed(self, ids: Sequence[str]) -> int:
        """How many of these runs have been claimed."""
        sql = f"SELECT count(*) FROM workflows_run WHERE claims > 0 AND id IN ({_marks(ids)})"
        return int(self.one(sql, self.ids(ids)))

    def ids(self, keys: Sequence[str]) -> list[Any]:
        """Ids as this database takes them."""
        return [UUID(key).hex if self.sqlite else UUID(key) for key in keys]

    def unknown(self) -> int:
        """Changes of ended runs whose outcome nobody knows yet and a look can tell."""
        sql = (
            "SELECT count(*) FROM workflows_effect e JOIN workflows_steprun s ON s.id = e.step_run_id "
            "WHERE e.state = 'unknown' AND e.resolution = '' AND s.action = 'fake.make'"
        )
        return int(self.one(sql))

    def asking(self) -> int:
        """Questions, approvals and events that runs wait for."""
        sql = "SELECT count(*) FROM workflows_wait WHERE decided_at IS NULL AND kind <> 'timer'"
        return int(self.one(sql))


def _postgres(url: str) -> Any:
    import psycopg

    return psycopg.connect(url, autocommit=True, connect_timeout=5)


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    return state_of(pid) not in ("", "Z", "X")


def state_of(pid: int) -> str:
    """The kernel's letter for a process: R, S, D, T (stopped), Z; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


@dataclass
class Hit:
    """A run or an effect whose owner was hit, and when."""

    at: float
    fence: int = 0


@dataclass
class Recovery:
    """Notes blows and watches until what they hit goes on."""

    eyes: Eyes
    pure: list[float] = field(default_factory=list)
    effect: list[float] = field(default_factory=list)
    hits: int = 0
    _runs: dict[str, Hit] = field(default_factory=dict)
    _effects: dict[str, Hit] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)

    def hit(self, pid: int) -> int:
        """This process was hit just now: what it owned is waited for. How many runs that were."""
        return self._hit("w.pid = %s", pid)

    def hit_host(self, host: str) -> int:
        """All workers of this host were hit."""
        return self._hit("w.host = %s", host)

    def _hit(self, where: str, value: Any) -> int:
        at = time.monotonic()
        sql = (
            "SELECT r.id, r.fence FROM workflows_run r JOIN workflows_worker w ON w.id = r.worker_id "
            f"WHERE {where} AND w.state IN ('live', 'draining')"
        )
        owned = self.eyes.rows(sql, (value,))
        effects: list[tuple[Any, ...]] = []
        for part in _parts([run for run, _ in owned]):
            sql = f"SELECT id, run_id FROM workflows_effect WHERE {OPEN} AND run_id IN ({_marks(part)})"
            effects += self.eyes.rows(sql, self.eyes.ids(part))
        changing = {run for _, run in effects}
        with self._lock:
            self.hits += 1
            for run, fence in owned:
                if run not in changing:
                    self._runs[run] = Hit(at, int(fence))
            for effect, _ in effects:
                self._effects[effect] = Hit(at)
        return len(owned)

    def look(self) -> None:
        """What goes on again is written down."""
        with self._lock:
            runs, effects = dict(self._runs), dict(self._effects)
        for part in _parts(list(runs)):
            sql = f"SELECT id, fence, status FROM workflows_run WHERE id IN ({_marks(part)})"
            for run, fence, status in self.eyes.rows(sql, self.eyes.ids(part)):
                if int(fence) > runs[run].fence or status in ENDED:
                    self._done(self._runs, self.pure, run, runs[run])
        for part in _parts(list(effects)):
            sql = f"SELECT id FROM workflows_effect WHERE NOT {OPEN} AND id IN ({_marks(part)})"
            for (effect,) in self.eyes.rows(sql, self.eyes.ids(part)):
                self._done(self._effects, self.effect, effect, effects[effect])

    def _done(self, waiting: dict[str, Hit], into: list[float], key: str, hit: Hit) -> None:
        with self._lock:
            if waiting.get(key) is hit:
                del waiting[key]
                into.append(time.monotonic() - hit.at)

    def forget_asked(self) -> None:
        """Changes that a person must decide are not waited for."""
        sql = "SELECT effect_id FROM workflows_wait WHERE effect_id IS NOT NULL"
        asked = {row[0] for row in self.eyes.rows(sql)}
        with self._lock:
            for effect in asked & self._effects.keys():
                del self._effects[effect]

    def __enter__(self) -> Recovery:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join()
        self.look()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_EVERY):
            try:
                self.look()
            except Exception:
                time.sleep(0.2)  # the database is away: part of some stories


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which this share lies; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)


def _marks(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _parts(values: list[str]) -> list[list[str]]:
    return [values[at : at + AT_ONCE] for at in range(0, len(values), AT_ONCE)]
