"""The suite that every action and every integration goes through, whoever wrote it.

A service adds its samples and gets the tests:

    class TestCreateIssue(ActionSuite):
        action = "github.create_issue"
        inputs = {"repository": "octocat/hello", "title": "The export stops"}
        operations = {"issues/create": 1}              # what the contract server must have seen, and how often

        def real(self, contract): return info_of("github", base_url=contract.github_url, token="ghp_test")
        def check(self, output): assert output["number"]

`tests/integrations/framework/test_every_action.py` runs the declaration checks on whatever the registry holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jsonschema
import pytest

from integrations import registry
from integrations.context import ConnectionInfo
from integrations.operations.connections import find_connection, seed_sandbox
from integrations.operations.opening import open_connection
from integrations.schema import action_json, model_schema
from integrations.spec import Action, Integration, Kind, check_action
from tests.integrations.gate import Gate, Ran, look, run_action


def check_integration(integration: Integration) -> None:
    """What every service must be."""
    assert integration.title, f"{integration.slug} has no title"
    assert integration.description.endswith("."), f"{integration.slug}: the description is a sentence"
    assert integration.folder is not None
    assert registry.service_icon(integration.slug).startswith("<svg")
    if integration.needs_connection:
        assert integration.secrets, f"{integration.slug} connects without a secret"
        names = [field.name for field in integration.secrets]
        assert len(set(names)) == len(names)
        assert set().union(*map(set, integration.secret_sets), set()) <= set(names)


def check_declaration(action: Action) -> None:
    """What every action must be, from its declaration alone."""
    check_action(action)
    assert action.title and action.verb, f"{action.name} has no title or phrase"
    assert action.description.endswith("."), f"{action.name}: the docstring is a sentence"
    for name, field in action.input.model_fields.items():
        assert field.title, f"{action.name}.{name} has no label"
        assert field.is_required() or field.get_default(call_default_factory=True) is not ...
    shown = action_json(action)
    for schema in (shown["input_schema"], shown["output_schema"]):
        jsonschema.Draft202012Validator.check_schema(schema)
    check_defaults(action)


def check_defaults(action: Action) -> None:
    """A default is a value that the field itself would take."""
    schema = model_schema(action.input)
    validator = jsonschema.Draft202012Validator
    for name, field in action.input.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if field.is_required() or default is None:
            continue
        part = {**schema["properties"][name], "$defs": schema.get("$defs", {})}
        assert validator(part).is_valid(default), f"{action.name}.{name}: its default does not fit"


class ActionSuite:
    """Tests of one action over the sandbox and the real SDK; subclass it, give samples, get the tests."""

    action: ClassVar[str]
    inputs: ClassVar[Mapping[str, Any]]
    sandbox_inputs: ClassVar[Mapping[str, Any] | None] = None
    operations: ClassVar[Mapping[str, int]] = {}
    service: ClassVar[str] = ""

    def real(self, contract: Any) -> ConnectionInfo:
        """The opened connection to the contract server."""
        raise NotImplementedError

    def check(self, output: dict[str, Any]) -> None:
        """What must be true of the output, over the sandbox and over the real SDK."""

    def prepare(self, contract: Any) -> Mapping[str, Any]:
        """What the contract server must hold before; returns the inputs."""
        return self.inputs

    @pytest.fixture
    def sandbox(self, workspace) -> ConnectionInfo:
        """The sandbox connection of the service, its world filled."""
        seed_sandbox(workspace)
        found = find_connection(workspace, self.service or self.action.split(".")[0])
        assert found
        return open_connection(found)

    @pytest.mark.django_db
    def test_works_in_the_sandbox(self, sandbox):
        inputs = self.sandbox_inputs if self.sandbox_inputs is not None else self.inputs
        self.check(self._ran(inputs, sandbox).output)

    @pytest.mark.django_db
    def test_works_with_the_real_sdk(self, contract):
        inputs = self.prepare(contract)
        self.check(self._ran(inputs, self.real(contract)).output)
        for operation, times in self.operations.items():
            assert len(contract.calls(operation)) == times, f"{operation} was called another number of times"

    @pytest.mark.django_db
    def test_a_change_is_one_request_and_can_be_found_again(self, contract):
        declared = registry.get_action(self.action)
        assert declared
        if declared.kind is not Kind.EFFECT:
            pytest.skip("changes nothing")
        inputs = self.prepare(contract)
        before = len(contract.effects("*"))
        gate = Gate()
        ran = self._ran(inputs, self.real(contract), gate=gate)
        assert len(contract.effects("*")) - before == len(ran.orders), "one order is one request that changes something"
        for seq, order in enumerate(ran.orders, start=1):
            if order.look is None:
                continue
            found = look(gate, seq)
            assert found is not None, f"{order.op} cannot be found again"
            assert found.external_id == ran.gate.outcomes[seq - 1].external_id

    def _ran(self, inputs: Mapping[str, Any], info: ConnectionInfo, **more: Any) -> Ran:
        return run_action(self.action, inputs, info, **more)
