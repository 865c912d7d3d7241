"""Steps as rows and as a definition's JSON, in both directions. Knows no actor and no checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from workflows.engine.definition import FORMAT
from workflows.engine.reading import BRANCHES
from workflows.models import Step, Workflow

JSON = dict[str, Any]


def definition_of(workflow: Workflow, rows: Sequence[Step]) -> JSON:
    """The canonical JSON of a draft from its rows."""
    lists: dict[tuple[UUID | None, str], list[Step]] = {}
    for row in sorted(rows, key=lambda row: row.position):
        lists.setdefault((row.parent_id, row.branch), []).append(row)
    return {
        "format": FORMAT,
        "slug": workflow.slug,
        "name": workflow.name,
        **({"description": workflow.description} if workflow.description else {}),
        **({"settings": workflow.settings} if workflow.settings else {}),
        "inputs": workflow.inputs,
        "steps": [_step(row, lists) for row in lists.get((None, ""), [])],
        "outputs": workflow.outputs,
    }


def _step(row: Step, lists: dict[tuple[UUID | None, str], list[Step]]) -> JSON:
    said: JSON = {
        "name": row.name,
        "action": row.action,
        "connection": row.connection,
        "with": row.inputs,
        "when": row.when,
        "timeout": row.timeout,
        "retry": row.retry,
        "on_error": row.on_error,
        "unknown": row.unknown,
        "cache": row.cache,
        "disabled": row.disabled,
        "note": row.note,
    }
    kept = {name: value for name, value in said.items() if value not in ("", None, False) and value != {}}
    written = (row.extra or {}).get("branches", [])
    branches = [name for name in BRANCHES if name in written or (row.pk, name) in lists]
    inner = {name: [_step(child, lists) for child in lists.get((row.pk, name), [])] for name in branches}
    return {"key": row.key, **kept, **inner}


def write_steps(workflow: Workflow, steps: Sequence[JSON]) -> None:
    """Replace the rows of a draft; a step that keeps its key keeps its row's id."""
    old = Step.objects.of(workflow.workspace_id).filter(workflow=workflow)
    ids = dict(old.values_list("key", "id"))
    old.delete()
    Step.objects.bulk_create(_rows(workflow, steps, ids, None, ""), batch_size=200)


def _rows(
    workflow: Workflow, steps: Sequence[JSON], ids: dict[str, UUID], parent: Step | None, branch: str
) -> Iterator[Step]:
    for position, step in enumerate(steps):
        row = Step(
            **({"id": ids[step["key"]]} if step["key"] in ids else {}),
            workspace=workflow.workspace,
            workflow=workflow,
            parent=parent,
            branch=branch,
            position=position,
            key=step["key"],
            name=step.get("name", ""),
            action=step["action"],
            connection=step.get("connection", ""),
            inputs=step.get("with", {}),
            when=step.get("when", ""),
            timeout=step.get("timeout"),
            retry=step.get("retry"),
            on_error=step.get("on_error"),
            unknown=step.get("unknown", ""),
            cache=step.get("cache"),
            disabled=step.get("disabled", False),
            note=step.get("note", ""),
            extra={"branches": [name for name in BRANCHES if name in step]} if any(b in step for b in BRANCHES) else {},
        )
        yield row
        for name in BRANCHES:
            yield from _rows(workflow, step.get(name, []), ids, row, name)
