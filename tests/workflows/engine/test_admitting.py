"""Who may call now, and who is told to ask again: one worker's part of the limits, over a journal in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError

from integrations.errors import RateLimited, Rejected, Unavailable, Unreadable
from orchestrator_site.lib.ids import uuid7
from workflows.engine.limit_rows import Answer, Ask, View
from workflows.engine.limits import Limits, is_failure
from workflows.engine.pace import Share, grant, share

PLACE = uuid7()


class World:
    """A clock, and the rows of one connection."""

    def __init__(self, **view: Any) -> None:
        self.at, self.view = 1000.0, View(service="github", base_url="https://own", **view)
        self.taken: dict[str, float] = {}
        self.told: list[Ask] = []
        self.share = Share(0, 0)
        self.others: list[Share] = []
        self.stuck: asyncio.Future[Any] | None = None
        self.limits = Limits(self, self.read, lambda: self.at, lambda: 0.5)  # type: ignore[arg-type]

    async def read(self, connection: Any) -> View:
        if isinstance(self.view, Exception):
            raise self.view
        return self.view

    async def ask(self, asked: Ask) -> Answer:
        if self.stuck is not None:
            await self.stuck
        answer = Answer(probe=True)
        if asked.tokens:
            given, later = grant(self.taken, asked.limits, asked.tokens, self.at)
            answer.tokens, answer.later = [moment - self.at for moment in given], later - self.at
        if asked.slots:
            in_use, wanted, limit = asked.slots
            answer.held, answer.slots = share(limit, Share(self.share.held, wanted), in_use, self.others)
            self.share = Share(answer.held, wanted)
        return answer

    def tell(self, learned: Ask, stored: Callable[[], None]) -> None:
        self.told.append(learned)
        stored()


async def admit(world: World, step: Any, change: bool = False) -> str:
    held = await world.limits.admit(step, PLACE, change=change)
    return held.why if held else "goes"


def test_those_who_wait_for_a_token_go_in_the_order_in_which_they_came():
    async def story() -> list[int]:
        world, steps, gone = World(per_minute=60), [uuid7() for _ in range(12)], []
        for _ in range(400):
            for number, step in enumerate(steps):
                if number not in gone and await world.limits.admit(step, PLACE, change=False) is None:
                    gone.append(number)
                    world.limits.spend(step)
                    world.limits.leave(step)
            world.at += 0.1
        return gone

    assert asyncio.run(story()) == list(range(12))


def test_each_call_of_a_step_needs_a_token_and_one_that_has_not_left_needs_none():
    async def story() -> list[str]:
        world, step = World(per_minute=1), uuid7()
        said = [await admit(world, step), await admit(world, step)]
        world.limits.spend(step)
        return [*said, await admit(world, step)]

    assert asyncio.run(story()) == ["goes", "goes", "rate"]


def test_who_is_held_back_in_the_middle_of_an_attempt_holds_no_place():
    async def story() -> list[str]:
        world, first, second = World(per_minute=1, at_once=1), uuid7(), uuid7()
        said = [await admit(world, first)]
        world.limits.spend(first)
        said.append(await admit(world, first))
        world.at += 61
        return [*said, await admit(world, second)]

    assert asyncio.run(story()) == ["goes", "rate", "goes"]


def test_a_call_that_is_cancelled_while_it_waits_leaves_its_place_free():
    async def story() -> tuple[str, int]:
        world = World(at_once=1, per_minute=600)
        await world.limits.admit(uuid7(), uuid7(), change=False)  # another connection
        world.stuck = asyncio.get_running_loop().create_future()
        waiting = asyncio.ensure_future(admit(world, uuid7()))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        world.stuck = None
        world.at += 1
        return await admit(world, uuid7()), world.limits._known[PLACE].in_use

    assert asyncio.run(story()) == ("goes", 1)


def test_a_place_that_is_given_back_goes_to_who_waits_for_it_at_once():
    async def story() -> list[str]:
        world, first, second = World(at_once=1), uuid7(), uuid7()
        said = [await admit(world, first)]
        waiting = asyncio.ensure_future(admit(world, second))
        await asyncio.sleep(0.01)
        world.limits.leave(first)
        return [*said, await waiting]

    assert asyncio.run(story()) == ["goes", "goes"]


def test_while_the_database_does_not_answer_what_was_known_goes_on_to_hold():
    async def story() -> list[str]:
        world, step = World(blocked=30.0), uuid7()
        said = [await admit(world, step)]
        world.view = OperationalError("gone")  # type: ignore[assignment]
        world.at += 29
        said.append(await admit(world, step))
        world.at += 2
        return [*said, await admit(world, step)]

    assert asyncio.run(story()) == ["limit", "limit", "goes"]


def test_an_answer_to_slow_down_without_a_time_is_taken_for_longer_and_longer():
    async def story() -> list[float]:
        world = World()
        for _ in range(3):
            assert await admit(world, uuid7()) == "goes"
            for _ in range(5):  # calls that were under way together are one answer
                world.limits.note(PLACE, RateLimited("Too many.", status=429, refused=True))
            world.at += 100
        world.limits.note(PLACE, Unavailable("Busy.", status=503, retry_after=7.0))
        return [asked.block for asked in world.told if asked.block]

    assert asyncio.run(story()) == [5.0, 10.0, 20.0, 7.0]


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (None, False),
        (TimeoutError(), True),
        (Unavailable("No connection.", refused=True), True),
        (Unavailable("Late.", code="E_TIMEOUT"), True),
        (Unavailable("Our own time was up.", code="E_TIMEOUT", refused=True), False),
        (Unavailable("Broken.", status=502), True),
        (Unavailable("Somebody else wrote it.", code="E_CONFLICT", status=409, refused=True), False),
        (Unreadable("HTML.", status=200), False),
        (Rejected("No.", status=404), False),
        (RateLimited("Slower.", status=429), False),
    ],
)
def test_a_breaker_counts_what_was_not_answered(error, counts):
    assert is_failure(error) is counts


def test_the_sandbox_has_no_limits():
    async def story() -> str:
        world = World(sandbox=True, blocked=100.0, per_minute=1)
        for _ in range(5):
            assert await admit(world, uuid7()) == "goes"
        return "goes"

    assert asyncio.run(story()) == "goes"
