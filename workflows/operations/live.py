"""What changed in a run since a caller last looked: for the live page and the API's event stream.

One hub thread per process asks the database for all watched runs at once; every stream listens to the hub
(engine.md §12: at most 48 streams a process, each at most 60 s; whoever finds no place polls).
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.db import close_old_connections, connection

from workflows.engine.bells import ring_watched
from workflows.models import Preview, Run, RunEvent, StepRun
from workflows.models.run import TERMINAL

MAX_STREAMS = 48
STREAM_SECONDS = 60.0
POLL_SECONDS = 0.3
KEEP_ALIVE_SECONDS = 15.0
TELL_ENGINES_SECONDS = 5.0


@dataclass(frozen=True)
class Changes:
    """A run as it stands, the steps that changed after `after`, its transitions so far, and the newest `seq`."""

    run: Run
    steps: list[StepRun]
    events: list[RunEvent]
    seq: int

    @property
    def is_final(self) -> bool:
        """Whether the run has ended and this is all of it."""
        return self.run.is_terminal


@dataclass(frozen=True)
class Writing:
    """What models of this run are writing right now: the text so far, by step run. No record, and it may be late."""

    run: UUID
    texts: dict[UUID, str]


def changes(run: Run, after: int = 0) -> Changes:
    """What changed in this run after step sequence number `after` (0: everything). Reads the run anew."""
    fresh = Run.objects.of(run.workspace_id).select_related("workflow", "version", "workspace").get(pk=run.pk)
    steps = list(
        StepRun.objects.of(run.workspace_id)
        .filter(run=run, seq__gt=after)
        .select_related("connection")
        .prefetch_related("attempts")
        .order_by("seq")
    )
    events = list(RunEvent.objects.of(run.workspace_id).filter(run=run).order_by("id"))
    return Changes(fresh, steps, events, max([after, *(step.seq for step in steps)]))


def writing(run: Run) -> dict[UUID, str]:
    """The text that each running model step has written so far, where somebody watches."""
    return dict(Preview.objects.of(run.workspace_id).filter(run=run).values_list("step_run_id", "text"))


@dataclass
class _Watch:
    run: UUID
    bell: queue.SimpleQueue[bool] = field(default_factory=queue.SimpleQueue)
    shown: dict[UUID, str] = field(default_factory=dict)


class LiveHub:
    """Rings every watcher of a run when its row or one of its steps has moved."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: list[_Watch] = []
        self._seen: dict[UUID, tuple[object, ...]] = {}
        self._texts: dict[UUID, dict[UUID, str]] = {}
        self._told: dict[UUID, float] = {}
        self._thread: threading.Thread | None = None

    def watch(self, run: UUID) -> _Watch | None:
        """A place for one stream, or None when all places are taken."""
        with self._lock:
            if len(self._watches) >= MAX_STREAMS:
                return None
            place = _Watch(run)
            self._watches.append(place)
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="live-hub", daemon=True)
                self._thread.start()
            return place

    def leave(self, place: _Watch) -> None:
        """Give the place back."""
        with self._lock:
            self._watches.remove(place)

    def _listen(self) -> None:
        try:
            while self._ring_what_moved():
                time.sleep(POLL_SECONDS)
        finally:
            connection.close()

    def _ring_what_moved(self) -> bool:
        """One look at all watched runs; False when nobody watches any more (the thread then ends)."""
        with self._lock:
            if not self._watches:
                self._thread, self._seen, self._texts, self._told = None, {}, {}, {}
                return False
            watches = list(self._watches)
        runs = {place.run for place in watches}
        close_old_connections()
        states, texts = _states(runs), _texts(runs)
        moved = {run for run in runs if self._seen.get(run) != states.get(run)}
        written = {run for run in runs if self._texts.get(run) != texts.get(run)}
        self._seen, self._texts = states, texts
        for place in watches:
            if place.run in moved:
                place.bell.put(True)
            elif place.run in written:
                place.bell.put(False)
        self._tell_engines({run for run, state in states.items() if state[0] not in TERMINAL})
        return True

    def texts(self, run: UUID) -> dict[UUID, str]:
        """What models of a run were writing at the last look."""
        return dict(self._texts.get(run, {}))

    def _tell_engines(self, runs: set[UUID]) -> None:
        """Now and then: these runs are looked at, so their models' words are worth showing."""
        at = time.monotonic()
        self._told = {run: told for run, told in self._told.items() if run in runs}
        for run in runs:
            if at - self._told.get(run, 0.0) >= TELL_ENGINES_SECONDS:
                self._told[run] = at
                ring_watched(run)


def _states(runs: set[UUID]) -> dict[UUID, tuple[object, ...]]:
    from django.db.models import Max

    rows = (
        Run.objects.unscoped("the live hub looks at every watched run; each stream was checked before")
        .filter(pk__in=runs)
        .annotate(newest=Max("steps__seq"))
        .values_list("pk", "status", "ending", "cost_usd", "newest")
    )
    return {row[0]: tuple(row[1:]) for row in rows}


def _texts(runs: set[UUID]) -> dict[UUID, dict[UUID, str]]:
    found: dict[UUID, dict[UUID, str]] = {}
    rows = Preview.objects.unscoped("the live hub looks at every watched run; each stream was checked before")
    for run, step, text in rows.filter(run_id__in=runs).values_list("run_id", "step_run_id", "text"):
        found.setdefault(run, {})[step] = text
    return found


hub = LiveHub()


def stream(run: Run, after: int = 0) -> Iterator[Changes | Writing | None]:
    """Yield the changes of a run as they come, and what its models write; ends with the run or after 60 s.

    None is a sign of life every 15 s. Yields the state at once. Raises `queue.Full` when all places are taken (the
    caller answers 503: poll instead).
    """
    place = hub.watch(run.pk)
    if place is None:
        raise queue.Full
    try:
        yield from _follow(run, after, place)
    finally:
        hub.leave(place)


def _follow(run: Run, after: int, place: _Watch) -> Iterator[Changes | Writing | None]:
    end = time.monotonic() + STREAM_SECONDS
    while True:
        found = changes(run, after)
        after = found.seq
        yield found
        if found.run.status in TERMINAL:
            return
        if (words := _new_words(run.pk, place)).texts:
            yield words
        while not (moved := _rang(place, min(KEEP_ALIVE_SECONDS, end - time.monotonic()))):
            if time.monotonic() >= end:
                return
            yield None if moved is None else _new_words(run.pk, place)


def _new_words(run: UUID, place: _Watch) -> Writing:
    """The texts that this place has not been shown yet."""
    texts = hub.texts(run)
    fresh = {step: text for step, text in texts.items() if place.shown.get(step) != text}
    place.shown = texts
    return Writing(run, fresh)


def _rang(place: _Watch, seconds: float) -> bool | None:
    """True: the run has moved; False: only new words; None: nothing so far."""
    try:
        moved = place.bell.get(timeout=max(0.01, seconds))
    except queue.Empty:
        return None
    while not place.bell.empty():
        moved = place.bell.get_nowait() or moved
    return moved
