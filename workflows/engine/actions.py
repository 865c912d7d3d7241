"""What the checks and the walk need to know about actions and about a workspace, as values and protocols. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from pydantic import BaseModel

from orchestrator_site.lib.json import JSONValue
from workflows.engine.control import CONTROLS, Control
from workflows.engine.control.each import MAX_ITEMS
from workflows.engine.definition import InputSpec

CONTROL = "control"


@dataclass(frozen=True)
class ActionInfo:
    """One action, of a service or of the engine itself; `services` are those whose connections it can run over."""

    name: str
    kind: str
    title: str
    description: str
    input: type[BaseModel]
    output: type[BaseModel]
    service: str = ""
    needs: str = ""
    services: tuple[str, ...] = ()
    keyless: bool = False
    icon: str = ""
    verb: str = ""
    tainted: bool = False
    can_look: bool = False
    timeout: int = 60
    default_retries: int = 0
    branches: tuple[str, ...] = ()
    branch_titles: tuple[str, ...] = ()
    many: str = ""
    takes: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()
    late: frozenset[str] = frozenset()
    keywords: tuple[str, ...] = ()
    lists: str = ""

    @property
    def is_control(self) -> bool:
        """Whether the engine itself does it."""
        return self.kind == CONTROL

    @property
    def is_effect(self) -> bool:
        """Whether it changes something outside."""
        return self.kind == "effect"

    @property
    def takes_connection(self) -> bool:
        """Whether a step of it may run over a connection; it must, unless the action is `keyless`."""
        return bool(self.services or self.needs)


def control_info(control: Control) -> ActionInfo:
    """A control action in the same shape as all others."""
    return ActionInfo(
        name=control.name,
        kind=CONTROL,
        title=control.title,
        description=control.description,
        input=control.input,
        output=control.output,
        icon=control.icon,
        branches=control.branches,
        branch_titles=control.branch_titles,
        many=control.many,
        takes=control.takes,
        conditions=control.conditions,
        late=control.late,
        needs=control.needs,
        keywords=control.keywords,
    )


CONTROL_INFOS: dict[str, ActionInfo] = {name: control_info(control) for name, control in CONTROLS.items()}


@dataclass(frozen=True)
class Ending:
    """A model that its service shuts down: when, whether that day has come, and what is used instead."""

    day: date
    past: bool
    instead: str = ""


class Catalogue(Protocol):
    """Every action there is."""

    def get(self, name: str) -> ActionInfo | None:
        """The action of that name."""
        ...

    def names(self) -> Collection[str]:
        """All names."""
        ...

    def ending(self, services: Collection[str], model: str) -> Ending | None:
        """When a model of one of these services ends, if that is known."""
        ...


@dataclass(frozen=True)
class ConnectionFacts:
    """What a check may know of a connection."""

    name: str
    service: str


@dataclass(frozen=True)
class PromptFacts:
    """What a check may know of a prompt: its names for versions, each with the values it asks for."""

    slug: str
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class WorkflowFacts:
    """What a check may know of another workflow: the inputs of its published version, and what that runs itself."""

    slug: str
    name: str
    published: bool = True
    inputs: tuple[InputSpec, ...] = ()
    calls: tuple[str, ...] = ()


class Known(Protocol):
    """What a workspace has: asked by the checks, answered from the database (or by a test)."""

    @property
    def variables(self) -> Mapping[str, JSONValue]:
        """Its variables."""
        ...

    @property
    def connections(self) -> Mapping[str, ConnectionFacts]:
        """Its connections by name."""
        ...

    @property
    def prompts(self) -> Mapping[str, PromptFacts]:
        """Its prompts by slug."""
        ...

    @property
    def max_items(self) -> int:
        """How many items a loop may go over."""
        ...

    def has_default(self, services: Collection[str]) -> bool:
        """Whether one of these services has a connection that is used when a step names none."""
        ...

    def workflow(self, slug: str) -> WorkflowFacts | None:
        """A workflow of the workspace."""
        ...

    def workflow_slugs(self) -> Collection[str]:
        """All of them."""
        ...


@dataclass(frozen=True)
class Facts:
    """`Known` as plain values."""

    variables: Mapping[str, JSONValue] = field(default_factory=dict)
    connections: Mapping[str, ConnectionFacts] = field(default_factory=dict)
    prompts: Mapping[str, PromptFacts] = field(default_factory=dict)
    defaults: frozenset[str] = frozenset()
    max_items: int = MAX_ITEMS
    workflows: Mapping[str, WorkflowFacts] = field(default_factory=dict)

    def has_default(self, services: Collection[str]) -> bool:
        """Whether one of these services has a default connection."""
        return any(service in self.defaults for service in services)

    def workflow(self, slug: str) -> WorkflowFacts | None:
        """A workflow of the workspace."""
        return self.workflows.get(slug)

    def workflow_slugs(self) -> Collection[str]:
        """All of them."""
        return self.workflows
