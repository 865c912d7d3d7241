"""What later steps rely on, against what earlier steps really gave: a field that went away, or never was. Pure.

A declared output says which fields an action has; what stands inside an object of free shape (the properties of a row,
the body of an answer, what a model extracted) is learned from the outputs of the last runs. A path with a `default`
provides for absence and is not looked at; nor is a value that was empty where the path goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.names import did_you_mean
from orchestrator_site.lib.templating import PSEUDO_FIELDS, Reference, TemplateProblem, compile, compile_condition
from workflows.engine.definition import Definition, StepSpec
from workflows.engine.expressions import single_path, templates_in
from workflows.engine.findings import WARNING, Problem

Path = tuple[str | int, ...]
FIRST_ITEMS = 20
LOOP = "for_each"


@dataclass(frozen=True)
class Seen:
    """What a step gave in one run, and when that was, in words."""

    value: Any
    when: str


Learned = Mapping[str, Sequence[Seen]]
"""By step key: the outputs of the last runs, newest first."""


@dataclass(frozen=True)
class _Use:
    """One path that a step reads, from the output of another step on; `inside` a list where a loop goes over it."""

    step: str | None
    field: str
    source: str
    path: Path
    shown: str


def keys_read(definition: Definition) -> set[str]:
    """The steps whose outputs others look into."""
    return {use.source for use in _uses(definition)}


def contract_problems(definition: Definition, learned: Learned) -> list[Problem]:
    """A warning for each path that the newest outputs do not have. Steps that never ran are not judged."""
    titles = {step.key: step.title for step, _ in definition.walk()}
    found: dict[tuple[str | None, str], Problem] = {}
    for use in _uses(definition):
        problem = _judge(use, learned.get(use.source, ()), titles.get(use.source, use.source))
        if problem is not None:
            found.setdefault((use.step, use.shown), problem)
    return list(found.values())


def _judge(use: _Use, outputs: Sequence[Seen], title: str) -> Problem | None:
    states = [_has(seen.value, use.path) for seen in outputs]
    if not states or states[0] is not False:
        return None
    name = str(next((part for part in reversed(use.path) if isinstance(part, str)), use.path[-1]))
    hint = did_you_mean(name, _names_beside(outputs[0].value, use.path))
    had = next((seen for seen, state in zip(outputs, states, strict=True) if state), None)
    if had is not None:
        text = f"“{title}” no longer gives `{use.shown}`: it was there {had.when}, and not {outputs[0].when}."
        code = "W_FIELD_GONE"
    elif all(state is False for state in states):
        count = "the last run" if len(states) == 1 else f"the last {len(states)} runs"
        text, code = f"“{title}” did not give `{use.shown}` in {count}.", "W_FIELD_UNSEEN"
    else:
        return None
    return Problem(code, text, WARNING, step=use.step, field=use.field, hint=hint)


def _has(value: Any, path: Path) -> bool | None:
    """Whether a value has something at a path; None where that cannot be said (an empty value on the way)."""
    for i, part in enumerate(path):
        if part == "*":
            states = {_has(item, path[i + 1 :]) for item in value[:FIRST_ITEMS]} if isinstance(value, list) else {None}
            return True if True in states else False if states == {False} else None
        if isinstance(value, Mapping):
            if part not in value:
                return None if part in PSEUDO_FIELDS else False
            value = value[part]
        elif _reaches(value, part):
            value = value[part]
        else:
            return None
    return True


def _reaches(value: Any, part: str | int) -> bool:
    """Whether a value has something under a name or at a place."""
    if isinstance(value, list):
        return isinstance(part, int) and -len(value) <= part < len(value)
    return isinstance(value, Mapping) and part in value


def _names_beside(value: Any, path: Path) -> list[str]:
    """The names that stand where the last name of a path was looked for."""
    for part in path:
        if part == "*":
            part = 0
        if not _reaches(value, part):
            break
        value = value[part]
    return [str(name) for name in value] if isinstance(value, Mapping) else []


# ---- What is read --------------------------------------------------------------------------------------------


def _uses(definition: Definition) -> Iterator[_Use]:
    yield from _in_list(definition.steps, ())
    for name, value in definition.outputs.items():
        yield from _of_value(None, f"outputs.{name}", value, ())


def _in_list(steps: Sequence[StepSpec], items: tuple[Path | None, ...]) -> Iterator[_Use]:
    for step in steps:
        if step.disabled:
            continue
        for name, value in step.with_.items():
            yield from _of_value(step.key, f"with.{name}", value, items)
        if step.when:
            yield from _of_condition(step.key, "when", step.when, items)
        for name, children in step.branches.items():
            inner = (*items, _list_path(step, items)) if step.action == LOOP and name == "do" else items
            yield from _in_list(children, inner)


def _list_path(loop: StepSpec, items: tuple[Path | None, ...]) -> Path | None:
    """Where the items of a loop come from, as a path whose last part stands for each of them."""
    reference = single_path(loop.with_.get("items"))
    found = _from_step(reference.path, items) if reference is not None else None
    return (*found, "*") if found is not None else None


def _of_value(step: str | None, field: str, value: JSONValue, items: tuple[Path | None, ...]) -> Iterator[_Use]:
    for at, text in templates_in(value):
        try:
            references = compile(text).references()
        except TemplateProblem:
            continue
        yield from _of_references(step, f"{field}.{at}" if at else field, references, items)
    if isinstance(value, str) and field in ("with.condition", "with.until"):
        yield from _of_condition(step, field, value, items)


def _of_condition(step: str | None, field: str, text: str, items: tuple[Path | None, ...]) -> Iterator[_Use]:
    try:
        references = compile_condition(text).references()
    except TemplateProblem:
        return
    yield from _of_references(step, field, references, items)


def _of_references(
    step: str | None, field: str, references: Sequence[Reference], items: tuple[Path | None, ...]
) -> Iterator[_Use]:
    for reference in references:
        found = None if reference.optional else _from_step(reference.path, items)
        if found is not None and len(found) > 1:
            shown = ".".join(str(part) for part in reference.path)
            yield _Use(step, field, str(found[0]), found[1:], shown)


def _from_step(path: Path, items: tuple[Path | None, ...]) -> Path | None:
    """A path as one that begins at a step: (key, field, …); None for inputs, variables and the like."""
    if path[0] == "steps" and len(path) > 1:
        return path[1:]
    if path[0] == "item" and items and items[-1] is not None:
        return (*items[-1], *path[1:])
    return None
