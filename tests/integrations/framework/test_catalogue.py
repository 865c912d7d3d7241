"""The catalogue: every action can be found, and its page says what its declaration says."""

from __future__ import annotations

import json

import pytest

from integrations import catalogue, registry
from integrations.described import example_of, inputs_of, outputs_of
from integrations.operations.connections import seed_sandbox
from workflows.engine.definition import parse

pytestmark = pytest.mark.django_db
NAMES = [str(entry["name"]) for entry in catalogue.entries()]


def page(persona, rest=""):
    answer = persona.client.get(f"/w/{persona.workspace.slug}/catalogue/{rest}")
    return answer.status_code, answer.content.decode()


def test_everybody_sees_every_action_by_service(viewer):
    status, text = page(viewer)
    assert status == 200
    for action in registry.actions():
        assert f"/catalogue/{action.name}/" in text
    assert "HTTP request" in text and "Flow" in text and ">Connect<" not in text


def test_a_search_narrows_it(viewer):
    _, text = page(viewer, "?q=smtp mail")
    assert "/catalogue/mail.send/" in text and "/catalogue/github." not in text
    assert "No action does that" in page(viewer, "?q=teleport")[1]
    assert page(viewer, "?q=%00")[0] == 400


def test_what_is_connected_says_so(admin):
    assert "service=mail" in page(admin)[1]
    seed_sandbox(admin.workspace)
    _, text = page(admin)
    assert "Connected" in text and "?service=mail" not in text


def test_a_page_tells_inputs_outputs_and_an_example(viewer):
    status, text = page(viewer, "http.send/")
    assert status == 200
    for said in (
        "check_url",
        "Says where something goes",
        "may be repeated",
        "A dry run shows",
        "&quot;action&quot;: &quot;http.send&quot;",
    ):
        assert said in text, said
    assert "There is no connection for it here yet." in text


def test_what_is_not_there_is_not_found(viewer):
    status, text = page(viewer, "http.sent/")
    assert (status, "http.sent" in text) == (404, False)


def test_an_outsider_is_not_let_in(outsider, workspace):
    assert outsider.client.get(f"/w/{workspace.slug}/catalogue/").status_code == 404


def test_every_page_can_be_read(viewer):
    assert {name: status for name in NAMES if (status := page(viewer, f"{name}/")[0]) != 200} == {}


def test_every_example_is_a_step():
    for entry in catalogue.entries():
        if "." not in entry["name"]:
            continue
        step = json.loads(example_of(entry))
        parse({"format": 1, "name": "Example", "steps": [step]})
        assert {field.name for field in inputs_of(entry)} >= set(step.get("with", {})), entry["name"]
        told = {field.name for field in outputs_of(entry)}
        assert told >= set(entry["output_schema"].get("properties", {})), entry["name"]
