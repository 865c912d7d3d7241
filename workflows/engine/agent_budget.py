"""How far an agent may go: money that is set aside before it is spent, and the time of its calls. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from workflows.engine.control.agent import AgentInput
from workflows.engine.plan import StepPlan
from workflows.engine.records import Failure, StepRecord

LIMITS = {
    "turns": "Allow more turns, or give it a smaller task.",
    "cost_usd": "Allow it to cost more, or use a cheaper model.",
    "seconds": "Allow it more time, or give it a smaller task.",
    "length": "Give it less text, or tools that return less.",
}


class Stopped(Exception):
    """A limit is reached; `name` says which."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name, self.text = name, text


@dataclass
class Budget:
    """What the calls of an agent have taken so far, from their records; what is set aside for one that is under way.

    An attempt whose answer was lost may have been paid for: what was set aside for it counts as spent.
    """

    values: AgentInput
    spent: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0

    def left(self) -> float:
        """Seconds of calls that are left. Raises Stopped when there are none."""
        left = self.values.seconds - self.seconds
        if left <= 0:
            allowed = self.values.seconds
            raise Stopped("seconds", f"The agent's calls took {self.seconds:.0f} seconds; {allowed} are allowed.")
        return left

    def set_aside(self, record: StepRecord, price: Decimal | None, *, turn: bool) -> None:
        """Note on the record what its next attempt can cost. Raises Failure where that is too much.

        A tool that asks a model by itself may not know what it costs; then it is called while any money is left.
        """
        said = record.decision if isinstance(record.decision, dict) else {}
        lost = Decimal(said.get("lost", "0"))
        if record.attempts:
            unpaid = record.cost_usd == Decimal(said.get("booked", "0"))
            lost += Decimal(said.get("reserved", "0")) if unpaid and _free(said) == said.get("free") else 0
        limit = Decimal(str(self.values.cost_usd))
        if limit and price is None and turn:
            text = "No price is known for this model, so the limit of its cost cannot be kept; it was not asked."
            raise Failure("E_NO_PRICE", text, "Set the most US dollars to 0 (no limit), or choose another model.")
        spent = self.spent + record.cost_usd + lost
        if limit and (spent + (price or 0) > limit or spent >= limit):
            next_one = f"the next call of a model may cost {price:.4f}" if price else "the next call costs more"
            text = f"The agent has spent {spent:.4f} of {limit:.4f} US dollars, and {next_one}; it was not made."
            raise Failure("E_LIMIT", text, LIMITS["cost_usd"], detail="cost_usd")
        record.decision = {
            **said, "lost": str(lost), "reserved": str(price or 0), "booked": str(record.cost_usd),
            "free": _free(said),
        }  # fmt: skip

    def note(self, plan: StepPlan, record: StepRecord) -> None:
        """A call has ended. What it waited for others does not count: its attempts have at most their timeouts."""
        said = record.decision if isinstance(record.decision, dict) else {}
        if record.kind == "model":
            self.cost += record.cost_usd
            self.spent += record.cost_usd + Decimal(said.get("lost", "0"))
            self.input_tokens += record.input_tokens
            self.output_tokens += record.output_tokens
        if record.started_at is not None and record.finished_at is not None:
            took = (record.finished_at - record.started_at).total_seconds()
            self.seconds += max(0.0, min(took, float(plan.step.timeout or 60) * max(1, record.attempts)))


def _free(said: Mapping[str, Any]) -> int:
    """How many attempts were turned away before anything was done: asked to slow down, or the credential refused."""
    return int(said.get("slowed") or 0) + int(said.get("refused") or 0)
