"""`if`: one condition, two ways. Pure declaration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from integrations.spec import Model, setting


class IfInput(Model):
    """What an `if` asks."""

    condition: str = setting(
        "Condition",
        help="A Liquid condition, without braces.",
        example="item.subject contains 'bug'",
        widget="condition",
        min_length=1,
        max_length=4000,
    )


class IfOutput(Model):
    """What an `if` gives to the steps after it."""

    taken: Literal["then", "else"]
    results: dict[str, Any] = Field(default_factory=dict, description="Outputs of the steps that ran, by key.")
