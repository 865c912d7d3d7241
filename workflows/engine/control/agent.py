"""`agent`: a model that works on a task with the actions its author allowed, within limits. Pure declaration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from integrations.spec import Model, content, setting, target
from workflows.engine.control.wait import YEAR

MOST_TURNS = 50
MOST_TOOLS = 20
MOST_SECONDS = 6 * 3600
Approve = Literal["effects", "always", "never"]


class AgentTool(Model):
    """One action the model may use. What is fixed in `with` it neither sees nor changes."""

    action: str = Field(min_length=1, max_length=100)
    name: str = Field("", pattern=r"^([a-z][a-z0-9_]{0,47})?$")
    connection: str = Field("", max_length=48)
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    allow: dict[str, list[Any]] = Field(default_factory=dict)
    approve: Approve = "effects"


class AgentInput(Model):
    """What the agent shall do, with which tools, and how far it may go."""

    task: str = content(
        "Task",
        help="What it shall do. Text from outside belongs into the data below, not in here.",
        example="Find the open questions in these mails and write an issue for each.",
        widget="long",
        min_length=1,
        max_length=65_536,
    )
    data: str = content(
        "Data",
        default="",
        help="The text it works on. The model is told that it is data and gives no orders.",
        example="{{ steps.fetch.text }}",
        widget="long",
    )
    system: str = content(
        "System", default="", help="Who it is and how it works.", example="You sort questions.", widget="long"
    )
    model: str = setting(
        "Model", default="", help="Left empty: the connection's usual model.", widget="model", max_length=200
    )
    tools: list[AgentTool] = setting(
        "Tools",
        default=[],
        help="The actions it may use. What is fixed here (a repository, an address) it cannot choose. Approve: effects "
        "(a person is asked before each change), always, or never.",
        example=[{"action": "mail.send", "with": {"to": ["team@example.com"]}, "approve": "effects"}],
        widget="json",
        max_length=MOST_TOOLS,
    )
    answer_schema: dict[str, Any] | None = setting(
        "Schema of the answer",
        default=None,
        help="JSON Schema of an object that the answer must be; the output `data` holds it. Left empty: text.",
        widget="json",
    )
    turns: int = setting("Most turns", default=10, help="How often the model is asked.", ge=1, le=MOST_TURNS)
    cost_usd: float = setting(
        "Most US dollars",
        default=1.0,
        help="What its model may cost. Before each call the most it can cost is set aside; a call that does not fit "
        "is not made. 0: no limit, which a model without a known price needs.",
        ge=0,
        le=10_000,
        allow_inf_nan=False,
    )
    seconds: int = setting(
        "Most seconds",
        default=900,
        help="How long its calls may take together. Waiting for a person does not count.",
        ge=1,
        le=MOST_SECONDS,
    )
    max_tokens: int = setting(
        "Most tokens a turn", default=4096, help="Where what it writes in one turn is cut off.", ge=16, le=128_000
    )
    on_limit: Literal["fail", "answer"] = setting(
        "When a limit is reached", default="fail", help="Fail, or go on with what it said last and a warning."
    )
    approvers: list[str] = target(
        "Who may approve",
        default=[],
        help="E-mail addresses of members, or a role (that one and those above). Empty: everybody who may decide.",
        example=["admin"],
        max_length=50,
    )
    no_self_approval: bool = setting(
        "Not whoever started the run", default=False, help="Somebody else must approve than who started it."
    )
    due: int | None = setting(
        "Wait for a person at most (seconds)", default=None, help="Left empty, for ever.", ge=1, le=YEAR
    )
    on_timeout: Literal["reject", "fail"] = setting(
        "When nobody approved in time", default="fail", help="Reject tells the model so, and it goes on."
    )


class AgentOutput(Model):
    """What the agent said in the end, and what it took."""

    text: str = Field("", description="Its answer; text from outside, like all that models write.")
    data: Any = Field(None, description="The answer as an object, where a schema asks for one.")
    stopped: str = Field("", description="The limit that ended it: turns, cost_usd or seconds; empty if it was done.")
    turns: int = Field(0, description="How often the model was asked.")
    calls: int = Field(0, description="How often it asked for a tool.")
    failed: int = Field(0, description="How many of these did not work or were rejected.")
    input_tokens: int = Field(0, description="Tokens it read.")
    output_tokens: int = Field(0, description="Tokens it wrote.")
    cost_usd: float = Field(0.0, description="US dollars it cost.")
