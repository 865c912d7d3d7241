"""The values a step can use: what stands before it, with the values of the newest run, ready to copy or insert."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator_site.lib.names import is_key
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import Definition
from workflows.engine.references import ERROR, Scope, Visible, walk_scopes
from workflows.engine.shapes import ANY, Shape, value_shape
from workflows.models import Run

FIELDS, LENGTH, DEPTH, MOST = 30, 60, 2, 60
KINDS = {"text": "text", "number": "number", "boolean": "yes or no", "list": "list", "object": "object", "any": "any"}


@dataclass(frozen=True)
class Value:
    """One value: how it is written in a template, and what it was in the newest run."""

    path: str
    reference: str
    shown: str
    kind: str


@dataclass(frozen=True)
class Group:
    """The values of one step, or of the inputs."""

    title: str
    number: int
    service: str
    icon: str
    outside: bool
    values: list[Value]


def groups(
    definition: Definition, key: str, run: Run | None, outputs: Mapping[str, Any], variables: Mapping[str, Any]
) -> list[Group]:
    """What the step `key` can use, nearest first, with what earlier runs gave (`outputs`, by step)."""
    scope, found = Scope(definition, CATALOGUE, variables), list[Group]()
    for step, seen in walk_scopes(definition, scope):
        if step.key == key:  # a repeat comes twice, the second time as its condition sees it
            found = _groups(definition, seen, run, outputs, variables)
    return found


def _groups(
    definition: Definition, seen: Scope, run: Run | None, outputs: Mapping[str, Any], variables: Mapping[str, Any]
) -> list[Group]:
    steps = {step.key: (number, step) for number, (step, _) in enumerate(definition.walk(), 1)}
    found = []
    if seen.errors:
        values = _values("error", ERROR, None)
        found.append(Group("What went wrong", 0, "", "alert-triangle", True, values))
    if seen.lasts:
        last = seen.lasts[-1]
        before = [_value(f"last.{key}.{name}", None, field.kind) for key, name, field in _fields_of(last)]
        index = [] if seen.items else [Value("index", "{{ index }}", "", "number")]
        found.append(Group("The pass before", 0, "", "refresh", last.taint.everything, [*before, *index]))
    if seen.items:
        item = seen.items[-1]
        values = [*_values("item", item.shape, None, item, whole=True), Value("index", "{{ index }}", "", "number")]
        found.append(Group("This item of the loop", 0, "", "repeat", item.taint.everything, values))
    for name, visible in reversed(seen.steps.items()):
        number, step = steps[name]
        info = CATALOGUE.get(step.action)
        found.append(
            Group(
                step.title,
                number,
                info.service if info else "",
                (info.icon if info else "") or "puzzle",
                bool(visible.taint.of(None)) or visible.taint.everything,
                _values(f"steps.{name}", visible.shape, outputs.get(name), visible),
            )
        )
    if seen.inputs:
        shape, given = Shape("object", fields=seen.inputs), run.inputs if run else {}
        found.append(Group("Inputs", 0, "", "list", False, _values("inputs", shape, given)))
    if variables:
        values = [
            _value(f"workspace.variables.{name}", value, "any") for name, value in list(variables.items())[:FIELDS]
        ]
        found.append(Group("Variables", 0, "", "variable", False, values))
    return [group for group in found if group.values]


def _fields_of(last: Visible) -> Iterator[tuple[str, str, Shape]]:
    for key, output in list((last.shape.fields or {}).items())[:FIELDS]:
        for name, field in list((output.fields or {}).items())[:FIELDS]:
            yield key, name, field


def _values(base: str, shape: Shape, value: Any, visible: Visible | None = None, *, whole: bool = False) -> list[Value]:
    """The fields of a value and what lies in them, of a list its first item; what is known of a run fills the gaps."""
    unsure = visible is not None and visible.may_be_absent
    found = [_value(base, value, shape.kind)] if whole else []
    return [*found, *_inside(base, shape, value, unsure, DEPTH)][:MOST]


def _inside(base: str, shape: Shape, value: Any, unsure: bool, depth: int) -> Iterator[Value]:
    given = value if isinstance(value, Mapping) else {}
    known: dict[str, Shape] = dict(shape.fields or {})
    known |= {name: value_shape(one) for name, one in given.items() if name not in known and is_key(str(name))}
    for name, field in list(known.items())[:FIELDS]:
        path, inner = f"{base}.{name}", given.get(name)
        maybe = unsure or field.maybe
        yield _value(path, inner, field.kind if field.kind != "any" or inner is None else _kind(inner), maybe)
        if depth and (field.kind == "object" or isinstance(inner, Mapping)):
            yield from _inside(path, field, inner, maybe, depth - 1)
        elif depth and (field.kind == "list" or isinstance(inner, list)):
            first = inner[0] if isinstance(inner, list) and inner else None
            yield from _inside(f"{path}[0]", field.item or ANY, first, maybe, depth - 1)


def _value(path: str, value: Any, kind: str, unsure: bool = False) -> Value:
    reference = f"{{{{ {path} | default: '' }}}}" if unsure else f"{{{{ {path} }}}}"
    return Value(path, reference, gist(value), KINDS.get(kind, kind))


def gist(value: Any) -> str:
    """A value on one short line."""
    if value is None:
        return ""
    if isinstance(value, list):
        return f"{len(value)} item{'' if len(value) == 1 else 's'}"
    if isinstance(value, Mapping):
        return ", ".join(list(value)[:4])
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = " ".join(str(value).split())
    return text if len(text) <= LENGTH else f"{text[: LENGTH - 1]}…"


def leaves(key: str, output: Any) -> Iterable[Value]:
    """The fields of a step's own output, as later steps can name them."""
    if not isinstance(output, Mapping):
        return []
    return [_value(f"steps.{key}.{name}", value, _kind(value)) for name, value in list(output.items())[:FIELDS]]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names: dict[type, str] = {int: "number", float: "number", str: "text", list: "list", dict: "object"}
    return names.get(type(value), "any")
