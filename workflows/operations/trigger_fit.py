"""Whether a trigger fits a workflow: what it fills in is there, and what the workflow requires is filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator_site.lib.errors import Problems, UserError
from orchestrator_site.lib.json import MIB, clean_value
from orchestrator_site.lib.names import did_you_mean
from orchestrator_site.lib.templating import TemplateProblem, compile_condition
from workflows.engine.definition import Definition, InputSpec, parse
from workflows.engine.newrun import facts_of
from workflows.engine.plan import value_of
from workflows.models import Trigger, Workflow

ROOTS = ("trigger", "workspace")
MOST_FILTER = 4_000


def check_filter(text: str) -> str:
    """A condition over `trigger`, or "". Raises UserError."""
    if not text.strip():
        return ""
    if len(text) > MOST_FILTER:
        words = f"A filter has at most {MOST_FILTER:,} characters."
        raise UserError("E_LENGTH", words, field="filter", limit=MOST_FILTER)
    try:
        paths = [reference.path for reference in compile_condition(text).references()]
    except TemplateProblem as problem:
        problem.field = "filter"
        raise
    _check_roots(paths, "filter", ("trigger",))
    return text.strip()


def inputs_of(workflow: Workflow) -> tuple[InputSpec, ...]:
    """The inputs that a trigger fills in: those of the published version, else of the draft if it can be read."""
    if workflow.published is not None:
        return facts_of(workflow.published).inputs
    try:
        return parse({"format": 1, "name": "x", "inputs": workflow.inputs or [], "steps": []}, trusted=True).inputs
    except UserError:
        return ()


def check_inputs_given(workflow: Workflow, inputs: Any) -> dict[str, Any]:
    """Templates for inputs that the draft or the published version has. Raises UserError."""
    said = clean_value({} if inputs is None else inputs, max_bytes=MIB, field="inputs")
    if not isinstance(said, dict):
        raise UserError("E_TYPE", "inputs must be an object: input → template.", field="inputs")
    known = {str(spec.get("name")) for spec in workflow.inputs or ()}
    if workflow.published is not None:
        known |= {spec.name for spec in facts_of(workflow.published).inputs}
    problems: list[UserError] = []
    for name, value in said.items():
        try:
            _check_input(name, value, known)
        except UserError as problem:
            problems.append(problem)
    if problems:
        raise problems[0] if len(problems) == 1 else Problems(problems)
    return said


def _check_input(name: str, value: Any, known: set[str]) -> None:
    field = f"inputs.{name[:60]}"
    if name not in known:
        text = f"The workflow has no input “{name[:60]}”."
        raise UserError("E_UNKNOWN_FIELD", text, field=field, hint=did_you_mean(name, known))
    try:
        reads = value_of(value).reads
    except TemplateProblem as problem:
        problem.field = field
        raise
    _check_roots(reads, field, ROOTS)


def _check_roots(paths: Iterable[tuple[Any, ...]], field: str, roots: tuple[str, ...]) -> None:
    for path in paths:
        if path[0] not in roots:
            hint = f"Here there is {' and '.join(roots)}, like trigger.id."
            raise UserError("E_TPL_UNDEFINED", f"There is no “{str(path[0])[:60]}” here.", field=field, hint=hint)


def unfilled(inputs: Mapping[str, Any], specs: Iterable[InputSpec]) -> list[str]:
    """Inputs that a version requires and nothing fills in."""
    return [spec.name for spec in specs if spec.required and not spec.has_default and inputs.get(spec.name) is None]


def refuse_unfit(trigger: Trigger, specs: Iterable[InputSpec]) -> None:
    """Raise UserError when runs of these inputs cannot be started by it."""
    missing = unfilled(trigger.inputs, specs)
    if missing:
        names = ", ".join(f"“{name}”" for name in missing)
        raise UserError(
            "E_REQUIRED",
            f"The workflow requires {names}, and the trigger “{trigger.name}” fills in nothing there.",
            field=f"inputs.{missing[0]}",
            hint="Say what to fill in, like {{ trigger.body.subject }}, or give the input a default.",
        )


def refuse_unfit_triggers(workflow: Workflow, definition: Definition) -> None:
    """Publishing carries the triggers along: raise UserError when one that is on would no longer start a run."""
    for trigger in Trigger.objects.of(workflow.workspace_id).filter(
        workflow=workflow, enabled=True, deleted_at__isnull=True
    ):
        try:
            refuse_unfit(trigger, definition.inputs)
        except UserError as problem:
            raise UserError(
                "E_TRIGGER_INPUTS",
                problem.message,
                field="inputs",
                hint="Open the trigger and fill it in, or switch it off; then publish.",
                status=409,
            ) from None
