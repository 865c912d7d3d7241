"""Steps as rows and as a definition's JSON, in both directions. Knows no actor and no checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from workflows.engine.definition import FORMAT
from workflows.engine.lists import is_list_name, lists_of, own_fields, with_lists
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
    names = list_names(row, {name for parent, name in lists if parent == row.pk})
    inner = {name: [_step(child, lists) for child in lists.get((row.pk, name), [])] for name in names}
    return with_lists({"key": row.key, **kept}, inner, list((row.extra or {}).get("cases", [])))


def list_names(row: Step, filled: set[str]) -> list[str]:
    """The lists of steps that a row has: those it was written with, and those that hold steps by now."""
    written = [str(name) for name in (row.extra or {}).get("branches", [])]
    return [name for name in dict.fromkeys([*written, *sorted(filled)]) if is_list_name(name)]


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
            on_error=own_fields(step).get("on_error"),
            unknown=step.get("unknown", ""),
            cache=step.get("cache"),
            disabled=step.get("disabled", False),
            note=step.get("note", ""),
            extra=_extra(step),
        )
        yield row
        for name, inner in lists_of(step):
            yield from _rows(workflow, inner, ids, row, name)


def _extra(step: JSON) -> JSON:
    """Which lists of steps there are, also empty ones, and the values of a switch."""
    names, cases = [name for name, _ in lists_of(step)], own_fields(step).get("cases")
    return {**({"branches": names} if names else {}), **({"cases": cases} if cases else {})}
