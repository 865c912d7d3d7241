"""What a connection offers for an input: for who may edit, over connections of the own workspace only."""

from __future__ import annotations

import pytest

from accounts.actor import Actor
from integrations.operations.choices import list_choices
from integrations.operations.connections import create_connection
from orchestrator_site.lib.errors import Forbidden, NotFound, UserError


@pytest.fixture
def openai(workspace, contract):
    return create_connection(
        Actor.system(workspace, "test"),
        service="openai",
        name="openai",
        secret={"api_key": "sk-test"},
        base_url=contract.openai_url,
    )


def test_the_models_of_a_connection_come_with_their_prices_and_are_asked_for_once(editor, openai, contract):
    found = list_choices(editor.actor, "ai.complete", "model")
    assert "per million tokens" in found[0].label
    assert "gpt-4o-mini" in [choice.value for choice in found]
    list_choices(editor.actor, "ai.complete", "model", connection="openai")
    assert len(contract.calls("listModels")) == 1


def test_a_service_that_is_away_is_said_in_words(editor, openai, contract):
    contract.fail("unavailable", "listModels")
    with pytest.raises(UserError, match="trouble"):
        list_choices(editor.actor, "ai.complete", "model")


def test_where_nothing_is_connected_there_is_nothing_to_choose(editor):
    assert list_choices(editor.actor, "ai.complete", "model") == []


@pytest.mark.parametrize("action, field", [("ai.complete", "prompt"), ("ai.complete", "x"), ("no.action", "model")])
def test_an_input_without_a_list_has_none(editor, action, field):
    with pytest.raises(NotFound):
        list_choices(editor.actor, action, field)


def test_viewers_and_strangers_get_nothing(viewer, outsider, openai):
    with pytest.raises(Forbidden):
        list_choices(viewer.actor, "ai.complete", "model")
    with pytest.raises(NotFound):
        list_choices(outsider.actor, "ai.complete", "model", connection="openai")


def test_a_connection_of_another_service_offers_nothing(editor, workspace):
    create_connection(Actor.system(workspace, "test"), service="notion", name="notes", sandbox=True)
    with pytest.raises(NotFound):
        list_choices(editor.actor, "ai.complete", "model", connection="notes")


def test_the_form_and_the_api_show_the_same(editor, openai):
    page = editor.client.get(editor.path("actions/ai.complete/choices/model?connection=openai")).text
    assert '<datalist id="list-model"><option value="' in page
    answer = editor.api.get("/api/v1/actions/ai.complete/choices/model", {"q": "gpt-4o-mini"}).json()
    assert [choice["value"] for choice in answer["results"]] == ["gpt-4o-mini"]


def test_the_page_says_why_there_are_no_suggestions(editor, openai, contract):
    contract.fail("unauthorized", "listModels")
    page = editor.client.get(editor.path("actions/ai.complete/choices/model"))
    assert page.status_code == 200 and "No suggestions now" in page.text
