"""What a workflow may do, read off its definition before it runs: what it reads, asks and changes, where, and as whom.

Pure. A step that is switched off does nothing and is left out; both ways of a branch count. Text from outside never
fills a target (engine.taint), so where a target is not written down, it is what the words of the target say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator_site.lib.json import JSONValue, dumps
from orchestrator_site.lib.templating.values import as_text
from workflows.engine.actions import ActionInfo, Catalogue
from workflows.engine.definition import Definition, StepSpec
from workflows.engine.expressions import is_literal
from workflows.engine.values import fields_of

ORDER = {"effect": 0, "read": 1, "model": 2, "unknown": 3}
MAX_SHOWN = 300


@dataclass(frozen=True)
class Target:
    """Where something goes: the input's name, what people call it, what stands there, and whether that is fixed."""

    name: str
    label: str
    value: str
    fixed: bool


@dataclass(frozen=True)
class Grant:
    """One thing that a workflow may do. `connection` "" is the one a step uses that names none.

    `kind` is effect, read, model, or unknown for an action that this installation does not have. `note` says when a
    model decides whether it is done, and whether a person is asked before.
    """

    kind: str
    action: str
    title: str
    verb: str
    service: str
    services: tuple[str, ...]
    connection: str
    targets: tuple[Target, ...]
    steps: tuple[str, ...]
    keyless: bool = False
    note: str = ""

    @property
    def changes(self) -> bool:
        """Whether it changes something outside."""
        return self.kind == "effect"


@dataclass(frozen=True)
class Call:
    """Another workflow that a step runs; what that one may do counts too."""

    workflow: str
    step: str


def grants_of(definition: Definition, catalogue: Catalogue) -> list[Grant]:
    """What its steps may do, changes first; equal ones are named once, with all their steps."""
    found: dict[tuple[object, ...], Grant] = {}
    for grant in _grants(definition, catalogue):
        same = (grant.action, grant.connection, grant.targets, grant.note)
        known = found.get(same)
        steps = (*known.steps, *grant.steps) if known else grant.steps
        found[same] = Grant(**{**grant.__dict__, "steps": steps})
    return sorted(found.values(), key=lambda grant: ORDER[grant.kind])


def calls_of(definition: Definition) -> list[Call]:
    """The workflows that its steps run, where their names are written down (they always are)."""
    steps = (step for step in _live(definition.steps) if step.action == "run_workflow")
    return [Call(str(step.with_.get("workflow", "")), step.key) for step in steps]


def _live(steps: Sequence[StepSpec]) -> Iterator[StepSpec]:
    """The steps that may run; what stands in a switched off block does not."""
    for step in steps:
        if not step.disabled:
            yield step
            for children in step.branches.values():
                yield from _live(children)


def _grants(definition: Definition, catalogue: Catalogue) -> Iterator[Grant]:
    """What each step does itself, and what a model may do in it with the tools it was given."""
    for step in _live(definition.steps):
        grant = _grant(step, catalogue.get(step.action))
        if grant is not None:
            yield grant
        for tool in tools_of(step):
            yield _tool(step, tool, catalogue.get(str(tool["action"])))


def tools_of(step: StepSpec) -> list[dict[str, JSONValue]]:
    """The actions that a step lets a model use, as its author wrote them."""
    listed = step.with_.get("tools")
    return (
        [tool for tool in listed if isinstance(tool, dict) and tool.get("action")] if isinstance(listed, list) else []
    )


def _tool(step: StepSpec, tool: dict[str, JSONValue], info: ActionInfo | None) -> Grant:
    name, over = str(tool["action"]), str(tool.get("connection") or "")
    if info is None:
        return Grant("unknown", name, name, "", "", (), over, (), (step.key,))
    approve = str(tool.get("approve") or "effects")
    asked = approve == "always" or (approve == "effects" and info.is_effect)
    return Grant(
        kind=info.kind,
        action=info.name,
        title=info.title,
        verb=info.verb,
        service=info.service,
        services=info.services,
        connection=over,
        targets=_tool_targets(tool, info),
        steps=(step.key,),
        keyless=info.keyless,
        note="a model decides; a person is asked before" if asked else "a model decides; nobody is asked",
    )


def _tool_targets(tool: dict[str, JSONValue], info: ActionInfo) -> tuple[Target, ...]:
    """What the author fixed, what is allowed, and what the model may choose freely."""
    given, allowed = tool.get("with"), tool.get("allow")
    fixed = given if isinstance(given, dict) else {}
    several = allowed if isinstance(allowed, dict) else {}
    found = []
    for fact in fields_of(info.input).values():
        if fact.role != "target":
            continue
        if fact.name in fixed:
            value = fixed[fact.name]
            found.append(Target(fact.name, fact.label, _shown(value), is_literal(value)))
        elif fact.name in several:
            found.append(Target(fact.name, fact.label, f"one of: {_shown(several[fact.name])}", False))
        elif fact.required:
            found.append(Target(fact.name, fact.label, "what the model chooses", False))
    return tuple(found)


def _grant(step: StepSpec, info: ActionInfo | None) -> Grant | None:
    if info is None:
        return Grant("unknown", step.action, step.action, "", "", (), step.connection, (), (step.key,))
    if (info.is_control and not info.needs) or info.kind == "pure":
        return None
    return Grant(
        kind="model" if info.is_control else info.kind,
        action=info.name,
        title=info.title,
        verb=info.verb,
        service=info.service,
        services=info.services,
        connection=step.connection,
        targets=_targets(step, info),
        steps=(step.key,),
        keyless=info.keyless,
    )


def _targets(step: StepSpec, info: ActionInfo) -> tuple[Target, ...]:
    facts = [fact for fact in fields_of(info.input).values() if fact.role == "target"]
    given = [(fact, step.with_.get(fact.name)) for fact in facts]
    return tuple(
        Target(fact.name, fact.label, _shown(value), is_literal(value))
        for fact, value in given
        if value not in (None, "", [], {})
    )


def _shown(value: JSONValue) -> str:
    """What stands in the field; a list of texts one after the other, never cut where that would hide a receiver."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(map(str, value))
    if isinstance(value, (dict, list)):
        text = dumps(value)
        return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}… ({len(text):,} characters)"
    return as_text(value)
