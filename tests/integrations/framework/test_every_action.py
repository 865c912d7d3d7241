"""Every action and every service of the registry keeps the rules of its declaration."""

from __future__ import annotations

import pytest

from integrations import registry
from integrations.forms import form_for
from tests.integrations.suite import check_declaration, check_integration

ACTIONS = [action.name for action in registry.actions()]


@pytest.mark.parametrize("slug", sorted(registry.integrations()))
def test_the_service_is_declared_well(slug):
    check_integration(registry.integrations()[slug])


@pytest.mark.parametrize("name", ACTIONS)
def test_the_action_is_declared_well(name):
    check_declaration(registry.get_action(name))


@pytest.mark.parametrize("name", ACTIONS)
def test_its_form_asks_for_what_is_required_and_for_nothing_else(name):
    action = registry.get_action(name)
    form = form_for(action, data={})
    wrong = set() if form.is_valid() else set(form.errors)
    assert wrong == {field for field, info in action.input.model_fields.items() if info.is_required()}


@pytest.mark.parametrize("name", ACTIONS)
def test_every_field_takes_an_expression(name):
    action = registry.get_action(name)
    form = form_for(action, data={f"with-{field}": "{{ inputs.x }}" for field in action.input.model_fields})
    assert form.is_valid(), form.errors
