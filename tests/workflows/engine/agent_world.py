"""A model that says what it is told to, and tools, for walks of agents without a database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from integrations.ai.turns import ConverseInput
from integrations.spec import Model, content, setting, target
from workflows.engine.actions import ActionInfo
from workflows.engine.findings import DefinitionProblems
from workflows.engine.interfaces import Task
from workflows.engine.values import take_inputs

Script = Callable[[list[dict[str, Any]]], dict[str, Any]]


class Search(Model):
    """What `read.search` takes."""

    query: str = content("Query")
    limit: int = setting("Most", default=10, ge=1, le=20)


class Send(Model):
    """What `effect.send` takes."""

    to: str = target("To")
    text: str = content("Text", widget="long")


class Post(Model):
    """What `effect.post` takes."""

    to: list[str] = target("To")
    text: str = content("Text", widget="long")


class Given(Model):
    """What tools give."""

    text: str = ""


INFOS = {
    "model.rewrite": ActionInfo("model.rewrite", "model", "Rewrite", "Writes.", Search, Given, timeout=60),
    "model.turn": ActionInfo("model.turn", "model", "Turn", "Asks.", ConverseInput, Given, timeout=60),
    "read.search": ActionInfo("read.search", "read", "Search", "Searches.", Search, Given, timeout=30, tainted=True),
    "effect.post": ActionInfo("effect.post", "effect", "Post", "Posts.", Post, Given, timeout=30),
    "effect.send": ActionInfo("effect.send", "effect", "Send", "Sends.", Send, Given, timeout=30),
}


def call(name: str, id: str = "c1", problem: str = "", **arguments: Any) -> dict[str, Any]:
    """A tool call as a model makes it."""
    return {"id": id, "name": name, "arguments": arguments, "problem": problem}


def says(text: str = "", *calls: dict[str, Any]) -> dict[str, Any]:
    """What a model says in one turn."""
    return {"text": text, "calls": list(calls), "model": "m", "finish_reason": "tools" if calls else "stop"}


def script(*turns: dict[str, Any]) -> Script:
    """A model that says these things in turn, however often it is asked the same."""

    def answer(messages: list[dict[str, Any]]) -> dict[str, Any]:
        said = sum(message["role"] == "assistant" for message in messages)
        return turns[min(said, len(turns) - 1)]

    return answer


class ForAgents:
    """The part of an executor that only agents need; a mixin."""

    price: Decimal | None = Decimal("0.01")
    turn_action = "model.turn"

    def info(self, action: str) -> ActionInfo | None:
        return INFOS.get(action)

    def wrong(self, action: str, values: Mapping[str, Any]) -> str:
        try:
            take_inputs(INFOS[action].input, values)
        except DefinitionProblems as wrong:
            return wrong.message
        return ""

    async def costs_at_most(self, task: Task) -> Decimal | None:
        return self.price


def agent(*tools: dict[str, Any], key: str = "work", on_error: Any = None, **given: Any) -> dict[str, Any]:
    """An agent step."""
    step = {"key": key, "action": "agent", "with": {"task": "Do it", "tools": list(tools), **given}}
    return {**step, "on_error": on_error} if on_error else step


SEARCH = {"action": "read.search"}
SEND = {"action": "effect.send"}
