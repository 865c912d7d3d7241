"""An agent whose worker dies at any record: what was asked is not asked again, what was done is not done again."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from workflows.engine.interfaces import Task
from workflows.engine.waiting import Answer

from .agent_world import SEARCH, SEND, ForAgents, agent, call, says, script
from .dying import DyingExecutor, Store, World, ended
from .test_crashes import image as whole_image
from .test_waiting import FakeOutside

TOOLS = [SEARCH, {**SEND, "with": {"to": "team"}}]
MODEL = script(
    says("", call("read_search", query="a"), call("nope")),
    says("", call("effect_send", text="one"), call("effect_send", text="two", id="c2")),
    says("", call("effect_send", text="three")),
    says("done"),
)


class AgentDying(ForAgents, DyingExecutor):
    """The dying executor with a model."""

    async def call(self, task: Task) -> Any:
        if task.plan.key != "turn":
            return await super().call(task)
        self.log.alive()
        self.world.calls.append((task.record.key, task.record.path))
        return MODEL(task.record.input["messages"])


BOOKKEEPING = ("wait", "lost", "reserved", "booked", "free")


def image(store: Store) -> dict[tuple[str, str], Any]:
    """Every step as it ended, without what names a wait or counts attempts."""
    return {
        place: (said, {name: value for name, value in decided.items() if name not in BOOKKEEPING}, code)
        for place, (said, decided, code) in whole_image(store).items()
    }


def told(outcomes: dict[str, str], deaths: Any = ()) -> tuple[Any, World, Store]:
    world, store = World(outcomes), Store()
    yes = FakeOutside(answer=Answer("approve", None, "", "mara@example.com", "now"))
    found = ended(
        [agent(*TOOLS, cost_usd=0), {"key": "z", "action": "effect.do", "with": {"text": "{{ steps.work.calls }}"}}],
        world, store, iter(deaths), executor=AgentDying, outside=yes, outputs={"text": "{{ steps.work.text }}"},
    )  # fmt: skip
    return found, world, store


@pytest.mark.parametrize("outcome", ["ok", "lost", "absent", "fails"])
def test_death_at_each_record_in_turn_changes_nothing(outcome):
    outcomes = {"call_1": outcome} if outcome != "fails" else {"call_2": "fails"}
    alone, quiet, whole = told(outcomes)
    assert alone.status == "succeeded" and alone.outputs == {"text": "done"}
    for keeps in (0.0, 1.0):
        for at in range(whole.operations):
            done, world, store = told(outcomes, [(at, keeps)])
            assert (done.status, done.outputs, done.warnings) == (alone.status, alone.outputs, alone.warnings)
            assert world.made == quiet.made and max(world.made.values()) == 1
            assert image(store) == image(whole)


def test_a_recorded_answer_of_the_model_is_never_asked_for_again():
    _, quiet, whole = told({})
    turns = Counter(place for place in quiet.calls if place[0] == "turn")
    assert len(turns) == 4
    for at in range(whole.operations):
        _, world, _store = told({}, [(at, 1.0)])
        again = Counter(place for place in world.calls if place[0] == "turn") - turns
        assert sum(again.values()) <= 1, "at most the one that was under way"


def test_death_after_death_ends_the_same():
    _, quiet, whole = told({"call_1": "lost"})
    deaths = [(at, at % 2) for at in range(3, whole.operations // 2, 5)]
    done, world, store = told({"call_1": "lost"}, deaths)
    assert world.made == quiet.made and image(store) == image(whole) and done.status == "succeeded"
