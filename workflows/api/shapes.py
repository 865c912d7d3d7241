"""The JSON of runs, steps, effects, waits and workflows: one place for the API, the command line and Python.

Field names and meanings are those of the OpenAPI document (`workflows.api.bodies`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.urls import reverse

from orchestrator_site.lib.clock import moment
from workflows.models import (
    Attempt,
    DeliveredEvent,
    Effect,
    PlannedEffect,
    Run,
    StepRun,
    Wait,
    Workflow,
    WorkflowVersion,
)
from workflows.operations.turns import held_back
from workflows.operations.undoing import Offer
from workflows.operations.waits import decisions_of

JSON = dict[str, Any]


def address(path: str) -> str:
    """A path as the address people open: absolute where PUBLIC_URL is set."""
    return f"{settings.PUBLIC_URL}{path}"


def run_json(run: Run) -> JSON:
    """A run as the API shows it (design.md §8)."""
    return {
        "id": str(run.id),
        "workflow": run.workflow.slug,
        "version": run.version.number if run.version.number else "draft",
        "status": run.status,
        "mode": run.mode,
        "inputs": run.inputs,
        "outputs": run.outputs,
        "warnings": run.warnings or [],
        "error": run.error,
        "trigger": {"kind": run.trigger_kind, "id": run.trigger_id or None},
        "replay_of": str(run.replay_of_id) if run.replay_of_id else None,
        "cost_usd": float(run.cost_usd),
        "created_at": moment(run.created_at),
        "started_at": moment(run.started_at),
        "finished_at": moment(run.finished_at),
        "url": address(reverse("run", kwargs={"workspace": run.workspace.slug, "run": run.id})),
    }


def attempt_json(attempt: Attempt) -> JSON:
    """One recorded call of a step."""
    return {
        "n": attempt.n,
        "started_at": moment(attempt.started_at),
        "finished_at": moment(attempt.finished_at),
        "status": attempt.status,
        "error": attempt.error,
        "input_tokens": attempt.input_tokens,
        "output_tokens": attempt.output_tokens,
        "cost_usd": float(attempt.cost_usd),
    }


def attempts_json(step: StepRun, attempts: Iterable[Attempt]) -> list[JSON]:
    """The calls of a step, first to last.

    A step that succeeded at once has no Attempt row (engine.md §5): its only call is told from its own row. One that
    waits in its first call waits to learn what became of a change.
    """
    rows = [attempt_json(attempt) for attempt in sorted(attempts, key=lambda attempt: attempt.n)]
    nothing = reused(step) or cached(step) or step.kind == "control" or step.status == "skipped"
    if rows or step.started_at is None or nothing:
        return rows
    return [
        {
            "n": 1,
            "started_at": moment(step.started_at),
            "finished_at": moment(step.finished_at),
            "status": "unknown" if step.status == "waiting" else step.status,
            "error": step.error,
            "input_tokens": step.input_tokens,
            "output_tokens": step.output_tokens,
            "cost_usd": float(step.cost_usd),
        }
    ]


def step_json(step: StepRun, attempts: Iterable[Attempt] = ()) -> JSON:
    """One step of a run, at one place of its loops; `waits` says why a call of it may not leave yet."""
    held = held_back(step)
    return {
        "key": step.key,
        "path": step.path,
        "action": step.action,
        "status": step.status,
        "input": step.input,
        "output": step.output,
        "error": step.error,
        "attempts": attempts_json(step, attempts),
        "reused": reused(step),
        "cached": cached(step),
        "waits": held and {**held, "until": moment(held["until"])},
        "assumed": assumed(step),
        "pinned": step.decision.get("pinned") if isinstance(step.decision, dict) else None,
    }


def assumed(step: StepRun) -> str | None:
    """What a dry run took for granted in place of waiting or asking, in a sentence."""
    return step.decision.get("assumed") if isinstance(step.decision, dict) else None


def reused(step: StepRun) -> JSON | None:
    """Where a step that was not run in this run comes from: the earlier run, and who edited its output."""
    said = step.decision.get("reused") if isinstance(step.decision, dict) else None
    return {"run": said["run"], "edited": said.get("edited")} if said else None


def cached(step: StepRun) -> JSON | None:
    """Where the result of a step comes from that was answered from a kept one: the run and step that made it, when."""
    said = step.decision.get("cached") if isinstance(step.decision, dict) else None
    return {"run": said["run"], "step": said["step"], "at": said["at"]} if said else None


def effect_json(effect: Effect) -> JSON:
    """One change made outside, as the ledger knows it."""
    return {
        "id": str(effect.id),
        "run": str(effect.run_id),
        "step": effect.step_run.key,
        "path": effect.step_run.path,
        "op": effect.op,
        "connection": effect.connection.name if effect.connection else None,
        "target": effect.target,
        "request": effect.request,
        "state": effect.state,
        "error": effect.error,
        "key": effect.key,
        "attempt": effect.attempt,
        "external_id": effect.external_id or None,
        "external_url": effect.external_url or None,
        "search_url": effect.search_url or None,
        "sent_at": moment(effect.sent_at),
        "resolution": effect.resolution or None,
        "resolved_by": effect.resolved_by or None,
    }


def offer_json(offer: Offer) -> JSON:
    """How a change is taken back, or why it is not."""
    return {
        "effect": str(offer.effect.pk),
        "words": offer.words,
        "can": offer.can,
        "why": offer.why,
        "actions": [action for action, _ in offer.steps],
        "state": offer.state,
        "run": str(offer.undo.run_id) if offer.undo else None,
    }


def plan_json(plan: PlannedEffect) -> JSON:
    """One change that a dry run would make, in the shape of an effect; nothing of it was sent."""
    return {
        "id": str(plan.id),
        "run": str(plan.run_id),
        "step": plan.step_run.key,
        "path": plan.step_run.path,
        "op": plan.op,
        "connection": plan.connection.name if plan.connection else None,
        "target": plan.target,
        "request": None,
        "state": plan.state,
        "error": None,
        "key": None,
        "attempt": 0,
        "external_id": None,
        "external_url": None,
        "search_url": None,
        "sent_at": None,
        "resolution": None,
        "resolved_by": None,
        "summary": plan.summary,
        "before": plan.before,
        "after": plan.after,
    }


def wait_json(wait: Wait) -> JSON:
    """Something a run waits for."""
    return {
        "id": str(wait.id),
        "run": str(wait.run_id),
        "step": wait.step_run.key,
        "kind": wait.kind,
        "title": wait.title,
        "body": wait.body,
        "effect": str(wait.effect_id) if wait.effect_id else None,
        "fields": wait.fields or [],
        "decisions": decisions_of(wait) if wait.kind == "approval" else [],
        "due_at": moment(wait.due_at),
        "decision": wait.decision or None,
        "values": wait.values,
        "comment": wait.comment,
        "decided_by": wait.decided_by or None,
        "decided_at": moment(wait.decided_at),
        "created_at": moment(wait.created_at),
    }


def event_json(event: DeliveredEvent) -> JSON:
    """An event that was delivered to a run."""
    return {
        "id": str(event.pk),
        "run": str(event.run_id),
        "name": event.name,
        "data": event.data,
        "delivered_at": moment(event.delivered_at),
    }


def workflow_json(workflow: Workflow, problems: Iterable[Any], definition: Mapping[str, Any] | None = None) -> JSON:
    """A workflow; with `definition` also the whole draft."""
    shape: JSON = {
        "slug": workflow.slug,
        "name": workflow.name,
        "description": workflow.description,
        "enabled": workflow.enabled,
        "tags": workflow.tags or [],
        "problems": [problem_json(problem) for problem in problems],
        "draft_etag": workflow.draft_etag,
        "published_version": workflow.published.number if workflow.published else None,
        "updated_at": moment(workflow.updated_at),
        "url": address(reverse("workflow", kwargs={"workspace": workflow.workspace.slug, "slug": workflow.slug})),
    }
    if definition is not None:
        shape["definition"] = dict(definition)
    return shape


def problem_json(problem: Any) -> JSON:
    """A finding of the validation."""
    return {name: getattr(problem, name, None) for name in ("code", "message", "severity", "step", "field", "hint")}


def version_json(version: WorkflowVersion, *, with_definition: bool = False) -> JSON:
    """A published version; with the frozen definition where asked."""
    shape: JSON = {
        "number": version.number,
        "note": version.note,
        "sha256": version.sha256,
        "created_at": moment(version.created_at),
        "created_by": version.created_by,
    }
    if with_definition:
        shape["definition"] = version.definition
    return shape
