"""A workflow as data: frozen dataclasses, read from JSON and written back to it. Pure; knows no service and no Django.

`parse` refuses what is not well formed (types, keys, ranges, unknown fields) with every finding at once. Whether the
steps make sense (actions, references, connections) is asked in `problems.check`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from orchestrator_site.lib.json import MIB, JSONValue, clean_value, dumps
from workflows.engine.findings import DefinitionProblems, Problem
from workflows.engine.lists import ON_ERROR, with_lists

FORMAT = 1
MAX_STEPS = 1000
MAX_BYTES = MIB
INPUT_TYPES = (
    *("text", "long_text", "number", "integer", "boolean", "choice", "date", "datetime", "json", "list"),
    "file",
)


@dataclass(frozen=True)
class InputSpec:
    """One input of a workflow, as its run form asks for it."""

    name: str
    type: str
    required: bool = False
    has_default: bool = False
    default: JSONValue = None
    label: str = ""
    help: str = ""
    options: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What a person reads."""
        return self.label or self.name.replace("_", " ").capitalize()


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long apart a failed call is tried again."""

    max: int
    backoff: str = "exponential"
    delay: float = 2.0
    max_delay: float = 60.0


@dataclass(frozen=True)
class RetrySpec:
    """The step's own words on retrying; None = left out."""

    max: int | None = None
    backoff: str | None = None
    delay: float | None = None
    max_delay: float | None = None


@dataclass(frozen=True)
class OnError:
    """What happens when a step has failed for good; `explicit` remembers that the definition says so."""

    do: str = "stop"
    value: JSONValue = None
    has_value: bool = False
    explicit: bool = False


@dataclass(frozen=True)
class StepSpec:
    """One step; the lists of steps it holds are in `branches` under their names (engine.lists).

    `cases` are the values of a switch: the first one's steps are the list `case:0`.
    """

    key: str
    action: str
    name: str = ""
    connection: str = ""
    with_: dict[str, JSONValue] = field(default_factory=dict)
    when: str = ""
    timeout: int | None = None
    retry: RetrySpec | None = None
    on_error: OnError = OnError()
    unknown: str = ""
    cache: JSONValue = None
    disabled: bool = False
    note: str = ""
    branches: dict[str, tuple[StepSpec, ...]] = field(default_factory=dict)
    cases: tuple[JSONValue, ...] = ()

    @property
    def title(self) -> str:
        """What a person reads: the name, or the key in words."""
        return self.name or self.key.replace("_", " ").capitalize()

    @property
    def may_be_skipped(self) -> bool:
        """Whether the run may go on without an output of this step."""
        return bool(self.when) or self.disabled or self.on_error.do in ("continue", "branch")

    @property
    def blocks(self) -> dict[str, tuple[StepSpec, ...]]:
        """The lists that belong to its action, without the one that runs after an error."""
        return {name: children for name, children in self.branches.items() if name != ON_ERROR}

    def retry_policy(self, default_max: int) -> RetryPolicy:
        """The policy in force: what the step says, else the defaults of design.md §3."""
        said = self.retry or RetrySpec()
        return RetryPolicy(
            max=default_max if said.max is None else said.max,
            backoff=said.backoff or RetryPolicy.backoff,
            delay=RetryPolicy.delay if said.delay is None else said.delay,
            max_delay=RetryPolicy.max_delay if said.max_delay is None else said.max_delay,
        )


@dataclass(frozen=True)
class Definition:
    """A whole workflow."""

    name: str
    slug: str = ""
    description: str = ""
    settings: dict[str, JSONValue] = field(default_factory=dict)
    inputs: tuple[InputSpec, ...] = ()
    steps: tuple[StepSpec, ...] = ()
    outputs: dict[str, JSONValue] = field(default_factory=dict)
    format: int = FORMAT

    def walk(self) -> Iterator[tuple[StepSpec, tuple[StepSpec, ...]]]:
        """Every step in reading order, with the control steps around it, outermost first."""
        todo: list[tuple[StepSpec, tuple[StepSpec, ...]]] = [(step, ()) for step in reversed(self.steps)]
        while todo:
            step, parents = todo.pop()
            yield step, parents
            for children in reversed(list(step.branches.values())):
                todo.extend((child, (*parents, step)) for child in reversed(children))

    def step(self, key: str) -> StepSpec | None:
        """The step with this key, wherever it stands."""
        return next((step for step, _ in self.walk() if step.key == key), None)

    @property
    def timeout(self) -> int | None:
        """The run's deadline in seconds, if the settings name one."""
        seconds = self.settings.get("timeout")
        return seconds if isinstance(seconds, int) else None


def parse(value: Any, *, max_steps: int = MAX_STEPS, trusted: bool = False) -> Definition:
    """Read a definition. Raises DefinitionProblems with every finding (or another UserError for what is not JSON).

    `trusted` skips the input gate, for what this program itself froze.
    """
    from workflows.engine.reading import read_definition

    if not trusted:
        value = clean_value(value, field="definition", max_string=8 * MIB)
        _check_size(value)
    definition, found = read_definition(value, max_steps)
    if found or definition is None:
        raise DefinitionProblems(found)
    return definition


def _check_size(value: JSONValue) -> None:
    size = len(dumps(value).encode())
    if size > MAX_BYTES:
        text = f"This workflow has {size:,} bytes; at most {MAX_BYTES:,} are kept."
        raise DefinitionProblems(
            [Problem("E_DEF_SIZE", text, limit=MAX_BYTES, hint="Move long texts into prompts or variables.")]
        )


def to_json(definition: Definition) -> dict[str, Any]:
    """The canonical JSON of a definition; what was left out stays left out."""
    return {
        "format": definition.format,
        **_said("slug", definition.slug),
        "name": definition.name,
        **_said("description", definition.description),
        **_said("settings", definition.settings),
        "inputs": [_input_json(spec) for spec in definition.inputs],
        "steps": [step_to_json(step) for step in definition.steps],
        "outputs": definition.outputs,
    }


def step_to_json(step: StepSpec) -> dict[str, Any]:
    """The canonical JSON of one step and what it holds."""
    own = {
        "key": step.key,
        **_said("name", step.name),
        "action": step.action,
        **_said("connection", step.connection),
        **_said("with", step.with_),
        **_said("when", step.when),
        **_said("timeout", step.timeout),
        **_said("retry", _retry_json(step.retry)),
        **_said("on_error", _on_error_json(step.on_error)),
        **_said("unknown", step.unknown),
        **_said("cache", step.cache),
        **_said("disabled", step.disabled),
        **_said("note", step.note),
    }
    lists = {name: [step_to_json(child) for child in children] for name, children in step.branches.items()}
    return with_lists(own, lists, list(step.cases))


def _said(name: str, value: Any) -> dict[str, Any]:
    return {} if value is None or value is False or value == "" or value == {} else {name: value}


def _input_json(spec: InputSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "type": spec.type,
        "required": spec.required,
        **({"default": spec.default} if spec.has_default else {}),
        **_said("label", spec.label),
        **_said("help", spec.help),
        **({"options": list(spec.options)} if spec.options else {}),
    }


def _retry_json(retry: RetrySpec | None) -> dict[str, Any] | None:
    if retry is None:
        return None
    said = {"max": retry.max, "backoff": retry.backoff, "delay": retry.delay, "max_delay": retry.max_delay}
    return {name: value for name, value in said.items() if value is not None}


def _on_error_json(on_error: OnError) -> dict[str, Any] | None:
    if not on_error.explicit:
        return None
    return {"do": on_error.do, **({"value": on_error.value} if on_error.has_value else {})}


def fingerprint(definition: Definition) -> str:
    """The sha256 of the canonical JSON: equal definitions have equal ones."""
    return hashlib.sha256(dumps(to_json(definition)).encode()).hexdigest()
