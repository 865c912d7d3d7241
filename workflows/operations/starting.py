"""Starting runs: inputs checked, the version chosen, variables and prompts frozen; then the engine takes over."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.actor import Actor
from orchestrator_site.lib.errors import Conflict, Problems, UserError
from orchestrator_site.lib.ids import uuid7
from orchestrator_site.lib.json import clean_value, dumps
from workflows.engine.bells import ring_after_commit
from workflows.engine.crashpoints import crashpoint
from workflows.engine.newrun import facts_of, new_run
from workflows.engine.queue import wake_if_nobody_works
from workflows.models import Run, RunEvent, Workflow, WorkflowVersion
from workflows.operations.files import with_files
from workflows.operations.publish import freeze_draft
from workflows.operations.workflows import get_workflow, workflow_to_run

MODES = ("live", "dry")
MOST_BATCH = 1000
MOST_WAIT = 60.0
MOST_COMPLAINTS = 50
BATCH = "batch:"
BATCH_WINDOW = 600_000
"""Milliseconds in which all runs of a batch have been named."""
_KEY = re.compile(r"^[\x21-\x7e]{1,128}$")


@dataclass(frozen=True)
class Origin:
    """Where a run comes from."""

    kind: str = "python"
    id: str = ""
    replay_of: Run | None = None
    frozen: Mapping[str, Any] = field(default_factory=dict)


def start_run(
    actor: Actor,
    slug: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    mode: str = "live",
    version: int | str | None = None,
    wait: float | None = None,
    idempotency_key: str | None = None,
    trigger_kind: str = "python",
    trigger_id: str = "",
) -> Run:
    """Start a run of the newest published version (or of `version`: a number, or "draft"); returns at once.

    With `wait` it returns when the run has ended, or after so many seconds. With an idempotency key the same call
    gives the same run again. Raises UserError: E_NOT_PUBLISHED, E_DISABLED, E_REQUIRED, E_TYPE, E_IDEM_MISMATCH …
    """
    actor.require("run")
    workflow = get_workflow(actor, slug) if version == "draft" else workflow_to_run(actor, slug)
    given = given_inputs(inputs)
    check_mode(mode)
    key = check_key(idempotency_key)
    sha = request_sha(slug, given, mode, version) if key else ""
    known = known_run(actor, key, sha)
    run = known or _start_one(actor, workflow, given, version, mode, Origin(trigger_kind, trigger_id), key, sha)
    return wait_for(run, wait) if wait else run


def _start_one(
    actor: Actor,
    workflow: Workflow,
    given: dict[str, Any],
    version: int | str | None,
    mode: str,
    origin: Origin,
    key: str | None,
    sha: str,
) -> Run:
    chosen = choose_version(actor, workflow, version)
    run = fresh_run(actor, workflow, chosen, given, mode, origin)
    run.idempotency_key, run.request_sha256 = key, sha
    try:
        with transaction.atomic():
            store_runs(actor, [run])
            crashpoint("P02")
        crashpoint("P03")
    except IntegrityError:
        known = known_run(actor, key, sha)
        if known is None:
            raise
        return known
    wake_if_nobody_works()
    return run


def start_batch(
    actor: Actor,
    slug: str,
    inputs_list: Sequence[Mapping[str, Any]],
    mode: str = "live",
    *,
    idempotency_key: str | None = None,
    trigger_kind: str = "api",
) -> list[Run]:
    """Start many runs of one workflow at once: all of them, or none when one set of inputs is wrong.

    Raises Problems that name each wrong set (`inputs[3].who`), at most 50 of them.
    """
    actor.require("run")
    workflow = get_workflow(actor, slug)
    check_mode(mode)
    if not 1 <= len(inputs_list) <= MOST_BATCH:
        raise UserError(
            "E_LENGTH", f"A batch has 1 to {MOST_BATCH:,} sets of inputs.", field="inputs", limit=MOST_BATCH
        )
    key = check_key(idempotency_key)
    sha = request_sha(slug, [dict(one) for one in inputs_list], mode, None) if key else ""
    first = known_run(actor, key, sha)
    if first is not None:
        return _same_batch(actor, first)
    chosen = choose_version(actor, workflow, None)
    origin = Origin(trigger_kind, f"{BATCH}{uuid7().hex}")
    runs = _all_fresh(inputs_list, lambda given: fresh_run(actor, workflow, chosen, given, mode, origin))
    runs[0].idempotency_key, runs[0].request_sha256 = key, sha
    try:
        with transaction.atomic():
            store_runs(actor, runs)
            audit.record(actor, "runs.start", workflow, details={"batch": origin.id, "runs": len(runs)})
    except IntegrityError:
        first = known_run(actor, key, sha)
        if first is None:
            raise
        return _same_batch(actor, first)
    wake_if_nobody_works()
    return runs


def _same_batch(actor: Actor, first: Run) -> list[Run]:
    return list(in_batch(_runs(actor), UUID(first.trigger_id.removeprefix(BATCH))).order_by("id"))


def in_batch(rows: QuerySet[Run], batch: UUID) -> QuerySet[Run]:
    """Those of these runs that were started in a batch; its runs were named right after it, so their ids follow."""
    last = UUID(int=min(batch.int + (BATCH_WINDOW << 80), (1 << 128) - 1))
    return rows.filter(pk__gt=batch, pk__lt=last, trigger_id=f"{BATCH}{batch.hex}")


def wait_for(run: Run, seconds: float) -> Run:
    """The run when it has ended, or as it is after so many seconds (at most 60)."""
    until = time.monotonic() + min(max(0.0, seconds), MOST_WAIT)
    pause = 0.005
    rows = Run.objects.of(run.workspace_id).select_related("workflow", "version", "workspace")
    while True:
        status = Run.objects.of(run.workspace_id).filter(pk=run.pk).values_list("status", flat=True).first()
        if status in ("succeeded", "failed", "cancelled", "timed_out") or time.monotonic() >= until:
            return rows.get(pk=run.pk)
        time.sleep(min(pause, max(0.0, until - time.monotonic())))
        pause = min(0.05, pause * 1.3)


# Versions


def choose_version(actor: Actor, workflow: Workflow, version: int | str | None) -> WorkflowVersion:
    """The version to run. Raises UserError when there is none, or when the workflow is off."""
    refuse_disabled(workflow)
    if version == "draft":
        return freeze_draft(actor, workflow)
    if version is None:
        if workflow.published is None:
            raise Conflict(
                f"“{workflow.name}” has not been published.",
                code="E_NOT_PUBLISHED",
                hint="Publish it, or run the draft.",
            )
        return workflow.published
    found = None
    if isinstance(version, int) and not isinstance(version, bool):
        found = WorkflowVersion.objects.of(actor.workspace).filter(workflow=workflow, number=version).first()
    if found is None:
        raise UserError(
            "E_NOT_FOUND", f"“{workflow.name}” has no version {version}.", field="version", status=404,
            hint="Look at the list of versions.",
        )  # fmt: skip
    return found


def refuse_disabled(workflow: Workflow) -> None:
    """Raise Conflict when the workflow is switched off."""
    if not workflow.enabled:
        raise Conflict(f"“{workflow.name}” is switched off.", code="E_DISABLED", hint="Switch it on to run it.")


# One run


def fresh_run(
    actor: Actor, workflow: Workflow, version: WorkflowVersion, given: dict[str, Any], mode: str, origin: Origin
) -> Run:
    """A run that is not stored yet: its inputs checked, what it reads frozen. Raises DefinitionProblems."""
    return new_run(
        workflow,
        version,
        with_files(workflow.workspace_id, facts_of(version).inputs, given),
        frozen=origin.frozen,
        mode=mode,
        trigger_kind=origin.kind,
        trigger_id=origin.id,
        replay_of=origin.replay_of,
        started_by=actor.label[:200],
        starter=actor.user,
    )


def store_runs(actor: Actor, runs: list[Run]) -> None:
    """Write new runs and let the workers know; within the caller's transaction."""
    Run.objects.unscoped("the runs of one actor's workspace").bulk_create(runs, batch_size=200)
    events = [RunEvent(workspace=actor.workspace, run=run, kind="queued", at=run.created_at) for run in runs]
    RunEvent.objects.unscoped("the events of these runs").bulk_create(events, batch_size=200)
    transaction.on_commit(lambda: crashpoint("P04"))
    ring_after_commit()


# Checks


def given_inputs(inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Inputs through the gate. Raises UserError."""
    value = clean_value({} if inputs is None else dict(inputs), field="inputs")
    assert isinstance(value, dict)
    return value


def _all_fresh(inputs_list: Sequence[Mapping[str, Any]], fresh: Callable[[dict[str, Any]], Run]) -> list[Run]:
    """A run for each set of inputs, or every complaint with the set it is about."""
    runs, problems = [], []
    for at, inputs in enumerate(inputs_list):
        try:
            runs.append(fresh(given_inputs(inputs)))
        except Problems as several:
            problems += [_about(at, each) for each in several.extra["errors"]]
        except UserError as problem:
            problems.append(_about(at, problem.as_dict()))
        if len(problems) >= MOST_COMPLAINTS:
            break
    if problems:
        raise Problems(problems[:MOST_COMPLAINTS])
    return runs


def _about(at: int, problem: Mapping[str, Any]) -> dict[str, Any]:
    where = str(problem.get("field") or "").removeprefix("inputs")
    return {**problem, "field": f"inputs[{at}]{where}", "message": f"inputs[{at}]: {problem['message']}"}


def check_mode(mode: str) -> None:
    """Raise UserError for a way of running that there is not."""
    if mode not in MODES:
        raise UserError("E_CHOICE", f"mode must be live or dry, not {str(mode)[:20]!r}.", field="mode")


def check_key(key: str | None) -> str | None:
    """An Idempotency-Key as it was sent. Raises UserError E_IDEM_KEY."""
    if key is None:
        return None
    if not _KEY.match(key):
        raise UserError(
            "E_IDEM_KEY",
            "An Idempotency-Key has 1 to 128 visible ASCII characters.",
            field="Idempotency-Key",
            limit=128,
        )
    return key


def request_sha(slug: str, given: Any, mode: str, version: Any) -> str:
    """What tells one request from another under the same key."""
    said = {"workflow": slug, "inputs": given, "mode": mode, "version": version}
    return hashlib.sha256(dumps(clean_value(said, field="inputs")).encode()).hexdigest()


def known_run(actor: Actor, key: str | None, sha: str) -> Run | None:
    """The run that this key started already. Raises UserError 422 when it was asked with another body."""
    if key is None:
        return None
    found: Run | None = _runs(actor).filter(idempotency_key=key).first()
    if found is not None and found.request_sha256 != sha:
        raise another_request()
    return found


def another_request() -> UserError:
    """The key was used for something else."""
    return UserError(
        "E_IDEM_MISMATCH", "This Idempotency-Key was used for another request.",
        field="Idempotency-Key", status=422,
        hint="Use a new key for a new request.",
    )  # fmt: skip


def _runs(actor: Actor) -> Any:
    return Run.objects.of(actor.workspace).select_related("workflow", "version", "workspace")
