"""What a step's expressions see, taken from runs that have happened: for the picker and for previews. Runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.templating import compile_condition
from orchestrator_site.lib.templating.values import as_text
from workflows.engine.control import CONTROLS
from workflows.engine.expressions import compile_value, is_literal
from workflows.engine.lists import ON_ERROR
from workflows.engine.tree import every_step, find
from workflows.models import Run, StepRun, Variable, Workflow
from workflows.operations.blobs import with_outputs

JSON = dict[str, Any]
LOOKED_AT, SHOWN = 5, 2_000


def newest_run(workflow: Workflow) -> Run | None:
    """The newest run of a workflow."""
    return Run.objects.of(workflow.workspace_id).filter(workflow=workflow).order_by("-pk").first()


def last_outputs(workflow: Workflow) -> dict[str, Any]:
    """What each step gave last in the newest runs, by key; of a step in a loop the first item that gave something."""
    runs = Run.objects.of(workflow.workspace_id).filter(workflow=workflow).order_by("-pk").values_list("pk", flat=True)
    newest = list(runs[:LOOKED_AT])
    rows = StepRun.objects.of(workflow.workspace_id).filter(run__in=newest, output__isnull=False)
    found = with_outputs(rows.order_by("run_id", "-id").only("key", "output", "workspace"), first_part=True)
    return {step.key: step.output for step in found}


def variables_of(workflow: Workflow) -> dict[str, Any]:
    """The variables of its workspace."""
    return dict(Variable.objects.of(workflow.workspace_id).values_list("name", "value"))


def sample_data(workflow: Workflow, definition: JSON, key: str) -> JSON:
    """The data of a step as a run would have it, as far as earlier runs can tell."""
    run, outputs = newest_run(workflow), last_outputs(workflow)
    given = {one["name"]: one["default"] for one in definition.get("inputs", ()) if "default" in one}
    data: JSON = {
        "inputs": {**given, **(run.inputs if run else {})},
        "trigger": {"kind": run.trigger_kind, **(run.frozen.get("trigger") or {})} if run else {},
        "run": {"id": str(run.pk), "workflow": workflow.slug, "url": ""} if run else {"workflow": workflow.slug},
        "workspace": {"variables": variables_of(workflow)},
        "steps": outputs,
    }
    return _with_loops(data, definition, key)


def _with_loops(data: JSON, definition: JSON, key: str) -> JSON:
    """The item, index and last pass of the blocks around a step, outermost first."""
    for block, branch in _around(definition, key):
        if branch == ON_ERROR:
            data["error"] = {"message": "What went wrong", "code": "E_EXAMPLE", "step": block["key"]}
        elif block["action"] == "for_each":
            items = _rendered((block.get("with") or {}).get("items"), data)
            data |= {"item": items[0], "index": 0} if isinstance(items, list) and items else {"index": 0}
        elif block["action"] == "repeat":
            inner = [step["key"] for step, _, _ in every_step(block.get("do", []))]
            data |= {"index": 0, "last": {name: data["steps"].get(name, {}) for name in inner}}
    return data


def _around(definition: JSON, key: str) -> list[tuple[JSON, str]]:
    found: list[tuple[JSON, str]] = []
    _, _, at = find(definition, key)
    while at.parent:
        block, _, above = find(definition, at.parent)
        found.insert(0, (block, at.branch))
        at = above
    return found


def _rendered(value: Any, data: JSON) -> Any:
    try:
        return compile_value(value).render(data)
    except UserError:
        return None


@dataclass(frozen=True)
class Seen:
    """What an expression gives now, in one text, or why it gives nothing."""

    text: str = ""
    problem: str = ""


NO_RUN = Seen(problem="the workflow has not run yet.")


def preview_inputs(data: JSON, action: str, values: Mapping[str, Any], when: str = "") -> dict[str, Seen]:
    """What the expressions among a step's inputs (and its condition, as "when") give over `data`.

    Templates have the limits they have in a run; nothing is sent or stored.
    """
    conditions = CONTROLS[action].conditions if action in CONTROLS else frozenset()
    asked = [(name, value, name in conditions) for name, value in values.items()]
    asked += [("when", when, True)] if when else []
    return {
        name: _seen(value, data, condition=condition)
        for name, value, condition in asked
        if value and (condition or not is_literal(value))
    }


def _seen(value: Any, data: JSON, *, condition: bool) -> Seen:
    try:
        found = compile_condition(str(value)).evaluate(data) if condition else compile_value(value).render(data)
    except UserError as problem:
        return Seen(problem=problem.message) if data["steps"] else NO_RUN
    text = ("yes" if found else "no") if condition else as_text(found)
    return Seen(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
