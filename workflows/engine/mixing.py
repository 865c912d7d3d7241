"""Where text comes from: warns of a model that sees two sources and whose answer goes out again (S12). Pure.

Who writes a mail can tell a model what to do. If the same model also reads something private from elsewhere and its
answer is written outside, the mail can make it give the private text away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.templating import TemplateProblem, compile
from workflows.engine.actions import ActionInfo, Catalogue
from workflows.engine.definition import Definition, StepSpec
from workflows.engine.expressions import templates_in
from workflows.engine.findings import WARNING, Problem
from workflows.engine.lists import ON_ERROR


@dataclass(frozen=True)
class Origin:
    """The services whose text is in a value, and those whose text a model saw to make it."""

    sources: frozenset[str] = frozenset()
    mixed: frozenset[str] = frozenset()

    def __or__(self, other: Origin) -> Origin:
        return Origin(self.sources | other.sources, self.mixed | other.mixed)


NOTHING = Origin()


def check_mixing(definition: Definition, catalogue: Catalogue) -> list[Problem]:
    """One warning for each step that sends out what a model made of two or more sources."""
    return list(_Walk(catalogue).over(definition.steps))


class _Walk:
    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.made: dict[str, Origin] = {}
        self.items: list[Origin] = []
        self.lasts: list[Origin] = []
        self.errors: list[Origin] = []

    def over(self, steps: Sequence[StepSpec]) -> Iterator[Problem]:
        for step in steps:
            info, given = self.catalogue.get(step.action), self._of(step.with_)
            own = given
            for children in step.blocks.values():
                yield from self._inside(step, children)
                given |= self._made(children)
            self.made[step.key] = _gives(info, given)
            if handled := step.branches.get(ON_ERROR):
                self.errors.append(_gives(info, given))
                yield from self.over(handled)
                self.errors.pop()
                self.made[step.key] |= self._made(handled)
            if info is not None and info.is_effect and len(own.mixed) > 1:
                yield _outward(step, info, own)

    def _inside(self, step: StepSpec, children: Sequence[StepSpec]) -> Iterator[Problem]:
        if step.action == "for_each":
            self.items.append(self._of(step.with_.get("items")))
            yield from self.over(children)
            self.items.pop()
        elif step.action == "repeat":
            self.lasts.append(NOTHING)
            for _ in self.over(children):
                pass  # a look ahead: what the pass before gave
            self.lasts[-1] = self._made(children)
            yield from self.over(children)
            self.lasts.pop()
        else:
            yield from self.over(children)

    def _made(self, steps: Sequence[StepSpec]) -> Origin:
        origin = NOTHING
        for step in steps:
            origin |= self.made.get(step.key, NOTHING)
        return origin

    def _of(self, value: JSONValue | dict[str, Any]) -> Origin:
        origin = NOTHING
        for _, text in templates_in(value):
            try:
                references = compile(text).references()
            except TemplateProblem:
                continue
            for reference in references:
                origin |= self._reference(reference.path)
        return origin

    def _reference(self, path: tuple[str | int, ...]) -> Origin:
        if path[0] == "steps" and len(path) > 1:
            return self.made.get(str(path[1]), NOTHING)
        if path[0] == "item" and self.items:
            return self.items[-1]
        if path[0] == "last" and self.lasts:
            return self.lasts[-1]
        if path[0] == "error" and self.errors:
            return self.errors[-1]
        return Origin(frozenset({"the trigger"})) if path[0] == "trigger" else NOTHING


def _gives(info: ActionInfo | None, given: Origin) -> Origin:
    if info is None or info.is_effect:
        return NOTHING
    if info.kind == "read":
        return Origin(given.sources | {info.service}, given.mixed)
    if info.kind == "model":
        return Origin(given.sources, given.mixed | given.sources)
    return given


def _outward(step: StepSpec, info: ActionInfo, given: Origin) -> Problem:
    names = sorted(given.mixed)
    mixed = f"{', '.join(names[:-1])} and {names[-1]}"
    text = f"“{info.title}” sends out what a model made of text from {mixed}: one text can make it give the other away."
    return Problem(
        "W_OUTWARD", text, WARNING, step.key, "with", "Leave one of them out, or send the answers separately."
    )
