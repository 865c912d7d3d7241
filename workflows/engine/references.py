"""What each step can see: which names, of which shape, and whether their text comes from outside. Pure.

Visible are the inputs, the run, the workspace's variables, and the steps before it in its own list and in the lists
around it; inside a loop also `item` and `index`. Steps in a list that may not run are seen from outside only through
the outputs of their container.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.names import did_you_mean
from orchestrator_site.lib.templating import PSEUDO_FIELDS, Reference, TemplateProblem, compile, path_text
from workflows.engine.actions import Catalogue
from workflows.engine.definition import Definition, StepSpec
from workflows.engine.expressions import single_path, templates_in
from workflows.engine.findings import Problem
from workflows.engine.lists import ON_ERROR
from workflows.engine.shapes import ANY, INPUT_SHAPES, NUMBER, TEXT, Shape, model_shape, value_shape
from workflows.engine.taint import Taint, control_taint, output_taint
from workflows.engine.visible import (
    Visible,
    Where,
    after_error,
    last_pass,
    places,
    why_absent,
    with_draft,
    with_results,
)

__all__ = ["ROOTS", "RUN", "Found", "Scope", "Unresolved", "Visible", "Where", "walk_scopes"]

RUN = Shape("object", fields={"id": TEXT, "started_at": TEXT, "url": TEXT, "workflow": TEXT})
ERROR = Shape("object", fields={"code": TEXT, "message": TEXT, "hint": TEXT, "step": TEXT})
ROOTS = ("inputs", "steps", "run", "workspace", "trigger")


@dataclass(frozen=True)
class Found:
    """What a path leads to; `chain` names the way of text from outside, nearest source first, and is empty if clean."""

    shape: Shape
    chain: tuple[str, ...] = ()


class Unresolved(Exception):
    """A path that leads nowhere; the problem says why."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.problem = Problem(code, message, hint=hint)


class Scope:
    """What is visible at the point of the walk."""

    def __init__(
        self, definition: Definition, catalogue: Catalogue, variables: Mapping[str, JSONValue] | None = None
    ) -> None:
        self.catalogue = catalogue
        self.variables = variables
        self.slug = definition.slug
        self.inputs = {spec.name: INPUT_SHAPES[spec.type] for spec in definition.inputs}
        self.steps: dict[str, Visible] = {}
        self.items: list[Visible] = []
        self.lasts: list[Visible] = []
        self.loops = self.errors = 0
        self.inside = ""
        self.here: Where | None = None
        self.places = places(definition)
        self._made: dict[str, Visible] = {}

    # ---- Growing -------------------------------------------------------------------------------------------

    def add(self, step: StepSpec) -> None:
        """A step has passed: from here on its output can be named."""
        self._made[step.key] = self.steps[step.key] = self._visible(step)

    def enter_loop(self, step: StepSpec) -> None:
        """Inside a loop: `item` and `index` are there."""
        self.loops += 1
        items = step.with_.get("items")
        shape, chain = ANY, self.chain_of(items)
        reference = single_path(items)
        if reference is not None:
            try:
                shape = self.resolve(reference).shape.item or ANY
            except Unresolved:
                shape = ANY
        self.items.append(Visible("item", shape, Taint(everything=bool(chain), chain=chain)))

    def leave_loop(self) -> None:
        """Outside again."""
        self.loops -= 1
        self.items.pop()

    def enter_repeat(self, children: tuple[StepSpec, ...]) -> None:
        """Inside a repeat: `last` and `index` are there. What the pass before gave is learned by a look ahead.

        If any step is tainted when `last` is clean, all of `last` counts as tainted.
        """
        self.loops += 1
        self.lasts.append(Visible("last", Shape("object", fields={child.key: ANY for child in children})))
        for _ in _walk_list(children, self):
            pass
        seen = [self._made[child.key] for child in children]
        chain = next((chain for child in seen if (chain := child.taint.of(None))), ())
        self.lasts[-1] = Visible("last", last_pass(seen), Taint(everything=bool(chain), chain=chain))

    def leave_repeat(self) -> None:
        """Outside again."""
        self.loops -= 1
        self.lasts.pop()

    def _visible(self, step: StepSpec) -> Visible:
        info = self.catalogue.get(step.action)
        if info is None:
            return Visible(step.key, ANY, Taint(everything=True, chain=(f"steps.{step.key}",)), step.may_be_skipped)
        shape = model_shape(info.output)
        if info.is_control:
            children = {name: self._seen(steps) for name, steps in step.blocks.items()}
            shape = with_results(step, with_draft(step, shape), children)
            taint = control_taint(step, [child for found in children.values() for child in found], self.chain_of)
        else:
            chains = {name: self.chain_of(value) for name, value in step.with_.items()}
            taint = output_taint(step, info, chains)
        visible = Visible(step.key, shape, taint, step.may_be_skipped, why_absent(step))
        return after_error(step, visible, self._seen(step.branches.get(ON_ERROR, ())))

    def _seen(self, steps: tuple[StepSpec, ...]) -> list[Visible]:
        return [self._made[child.key] for child in steps if child.key in self._made]

    # ---- Asking --------------------------------------------------------------------------------------------

    def resolve(self, reference: Reference) -> Found:
        """Where a path leads. Raises Unresolved."""
        root, *rest = reference.path
        if root == "steps":
            return self._step(rest, reference)
        if root in ("item", "index"):
            return self._loop(str(root), rest, reference)
        if root == "last":
            return self._last(rest, reference)
        if root == "error":
            return self._error(rest, reference)
        if root == "inputs":
            return Found(self._down(Shape("object", fields=self.inputs), rest, "inputs", reference))
        if root == "run":
            return Found(self._down(RUN, rest, "run", reference))
        if root == "workspace":
            if reference.optional and rest[:1] == ["variables"] and rest[1:] and rest[1] not in (self.variables or {}):
                return Found(ANY)  # it may be made later; until then the default holds
            return Found(self._down(self._workspace(), rest, "workspace", reference))
        if root == "trigger":
            return Found(ANY, (path_text(reference.path),))
        raise Unresolved("E_TPL_UNDEFINED", f"There is no “{str(root)[:60]}” here.", self._known_hint(str(root)))

    def chain_of(self, value: JSONValue) -> tuple[str, ...]:
        """The way by which text from outside reaches a value, or nothing."""
        for _, text in templates_in(value):
            try:
                references = compile(text).references()
            except TemplateProblem:
                continue
            for reference in references:
                try:
                    chain = self.resolve(reference).chain
                except Unresolved:
                    continue
                if chain:
                    return chain
        return ()

    def _workspace(self) -> Shape:
        known = None if self.variables is None else {name: value_shape(value) for name, value in self.variables.items()}
        return Shape("object", fields={"variables": Shape("object", fields=known)})

    def _loop(self, root: str, rest: list[str | int], reference: Reference) -> Found:
        if not (self.loops if root == "index" else self.items):
            raise Unresolved("E_TPL_UNDEFINED", f"“{root}” exists only inside a for_each.", self._known_hint(root))
        if root == "index":
            return Found(self._down(NUMBER, rest, "index", reference))
        item = self.items[-1]
        chain = (path_text(reference.path), *item.taint.chain) if item.taint.everything else ()
        return Found(self._down(item.shape, rest, "item", reference), chain)

    def _last(self, rest: list[str | int], reference: Reference) -> Found:
        if not self.lasts:
            raise Unresolved("E_TPL_UNDEFINED", "“last” exists only inside a repeat.", self._known_hint("last"))
        last = self.lasts[-1]
        chain = (path_text(reference.path), *last.taint.chain) if last.taint.everything else ()
        return Found(self._down(last.shape, rest, "last", reference), chain)

    def _error(self, rest: list[str | int], reference: Reference) -> Found:
        """What went wrong, for the steps that run after it; its words may come from a service."""
        if not self.errors:
            text = "“error” exists only in the steps that run after an error."
            raise Unresolved("E_TPL_UNDEFINED", text, self._known_hint("error"))
        clean = rest[:1] in (["code"], ["step"])
        return Found(self._down(ERROR, rest, "error", reference), () if clean else (path_text(reference.path),))

    def _step(self, rest: list[str | int], reference: Reference) -> Found:
        if not rest or not isinstance(rest[0], str):
            raise Unresolved("E_DEF_REF", "Name a step: steps.key.field.", did_you_mean("", list(self.steps)))
        key, *fields = rest
        seen = self.steps.get(str(key))
        if seen is None:
            raise self._unseen(str(key))
        if seen.may_be_absent and not reference.optional:
            raise Unresolved(
                "E_OPTIONAL_REF",
                f"steps.{key} may have no output: {seen.why_absent}.",
                f"Say what to use then: {{{{ {path_text(reference.path)} | default: '…' }}}}.",
            )
        if fields and fields[0] in seen.absent_fields and not reference.optional:
            raise Unresolved(
                "E_OPTIONAL_REF",
                f"steps.{key}.{fields[0]} is missing when the step fails: its on_error value has no such field.",
                "Add it to the value, or add a default filter.",
            )
        chain = seen.taint.of(str(fields[0]) if fields else None)
        shape = self._down(seen.shape, fields, f"steps.{key}", reference)
        named = path_text(reference.path)
        return Found(shape, (named, *(link for link in chain if link != named)) if chain else ())

    def _unseen(self, key: str) -> Unresolved:
        there = self.places.get(key)
        if there is None:
            return Unresolved("E_DEF_REF", f"There is no step “{key[:60]}”.", did_you_mean(key, list(self.steps)))
        if self.here is None or there.number >= self.here.number:
            own = self.here is not None and there.number == self.here.number
            text = "A step cannot use its own output" if own else f"The step “{key}” comes later"
            return Unresolved("E_FORWARD_REF", f"{text}: only steps before this one can be used.", "Move it up.")
        around = {container for container, _ in self.here.lists}
        if key in around or not there.lists:
            return Unresolved(
                "E_FORWARD_REF", f"“{key}” has an output only after all its steps.", "Use item or a step."
            )
        container = next((name for name, _ in there.lists if name not in around), None)
        return Unresolved(
            "E_BRANCH_REF",
            f"The step “{key}” stands in a branch of “{container or there.lists[-1][0]}” and may not have run.",
            f"Use steps.{container}.results, or move the step out of the branch."
            if container
            else "It runs beside this one or in its place: move it in front of both.",
        )

    def _known_hint(self, name: str) -> str:
        inside = {"item": self.items, "index": self.loops, "last": self.lasts, "error": self.errors}
        known = [*ROOTS, *(root for root, there in inside.items() if there)]
        full = {spec: f"inputs.{spec}" for spec in self.inputs} | {key: f"steps.{key}" for key in self.steps}
        meant = f"Did you mean {full[name]}? " if name in full else ""
        inputs = [f"inputs.{spec}" for spec in list(self.inputs)[:8]]
        steps = [f"steps.{key}" for key in list(self.steps)[-8:]]
        return f"{meant}Known here: {', '.join([*known, *inputs, *steps])}."

    def _down(self, shape: Shape, parts: list[str | int], at: str, reference: Reference) -> Shape:
        for part in parts:
            shape = _one_down(shape, part, at, reference)
            at = f"{at}[{part}]" if isinstance(part, int) else f"{at}.{part}"
        return shape


def _one_down(shape: Shape, part: str | int, at: str, reference: Reference) -> Shape:
    if shape.nullable and not reference.optional:
        raise Unresolved(
            "E_OPTIONAL_REF",
            f"{at} is null in the first pass, so {at}.{part} is not there.",
            f"Say what to use then: {{{{ {path_text(reference.path)} | default: '…' }}}}.",
        )
    if shape.kind == "any":
        return ANY
    if shape.kind == "list":
        if part == "size":
            return NUMBER
        if isinstance(part, int) or part in PSEUDO_FIELDS:
            return shape.item or ANY
        hint = f"Use {at}[0].{part} for the first one, or go through it with for_each."
        raise Unresolved("E_DEF_REF", f"{at} is a list and has no “{part}”.", hint)
    if shape.kind == "object":
        return _field(shape, part, at, reference)
    if part in PSEUDO_FIELDS and shape.kind == "text":
        return NUMBER if part == "size" else TEXT
    raise Unresolved("E_DEF_REF", f"{at} is {shape.words} and has no “{part}”.", f"Use {at} as it is.")


def _field(shape: Shape, part: str | int, at: str, reference: Reference) -> Shape:
    if shape.fields is None:
        return ANY
    found = shape.fields.get(str(part))
    if found is None:
        if part in PSEUDO_FIELDS and part not in shape.fields:
            return ANY
        undefined = at.split(".")[0] in ("inputs", "run", "workspace")
        code = "E_TPL_UNDEFINED" if undefined else "E_DEF_REF"
        raise Unresolved(code, f"{at} has no “{str(part)[:60]}”.", did_you_mean(str(part), list(shape.fields)))
    if found.maybe and not reference.optional:
        raise Unresolved(
            "E_OPTIONAL_REF",
            f"{at}.{part} may be missing, because that step may not have run.",
            f"Say what to use then: {{{{ {path_text(reference.path)} | default: '…' }}}}.",
        )
    return found


def walk_scopes(definition: Definition, scope: Scope) -> Iterator[tuple[StepSpec, Scope]]:
    """Every step in reading order with what it sees; afterwards the scope is that of the workflow's outputs.

    A repeat comes a second time, after the steps inside it and with `scope.inside` as its key: so its condition sees.
    """
    yield from _walk_list(definition.steps, scope, keep=True)
    scope.here = Where((), len(scope.places))


def _walk_list(steps: tuple[StepSpec, ...], scope: Scope, *, keep: bool = False) -> Iterator[tuple[StepSpec, Scope]]:
    for step in steps:
        scope.here = scope.places[step.key]
        yield step, scope
        for name, children in step.branches.items():
            scope.here = scope.places[step.key]
            yield from _walk_inside(step, name, children, scope)
        scope.here = scope.places[step.key]
        scope.add(step)
    if not keep:
        _forget(steps, scope)


def _walk_inside(
    step: StepSpec, name: str, children: tuple[StepSpec, ...], scope: Scope
) -> Iterator[tuple[StepSpec, Scope]]:
    if name == ON_ERROR:
        scope.errors += 1
        yield from _walk_list(children, scope)
        scope.errors -= 1
    elif step.action == "for_each":
        scope.enter_loop(step)
        yield from _walk_list(children, scope)
        scope.leave_loop()
    elif step.action == "repeat":
        scope.enter_repeat(children)
        yield from _walk_list(children, scope, keep=True)
        scope.here, scope.inside = Where((*scope.places[step.key].lists, (step.key, name)), len(scope.places)), step.key
        yield step, scope
        scope.inside = ""
        _forget(children, scope)
        scope.leave_repeat()
    else:
        yield from _walk_list(children, scope)


def _forget(steps: tuple[StepSpec, ...], scope: Scope) -> None:
    for step in steps:
        del scope.steps[step.key]
