"""`parallel`: several lists of steps at once. Pure declaration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from integrations.spec import Model, setting


class ParallelInput(Model):
    """When a `parallel` has ended."""

    join: Literal["all", "any"] = setting(
        "Goes on",
        default="all",
        help="all: when every branch has ended; the first that fails ends the others. any: with the first branch that "
        "succeeds; the others end.",
    )


class ParallelOutput(Model):
    """What a `parallel` gives to the steps after it."""

    results: dict[str, Any] = Field(
        default_factory=dict, description="By key of the branch: the outputs of its steps, by key."
    )
    winner: str | None = Field(None, description="With any: the key of the branch that succeeded first.")
