"""What is known of a step's output before it runs: its shape, its taint, and whether it may be absent. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from workflows.engine.definition import Definition, StepSpec
from workflows.engine.shapes import ANY, Shape, value_shape
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


def with_results(step: StepSpec, shape: Shape, children: dict[str, list[Visible]]) -> Shape:
    """The container's own output with what is known of its steps' outputs."""
    fields = dict(shape.fields or {})
    if "results" not in fields:
        return shape
    unsure = step.action != "for_each" or step.with_.get("on_item_error") == "continue"
    inner = {
        child.name: replace(child.shape, maybe=unsure or child.may_be_absent)
        for found in children.values()
        for child in found
    }
    results = Shape("object", fields=inner)
    fields["results"] = Shape("list", item=results) if fields["results"].kind == "list" else results
    return Shape("object", fields=fields)


def after_error(step: StepSpec, visible: Visible) -> Visible:
    """With `on_error: value` the output may be that value instead."""
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


def why_absent(step: StepSpec) -> str:
    """The reason for a sentence, or nothing."""
    if step.disabled:
        return "it is switched off"
    if step.when:
        return "it runs only under its condition"
    return "it goes on after an error" if step.on_error.do == "continue" else ""
