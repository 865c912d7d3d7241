"""`for_each`: the same steps for every item of a list. Pure declaration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from integrations.spec import Model, content, setting

MAX_ITEMS = 1000
MOST_ITEMS = 10_000
"""The usual limit, and the highest that the setting MAX_ITEMS may allow."""


class ForEachInput(Model):
    """What a `for_each` goes over, and how."""

    items: list[Any] = content(
        "Items",
        help="A list, usually from an earlier step.",
        example="{{ steps.fetch.messages }}",
        max_length=MOST_ITEMS,
    )
    parallelism: int = setting("At the same time", default=1, help="How many items are worked on at once.", ge=1, le=50)
    on_item_error: Literal["stop", "continue"] = setting(
        "When an item fails", default="stop", help="Stop the run, or go on with the other items."
    )


class ForEachOutput(Model):
    """What a `for_each` gives to the steps after it."""

    results: list[dict[str, Any]] = Field(default_factory=list, description="One object per item: {step key: output}.")
    count: int = Field(0, description="How many items there were.")
    failed: int = Field(0, description="How many of them failed.")
