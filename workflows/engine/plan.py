"""A definition made ready to walk: every template and condition compiled once, every reference known. Pure.

Shared by all runs of a version; holds no data of any run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from orchestrator_site.lib.templating import Condition, Template, compile, compile_condition
from workflows.engine.definition import Definition, StepSpec
from workflows.engine.lists import ON_ERROR

if TYPE_CHECKING:
    from workflows.engine.interfaces import Task
    from workflows.engine.records import StepRecord

Data = Mapping[str, Any]
Path = tuple[str | int, ...]
Render = Callable[[Data, datetime], Any]
CONDITIONS = {"if": "condition", "repeat": "until"}


@dataclass(frozen=True)
class Value:
    """One input of a step: how to render it, which paths it reads, and which of them it works through (`weighs`)."""

    render: Render | None
    constant: Any
    reads: tuple[Path, ...]
    heavy: bool
    weighs: tuple[Path, ...] = ()

    def over(self, data: Data, now: datetime) -> Any:
        """The value over `data`; raises TemplateProblem."""
        return self.constant if self.render is None else self.render(data, now)


@dataclass(frozen=True)
class Asked:
    """A condition, and the paths it reads (it works through all of them)."""

    condition: Condition
    reads: tuple[Path, ...]

    @property
    def source(self) -> str:
        """As it was written."""
        return self.condition.source

    def over(self, data: Data, now: datetime) -> bool:
        """The answer over `data`; raises TemplateProblem."""
        return self.condition.evaluate(data, now=now)


class Maker(Protocol):
    """Who makes steps while the run goes on (an agent)."""

    async def before(self, task: Task) -> None:
        """Asked before each attempt leaves. Raises Failure where it may not."""

    def after(self, plan: StepPlan, record: StepRecord) -> None:
        """Told how a step has ended, on resume too."""


@dataclass(frozen=True)
class StepPlan:
    """A step with its values compiled and its child lists planned; `condition` is that of an if or a repeat.

    `reads` are the paths of its values that lead to outputs of other steps.
    A step that was made while the run goes on has a `maker`, and its connection under the name `source`.
    """

    step: StepSpec
    values: tuple[tuple[str, Value], ...]
    when: Asked | None
    condition: Asked | None
    branches: Mapping[str, tuple[StepPlan, ...]]
    heavy: bool
    weighs: tuple[Path, ...] = ()
    reads: tuple[Path, ...] = ()
    source: str = ""
    maker: Maker | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """The step's key."""
        return self.step.key

    @property
    def is_leaf(self) -> bool:
        """Whether no steps are walked inside it, but for those after an error."""
        return all(name == ON_ERROR for name in self.branches)


@dataclass(frozen=True)
class Plan:
    """A whole version, ready to walk."""

    definition: Definition
    steps: tuple[StepPlan, ...]
    outputs: tuple[tuple[str, Value], ...]
    cache: dict[str, Any] = field(default_factory=dict, compare=False)

    def all_reads(self) -> Iterator[Path]:
        """Every path that any template or condition of the version reads."""
        for _, value in self.outputs:
            yield from value.reads
        todo = list(self.steps)
        while todo:
            plan = todo.pop()
            yield from reads_of(plan)
            for children in plan.branches.values():
                todo.extend(children)


def reads_of(plan: StepPlan) -> Iterator[Path]:
    """Every path that the step itself reads, without what is inside it."""
    for _, value in plan.values:
        yield from value.reads
    for condition in (plan.when, plan.condition):
        if condition is not None:
            yield from condition.reads


def make_plan(definition: Definition) -> Plan:
    """Compile a definition; raises TemplateProblem where a template is malformed (publishing refuses those)."""
    return Plan(
        definition=definition,
        steps=tuple(_step(step) for step in definition.steps),
        outputs=tuple((name, value_of(value)) for name, value in definition.outputs.items()),
    )


def _step(step: StepSpec) -> StepPlan:
    asks = CONDITIONS.get(step.action, "")
    values = tuple((name, value_of(value)) for name, value in step.with_.items() if name != asks)
    return StepPlan(
        step=step,
        values=values,
        when=_asked(step.when) if step.when else None,
        condition=_asked(str(step.with_.get(asks, ""))) if asks else None,
        branches={name: tuple(_step(child) for child in children) for name, children in step.branches.items()},
        heavy=any(value.heavy for _, value in values),
        weighs=tuple(path for _, value in values for path in value.weighs),
        reads=tuple(path for _, value in values for path in value.reads if path[0] in ("steps", "last")),
    )


def _asked(source: str) -> Asked:
    condition = compile_condition(source)
    return Asked(condition, tuple(reference.path for reference in condition.references()))


def value_of(value: Any) -> Value:
    """Compile one input value: text with placeholders, lists and objects of such, or a constant."""
    templates: list[Template] = []
    render = _compiled(value, templates)
    reads = tuple(reference.path for template in templates for reference in template.references())
    worked = [template for template in templates if not (template.is_single and "|" not in template.source)]
    weighs = tuple(reference.path for template in worked for reference in template.references())
    return Value(render, value, reads, any(template.has_loops for template in templates), weighs)


def outweighs(data: Any, paths: tuple[Path, ...], most: int) -> bool:
    """Whether what is at these paths is more than about `most` bytes; looks no further than it must."""
    todo = [value_at(data, path) for path in paths]
    left = most
    while todo and left >= 0:
        value = todo.pop()
        left -= len(value) if isinstance(value, str) else 8
        if isinstance(value, dict):
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)
    return left < 0


def value_at(data: Any, path: Path) -> Any:
    """What is at a path; None where there is nothing."""
    for part in path:
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and -len(data) <= part < len(data):
            data = data[part]
        else:
            return None
    return data


def _compiled(value: Any, templates: list[Template]) -> Render | None:
    if isinstance(value, str):
        return _text(value, templates)
    if isinstance(value, dict):
        fields = {name: _compiled(item, templates) for name, item in value.items()}
        return _object(value, fields) if any(fields.values()) else None
    if isinstance(value, list):
        items = [_compiled(item, templates) for item in value]
        return _list(value, items) if any(items) else None
    return None


def _text(source: str, templates: list[Template]) -> Render | None:
    if "{{" not in source and "{%" not in source:
        return None
    template = compile(source)
    templates.append(template)
    return lambda data, now: template.render(data, now=now)


def _object(value: dict[str, Any], fields: dict[str, Render | None]) -> Render:
    def render(data: Data, now: datetime) -> Any:
        return {name: value[name] if part is None else part(data, now) for name, part in fields.items()}

    return render


def _list(value: list[Any], items: list[Render | None]) -> Render:
    def render(data: Data, now: datetime) -> Any:
        return [value[at] if part is None else part(data, now) for at, part in enumerate(items)]

    return render
