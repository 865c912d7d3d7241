"""An agent, walked without a database: turns and calls are steps, limits hold before a call, a person decides."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from workflows.engine.frames import Finished
from workflows.engine.interfaces import Released, Traits
from workflows.engine.records import Failure, StepRecord, WaitRecord
from workflows.engine.waiting import Answer

from .agent_world import SEARCH, SEND, ForAgents, Script, agent, call, says, script
from .fakes import FakeClock, FakeExecutor, FakeLog, run, walk_of
from .test_waiting import FakeOutside

YES = Answer("approve", None, "", "mara@example.com", "now")
FIXED = {**SEND, "with": {"to": "team"}}
ADDRESS = {"to": "evil"}


class AgentExecutor(ForAgents, FakeExecutor):
    """Tools by name, a model by its script; every call costs time and money."""

    def __init__(self, model: Script, clock: FakeClock, **tools: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.model, self.clock, self.took, self.cost = model, clock, 1.0, Decimal("0.002")
        super().__init__(turn=self._turn, search=tools.get("search", lambda v: {"text": f"found {v['query']}"}),
                         send=tools.get("send", self._send),
                         post=self._send, rewrite=tools.get("rewrite", lambda v: {"text": v["query"]}))  # fmt: skip

    def traits(self, action: str) -> Traits:
        kind = action.partition(".")[0]
        return Traits(kind, 2, kind != "effect", frozenset({"to", "text"}), frozenset({"text"}))

    def _turn(self, values: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(values)
        return self.model(values["messages"])

    def _send(self, values: dict[str, Any]) -> dict[str, Any]:
        self.sent.append(values)
        return {"text": "sent"}

    async def call(self, task: Any) -> Any:
        self.clock.at += timedelta(seconds=self.took)
        if task.record.kind == "model":
            task.cost_usd, task.input_tokens = self.cost, 100
        return await super().call(task)


def work(*turns: dict[str, Any], tools: list[dict] | None = None, outside: Any = None, log: Any = None, **given: Any):
    """The outcome of a run of one agent, its log, and its executor."""
    model = turns[0] if callable(turns[0]) else script(*turns)
    clock = FakeClock()
    executor = AgentExecutor(model, clock, **given.pop("does", {}))
    for name in ("price", "took", "cost"):
        if name in given:
            setattr(executor, name, given.pop(name))
    log = log or FakeLog()
    outside = outside or FakeOutside()
    more = {"inputs": given.pop("inputs", {}), "outputs": given.pop("outputs", {})}
    steps = [agent(*([SEARCH, SEND] if tools is None else tools), **given)]
    return run(walk_of(steps, log, executor, clock, outside=outside, **more)), log, executor


def steps(log: FakeLog) -> dict[str, StepRecord]:
    return {f"{step.path}/{step.key}".lstrip("/"): step for step in log.stored.values()}


def told(executor: AgentExecutor) -> dict[str, Any]:
    """The newest result that the model was told."""
    return executor.asked[-1]["messages"][-1]["results"][-1]


def test_each_turn_and_each_call_is_a_step_and_what_a_tool_gave_is_told_as_data():
    done, log, executor = work(says("", call("read_search", query="mail")), says("It is done"))
    found = steps(log)
    assert done.status == "succeeded" and found["work"].output["text"] == "It is done"
    assert list(found) == ["work", "work[0]/turn", "work[0]/call_1", "work[1]/turn"]
    assert found["work[0]/call_1"].output == {"text": "found mail"}
    assert told(executor) == {"id": "c1", "text": '{"text":"found mail"}', "failed": False, "outside": True}
    output = found["work"].output
    assert (output["turns"], output["calls"], output["failed"], output["stopped"]) == (2, 1, 0, "")
    assert (output["cost_usd"], output["input_tokens"]) == (0.004, 200)
    assert found["work"].tainted, "what a model says is from outside"


def test_the_model_is_told_of_what_it_may_give_and_not_of_what_is_fixed():
    _, _, executor = work(says("done"), tools=[FIXED])
    (tool,) = executor.asked[0]["tools"]
    assert tool["name"] == "effect_send" and list(tool["parameters"]["properties"]) == ["text"]
    assert tool["parameters"]["required"] == ["text"] and "x-role" not in str(tool)
    assert "to is fixed" in tool["description"] and "A person approves each change" in tool["description"]


def test_a_change_waits_for_a_person_who_sees_it_and_the_run_is_released():
    done, log, executor = work(says("", call("effect_send", text="Hello")), tools=[FIXED])
    assert done == Released("waiting", None) and executor.sent == []
    (asked,) = [record for record in log.puts if isinstance(record, WaitRecord)]
    assert asked.kind == "approval" and "to: team" in asked.body and asked.rules["tainted"]
    assert [(one["name"], one["value"], one["required"]) for one in asked.fields] == [("text", "Hello", True)]


def test_what_is_approved_is_done_once_with_the_edits_of_the_person():
    turns = says("", call("effect_send", text="Hello")), says("done")
    _, log, _ = work(*turns, tools=[FIXED])
    edited = Answer("approve", {"text": "Hello Ada"}, "", "mara@example.com", "now")
    done, log, executor = work(*turns, tools=[FIXED], log=FakeLog(log.stored), outside=FakeOutside(answer=edited))
    assert done.status == "succeeded" and executor.sent == [{"text": "Hello Ada", "to": "team"}]
    assert told(executor)["text"].startswith("A person changed text before it was done.")
    assert len(executor.asked) == 1, "the first turn is told from its record"


def test_a_rejection_is_told_to_the_model_and_the_run_goes_on():
    no = Answer("reject", None, "Too soon.", "mara@example.com", "now")
    done, _log, executor = work(
        says("", call("effect_send", text="Hello")), says("I did not"), tools=[FIXED], outside=FakeOutside(answer=no)
    )
    assert done.status == "succeeded" and executor.sent == []
    assert told(executor)["text"] == "A person rejected this call. Too soon." and told(executor)["failed"]
    assert "1 of 1 tool calls" in done.warnings[0]["message"]


@pytest.mark.parametrize(
    "tool, given, asks",
    [
        ({**SEND, "approve": "never", "with": {"to": "team"}}, {}, False),
        ({**SEND, "approve": "never"}, ADDRESS, True),  # nobody has allowed the target
        ({**SEND, "approve": "never", "allow": {"to": ["evil"]}}, ADDRESS, False),
        ({**SEND, "approve": "never", "allow": {"to": ["team"]}}, ADDRESS, True),
        ({**SEND, "allow": {"to": ["evil"]}}, ADDRESS, True),  # it is a change
        ({**SEND, "action": "effect.post", "approve": "never", "allow": {"to": ["a", "b"]}}, {"to": ["b", "a"]}, False),
        ({**SEND, "action": "effect.post", "approve": "never", "allow": {"to": ["a", "b"]}}, {"to": ["b", "c"]}, True),
        ({**SEND, "approve": "always", "with": {"to": "team"}}, {}, True),
    ],
)
def test_a_person_is_asked_unless_the_author_has_fixed_or_allowed_it(tool, given, asks):
    name = tool["action"].replace(".", "_")
    done, _log, executor = work(says("", call(name, text="x", **given)), says("done"), tools=[tool])
    assert (done == Released("waiting", None), bool(executor.sent)) == (asks, not asks)


def test_a_read_asks_nobody_unless_it_is_to():
    turns = says("", call("read_search", query="x")), says("done")
    assert work(*turns, tools=[SEARCH])[0].status == "succeeded"
    assert work(*turns, tools=[{**SEARCH, "approve": "always"}])[0] == Released("waiting", None)


def test_a_fixed_target_that_text_from_outside_fills_is_refused():
    tool = {**SEND, "approve": "never", "with": {"to": "{{ trigger.to | default: 'x' }}"}}
    _done, _log, executor = work(says("", call("effect_send", text="x")), says("done"), tools=[tool])
    assert executor.sent == [] and told(executor)["text"].startswith("E_TAINT")


@pytest.mark.parametrize(
    "asked, why",
    [
        (call("drop_table"), "There is no tool “drop_table”"),
        (call("read_search", problem="It is no JSON."), "could not be read: It is no JSON."),
        (call("read_search"), "query is missing"),
        (call("read_search", query="x", colour="red"), "There is no argument “colour”"),
        (call("read_search", query="x", limit=99), "limit must be at most 20"),
        (call("effect_send", text="x", to="me"), "“to” is fixed"),
    ],
)
def test_a_call_that_cannot_be_used_is_answered_recorded_and_never_made(asked, why):
    done, log, executor = work(says("", asked), says("sorry"), tools=[SEARCH, FIXED])
    assert done.status == "succeeded" and why in told(executor)["text"] and told(executor)["failed"]
    record = steps(log)["work[0]/call_1"]
    assert record.status == "failed" and why in record.error["message"] and executor.sent == []
    assert [key for key, _ in executor.calls] == ["turn", "turn"]


def test_a_model_that_never_learns_to_call_fails_the_step():
    done, log, _ = work(says("", call("nope")), turns=50)
    assert done.error["code"] == "E_TOOL_CALLS" and done.error["step"] == "work"
    assert len([name for name in steps(log) if name.endswith("turn")]) == 5


def test_an_error_of_a_tool_is_told_to_the_model_and_no_more_than_that():
    def broken(values):
        raise Failure("E_AWAY", "The service is away.", "Try later.")

    done, log, executor = work(says("", call("read_search", query="x")), says("done"), does={"search": broken})
    assert done.status == "succeeded" and steps(log)["work[0]/call_1"].status == "failed"
    assert told(executor) == {
        "id": "c1", "text": "E_AWAY: The service is away. Try later.", "failed": True, "outside": True
    }  # fmt: skip


def test_a_change_of_which_nobody_knows_whether_it_happened_ends_the_agent():
    def lost(values):
        raise Failure("E_UNKNOWN", "Whether it happened is not known.")

    tool = {**FIXED, "approve": "never"}
    done, _, executor = work(says("", call("effect_send", text="x")), tools=[tool], does={"send": lost})
    assert done.error["code"] == "E_UNKNOWN" and len(executor.asked) == 1, "the model cannot try it again"


def test_an_action_that_would_end_the_run_only_ends_its_own_call():
    def nothing(values):
        raise Finished("No mail.", warning=True)

    done, _, executor = work(says("", call("read_search", query="x")), says("done"), does={"search": nothing})
    assert done.status == "succeeded" and len(executor.asked) == 2


# Limits


def test_turns_are_counted_before_the_model_is_asked():
    asks = says("", call("read_search", query="x"))
    done, _, executor = work(asks, turns=3)
    assert done.error["code"] == "E_LIMIT" and len(executor.asked) == 3
    thinks = says("so far", call("read_search", query="x"))
    done, log, _ = work(thinks, turns=3, on_limit="answer")
    assert done.status == "succeeded" and steps(log)["work"].output["stopped"] == "turns"
    assert steps(log)["work"].output["text"] == "so far" and done.warnings[-1]["code"] == "W_LIMIT"


def test_money_is_set_aside_before_a_turn_and_one_that_does_not_fit_is_not_made():
    asks = says("", call("read_search", query="x"))
    done, log, executor = work(asks, turns=50, cost_usd=0.015)
    assert done.error["code"] == "E_LIMIT" and "0.0060 of 0.0150" in done.error["message"]
    assert len(executor.asked) == 3, "0.002 a turn are spent, and each could cost 0.01"
    assert steps(log)["work[3]/turn"].status == "failed" and steps(log)["work[3]/turn"].attempts == 0
    again, _, executor = work(asks, turns=50, cost_usd=0.015, on_limit="answer", log=FakeLog(_unended(log)))
    assert again.status == "succeeded" and executor.asked == [], "the records say where it stopped"


def _unended(log: FakeLog) -> dict:
    """The records as they were before the agent itself had ended."""
    stored = {place: record.copy() for place, record in log.stored.items()}
    agent = stored[("work", "")]
    agent.status, agent.error, agent.input = "running", None, {**agent.input, "on_limit": "answer"}
    return stored


def test_a_tool_that_asks_a_model_is_not_called_when_the_money_is_spent():
    asks = says("", *(call("model_rewrite", id=str(n), query="x") for n in range(4)))
    rewrite = {"action": "model.rewrite"}
    done, _log, executor = work(
        asks, says("done"), tools=[rewrite], cost_usd=0.01, cost=Decimal("0.005"), price=Decimal("0.001"),
        does={"rewrite": lambda values: {"text": "y"}},
    )  # fmt: skip
    assert done.error["code"] == "E_LIMIT"
    assert [key for key, _ in executor.calls] == ["turn", "call_1"], "each costs 0.005, and 0.01 are allowed"


def test_an_attempt_whose_answer_was_lost_counts_as_paid():
    tries = iter([Failure("E_TIMEOUT", "late", kind="timeout"), None])

    def model(messages):
        problem = next(tries, None)
        if problem:
            raise problem
        return says("done")

    done, _log, executor = work(model, cost_usd=0.015, cost=Decimal(0))
    assert done.error["code"] == "E_LIMIT" and "0.0100 of 0.0150" in done.error["message"]
    assert len(executor.asked) == 1


def test_an_answer_to_slow_down_costs_nothing():
    tries = iter([Failure("E_RATE_LIMITED", "slower", kind="rate_limited")] * 3)

    def model(messages):
        problem = next(tries, None)
        if problem:
            raise problem
        return says("done")

    assert work(model, cost_usd=0.015, cost=Decimal(0))[0].status == "succeeded"


def test_a_model_without_a_price_cannot_be_held_to_a_limit_of_money():
    done, _, executor = work(says("done"), price=None)
    assert done.error["code"] == "E_NO_PRICE" and executor.asked == []
    assert work(says("done"), price=None, cost_usd=0)[0].status == "succeeded"


def test_time_is_that_of_the_calls_and_each_call_has_at_most_what_is_left():
    asks = says("", call("read_search", query="x"))
    done, _log, executor = work(asks, turns=50, seconds=25, took=10.0)
    assert done.error["code"] == "E_LIMIT" and "25 seconds; 25 are allowed" in done.error["message"]
    assert len(executor.asked) == 2, "the last call had 5 seconds left"


def test_an_answer_that_must_follow_a_schema_is_sent_back_twice_at_most():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    done, log, executor = work(says("seven"), says('{"n": 7}'), answer_schema=schema)
    assert steps(log)["work"].output["data"] == {"n": 7} and executor.asked[0]["answer_schema"] == schema
    assert "no JSON object" in executor.asked[1]["messages"][-1]["text"]
    done, _, executor = work(says("never"), answer_schema=schema)
    assert done.error["code"] == "E_SCHEMA" and len(executor.asked) == 3


def test_text_that_looks_like_a_template_stays_text():
    asks = says("", call("read_search", query="{{ inputs.secret }}"))
    _, log, _ = work(asks, says("done"), inputs={"secret": "x"})
    assert steps(log)["work[0]/call_1"].input == {"query": "{{ inputs.secret }}"}


def test_many_calls_of_one_turn_are_done_in_order_and_too_many_are_refused():
    asks = says("", *(call("read_search", id=f"c{n}", query=str(n)) for n in range(18)))
    _done, log, executor = work(asks, says("done"))
    found = steps(log)
    assert found["work[0]/call_16"].output == {"text": "found 15"} and found["work[0]/call_17"].status == "failed"
    assert [one["failed"] for one in executor.asked[-1]["messages"][-1]["results"]] == [False] * 16 + [True] * 2


def test_a_cancelled_run_asks_nothing_more():
    clock = FakeClock()

    def model(messages):
        walk.end("cancelled")
        return says("", call("read_search", query="x"))

    executor = AgentExecutor(model, clock)
    walk = walk_of([agent(SEARCH)], FakeLog(), executor, clock)
    assert asyncio.run(walk.run()).status == "cancelled" and len(executor.calls) == 1
