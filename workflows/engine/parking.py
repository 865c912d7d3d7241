"""Branches that wait: they park, and when all of them do, and for long, the run may leave the process. Pure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from workflows.engine.crashpoints import crashpoint
from workflows.engine.frames import Group, Park
from workflows.engine.interfaces import Clock, Released

PARK_IN_MEMORY = 60.0


class Parking:
    """The branches of one walk (`active`: how many there are) that wait, and its alarms.

    `seen` is the number of the change from outside that was seen last.
    """

    def __init__(self, clock: Clock, park_in_memory: float, seen: int) -> None:
        self.clock, self.seen = clock, seen
        self.active = 1
        self._parks: set[Park] = set()
        self._alarms: dict[object, datetime] = {}
        self._release: asyncio.Future[Released] | None = None
        self.park_in_memory(park_in_memory)

    def poke(self, seen: int = 0) -> None:
        """Something changed outside (`seen`, its number): branches that wait for that look again."""
        self.seen = seen
        for park in list(self._parks):
            if park.outside:
                park.event.set()

    def park_in_memory(self, seconds: float) -> None:
        """When every branch waits for longer than this, the run leaves the process."""
        self._park_in_memory = timedelta(seconds=seconds)

    async def park(self, group: Group, due: datetime | None, *, person: bool = False, since: int | None = None) -> None:
        """Let this branch wait until `due`, or until something changes outside; it may wake early.

        `since` is what the caller had seen when it looked last: what has changed since then is not slept through.
        """
        group.check()
        if since is not None and since != self.seen:
            return
        park = Park(due, person, outside=since is not None)
        self._parks.add(park)
        group.parks.add(park)
        self.release_if_parked()
        try:
            await self.clock.wait(park.event, due)
        finally:
            self._parks.discard(park)
            group.parks.discard(park)
        group.check()

    async def sleep_until(self, group: Group, due: datetime) -> None:
        """Park until the moment has come."""
        while self.clock.now() < due:
            await self.park(group, due)
        crashpoint("P21")

    def release_if_parked(self) -> None:
        """If every branch is parked and nothing is due soon, the run may leave this process."""
        if self._release is None or self._release.done() or not self._parks or len(self._parks) < self.active:
            return
        if any(park.event.is_set() for park in self._parks):
            return  # woken, and about to look
        moments = [*(park.due for park in self._parks if park.due is not None), *self._alarms.values()]
        nearest = min(moments) if moments else None
        if nearest is None or nearest - self.clock.now() > self._park_in_memory:
            person = any(park.person for park in self._parks)
            self._release.set_result(Released("attention" if person else "waiting", nearest, self.seen))

    def alarm(self, due: datetime, function: Callable[[], None]) -> Callable[[], None]:
        """Call a function when the moment has come; a run that is released before is woken for it. Gives its end."""
        off, place = self.clock.call_at(due, function), object()
        self._alarms[place] = due

        def quiet() -> None:
            del self._alarms[place]
            off()

        return quiet
