"""A new run, not stored yet: inputs checked, variables and prompts frozen as they are now.

People, programs and other runs (`run_workflow`) start runs by the same function.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from orchestrator_site.lib.clock import now
from prompts.operations.library import freeze
from workflows.engine.agent_tools import made_by
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import Definition, InputSpec, StepSpec, parse
from workflows.engine.inputs import check_inputs
from workflows.engine.plan import make_plan
from workflows.engine.rows import FAR
from workflows.engine.turns import TurnRule, rule_of
from workflows.engine.values import fields_of
from workflows.models import Run, Sample, Variable, Workflow, WorkflowVersion

_FACTS = 256
MOST_SAMPLES = 200
_facts: OrderedDict[UUID, VersionFacts] = OrderedDict()


@dataclass(frozen=True)
class VersionFacts:
    """What starting a run must know of a version; the same for ever, so it is kept."""

    inputs: tuple[InputSpec, ...]
    timeout: int | None
    variables: frozenset[str] | None
    prompts: tuple[tuple[str, str], ...]
    turns: TurnRule | None = None
    calls: tuple[str, ...] = ()


def new_run(
    workflow: Workflow, version: WorkflowVersion, given: dict[str, Any], *, frozen: Mapping[str, Any] = {}, **row: Any
) -> Run:
    """A run of this version that nobody has stored; `row` are further columns, `frozen` is kept beside the rest.

    Raises DefinitionProblems for inputs that are not those of the version.
    """
    facts = facts_of(version)
    at = now()
    if row.get("mode") == "dry":
        frozen = {"samples": dict(_samples(workflow)), **frozen}
    run = Run(
        workspace=workflow.workspace,
        workflow=workflow,
        version=version,
        inputs=check_inputs(facts.inputs, given),
        frozen={**frozen_now(workflow, facts), **frozen},
        created_at=at,
        due_at=at,
        deadline_at=at + timedelta(seconds=facts.timeout) if facts.timeout else None,
        **row,
    )
    if facts.turns is not None and run.mode == "live":  # a dry run changes nothing, so it takes nobody's turn
        _line_up(run, facts.turns)
    return run


def _samples(workflow: Workflow) -> Iterable[tuple[str, Any]]:
    """The sample outputs of the draft: a dry run goes on with them where a plan cannot know the answer."""
    rows = Sample.objects.of(workflow.workspace_id).filter(workflow=workflow).order_by("key")[:MOST_SAMPLES]
    return ((key, output) for key, output in rows.values_list("key", "output"))


def _line_up(run: Run, rule: TurnRule) -> None:
    """A run with a concurrency key is due only when it gets its turn (engine.turns)."""
    trigger = {"kind": run.trigger_kind, **(run.frozen.get("trigger") or {})}
    run.concurrency_key = rule.key_of(run.inputs, trigger, run.created_at)
    run.concurrency_limit, run.concurrency_policy, run.due_at = rule.limit, rule.policy, FAR


def facts_of(version: WorkflowVersion) -> VersionFacts:
    """What starting must know of a version."""
    found = _facts.get(version.pk)
    if found is None:
        found = _read_facts(parse(version.definition, trusted=True))
        _facts[version.pk] = found
        if len(_facts) > _FACTS:
            _facts.popitem(last=False)
    return found


def _read_facts(definition: Definition) -> VersionFacts:
    plan = make_plan(definition)
    names: set[str] = set()
    everything = False
    for path in plan.all_reads():
        if path[0] == "workspace":
            everything = everything or len(path) < 3
            names |= {str(path[2])} if len(path) > 2 else set()
    return VersionFacts(
        definition.inputs,
        definition.timeout,
        None if everything else frozenset(names),
        prompts_named(definition),
        rule_of(definition.settings),
        tuple(dict.fromkeys(_called(definition))),
    )


def prompts_named(definition: Definition) -> tuple[tuple[str, str], ...]:
    """The prompts that the steps use, each with the version or label they ask for; templates among them."""
    steps = [made for step, _ in definition.walk() for made in (step, *made_by(step, ""))]
    return tuple(dict.fromkeys(found for step in steps for found in _prompt_of(step)))


def _called(definition: Definition) -> Iterable[str]:
    """The workflows that a definition runs, as far as it names them."""
    for step, _ in definition.walk():
        slug = step.with_.get("workflow")
        if step.action == "run_workflow" and not step.disabled and isinstance(slug, str) and "{{" not in slug:
            yield slug


def _prompt_of(step: StepSpec) -> Iterable[tuple[str, str]]:
    info = CATALOGUE.get(step.action)
    if info is None or step.disabled:
        return
    for name in (fact.name for fact in fields_of(info.input).values() if fact.widget == "prompt"):
        slug = step.with_.get(name)
        version = step.with_.get("version") or step.with_.get("label") or "live"
        if isinstance(slug, str):
            yield slug, str(version)


def frozen_now(workflow: Workflow, facts: VersionFacts) -> dict[str, Any]:
    """The variables and prompts that a version reads, as they are now."""
    frozen: dict[str, Any] = {}
    if workflow.workspace.timezone != "UTC":
        frozen["timezone"] = workflow.workspace.timezone
    if facts.variables is None or facts.variables:
        rows = Variable.objects.of(workflow.workspace_id)
        if facts.variables is not None:
            rows = rows.filter(name__in=facts.variables)
        frozen["variables"] = dict(rows.values_list("name", "value"))
    for slug, version in facts.prompts:
        if "{{" not in slug and "{{" not in version:
            frozen.setdefault("prompts", {}).setdefault(slug, {})[version] = freeze(workflow.workspace, slug, version)
    return frozen
