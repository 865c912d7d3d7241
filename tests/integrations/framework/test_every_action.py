"""Every action and every service of the registry keeps the rules of its declaration."""

from __future__ import annotations

import pytest

from integrations import registry
from integrations.forms import form_for
from integrations.spec import Action
from tests.integrations.suite import check_declaration, check_integration

SERVICES = sorted({action.service for action in registry.actions()})


def actions_of(service: str) -> list[Action]:
    """The actions of one service."""
    return [action for action in registry.actions() if action.service == service]


def test_each_service_is_declared_well():
    for integration in registry.integrations().values():
        check_integration(integration)


@pytest.mark.parametrize("service", SERVICES)
def test_each_action_is_declared_well(service):
    for action in actions_of(service):
        check_declaration(action)


@pytest.mark.parametrize("service", SERVICES)
def test_its_form_asks_for_what_is_required_and_for_nothing_else(service):
    for action in actions_of(service):
        form = form_for(action, data={})
        wrong = set() if form.is_valid() else set(form.errors)
        required = {field for field, info in action.input.model_fields.items() if info.is_required()}
        assert wrong == required, action.name


@pytest.mark.parametrize("service", SERVICES)
def test_every_field_takes_an_expression(service):
    for action in actions_of(service):
        form = form_for(action, data={f"with-{field}": "{{ inputs.x }}" for field in action.input.model_fields})
        assert form.is_valid(), (action.name, form.errors)
