"""The control actions, declared: what they take and give, which lists of steps they hold; `walk` walks them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from workflows.engine.control.agent import AgentInput, AgentOutput
from workflows.engine.control.approval import ApproveInput, ApproveOutput
from workflows.engine.control.branch import IfInput, IfOutput
from workflows.engine.control.each import ForEachInput, ForEachOutput
from workflows.engine.control.ending import FailInput, FailOutput, StopInput, StopOutput
from workflows.engine.control.parallel import ParallelInput, ParallelOutput
from workflows.engine.control.repeat import RepeatInput, RepeatOutput
from workflows.engine.control.subworkflow import RunWorkflowInput, RunWorkflowOutput
from workflows.engine.control.switch import SwitchInput, SwitchOutput
from workflows.engine.control.wait import WaitInput, WaitOutput


@dataclass(frozen=True)
class Control:
    """A control action.

    `branches` are the names of its lists of steps; `many` says which lists it has as many of as its step names (cases
    or branches); `begins` is what a new step of it holds; `takes` are the settings of a step that mean something here.
    `conditions` are inputs that are conditions, `late` those of them that see the steps inside. `needs`: its steps run
    over a connection that provides this.
    """

    name: str
    title: str
    description: str
    input: type[BaseModel]
    output: type[BaseModel]
    branches: tuple[str, ...] = ()
    many: str = ""
    begins: Mapping[str, Any] = field(default_factory=dict)
    takes: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()
    late: frozenset[str] = frozenset()
    icon: str = ""
    branch_titles: tuple[str, ...] = ()
    needs: str = ""
    keywords: tuple[str, ...] = ()


BLOCK = frozenset({"timeout", "on_error"})

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
            begins={"then": []},
            takes=BLOCK,
            conditions=frozenset({"condition"}),
            icon="arrows-split-2",
            branch_titles=("Yes", "Otherwise"),
        ),
        Control(
            name="switch",
            title="Switch",
            description="Goes the way of the case that has the value, else another.",
            input=SwitchInput,
            output=SwitchOutput,
            branches=("else",),
            many="cases",
            begins={"else": []},
            takes=BLOCK,
            icon="arrows-split",
            branch_titles=("Otherwise",),
        ),
        Control(
            name="parallel",
            title="Parallel",
            description="Does several lists of steps at once, and goes on when all are done or one has succeeded.",
            input=ParallelInput,
            output=ParallelOutput,
            many="branches",
            begins={"branches": [{"key": "a", "steps": []}, {"key": "b", "steps": []}]},
            takes=BLOCK,
            icon="stack-2",
        ),
        Control(
            name="for_each",
            title="For each",
            description="Does its steps once for each item of a list; inside, the item is `item`, its number `index`.",
            input=ForEachInput,
            output=ForEachOutput,
            branches=("do",),
            begins={"do": []},
            takes=BLOCK,
            icon="repeat",
            branch_titles=("For each item",),
        ),
        Control(
            name="repeat",
            title="Repeat until",
            description="Does its steps again until a condition holds; inside, `last` holds what the pass before gave.",
            input=RepeatInput,
            output=RepeatOutput,
            branches=("do",),
            begins={"do": []},
            takes=BLOCK,
            conditions=frozenset({"until"}),
            late=frozenset({"until"}),
            icon="refresh",
            branch_titles=("Each pass",),
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
        Control(
            name="wait",
            title="Wait",
            description="Waits for some time, until a moment, or for an event that somebody delivers to the run.",
            input=WaitInput,
            output=WaitOutput,
            icon="clock-pause",
            takes=frozenset({"on_error"}),
        ),
        Control(
            name="approve",
            title="Ask for approval",
            description="Shows a draft to a person, who may edit it, and approves or rejects it.",
            input=ApproveInput,
            output=ApproveOutput,
            icon="user-check",
            takes=frozenset({"on_error"}),
        ),
        Control(
            name="run_workflow",
            title="Run a workflow",
            description="Runs another workflow of this workspace and goes on with its outputs.",
            input=RunWorkflowInput,
            output=RunWorkflowOutput,
            icon="route",
            takes=frozenset({"on_error"}),
        ),
        Control(
            name="agent",
            title="Let an agent work",
            description="A model works on a task with the actions you allow, within limits; changes ask a person "
            "first. Each of its turns and calls is a step of the run.",
            input=AgentInput,
            output=AgentOutput,
            icon="robot",
            takes=BLOCK,
            needs="model",
            keywords=("ai", "tools", "assistant", "llm"),
        ),
    )
}

__all__ = ["CONTROLS", "Control"]
