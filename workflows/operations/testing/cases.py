"""What a test is made of: one case, read from JSON. Pure."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from orchestrator_site.lib.body import Body, read_body
from orchestrator_site.lib.errors import UserError

Object = dict[str, Any]
FORMAT, MOST = 1, 100


class EffectWanted(Body):
    """A change that must be planned; what is left out does not matter. `count`: how many such, else one or more."""

    op: str = ""
    step: str = ""
    target: Object = Field(default_factory=dict)
    after: Object = Field(default_factory=dict)
    count: int | None = Field(None, ge=0, le=10_000)


class Expect(Body):
    """What must come out. `only_these`: no other change may be planned."""

    status: Literal["succeeded", "failed"] = "succeeded"
    error: str = Field("", max_length=60, description="The code of the error.")
    outputs: Object = Field(default_factory=dict)
    steps: dict[str, Literal["ran", "not_run", "failed"]] = Field(default_factory=dict)
    effects: list[EffectWanted] = Field(default_factory=list, max_length=200)
    only_these: bool = False


class Case(Body):
    """One test: inputs, outputs that steps are taken to have (`pins`, by key), and what is expected."""

    name: str = Field(min_length=1, max_length=120)
    inputs: Object = Field(default_factory=dict)
    pins: Object = Field(default_factory=dict)
    expect: Expect = Field(default_factory=Expect)


class Document(Body):
    """A file of tests, as it lies beside an exported workflow."""

    format: Literal[1] = 1
    tests: list[Case] = Field(max_length=MOST)


def read_document(value: Any) -> list[Case]:
    """The cases of a file. Raises UserError with every finding."""
    if not isinstance(value, dict):
        raise UserError("E_TYPE", "A file of tests is an object.", field="tests", hint='{"format": 1, "tests": []}')
    cases = read_body(value, Document).tests
    seen: set[str] = set()
    for case in cases:
        if case.name in seen:
            raise UserError("E_DEF_DUP", f"Two tests are called “{case.name}”.", field="tests", hint="Name each.")
        seen.add(case.name)
    return cases


def as_json(case: Case) -> Object:
    """The case without what was left out."""
    said = case.model_dump(mode="json", exclude_defaults=True)
    return {"name": case.name, **{name: value for name, value in said.items() if name != "name"}}
