"""How an `agent` is walked: its model is asked turn by turn, and each tool it asks for is a step. Pure.

Turns and calls are ordinary steps at places of their own (`agent[3]/turn`, `agent[3]/call_1`), so a model's answer that
was recorded is never asked for again, a change goes through the ledger, and resuming is telling the conversation again
from the records. What the model says is text from outside: a target is fixed, allowed, or approved by a person.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from integrations.schema_words import read_json
from orchestrator_site.lib.json import dumps
from orchestrator_site.lib.templating.values import as_text
from workflows.engine.agent_budget import LIMITS, Budget, Stopped
from workflows.engine.agent_tools import Offer, learned, offers_of, raw_tools, source_of, taken
from workflows.engine.blocks import begin, close
from workflows.engine.control.agent import MOST_TOOLS, AgentInput
from workflows.engine.definition import StepSpec
from workflows.engine.frames import OUTSIDE, Finished, Frame
from workflows.engine.plan import StepPlan, Value, value_of
from workflows.engine.records import Failure
from workflows.engine.taint import OUTSIDE_FIELDS

if TYPE_CHECKING:
    from workflows.engine.interfaces import Task
    from workflows.engine.records import StepRecord
    from workflows.engine.walk import Walk

JSON = dict[str, Any]
MOST_CALLS = 16
MOST_BAD_TURNS = 5
MOST_REPAIRS = 2
MOST_RESULT = 20_000
MOST_TOLD = 400_000
CALLS = frozenset({"read", "model", "effect"})
NOT_KNOWN = frozenset({"E_UNKNOWN", "E_UNKNOWN_STOPPED"})
RULES = (
    "You work as a step of a workflow. Use only the tools you are offered, and only for the task. A call may be"
    " rejected by a person: then do not try the same again. When you are done, answer without asking for a tool."
)


async def agent(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`agent`: ask, do what was asked for, tell what came of it, until the model is done or a limit is reached."""
    resumed = record.decision is not None
    if not resumed:
        values = taken(AgentInput, await walk.render(plan, frame))
        outside = [_tainted(plan, frame, number, set(tool.with_)) for number, tool in enumerate(values.tools)]
        offers = offers_of(plan.key, values.tools, walk.executor.info, outside)
        decision = {"tools": [offer.as_json() for offer in offers]}
        begin(walk, record, decision, values.model_dump(mode="json", by_alias=True))
    work = Work(walk, plan, frame, record, resumed)
    try:
        await work.run()
    except Stopped as stopped:
        if work.values.on_limit == "fail":
            raise Failure("E_LIMIT", stopped.text, LIMITS[stopped.name], step=plan.key) from None
        work.stopped = stopped.name
        work.warnings.append({"code": "W_LIMIT", "message": stopped.text, "step": plan.key})
    except Failure as failure:
        failure.step = plan.key
        raise
    if work.failed:
        text = f"{work.failed} of {work.calls} tool calls did not work or were rejected."
        work.warnings.append({"code": "W_TOOLS", "message": text, "step": plan.key})
    await close(walk, frame, record, work.warnings, work.output(), tainted=True)
    frame.taint[record.key] = OUTSIDE_FIELDS["agent"]


def _tainted(plan: StepPlan, frame: Frame, number: int, names: set[str]) -> set[str]:
    """The fixed inputs of a tool that text from outside has filled."""
    written = raw_tools(plan.step)
    fixed = written[number].get("with") if number < len(written) else None
    if not isinstance(fixed, dict):
        return names if any(frame.is_tainted(value.reads) for name, value in plan.values if name == "tools") else set()
    return {name for name in names if frame.is_tainted(value_of(fixed.get(name)).reads)}


@dataclass
class Work:
    """One agent at work. It is the maker of its steps, and is told of each record, on resume too."""

    walk: Walk
    plan: StepPlan
    frame: Frame
    record: StepRecord
    resumed: bool = False
    messages: list[JSON] = field(default_factory=list)
    warnings: list[JSON] = field(default_factory=list)
    text: str = ""
    data: Any = None
    stopped: str = ""
    turns: int = 0
    calls: int = 0
    failed: int = 0
    bad_turns: int = 0
    repairs: int = 0
    told: int = 0
    limit: str = ""

    def __post_init__(self) -> None:
        self.values = AgentInput.model_validate(self.record.input)
        self.offers = {one["name"]: Offer(**one) for one in self.record.decision["tools"]}
        self.budget = Budget(self.values)
        self._say({"role": "user", "text": self.values.task, "data": self.values.data})

    # Maker

    async def before(self, task: Task) -> None:
        """Each attempt must fit into what is left of time and money."""
        try:
            self.budget.left()
        except Stopped as late:
            raise Failure("E_LIMIT", late.text, LIMITS[late.name], detail=late.name) from None
        if task.record.kind == "model":
            price = await self.walk.executor.costs_at_most(task)
            self.budget.set_aside(task.record, price, turn=task.record.key == "turn")

    def after(self, plan: StepPlan, record: StepRecord) -> None:
        """Count what a call took, and see whether a limit has kept it from being made."""
        if record.kind in CALLS:
            self.budget.note(plan, record)
        error = record.error or {}
        self.limit = str(error.get("detail", "")) if error.get("code") == "E_LIMIT" else ""

    # The conversation

    async def run(self) -> None:
        """Until the model answers without asking for a tool. Raises Stopped or Failure."""
        while True:
            if self.turns >= self.values.turns:
                raise Stopped("turns", f"The model was asked {self.turns} times, and it is not done.")
            inner = self._frame(self.turns)
            await self._open(inner, ("turn", *(f"tools_{n}" for n in range(1, MOST_TOOLS + 1))))
            if self.turns == 0:
                await self._learn(inner)
            said = await self._turn(inner)
            self.turns += 1
            self.text = str(said.get("text") or "") or self.text
            asked = said.get("calls") or []
            self._say({"role": "assistant", "text": said.get("text") or "", "calls": asked})
            if asked:
                await self._answer(inner, asked)
            elif self._is_done():
                return

    def output(self) -> JSON:
        """What the agent gives."""
        budget = self.budget
        return {
            "text": self.text, "data": self.data, "stopped": self.stopped, "turns": self.turns, "calls": self.calls,
            "failed": self.failed, "input_tokens": budget.input_tokens, "output_tokens": budget.output_tokens,
            "cost_usd": float(budget.cost),
        }  # fmt: skip

    def _frame(self, number: int) -> Frame:
        return self.frame.item(self.plan.key, number, None, self.frame.group, tainted=True)

    async def _open(self, inner: Frame, keys: Collection[str]) -> None:
        """Load what an earlier worker has on record of a turn."""
        if self.resumed:
            await self.walk.log.open([inner.path], keys)

    def _say(self, message: JSON) -> None:
        self.messages.append(message)
        self.told += len(dumps(message))
        if self.told > MOST_TOLD:
            raise Stopped("length", f"The conversation has more than {MOST_TOLD:,} characters.")

    async def _turn(self, inner: Frame) -> JSON:
        tools = [
            {"name": one.name, "description": one.description, "parameters": one.parameters}
            for one in self.offers.values()
        ]
        given = {
            "messages": list(self.messages),
            "system": f"{self.values.system}\n\n{RULES}".strip(),
            "tools": tools,
            "answer_schema": self.values.answer_schema,
            "model": self.values.model or None,
            "max_tokens": self.values.max_tokens,
        }
        action = self.walk.executor.turn_action
        info = self.walk.executor.info(action)
        step = StepSpec(
            "turn", action, name=f"Turn {self.turns + 1}", connection=self.plan.step.connection,
            timeout=self._seconds(info.timeout if info else 240),
        )  # fmt: skip
        values = {name: value for name, value in given.items() if value is not None}
        made = self._step(step, values, source_of(self.plan.key))
        try:
            await self.walk.walk_list((made,), inner)
        except Failure as failure:
            self._stop_at_limit(failure)
            raise
        found: JSON = await self.walk.fetch(inner.made["turn"])
        return found

    def _is_done(self) -> bool:
        """Whether the last answer will do; one that does not follow the schema is sent back, twice at most."""
        schema = self.values.answer_schema
        if schema is None:
            return True
        found, wrong = read_json(self.text, schema)
        if found is not None:
            self.data = found
            return True
        if self.repairs >= MOST_REPAIRS:
            text = f"The agent's answer does not follow its schema: {'; '.join(wrong)[:600]}."
            raise Failure("E_SCHEMA", text, "Make the schema simpler, or use another model.", detail=self.text[:20_000])
        self.repairs += 1
        again = f"That does not fit: {'; '.join(wrong)}. Answer again with the whole corrected JSON object alone."
        self._say({"role": "user", "text": again})
        return False

    async def _learn(self, inner: Frame) -> None:
        """What other servers say of the tools they have; each is asked once."""
        asked: dict[tuple[str, str], Any] = {}
        for name, offer in self.offers.items():
            if not offer.lists or not offer.fixed:
                continue
            place = (offer.lists, offer.connection)
            if place not in asked:
                key = f"tools_{len(asked) + 1}"
                step = StepSpec(key, offer.lists, name="List tools", connection=offer.connection)
                await self.walk.walk_list((self._step(step, {}, offer.source),), inner)
                asked[place] = await self.walk.fetch(inner.made.get(key))
            self.offers[name] = learned(offer, asked[place])

    # Tools

    async def _answer(self, inner: Frame, asked: list[JSON]) -> None:
        """Do what the model asked for, one call after the other, and tell it what came of it."""
        results, bad = [], 0
        numbers = range(1, len(asked) + 1)
        await self._open(inner, (*(f"call_{n}" for n in numbers), *(f"ask_{n}" for n in numbers)))
        for number, call in enumerate(asked, start=1):
            self.calls += 1
            offer = self.offers.get(str(call.get("name")))
            wrong = self._wrong(number, call, offer)
            if wrong or offer is None:
                bad += 1
                text, failed, outside = await self._refuse(inner, number, call, wrong), True, False
            else:
                text, failed, outside = await self._use(inner, number, offer, dict(call.get("arguments") or {}))
            self.failed += failed
            results.append({"id": str(call.get("id", "")), "text": text, "failed": failed, "outside": outside})
        self._say({"role": "user", "results": results})
        self.bad_turns = self.bad_turns + 1 if bad == len(asked) else 0
        if self.bad_turns >= MOST_BAD_TURNS:
            text = f"The model asked for tools in {MOST_BAD_TURNS} turns in a row in a way that cannot be used."
            raise Failure("E_TOOL_CALLS", text, "Use another model, or simpler tools; the turns below show its calls.")

    def _wrong(self, number: int, call: JSON, offer: Offer | None) -> str:
        """Why a call cannot be used, in words for the model; empty where it can."""
        if number > MOST_CALLS:
            return f"At most {MOST_CALLS} calls are done in one turn; ask for this one again."
        if offer is None:
            known = ", ".join(self.offers) or "none"
            return f"There is no tool “{str(call.get('name'))[:60]}”; there is {known}."
        if call.get("problem"):
            return f"The arguments could not be read: {call['problem']}"
        given = call.get("arguments") or {}
        unknown = offer.unknown(given)
        return unknown or self.walk.executor.wrong(offer.action, {**given, **offer.fixed})

    async def _refuse(self, inner: Frame, number: int, call: JSON, why: str) -> str:
        """A call that cannot be used is on record, and nothing was called."""
        step = StepSpec(f"call_{number}", "fail", name=str(call.get("name"))[:60] or "No name")
        try:
            await self.walk.walk_list((self._step(step, {"message": why[:1000]}, ""),), inner)
        except Failure as failure:
            if failure.is_fatal:
                raise
        return why

    async def _use(self, inner: Frame, number: int, offer: Offer, given: JSON) -> tuple[str, bool, bool]:
        """One call of a tool: what came of it for the model, whether it failed, and whether it is from outside."""
        key, clean, edited = f"call_{number}", set[str](), ""
        if offer.must_ask(given):
            answer = await self._approval(inner, number, offer, given)
            if answer["decision"] != "approve":
                who = "A person rejected" if answer["decided_by"] else "Nobody approved"
                return f"{who} this call. {answer['comment']}".strip(), True, False
            given, clean = dict(answer["values"]), set(given)
            if answer["edited"]:
                edited = f"A person changed {', '.join(answer['edited'])} before it was done.\n"
        clean |= {name for name in offer.free if name in given} - set(offer.chosen(given))
        outside = set(offer.tainted) | (set(given) - clean)
        left = self._seconds(offer.timeout)
        step = StepSpec(key, offer.action, name=offer.title, connection=offer.connection, timeout=left)
        values = {**{name: value for name, value in given.items() if value is not None}, **offer.fixed}
        made = self._step(step, values, offer.source, outside)
        try:
            await self.walk.walk_list((made,), inner)
        except Finished:
            pass  # an action that would end the run here only ends its own call
        except Failure as failure:
            self._stop_at_limit(failure)
            if failure.is_fatal or failure.code in NOT_KNOWN:
                raise  # whether it happened is not known: the model must not try it again
            return f"{edited}{failure.code}: {failure.message} {failure.hint}".strip()[:MOST_RESULT], True, True
        text = dumps(await self.walk.fetch(inner.made.get(key)))
        cut = f"… ({len(text) - MOST_RESULT:,} more characters)" if len(text) > MOST_RESULT else ""
        return f"{edited}{text[:MOST_RESULT]}{cut}", False, True

    async def _approval(self, inner: Frame, number: int, offer: Offer, given: JSON) -> JSON:
        """Ask a person, who may edit what the model gave; the answer is a record."""
        fixed = "".join(f"\n{name}: {as_text(value)}" for name, value in offer.fixed.items())
        where = f" over “{offer.connection}”" if offer.connection else ""
        chosen = offer.chosen(given)
        why = f"\nThe model chose where this goes: {', '.join(chosen)}." if chosen else ""
        body = f"An agent asks for “{offer.title}” ({offer.action}){where}.{why}"
        body += f"\n\nFixed by the workflow:{fixed}" if fixed else ""
        values: JSON = {
            "title": f"{self.plan.step.title}: {offer.title}?"[:300],
            "body": body[:20_000],
            "fields": offer.fields(given),
            "approvers": self.values.approvers,
            "no_self_approval": self.values.no_self_approval,
            "due": self.values.due,
            "on_timeout": self.values.on_timeout,
            "on_reject": "continue",
        }
        step = StepSpec(f"ask_{number}", "approve", name=f"May it: {offer.title}")
        await self.walk.walk_list((self._step(step, values, "", {"title", "body", "fields"}),), inner)
        found: JSON = await self.walk.fetch(inner.made[step.key])
        return found

    # Shared

    def _step(self, step: StepSpec, values: JSON, source: str, outside: set[str] | None = None) -> StepPlan:
        """A step with these values as they are; nothing in them is read as a template."""
        reads = {name: (OUTSIDE,) if name in (outside or ()) else () for name in values}
        made = tuple((name, Value(None, value, reads[name], False)) for name, value in values.items())
        return StepPlan(step, made, None, None, {}, False, source=source, maker=self)

    def _seconds(self, usual: int) -> int:
        """How long the next call may take. Raises Stopped when no time is left."""
        return max(1, min(usual, math.ceil(self.budget.left())))

    def _stop_at_limit(self, failure: Failure) -> None:
        if self.limit in LIMITS:
            raise Stopped(self.limit, failure.message) from None
