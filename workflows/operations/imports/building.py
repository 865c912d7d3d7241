"""Old steps, in the order they ran, as one definition of ours. Pure.

The original followed `next_step` from the first step until null. Its typos ended a run silently, its cycles never
ended, and what the chain did not reach was dropped. Here all three become steps that are switched off,
with a problem each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.names import did_you_mean, slugify_key
from prompts.originals import check_id, slug_for
from workflows.engine.findings import Problem
from workflows.operations.imports.keys import Keys
from workflows.operations.imports.result import Converted
from workflows.operations.imports.scope import Scope
from workflows.operations.imports.steps import OldStep, convert_step, title

MAX_NAME, MAX_DESCRIPTION = 120, 4000


@dataclass
class OldWorkflow:
    """A workflow of any old dialect, before its names are resolved."""

    dialect: str
    identifier: str
    name: str
    description: str
    steps: list[OldStep]
    scope: Scope
    chained: bool = True
    settings: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def give_keys(old: OldWorkflow) -> None:
    """A key for every step, and the names by which later steps refer to it."""
    keys = Keys()
    for step in old.steps:
        step.key = keys.give(step.id)
    for step in reversed(old.steps):
        old.scope.outputs[f"{step.id}_output"] = (step.output, ())


def build(old: OldWorkflow) -> Converted:
    """The definition."""
    check_id(old.identifier)
    scope, problems = old.scope, old.problems
    running, left_out, endings = _order(old)
    made = [convert_step(step, scope, problems) for step in running]
    made += [_ending(ending, old, problems) for ending in endings]
    made += [_left_out(step, scope, problems) for step in left_out]
    return Converted(
        dialect=old.dialect,
        identifier=old.identifier,
        definition={
            "format": 1,
            "slug": slug_for(old.identifier, fallback="workflow"),
            "name": _cut(old.name.strip() or title(old.identifier), MAX_NAME, "name", scope),
            "description": _cut(old.description, MAX_DESCRIPTION, "description", scope),
            "settings": {**old.settings, "wait_for_connection": 0},  # the original's programs wait for an answer
            "inputs": [made_input.as_json() for made_input in scope.inputs.values()],
            "steps": made,
            "outputs": old.outputs,
        },
        warnings=list(dict.fromkeys(scope.warnings)),
        problems=problems,
        inputs={name: made_input.key for name, made_input in scope.inputs.items()},
        steps={step.key: step.id for step in old.steps},
    )


def _cut(text: str, limit: int, what: str, scope: Scope) -> str:
    if len(text) <= limit:
        return text
    scope.warnings.append(f"The {what} had {len(text):,} characters and was cut to {limit:,}.")
    return f"{text[: limit - 1]}…"


@dataclass(frozen=True)
class _Ending:
    """Where the chain could not be followed."""

    after: OldStep
    target: str
    path: tuple[str, ...] = ()


def _order(old: OldWorkflow) -> tuple[list[OldStep], list[OldStep], list[_Ending]]:
    """The steps as they run, those that are never reached, and the end of a chain that leads nowhere."""
    if not old.chained or not old.steps:
        return old.steps, [], []
    by_id = {step.id: step for step in reversed(old.steps)}
    reached: dict[str, OldStep] = {}
    step: OldStep | None = old.steps[0]
    endings: list[_Ending] = []
    while step is not None:
        reached[step.id] = step
        if not step.next:
            break
        if step.next in reached:
            endings.append(_Ending(step, step.next, _cycle(list(reached), step.next)))
            break
        target = by_id.get(step.next)
        if target is None:
            endings.append(_Ending(step, step.next))
        step = target
    chain = list(reached.values())
    places = {id(step) for step in chain}
    return chain, [step for step in old.steps if id(step) not in places], endings


def _cycle(reached: Sequence[str], target: str) -> tuple[str, ...]:
    return (*reached[reached.index(target) :], target)


def _ending(ending: _Ending, old: OldWorkflow, problems: list[Problem]) -> dict[str, Any]:
    """A switched off step that stands where the chain broke."""
    taken = {step.key for step in old.steps}
    if ending.path:
        shown = " → ".join(ending.path[-12:])
        key = slugify_key(f"back_to_{ending.target}", taken)
        code, text = "E_CYCLE", f"The steps go round in a circle: {shown}."
        hint = "Remove this step to run each of them once; use for_each where something is to be repeated."
    else:
        key = slugify_key(ending.target, taken, fallback="missing")
        code, text = "E_DEF_REF", f"“{ending.after.id}” goes on to “{ending.target[:80]}”, which does not exist."
        hint = f"{did_you_mean(ending.target, [step.id for step in old.steps])} Remove this step once that is settled."
    problems.append(Problem(code, text, step=key, field="next_step", hint=hint))
    return {
        "key": key,
        "name": title(f"{'Back to' if ending.path else 'Missing'} {ending.target}"),
        "action": "fail",
        "with": {"message": text},
        "disabled": True,
        "note": f"{text} {hint}",
    }


def _left_out(step: OldStep, scope: Scope, problems: list[Problem]) -> dict[str, Any]:
    """A step that the chain never reaches: the original dropped it without a word."""
    made = convert_step(step, scope, problems)
    if not step.disabled:
        text = f"No step goes on to “{step.id[:80]}”, so the original never ran it."
        hint = "Switch it on where it stands, move it, or remove it."
        problems.append(Problem("E_UNREACHABLE", text, step=step.key, field="next_step", hint=hint))
        made |= {"disabled": True, "note": f"{text} {hint}"}
    return made


def text_field(value: Mapping[str, JSONValue], name: str, *aliases: str) -> str:
    """A text of the file, "" when absent; numbers are written out."""
    found = next((value[one] for one in (name, *aliases) if value.get(one) is not None), "")
    return found if isinstance(found, str) else str(found)
