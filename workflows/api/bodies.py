"""Bodies of the API's requests and answers; the OpenAPI document is made from these models."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from orchestrator_site.lib.body import Body

Object = dict[str, Any]


class ProblemBody(Body):
    """A finding of the validation; `error` blocks publishing, `warning` does not."""

    code: str
    message: str
    severity: Literal["error", "warning"]
    step: str | None
    field: str | None
    hint: str | None


class WorkflowBody(Body):
    """A workflow. `draft_etag` goes into If-Match of the next save."""

    slug: str
    name: str
    description: str
    enabled: bool
    tags: list[str]
    problems: list[ProblemBody]
    draft_etag: str
    published_version: int | None
    updated_at: str
    url: str
    definition: Object | None = None


class WorkflowPatch(Body):
    """What may be changed without sending the whole definition."""

    name: str | None = Field(None, min_length=1, max_length=120)
    description: str | None = Field(None, max_length=10_000)
    enabled: bool | None = None
    tags: list[str] | None = Field(None, max_length=100)


class PublishBody(Body):
    """A note for the list of versions."""

    note: str = Field("", max_length=200)


class RestoreBody(Body):
    """The version whose definition becomes the draft."""

    version: int = Field(ge=1)


class VersionBody(Body):
    """A published version."""

    number: int
    note: str
    sha256: str
    created_at: str
    created_by: str
    definition: Object | None = None


class StartBody(Body):
    """How to start a run. `version`: a number, "draft", or absent for the newest published."""

    inputs: Object = Field(default_factory=dict)
    mode: Literal["live", "dry"] = "live"
    version: int | Literal["draft"] | None = None


class BatchBody(Body):
    """One run for each set of inputs, all or none."""

    inputs: list[Object] = Field(min_length=1, max_length=1000)
    mode: Literal["live", "dry"] = "live"


class BatchAnswer(Body):
    """The ids of the runs, in the order of the inputs; `GET /runs?batch=` lists them."""

    runs: list[str]
    batch: str


class RerunBody(Body):
    """How to run again. Steps before `from` keep their outputs; without it the whole workflow runs.

    `from`: a step's key, `loop[3]/key` for one round of a loop, or "@failed" (whatever did not finish). `outputs`: what
    earlier steps shall have given, by the same names. `version`: a number, "newest", "draft"; else the run's own.
    """

    from_: str | None = Field(None, alias="from")
    inputs: Object | None = None
    outputs: Object | None = None
    version: int | Literal["draft", "newest"] | None = None
    mode: Literal["live", "dry"] | None = None


class ManyBody(Body):
    """Which runs: their ids, or all that a filter finds (the parameters of `GET /runs`)."""

    runs: list[str] | None = Field(None, min_length=1, max_length=1000)
    status: str | None = None
    workflow: str | None = None
    trigger: str | None = None
    q: str | None = Field(None, max_length=200)
    batch: str | None = None


class RerunManyBody(ManyBody):
    """Which runs, from where ("@failed", or "" for the beginning) and on which version."""

    from_: Literal["@failed", ""] = Field("@failed", alias="from")
    version: int | Literal["draft", "newest"] | None = None


class LeftBody(Body):
    """A run that was left as it is, and why."""

    run: str
    reason: str


class ManyAnswer(Body):
    """The runs that were cancelled, or the new ones with their batch; and those left as they are."""

    runs: list[str]
    left: list[LeftBody]
    batch: str | None


class DifferenceBody(Body):
    """One thing that was not the same."""

    what: str
    before: Any
    after: Any


class StepDifferenceBody(Body):
    """A step that did not go the same way: what it was given (`causes`), what came of it (`outcome`)."""

    step: str
    path: str
    title: str
    causes: list[DifferenceBody]
    outcome: list[DifferenceBody]


class ComparisonBody(Body):
    """Two runs compared: as a whole, and step by step; `first` is where they part."""

    a: str
    b: str
    whole: list[DifferenceBody]
    first: StepDifferenceBody | None
    steps: list[StepDifferenceBody]


class ErrorBody(Body):
    """What went wrong, in plain words, and what to do next."""

    code: str
    message: str
    step: str | None = None
    hint: str | None = None


class TriggerBody(Body):
    """What started the run."""

    kind: str
    id: str | None


class RunBody(Body):
    """A run. `status`: queued, running, waiting, paused, attention, succeeded, failed, cancelled, timed_out."""

    id: str
    workflow: str
    version: int | str
    status: str
    mode: str
    inputs: Object
    outputs: Object | None
    warnings: list[Any]
    error: ErrorBody | None
    trigger: TriggerBody
    replay_of: str | None
    cost_usd: float
    created_at: str
    started_at: str | None
    finished_at: str | None
    url: str
    waits_for: str | None = Field(
        default=None, description="The run that this one waits for, where it waits for its turn (when reading one run)."
    )


class AttemptBody(Body):
    """One call of a step."""

    n: int
    started_at: str | None
    finished_at: str | None
    status: str
    error: Object | None
    input_tokens: int
    output_tokens: int
    cost_usd: float


class ReusedBody(Body):
    """The earlier run a step was taken from; `edited` names who gave it another output."""

    run: str
    edited: str | None


class CachedBody(Body):
    """A kept result that answered a step: the run and step that made it, and when."""

    run: str
    step: str
    at: str


class FileBody(Body):
    """A file of the workspace, as inputs and steps take it."""

    file: str = Field(alias="$file", description="its id")
    name: str
    mime_type: str
    size: int
    sha256: str


class HeldBody(Body):
    """Why a call may not leave yet. `why`: limit (the service asked to wait), failing, rate, at_once, or connection:
    the credential of `connection` (an id) is refused; it goes on when that is repaired, and waits `until` at most."""

    why: str
    text: str
    until: str
    connection: str | None = None


class StepBody(Body):
    """A step of a run; `path` is the place in loops, "" outside of them.

    `assumed` says what a dry run took for granted instead of waiting or asking; `pinned` where the output of a step
    comes from that a try did not run: "sample", or a run.
    """

    key: str
    path: str
    action: str
    status: str
    input: Any
    output: Any
    error: Object | None
    attempts: list[AttemptBody]
    reused: ReusedBody | None
    cached: CachedBody | None
    waits: HeldBody | None
    assumed: str | None
    pinned: str | None


class EffectBody(Body):
    """A change made outside. `state`: sent, confirmed, refused, unknown, absent.

    `request` is what was sent (secrets blotted out); `search_url` is where a person can look for it.
    """

    id: str
    run: str
    step: str
    path: str
    op: str
    connection: str | None
    target: Object
    request: Any
    state: str
    error: Object | None
    key: str
    attempt: int
    external_id: str | None
    external_url: str | None
    search_url: str | None
    sent_at: str
    resolution: str | None
    resolved_by: str | None


class PlannedBody(EffectBody):
    """An effect of a run, or of a dry run what it would change: `state` planned, or stopped where nobody can tell.

    `before` is what is there now and `after` what would be there; both are null for an effect that was really made.
    """

    key: str | None  # type: ignore[assignment]
    sent_at: str | None  # type: ignore[assignment]
    summary: str | None = None
    before: Any = None
    after: Any = None


class SampleInput(Body):
    """The output that a step is taken to have given."""

    output: Object


class SampleBody(Body):
    """A pinned output of a step of the draft."""

    key: str
    output: Any
    saved_by: str
    saved_at: str


class TryBody(Body):
    """A step to try: alone or up to it, on samples or on what the last run gave; only `mode` live changes anything."""

    step: str = Field(max_length=48)
    scope: Literal["step", "up_to"] = "step"
    data: Literal["samples", "last"] = "samples"
    mode: Literal["dry", "live"] = "dry"
    inputs: Object | None = None


class OfferBody(Body):
    """Taking one change back: whether it can be and how, or why not; `state`: "", undoing, asks, undone or failed."""

    effect: str
    words: str
    can: bool
    why: str
    actions: list[str]
    state: str
    run: str | None


class UndoneBody(Body):
    """The run that takes changes back, which changes those are, and what stays, with the reason."""

    run: str
    effects: list[str]
    stays: list[OfferBody]


class SettleBody(Body):
    """What happened to a change whose answer was lost."""

    answer: Literal["happened", "repeat", "stop"]
    external_id: str = Field("", max_length=300)
    external_url: str = Field("", max_length=1000)


class WaitBody(Body):
    """Something a run waits for."""

    id: str
    run: str
    step: str
    kind: str
    title: str
    body: str
    effect: str | None
    fields: list[Any]
    decisions: list[str]
    due_at: str | None
    decision: str | None
    values: Object | None
    comment: str
    decided_by: str | None
    decided_at: str | None
    created_at: str


class DecideBody(Body):
    """The answer to a wait: approve, reject or a choice; for an unknown effect: happened, repeat or stop."""

    decision: str = Field(min_length=1, max_length=48)
    values: Object | None = None
    comment: str = Field("", max_length=2000)


class EventDelivery(Body):
    """An event for a run; any JSON may come with it."""

    name: str = Field(min_length=1, max_length=48)
    data: Any = None


class DeliveredBody(Body):
    """An event that was delivered."""

    id: str
    run: str
    name: str
    data: Any
    delivered_at: str


class VariableBody(Body):
    """A workspace variable: any JSON value, read as `workspace.variables.<name>`; not for secrets."""

    name: str
    value: Any
    help: str = Field("", max_length=200)
    updated_at: str | None = None
    updated_by: str | None = None


class NewVariable(Body):
    """A variable to be made."""

    name: str = Field(min_length=1, max_length=48)
    value: Any
    help: str = Field("", max_length=200)


class VariableValue(Body):
    """A new value of a variable."""

    value: Any
    help: str | None = Field(None, max_length=200)


class WorkerBody(Body):
    """A worker process; `beat_age` in seconds since its last sign of life."""

    id: str
    pid: int
    host: str
    state: str
    beat_age: float


class UsageRow(Body):
    """What one workflow used in the period."""

    workflow: str
    runs: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


class UsageBody(Body):
    """Use and cost of the last `days` days, per workflow."""

    days: int
    runs: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    workflows: list[UsageRow]
