"""`repeat`: the same steps until a condition holds. Pure declaration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from integrations.spec import Model, setting

MAX_PASSES = 100


class RepeatInput(Model):
    """When a `repeat` has done enough."""

    until: str = setting(
        "Until",
        help="A Liquid condition without braces, asked after each pass; it sees the steps of the pass, `index` and "
        "`last`.",
        example="steps.check.text == 'done'",
        widget="condition",
        min_length=1,
        max_length=4000,
    )
    limit: int = setting("At most", help="How many passes there are at most.", default=10, ge=1, le=MAX_PASSES)
    on_limit: Literal["fail", "continue"] = setting(
        "When they are used up", default="fail", help="Fail, or go on with what the last pass gave and a warning."
    )


class RepeatOutput(Model):
    """What a `repeat` gives to the steps after it."""

    results: dict[str, Any] = Field(default_factory=dict, description="Outputs of the steps of the last pass, by key.")
    count: int = Field(0, description="How many passes there were.")
    met: bool = Field(False, description="Whether the condition held in the end.")
