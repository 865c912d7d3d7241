"""Branches that are walked at once and end together. Pure. Who ended the others is a record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from workflows.engine.frames import Ended, Finished, Frame, Group
from workflows.engine.records import Failure, StepRecord

if TYPE_CHECKING:
    from workflows.engine.walk import Walk

Name = str | int


class Siblings:
    """The items of a loop or the branches of a parallel, in a group of their own.

    Where all of them have ended before this walk began, it visits them: what one of them still holds is let go.
    When one has ended the others (by a failure, by stopping the run, by winning), that is put on record under
    `decided`; a resumed walk then starts nothing new among them and only answers from their records.
    """

    def __init__(self, walk: Walk, frame: Frame, record: StepRecord) -> None:
        self.walk, self.frame, self.record = walk, frame, record
        self.group = Group(frame.group)
        self.stopped: BaseException | None = None
        self._ended: Ended | None = None
        self.decided: Name | None = record.decision.get("stopped", record.decision.get("winner"))
        self.visits = self.group.is_over
        if self.decided is not None:
            self.group.end("sibling")

    async def one(self, name: Name, work: Callable[[], Awaitable[None]]) -> bool:
        """Walk one of them. False: nothing more is to begin."""
        try:
            if self.decided is None and not self.visits:
                self.group.check()
            await work()
        except Ended as ended:
            if not self.group.ended:
                return True  # resumed: it was cut off when another one failed; that one speaks
            self._ended = self._ended or ended
            return self.decided is not None or self.visits
        except (Failure, Finished) as problem:
            self._stop(name, problem)
            return self.decided is not None
        return True

    def decide(self, how: str, name: Name, kind: str) -> None:
        """Put on record who ended the others, and end them."""
        if self.decided is None and not self.record.decision.keys() & {"stopped", "winner"}:
            self.record.decision = {**self.record.decision, how: name}
            self.walk.log.put(self.record)
        self.group.end(kind)

    def close(self) -> None:
        """They are all done: raises what one of them ended with."""
        self.frame.group.children.discard(self.group)
        if self.stopped is not None:
            raise self.stopped
        if self._ended is not None and "winner" not in self.record.decision:
            raise self._ended

    def _stop(self, name: Name, problem: Failure | Finished) -> None:
        if self.stopped is None or name == self.decided:
            self.stopped = problem
        self.decide("stopped", name, "finished" if isinstance(problem, Finished) else "sibling")


async def side_by_side(walk: Walk, branches: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Walk several branches at once. One of them stands for the branch that waits for them here."""
    left = len(branches)

    async def counted(branch: Coroutine[Any, Any, None]) -> None:
        nonlocal left
        try:
            await branch
        finally:
            left -= 1
            if left:
                walk.active -= 1
                walk.release_if_parked()

    walk.active += left - 1
    tasks = [asyncio.ensure_future(counted(branch)) for branch in branches]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
