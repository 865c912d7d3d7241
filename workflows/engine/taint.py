"""Which outputs carry text from outside (mail, issues, pages, models). Pure; the reasons stand in docs/decisions.

What a member or token gave is trusted. What a service or a model said is not, with one exception: the names by which
a service knows what our own change made (id, number, address) were chosen by it, not by whoever wrote the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator_site.lib.json import JSONValue
from workflows.engine.actions import ActionInfo
from workflows.engine.definition import StepSpec

if TYPE_CHECKING:
    from workflows.engine.visible import Visible

RESULTS = frozenset({"results"})
# What of the output of a control step that waits may be from outside; of a block it is the results of its steps.
OUTSIDE_FIELDS = {
    "wait": frozenset({"data"}),
    "approve": frozenset({"values"}),
    "run_workflow": frozenset({"outputs"}),
    "agent": frozenset({"text", "data"}),
}
OUR_OWN = re.compile(r"^(id|number|url|sha|created|changed)$|_(id|ids|url|sha|number)$")


@dataclass(frozen=True)
class Taint:
    """What of an output is from outside: everything, or these fields; `chain` is the way the text came."""

    everything: bool = False
    fields: frozenset[str] = frozenset()
    chain: tuple[str, ...] = ()

    def of(self, name: str | None) -> tuple[str, ...]:
        """The way of one field (None: of the output as a whole); empty if it is clean."""
        tainted = self.everything or (bool(self.fields) if name is None else name in self.fields)
        return (self.chain or ("outside",)) if tainted else ()


def output_taint(step: StepSpec, info: ActionInfo, chains: Mapping[str, tuple[str, ...]]) -> Taint:
    """The taint of a step's output, from its action and from what its inputs are filled with."""
    if info.tainted and not info.is_effect:
        return Taint(everything=True, chain=(f"steps.{step.key} ({info.name})",))
    carried = next((chain for chain in chains.values() if chain), ())
    if not carried:
        return Taint()
    chain = (f"steps.{step.key}", *carried)
    if not info.is_effect:
        return Taint(everything=True, chain=chain)
    fields = {
        name
        for name in info.output.model_fields
        if not OUR_OWN.search(name) and (bool(chains.get(name)) or name not in info.input.model_fields)
    }
    return Taint(fields=frozenset(fields), chain=chain)


def control_taint(
    step: StepSpec, children: Sequence[Visible], chain_of: Callable[[JSONValue], tuple[str, ...]] = lambda value: ()
) -> Taint:
    """The results of a container are as clean as the outputs in them; its counts are its own.

    An event, another workflow and an agent give text from outside. What a person approved is clean, what nobody saw is
    not.
    """
    if step.action in OUTSIDE_FIELDS:
        return _waiting_taint(step, chain_of)
    for child in children:
        chain = child.taint.of(None)
        if chain:
            return Taint(fields=frozenset({"results"}), chain=(f"steps.{step.key}.results", *chain))
    return Taint()


def _waiting_taint(step: StepSpec, chain_of: Callable[[JSONValue], tuple[str, ...]]) -> Taint:
    if step.action == "agent":
        return Taint(fields=OUTSIDE_FIELDS["agent"], chain=(f"steps.{step.key}",))
    (name,) = OUTSIDE_FIELDS[step.action]
    chain = (f"steps.{step.key}.{name}",)
    if step.action == "approve":
        drafted = chain_of(step.with_.get("fields"))
        unseen = bool(step.with_.get("due")) and step.with_.get("on_timeout") == "approve"
        return Taint(fields=OUTSIDE_FIELDS["approve"], chain=(*chain, *drafted)) if drafted and unseen else Taint()
    speaks = step.action == "run_workflow" or bool(step.with_.get("event"))
    return Taint(fields=OUTSIDE_FIELDS[step.action], chain=chain) if speaks else Taint()
