"""What is known of a step's output before it runs: its shape, its taint, and whether it may be absent. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from workflows.engine.definition import Definition, StepSpec
from workflows.engine.lists import BRANCH, ON_ERROR
from workflows.engine.shapes import ANY, INPUT_SHAPES, Shape, value_shape
from workflows.engine.taint import Taint


@dataclass(frozen=True)
class Visible:
    """A step whose output can be named, or the item of a loop."""

    name: str
    shape: Shape
    taint: Taint = field(default_factory=Taint)
    may_be_absent: bool = False
    why_absent: str = ""
    absent_fields: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Where:
    """The place of a step in the tree: the lists it is in, outermost first, and its number in reading order."""

    lists: tuple[tuple[str, str], ...]
    number: int


def places(definition: Definition) -> dict[str, Where]:
    """The place of every step by its key."""
    found: dict[str, Where] = {}

    def visit(steps: tuple[StepSpec, ...], lists: tuple[tuple[str, str], ...]) -> None:
        for step in steps:
            found[step.key] = Where(lists, len(found))
            for name, children in step.branches.items():
                visit(children, (*lists, (step.key, name)))

    visit(definition.steps, ())
    return found


def with_draft(step: StepSpec, shape: Shape) -> Shape:
    """The output of an approval with the values that its draft names."""
    named = step.with_.get("fields")
    if step.action != "approve" or not isinstance(named, list):
        return shape
    known = [one for one in named if isinstance(one, dict) and isinstance(one.get("name"), str)]
    values = {str(one["name"]): INPUT_SHAPES.get(str(one.get("type", "text")), ANY) for one in known}
    return Shape("object", fields={**(shape.fields or {}), "values": Shape("object", fields=values)})


def with_results(step: StepSpec, shape: Shape, children: dict[str, list[Visible]]) -> Shape:
    """The container's own output with what is known of its steps' outputs."""
    fields = dict(shape.fields or {})
    if "results" not in fields:
        return shape
    if step.action == "parallel":
        unsure = step.with_.get("join", "all") != "all"
        branches = {name.removeprefix(BRANCH): _outputs(found, unsure=False) for name, found in children.items()}
        inner = {name: replace(outputs, maybe=unsure) for name, outputs in branches.items()}
        return Shape("object", fields={**fields, "results": Shape("object", fields=inner)})
    continues = step.with_.get("on_item_error", "stop") != "stop"
    unsure = step.action in ("if", "switch") or (step.action == "for_each" and continues)
    results = _outputs([child for found in children.values() for child in found], unsure=unsure)
    fields["results"] = Shape("list", item=results) if fields["results"].kind == "list" else results
    return Shape("object", fields=fields)


def _outputs(children: list[Visible], *, unsure: bool) -> Shape:
    fields = {child.name: replace(child.shape, maybe=unsure or child.may_be_absent) for child in children}
    return Shape("object", fields=fields)


def last_pass(children: list[Visible]) -> Shape:
    """What the pass before gave, by key: every field is there, and null in the first pass."""
    return Shape("object", fields={child.name: _null_inside(child.shape) for child in children})


def _null_inside(shape: Shape) -> Shape:
    if shape.fields is None:
        return replace(shape, maybe=False, nullable=True)
    fields = {name: replace(field, nullable=True) for name, field in shape.fields.items()}
    return replace(shape, fields=fields, maybe=False)


def after_error(step: StepSpec, visible: Visible, handled: list[Visible]) -> Visible:
    """With `on_error: value` the output may be that value; with branch, what those steps gave is its `on_error`."""
    if step.on_error.do == "branch":
        return _with_error_steps(visible, handled)
    if step.on_error.do != "value":
        return visible
    value = step.on_error.value
    if not isinstance(value, dict):
        return replace(visible, shape=ANY)
    missing = frozenset(visible.shape.fields or ()) - frozenset(value)
    extra = {name: value_shape(item) for name, item in value.items() if name not in (visible.shape.fields or {})}
    shape = Shape(
        "object", fields={**(visible.shape.fields or {}), **{n: replace(s, maybe=True) for n, s in extra.items()}}
    )
    return replace(visible, shape=shape, absent_fields=missing)


def _with_error_steps(visible: Visible, handled: list[Visible]) -> Visible:
    fields = {**(visible.shape.fields or {}), ON_ERROR: replace(_outputs(handled, unsure=False), maybe=True)}
    chain = next((chain for child in handled if (chain := child.taint.of(None))), ())
    taint = visible.taint
    if chain and not taint.everything:
        way = taint.chain or (f"steps.{visible.name}.{ON_ERROR}", *chain)
        taint = Taint(fields=taint.fields | {ON_ERROR}, chain=way)
    shape = visible.shape if visible.shape.kind == "any" else Shape("object", fields=fields)
    return replace(visible, shape=shape, taint=taint)


def why_absent(step: StepSpec) -> str:
    """The reason for a sentence, or nothing."""
    if step.disabled:
        return "it is switched off"
    if step.when:
        return "it runs only under its condition"
    return "it goes on after an error" if step.on_error.do in ("continue", "branch") else ""
