"""Which function walks which control action. Pure."""

from __future__ import annotations

from workflows.engine.agents import agent
from workflows.engine.blocks import Handler, branch, fail, stop, switch
from workflows.engine.forks import parallel
from workflows.engine.loops import each, repeat
from workflows.engine.waiting import approve, run_workflow, wait

HANDLERS: dict[str, Handler] = {
    "if": branch,
    "switch": switch,
    "parallel": parallel,
    "for_each": each,
    "repeat": repeat,
    "stop": stop,
    "fail": fail,
    "wait": wait,
    "approve": approve,
    "run_workflow": run_workflow,
    "agent": agent,
}
