"""Checks of steps that wait: what a `wait` waits for, the draft of an `approve`, who runs whom. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from orchestrator_site.lib.names import did_you_mean
from workflows.engine.actions import Known, WorkflowFacts
from workflows.engine.control.approval import NOT_A_CHOICE, ApproveField
from workflows.engine.control.subworkflow import MAX_DEPTH
from workflows.engine.definition import StepSpec
from workflows.engine.expressions import is_literal
from workflows.engine.findings import WARNING, Problem
from workflows.engine.values import literal_problems

ROLES = ("viewer", "operator", "editor", "admin", "owner")


def check_waiting(step: StepSpec, own: str, known: Known | None) -> Iterator[Problem]:
    """What is wrong with a step that waits; `own` is the slug of the workflow it stands in."""
    if step.action == "wait":
        yield from _wait(step)
    elif step.action == "approve":
        yield from _fields(step)
        yield from _decisions(step)
    elif step.action == "run_workflow" and known is not None:
        yield from _workflow(step, own, known)


def _problem(step: StepSpec, code: str, text: str, field: str, hint: str | None = None, **more: Any) -> Problem:
    return Problem(code, text, step=step.key, field=field, hint=hint, **more)


def _given(step: StepSpec, name: str) -> bool:
    return step.with_.get(name) not in (None, "", [], {})


# wait


def _wait(step: StepSpec) -> Iterator[Problem]:
    given = [name for name in ("seconds", "until", "event") if _given(step, name)]
    if len(given) != 1:
        said = "none is given" if not given else f"{' and '.join(given)} are given"
        text = f"A wait needs exactly one of seconds, until and event; {said}."
        yield _problem(step, "E_VALUE", text, f"with.{given[1] if given else 'seconds'}", "Keep one of them.")
    elif given != ["event"] and _given(step, "due"):
        text = "Only a wait for an event can be given up."
        yield _problem(step, "E_VALUE", text, "with.due", "Leave it empty.")


# approve


def _fields(step: StepSpec) -> Iterator[Problem]:
    fields = step.with_.get("fields")
    if not isinstance(fields, list):
        return
    seen: set[str] = set()
    for i, one in enumerate(fields):
        at = f"with.fields[{i}]"
        if not isinstance(one, dict):
            continue
        if not is_literal(fields):
            yield from _form_of(step, one, at)
        name = one.get("name")
        if isinstance(name, str) and name in seen:
            text = f"Two values of the draft are called “{name[:48]}”."
            yield _problem(step, "E_DEF_DUP", text, f"{at}.name", "Give one of them another name.")
        seen.add(str(name))
        if one.get("type") == "choice" and not one.get("options"):
            text = f"{at}.options is missing: a choice needs something to choose from."
            yield _problem(step, "E_REQUIRED", text, f"{at}.options")


def _form_of(step: StepSpec, field: dict[str, Any], at: str) -> Iterator[Problem]:
    """A field of a draft with templates in it; one without is checked with the other inputs."""
    for name in field:
        if name not in ApproveField.model_fields:
            hint = did_you_mean(name, list(ApproveField.model_fields))
            yield _problem(step, "E_UNKNOWN_FIELD", f"There is no “{name[:48]}” here.", f"{at}.{name[:48]}", hint)
    plain = {name: value for name, value in field.items() if name != "value"}
    for wrong in literal_problems(ApproveField, plain, whole=True):
        yield replace(wrong, step=step.key, field=f"{at}.{(wrong.field or '').removeprefix('with.')}")
    if "name" not in field:
        yield _problem(step, "E_REQUIRED", f"{at}.name is missing.", f"{at}.name", "Name each value.")


def _decisions(step: StepSpec) -> Iterator[Problem]:
    choices = step.with_.get("choices")
    found = [one for one in choices if isinstance(one, str)] if isinstance(choices, list) else []
    for i, one in enumerate(found):
        if not 1 <= len(one) <= 48 or one != one.strip() or one in NOT_A_CHOICE or one in found[:i]:
            hint = f"1 to 48 characters, each once, none of {', '.join(NOT_A_CHOICE)}."
            yield _problem(step, "E_CHOICE", f"“{one[:48]}” cannot be a choice.", f"with.choices[{i}]", hint)
    if found and step.with_.get("on_timeout") == "approve":
        text = "With ways to choose from, nobody's silence can approve: it would not say which way."
        yield _problem(step, "E_VALUE", text, "with.on_timeout", "Use reject or fail.")
    approvers = step.with_.get("approvers")
    for i, who in enumerate(approvers if isinstance(approvers, list) else ()):
        if isinstance(who, str) and is_literal(who) and who not in ROLES and "@" not in who:
            text = f"“{who[:60]}” is neither a role nor an e-mail address."
            yield _problem(step, "E_CHOICE", text, f"with.approvers[{i}]", did_you_mean(who, ROLES) or ", ".join(ROLES))


# run_workflow


def _workflow(step: StepSpec, own: str, known: Known) -> Iterator[Problem]:
    slug = step.with_.get("workflow")
    if not isinstance(slug, str) or not slug.strip() or not is_literal(slug):
        return
    facts = known.workflow(slug)
    if facts is None and slug != own:
        text = f"There is no workflow “{slug[:48]}” in this workspace."
        yield _problem(step, "E_NOT_FOUND", text, "with.workflow", did_you_mean(slug, list(known.workflow_slugs())))
        return
    path = _too_far([slug], own, known)
    if path and path[-1] == own:
        text = f"Workflows may not run each other in a circle: {' → '.join([own, *path])}."
        yield _problem(step, "E_CYCLE", text, "with.workflow", "Take the step out of one of them.")
    elif path:
        text = f"Workflows run each other at most {MAX_DEPTH} deep: {' → '.join([own or 'this one', *path])}."
        yield _problem(step, "E_DEPTH", text, "with.workflow", "Do the work in fewer workflows.", limit=MAX_DEPTH)
    elif facts is not None and not facts.published:
        text = f"“{facts.name}” has not been published; a run of it cannot start."
        yield _problem(step, "W_NOT_PUBLISHED", text, "with.workflow", "Publish it first.", severity=WARNING)
    elif facts is not None:
        yield from _inputs(step, facts)


def _too_far(path: list[str], own: str, known: Known, seen: dict[str, int] | None = None) -> list[str]:
    """The way by which workflows lead back to this one, or deeper than they may; nothing if they do neither."""
    seen = {} if seen is None else seen
    slug, depth = path[-1], len(path)
    if (own and slug == own) or depth > MAX_DEPTH:
        return path
    if seen.get(slug, 0) >= depth:
        return []
    seen[slug] = depth
    facts = known.workflow(slug)
    for called in facts.calls if facts else ():
        found = _too_far([*path, called], own, known, seen)
        if found:
            return found
    return []


def _inputs(step: StepSpec, facts: WorkflowFacts) -> Iterator[Problem]:
    given = step.with_.get("inputs")
    if given is not None and not isinstance(given, dict):
        return
    specs = {spec.name: spec for spec in facts.inputs}
    for name in given or {}:
        if name not in specs:
            text = f"“{facts.name}” has no input “{name[:48]}”."
            yield _problem(step, "E_UNKNOWN_FIELD", text, f"with.inputs.{name}", did_you_mean(name, list(specs)))
    for name, spec in specs.items():
        if spec.required and not spec.has_default and (given or {}).get(name) in (None, ""):
            text = f"“{facts.name}” needs the input “{spec.title}” ({name})."
            yield _problem(step, "E_REQUIRED", text, f"with.inputs.{name}")
