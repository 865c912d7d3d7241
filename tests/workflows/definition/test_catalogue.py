"""The catalogue: every declared action and the control actions, in one shape."""

from __future__ import annotations

import pytest

from integrations import registry
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.control import CONTROLS
from workflows.engine.values import fields_of


def test_every_action_and_every_control_is_there():
    assert set(CATALOGUE.names()) == {*CONTROLS, *(action.name for action in registry.actions())}
    assert {info.name for info in CATALOGUE.all()} == set(CATALOGUE.names())
    assert CATALOGUE.get("no.such") is None


@pytest.mark.parametrize("name", CATALOGUE.names())
def test_every_input_has_a_label_and_a_role(name):
    info = CATALOGUE.get(name)
    assert info.title and info.description
    for fact in fields_of(info.input).values():
        assert fact.label and fact.role in ("content", "target", "setting")


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_changes_nothing_outside_and_only_an_agent_has_a_connection_to_its_model(name):
    info = CATALOGUE.get(name)
    assert info.is_control and not info.is_effect and info.takes_connection == (name == "agent")
    assert len(info.branches) == len(info.branch_titles)
