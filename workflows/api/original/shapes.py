"""A run as the original's WorkflowResult, each output in the shape it had there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workflows.api.original.base import naive, naive_now
from workflows.engine.definition import parse
from workflows.engine.findings import Problem
from workflows.models import Run, StepRun, Workflow
from workflows.models.run import RunStatus, StepStatus
from workflows.operations.blobs import RECORD, with_outputs

JSON = dict[str, Any]

_ENDED = {
    RunStatus.CANCELLED: "The run was cancelled.",
    RunStatus.TIMED_OUT: "The run took longer than it may.",
    RunStatus.FAILED: "The run failed.",
}


def _text(output: Any) -> Any:
    return output.get("text")


def _picked(*names: str) -> Callable[[Any], Any]:
    return lambda output: {name: output.get(name) for name in names}


def _repositories(output: Any) -> Any:
    rows = output.get("repositories") or []
    return [
        {"name": row.get("full_name"), "description": row.get("description"), "url": row.get("url")}
        for row in rows[:20]
    ]


def _appended(output: Any) -> Any:
    blocks = output.get("block_ids") or []
    return {"success": True, "block_id": blocks[0] if blocks else None}


def _pages(output: Any) -> Any:
    return [{name: row.get(name) for name in ("id", "title", "url")} for row in output.get("results") or []]


def _message(row: Any) -> Any:
    return {**row, "threadId": row.get("thread_id")} if isinstance(row, dict) else row


def _messages(output: Any) -> Any:
    return [_message(row) for row in output.get("messages") or []]


SHAPES: dict[str, Callable[[Any], Any]] = {
    "ai.complete": _text,
    "ai.run_prompt": _text,
    "ai.summarize": _text,
    "ai.sop": _text,
    "github.create_issue": _picked("number", "url", "title"),
    "github.commit_file": _picked("commit_sha", "url"),
    "github.list_repositories": _repositories,
    "notion.create_page": _picked("id", "url"),
    "notion.append": _appended,
    "notion.search": _pages,
    "gmail.search": _messages,
    "gmail.get_message": _message,
    "data.format": _text,
    "data.extract": lambda output: output.get("value"),
}


def original_output(action: str, output: Any) -> Any:
    """An output as `<step>_output` was."""
    shape = SHAPES.get(action)
    return shape(output) if shape and isinstance(output, Mapping) else output


def original_ids(workflow: Workflow) -> dict[str, str]:
    """The original's step ids by our keys."""
    source = workflow.source if isinstance(workflow.source, dict) else {}
    steps = source.get("steps")
    return dict(steps) if isinstance(steps, dict) else {}


def original_id(workflow: Workflow) -> str:
    """The id by which the original's clients know a workflow."""
    source = workflow.source if isinstance(workflow.source, dict) else {}
    return str(source.get("id") or workflow.slug)


def run_result(run: Run, workflow: Workflow) -> JSON:
    """The WorkflowResult of a run."""
    ids = original_ids(workflow)
    done = [step for step in _in_order(run) if step.status == StepStatus.SUCCEEDED]
    return {
        "workflow_id": original_id(workflow),
        "status": _status(run),
        "started_at": naive(run.started_at or run.created_at),
        "completed_at": naive(run.finished_at),
        "steps_executed": [ids.get(step.key, step.key) for step in done],
        "outputs": {
            ids.get(step.key, step.key): original_output(step.action, step.output)
            for step in with_outputs(done, most=RECORD)
        },
        "errors": _errors(run, ids),
    }


def _status(run: Run) -> str:
    if not run.is_terminal:
        return "running"
    return "completed" if run.status == RunStatus.SUCCEEDED else "failed"


def _in_order(run: Run) -> list[StepRun]:
    """The steps outside loops, in the order of the version."""
    places = {step.key: place for place, (step, _) in enumerate(parse(run.version.definition, trusted=True).walk())}
    rows = StepRun.objects.of(run.workspace_id).filter(run=run, path="")
    return sorted(rows, key=lambda row: places.get(row.key, len(places)))


def _errors(run: Run, ids: Mapping[str, str]) -> list[str]:
    if not run.is_terminal or run.status == RunStatus.SUCCEEDED:
        return []
    error = run.error or {}
    text = " ".join(str(part) for part in (error.get("message"), error.get("hint")) if part)
    text = text or _ENDED[RunStatus(run.status)]
    key = error.get("step")
    return [error_line(ids.get(key, key), text) if key else text]


def error_line(step: str, text: str) -> str:
    """An error as the original wrote it."""
    return f"Error in step {step}: {text}"


def refused_result(workflow: Workflow, errors: list[str]) -> JSON:
    """The result of a run that could not even begin."""
    at = naive_now()
    return {
        "workflow_id": original_id(workflow),
        "status": "failed",
        "started_at": at,
        "completed_at": at,
        "steps_executed": [],
        "outputs": {},
        "errors": errors,
    }


def problem_lines(problems: list[Problem], ids: Mapping[str, str]) -> list[str]:
    """Problems of a definition as errors of steps."""
    lines = []
    for problem in problems:
        text = " ".join(part for part in (problem.message, problem.hint) if part)
        lines.append(error_line(ids.get(problem.step, problem.step), text) if problem.step else text)
    return lines
