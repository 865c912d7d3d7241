"""Bodies of the API of triggers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from orchestrator_site.lib.body import Body

Object = dict[str, Any]


class TriggerErrorBody(Body):
    """What went wrong last."""

    code: str
    message: str
    hint: str | None = None
    at: str | None = None


class TriggerHealthBody(Body):
    """How a trigger is. `waiting`: events kept until the workflow is on and the connection works."""

    last_poll_at: str | None
    last_event_at: str | None
    last_run_at: str | None
    next_due_at: str | None
    error: TriggerErrorBody | None
    failures: int
    refused: TriggerErrorBody | None
    waiting: int
    missed_count: int
    silence: Object | None


class TriggerKindBody(Body):
    """A kind of trigger: what its config may be, and what its runs see as `trigger`."""

    kind: str
    title: str
    description: str
    config: Object
    sees: Object


class TriggerShape(Body):
    """A trigger. `url` and `secret` belong to those that are delivered to; `secret` is told once, when it is made."""

    id: str
    workflow: str
    version: int | None
    kind: str
    name: str
    config: Object
    inputs: Object
    filter: str
    connection: str | None
    enabled: bool
    state: str = Field(description="on, off, or paused while its workflow is off")
    sentence: str | None = Field(description="a schedule in words")
    next: list[str] = Field(description="the next five due times of a schedule")
    health: TriggerHealthBody
    url: str | None
    page: str
    created_at: str
    created_by: str
    secret: str | None = None


class NewTriggerBody(Body):
    """A trigger; it is off unless `enabled`."""

    workflow: str = Field(min_length=1, max_length=48)
    kind: str = Field(min_length=1, max_length=100)
    name: str = Field("", max_length=120)
    config: Object = Field(default_factory=dict)
    inputs: Object = Field(default_factory=dict, description="input of the workflow → template over trigger.*")
    filter: str = Field("", description="a condition over trigger.*; empty: everything")
    connection: str = Field("", max_length=48)
    enabled: bool = False
    secret: str | None = Field(None, description="of a webhook, where the sender brings its own; left out: made here")


class TriggerPatch(Body):
    """What may be changed. `config` of a schedule is replaced as a whole."""

    name: str | None = Field(None, min_length=1, max_length=120)
    config: Object | None = None
    inputs: Object | None = None
    filter: str | None = None
    connection: str | None = Field(None, max_length=48)
    enabled: bool | None = None
    secret: str | None = None


class RotateBody(Body):
    """A new secret: made here unless given."""

    secret: str | None = None
    keep_hours: int = 24


class DeliveryBody(Body):
    """One delivery. `status`: run, filtered, waiting, failed, rejected; `repeats`: how often it came again."""

    n: int
    id: str
    source: str
    status: str
    error: Object | None
    run: str | None
    replay_of: int | None
    repeats: int
    received_at: str
    content_type: str
    size: int
    headers: Object
    query: Object
    body: Any = Field(None, description="what the run saw as trigger.body (when reading one delivery)")


class ReplayAnswer(Body):
    """The new delivery, and its run."""

    delivery: DeliveryBody
    run: Object | None


class TestBody(Body):
    """What to test with: a delivery's number, or the event itself; `run` starts a run with it, else it is only told."""

    delivery: int | None = None
    event: Object | None = None
    run: bool = False
    mode: Literal["live", "dry"] = "live"


class TestAnswer(Body):
    """Whether the filter lets it through, the inputs it gives, what is wrong, and the run."""

    passes: bool
    inputs: Object
    problem: Object | None
    event: Object
    run: Object | None


class PreviewBody(Body):
    """A schedule to look at."""

    config: Object


class PreviewAnswer(Body):
    """It in words, and its next due times."""

    sentence: str
    next: list[str]


class BackfillBody(Body):
    """A range of past due times (ISO 8601; without an offset UTC). `check`: only tell what would start."""

    from_: str = Field(alias="from")
    to: str
    check: bool = False


class BackfillAnswer(Body):
    """`due` times that had no run yet, `done` ones that had; the runs that were started."""

    due: list[str]
    done: int
    runs: list[str]
