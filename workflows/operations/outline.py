"""The outline: the tree of steps as it is shown on the workflow's page and on the run's page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator_site.lib.templating.values import as_text
from workflows.engine.actions import ActionInfo, Catalogue
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import Definition, StepSpec, parse
from workflows.engine.findings import Problem
from workflows.engine.lists import BRANCH, CASE, ON_ERROR
from workflows.engine.moves import reading_order
from workflows.engine.reading import LOOPS
from workflows.engine.values import FieldFacts, fields_of
from workflows.models import Workflow
from workflows.operations.drafts import draft_definition, draft_problems

SUMMARY = 120
_PLACEHOLDER = re.compile(r"\{\{-?\s*(?:steps\.|inputs\.|workspace\.variables\.)?([\w.\[\]-]+)[^{}]*\}\}")


@dataclass(frozen=True)
class OutlineBranch:
    """A named list of steps inside a step."""

    branch: str
    name: str
    items: tuple[OutlineItem, ...]


@dataclass(frozen=True)
class OutlineItem:
    """One step as it is listed. `verb` says what it changes outside, `service` whose icon it has ("" for control)."""

    number: int
    key: str
    name: str
    action: str
    title: str
    kind: str
    service: str
    icon: str
    verb: str
    summary: str
    disabled: bool
    condition: str
    errors: int
    warnings: int
    first_problem: str
    branches: tuple[OutlineBranch, ...] = ()
    many: str = ""
    depth: int = 0
    position: int = 0
    siblings: int = 1
    extra: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def is_control(self) -> bool:
        """Whether it holds steps or ends the run."""
        return self.kind == "control"

    @property
    def is_loop(self) -> bool:
        """Whether it is drawn as a frame around its one list."""
        return self.action in LOOPS


def outline(workflow: Workflow, problems: Iterable[Problem] | None = None) -> list[OutlineItem]:
    """The outline of a workflow's draft."""
    found = draft_problems(workflow) if problems is None else list(problems)
    return outline_of(parse(draft_definition(workflow), trusted=True), found)


def outline_of(
    definition: Definition, problems: Iterable[Problem] = (), catalogue: Catalogue = CATALOGUE
) -> list[OutlineItem]:
    """The outline of any definition (a version, say)."""
    by_step: dict[str, list[Problem]] = {}
    for problem in problems:
        by_step.setdefault(problem.step or "", []).append(problem)
    numbers = {step.key: number for number, (step, _) in enumerate(definition.walk(), 1)}
    return list(_items(definition.steps, numbers, by_step, catalogue, 0))


def _items(
    steps: Sequence[StepSpec],
    numbers: dict[str, int],
    problems: dict[str, list[Problem]],
    catalogue: Catalogue,
    depth: int,
) -> tuple[OutlineItem, ...]:
    return tuple(
        _item(step, catalogue.get(step.action), numbers, problems, catalogue, depth, i, len(steps))
        for i, step in enumerate(steps)
    )


def _item(
    step: StepSpec,
    info: ActionInfo | None,
    numbers: dict[str, int],
    problems: dict[str, list[Problem]],
    catalogue: Catalogue,
    depth: int,
    position: int,
    siblings: int,
) -> OutlineItem:
    found = problems.get(step.key, [])
    errors = [problem for problem in found if problem.is_error]
    branches = tuple(
        OutlineBranch(
            name,
            list_title(name, step, info),
            _items(step.branches.get(name, ()), numbers, problems, catalogue, depth + 1),
        )
        for name in sorted(dict.fromkeys([*step.branches, *(info.branches if info else ())]), key=reading_order)
    )
    return OutlineItem(
        number=numbers[step.key],
        key=step.key,
        name=step.title,
        action=step.action,
        title=info.title if info else step.action,
        kind=info.kind if info else "unknown",
        service=info.service if info else "",
        icon=(info.icon if info else "") or ("help-circle" if info is None else ""),
        verb=info.verb if info and info.is_effect else "",
        summary=summary_of(step, info),
        disabled=step.disabled,
        condition=step.when,
        errors=len(errors),
        warnings=len(found) - len(errors),
        first_problem=(errors or found)[0].message if found else "",
        branches=branches,
        many=info.many if info else "",
        depth=depth,
        position=position,
        siblings=siblings,
    )


def list_title(name: str, step: StepSpec, info: ActionInfo | None) -> str:
    """What stands above a list of steps: Yes, Otherwise, the value of a case, the key of a branch."""
    titles = dict(zip(info.branches, info.branch_titles, strict=False)) if info else {}
    if name.startswith(CASE):
        value = step.cases[int(name.removeprefix(CASE))]
        return f"“{_cut(value, 40)}”" if isinstance(value, str) else as_text(value)
    if name == ON_ERROR:
        return "If it fails"
    return titles.get(name, name.removeprefix(BRANCH))


def summary_of(step: StepSpec, info: ActionInfo | None) -> str:
    """One line on what the step does: where it goes, else its first filled input."""
    if info is None:
        return f"unknown action {step.action}"
    facts = fields_of(info.input)
    ranked = sorted(facts.values(), key=_rank)
    filled = [fact for fact in ranked if step.with_.get(fact.name) not in (None, "", [], {})]
    shown = [_readable(step.with_[fact.name]) for fact in filled[:2]]
    return " · ".join(_cut(text, SUMMARY // len(shown)) for text in shown)


def _rank(fact: FieldFacts) -> tuple[int, int]:
    return ({"target": 0, "content": 1}.get(fact.role, 2), 0 if fact.required else 1)


def _readable(value: Any) -> str:
    """A value in one line; placeholders as ‹database› and ‹fetch.messages›."""
    text = " ".join(as_text(value).split())
    return _PLACEHOLDER.sub(lambda found: f"‹{found.group(1)}›", text)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
