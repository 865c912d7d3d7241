"""`switch`: one value, many ways. Pure declaration."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from integrations.spec import Model, content


class SwitchInput(Model):
    """What a `switch` looks at."""

    value: Any = content(
        "Value",
        help="It is compared with the value of each case, exactly: 1 is 1.0, but not the text “1”.",
        example="{{ steps.sort.text }}",
    )


class SwitchOutput(Model):
    """What a `switch` gives to the steps after it."""

    taken: Any = Field(None, description="The value of the case that was taken; null where none was.")
    results: dict[str, Any] = Field(default_factory=dict, description="Outputs of the steps that ran, by key.")
