"""The control actions, declared: what they take and give, which lists of steps they hold; `walk` walks them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from workflows.engine.control.branch import IfInput, IfOutput
from workflows.engine.control.each import ForEachInput, ForEachOutput
from workflows.engine.control.ending import FailInput, FailOutput, StopInput, StopOutput


@dataclass(frozen=True)
class Control:
    """A control action: `branches` are the names of its lists of steps, `required` those it cannot do without."""

    name: str
    title: str
    description: str
    input: type[BaseModel]
    output: type[BaseModel]
    branches: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    conditions: frozenset[str] = frozenset()
    icon: str = ""
    branch_titles: tuple[str, ...] = ()


CONTROLS: dict[str, Control] = {
    control.name: control
    for control in (
        Control(
            name="if",
            title="If",
            description="Goes one of two ways. Its steps are seen from outside only through its own `results`.",
            input=IfInput,
            output=IfOutput,
            branches=("then", "else"),
            required=("then",),
            conditions=frozenset({"condition"}),
            icon="arrows-split-2",
            branch_titles=("Yes", "Otherwise"),
        ),
        Control(
            name="for_each",
            title="For each",
            description="Does its steps once for each item of a list; inside, the item is `item`, its number `index`.",
            input=ForEachInput,
            output=ForEachOutput,
            branches=("do",),
            required=("do",),
            icon="repeat",
            branch_titles=("For each item",),
        ),
        Control(
            name="stop",
            title="Stop here",
            description="Ends the run at once as succeeded; the message says why.",
            input=StopInput,
            output=StopOutput,
            icon="player-stop",
        ),
        Control(
            name="fail",
            title="Fail",
            description="Ends the run at once as failed, with this message.",
            input=FailInput,
            output=FailOutput,
            icon="alert-triangle",
        ),
    )
}

__all__ = ["CONTROLS", "Control"]
