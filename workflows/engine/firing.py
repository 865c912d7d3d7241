"""A trigger starts a run: its condition asked, the inputs filled in from the event, the run stored.

Used by the web process (deliveries), by the engine (due times, polls, what waited) and by tests of a trigger alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.templating import TemplateProblem, compile_condition
from workflows.engine.bells import ring_after_commit
from workflows.engine.crashpoints import crashpoint
from workflows.engine.newrun import facts_of, new_run
from workflows.engine.plan import value_of
from workflows.models import Run, RunEvent, Trigger, Variable, Workflow, WorkflowVersion

SCHEDULE, WEBHOOK = "schedule", "webhook"
OUR_OWN = frozenset({SCHEDULE})
"""Kinds whose data we make ourselves: nothing in it is text from outside."""


@dataclass(frozen=True)
class Made:
    """What an event comes to: the inputs of a run, or the reason why there is none."""

    passes: bool
    inputs: Mapping[str, JSONValue]


def firing_triggers() -> Any:
    """Triggers that may start runs now: switched on, of a workflow that is on and published."""
    rows = Trigger.objects.unscoped("the engine serves every workspace")
    return rows.filter(
        enabled=True,
        deleted_at__isnull=True,
        workflow__enabled=True,
        workflow__deleted_at__isnull=True,
        workflow__published__isnull=False,
    ).select_related("workflow", "workflow__published", "workspace")


def passes(trigger: Trigger, data: Mapping[str, Any]) -> bool:
    """Whether the event meets the trigger's condition; one that names what the event has not got is not met."""
    if not trigger.filter.strip():
        return True
    try:
        return compile_condition(trigger.filter).evaluate({"trigger": dict(data)}, now=now())
    except TemplateProblem as problem:
        if problem.code == "E_TPL_UNDEFINED":
            return False
        raise


def inputs_from(trigger: Trigger, version: WorkflowVersion, data: Mapping[str, Any]) -> dict[str, JSONValue]:
    """The inputs of a run of this version, filled in from the event. Raises TemplateProblem with the input's name."""
    known = {spec.name for spec in facts_of(version).inputs}
    base: dict[str, Any] = {"trigger": dict(data)}
    if any("workspace" in str(value) for value in trigger.inputs.values()):
        rows = Variable.objects.of(trigger.workspace_id)
        base["workspace"] = {"variables": dict(rows.values_list("name", "value"))}
    found: dict[str, JSONValue] = {}
    for name, value in trigger.inputs.items():
        if name not in known:
            continue
        try:
            found[name] = value_of(value).over(base, now())
        except TemplateProblem as problem:
            problem.field = f"inputs.{name}"
            raise
    return found


def is_from_outside(trigger: Trigger) -> bool:
    """Whether inputs of its runs may hold text from outside."""
    if trigger.kind in OUR_OWN:
        return False
    reads = (path for value in trigger.inputs.values() for path in value_of(value).reads)
    return any(path[0] == "trigger" for path in reads)


def make_run(trigger: Trigger, data: Mapping[str, Any], *, mode: str = "live") -> Run | None:
    """A run of the published version that nobody has stored; None when the condition is not met.

    Raises UserError: no version, a template over what is not there, inputs that the version does not take.
    """
    workflow: Workflow = trigger.workflow
    if workflow.published is None:
        raise UserError("E_NOT_PUBLISHED", f"“{workflow.name}” has not been published.", hint="Publish it.", status=409)
    if not passes(trigger, data):
        return None
    frozen: dict[str, Any] = {"trigger": dict(data)}
    if is_from_outside(trigger):
        frozen["tainted_inputs"] = True
    workflow.workspace = trigger.workspace
    return new_run(
        workflow,
        workflow.published,
        inputs_from(trigger, workflow.published, data),
        frozen=frozen,
        mode=mode,
        trigger_kind=trigger.kind.partition(".")[0],
        trigger_id=str(trigger.pk),
        started_by=f"trigger “{trigger.name}”"[:200],
    )


def store(runs: Iterable[Run]) -> None:
    """Write new runs and let the workers know; within the caller's transaction."""
    rows = list(runs)
    Run.objects.unscoped("the runs of a trigger's workspace").bulk_create(rows, batch_size=200)
    events = [RunEvent(workspace=run.workspace, run=run, kind="queued", at=run.created_at) for run in rows]
    RunEvent.objects.unscoped("the events of these runs").bulk_create(events, batch_size=200)
    transaction.on_commit(lambda: crashpoint("P04"))
    ring_after_commit()


def note_success(trigger: Trigger, at: datetime, **more: Any) -> None:
    """All is well with it; within the caller's transaction."""
    rows = Trigger.objects.of(trigger.workspace_id).filter(pk=trigger.pk)
    rows.update(error=None, error_at=None, failures=0, **more)


def note_failure(trigger: Trigger, problem: Mapping[str, Any], at: datetime, failures: int = 1) -> None:
    """What went wrong, for the page, the API and alerts; within the caller's transaction."""
    said = {name: problem.get(name) for name in ("code", "message", "hint") if problem.get(name)}
    rows = Trigger.objects.of(trigger.workspace_id).filter(pk=trigger.pk)
    rows.update(error=said, error_at=at, failures=trigger.failures + failures)
