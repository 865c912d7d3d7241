"""`wait`: for some time, until a moment, or for an event. Pure declaration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from integrations.spec import Model, setting

YEAR = 365 * 24 * 3600
EVENT_NAME = r"^([a-z][a-z0-9_]{0,47})?$"


class WaitInput(Model):
    """What a `wait` waits for: exactly one of `seconds`, `until`, `event`."""

    seconds: int | None = setting(
        "Seconds", default=None, help="How long: 1 second to one year (31,536,000).", example="3600", ge=1, le=YEAR
    )
    until: str = setting(
        "Until",
        default="",
        help="A date and time; without an offset it is UTC. One that has passed is not waited for.",
        example="2026-12-24T09:00",
        max_length=100,
    )
    event: str = setting(
        "Event",
        default="",
        help="The name of an event: the run goes on when it is delivered by POST /api/v1/runs/{id}/events or on the "
        "run's page. One that came earlier counts too, once.",
        example="payment_received",
        pattern=EVENT_NAME,
    )
    due: int | None = setting(
        "Give up after (seconds)", default=None, help="Only for an event; left empty, for ever.", ge=1, le=YEAR
    )
    on_timeout: Literal["fail", "continue"] = setting(
        "When the event did not come", default="fail", help="Fail, or go on with `timed_out` true and no data."
    )


class WaitOutput(Model):
    """What a `wait` gives to the steps after it."""

    data: Any = Field(None, description="What came with the event; text from outside.")
    event: str = Field("", description="The name of the event.")
    timed_out: bool = Field(False, description="Whether the event did not come in time.")
    at: str = Field("", description="When the run went on.")
