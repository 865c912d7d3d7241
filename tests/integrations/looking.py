"""Looking for a change as the engine does it: the action runs again, and its order is looked up instead of sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.context import Found, LookFor, Order, Outcome
from tests.integrations.gate import Gate, run_action


class _Stop(Exception):
    pass


class _Looking(Gate):
    def __init__(self, gate: Gate, seq: int) -> None:
        super().__init__(seed=gate.seed, sent_at=gate.sent_at, confirmed=dict(gate.confirmed))
        self.seq = seq
        self.found: Found | None = None

    async def change(self, order: Order) -> Outcome:
        """Answer from the ledger before the position, look at it, and go no further."""
        self.orders.append(order)
        if len(self.orders) < self.seq:
            return self.confirmed[len(self.orders)]
        assert order.look, f"{order.op} has no look"
        self.found = await order.look(LookFor(key=self.key(self.seq), sent_at=self.sent_at, attempt=1))
        raise _Stop


def find_again(
    name: str, inputs: Mapping[str, Any], info: Any, gate: Gate, seq: int = 1, **context: Any
) -> Found | None:
    """What a look finds for the change at this position of an earlier attempt."""
    looking = _Looking(gate, seq)
    try:
        run_action(name, inputs, info, gate=looking, earlier_change=True, **context)
    except _Stop:
        return looking.found
    raise AssertionError(f"{name} made no change at position {seq}")
