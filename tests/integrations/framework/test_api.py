"""The API of integrations: the catalogue, connections without secrets, and what the sandbox holds."""

from __future__ import annotations

import jsonschema
import pytest

from integrations import registry
from integrations.models import Connection
from integrations.operations.connections import create_connection, seed_sandbox

pytestmark = pytest.mark.django_db
KEY = "sk-abcdefghijklmnop9f2c"
NEW = {"service": "openai", "name": "team", "secret": {"api_key": KEY}}


def test_the_catalogue_holds_every_action_with_its_schemas(viewer):
    found = viewer.api.get("/api/v1/actions").json()["results"]
    by_name = {entry["name"]: entry for entry in found}
    assert {action.name for action in registry.actions()} <= set(by_name)
    entry = by_name["ai.summarize"]
    assert entry["connection_services"] == ["anthropic", "openai"]
    assert entry["kind"] == "model" and entry["needs"] == "model"
    jsonschema.validate({"text": "x", "style": "bullets"}, entry["input_schema"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"text": "x", "style": "shouting"}, entry["input_schema"])


def test_the_steps_of_the_engine_itself_are_in_the_catalogue(viewer):
    found = {entry["name"]: entry for entry in viewer.api.get("/api/v1/actions").json()["results"]}
    assert {"if", "for_each", "stop", "fail"} <= set(found)
    assert found["if"]["branches"] == ["then", "else"]
    assert all(set(entry) == set(found["if"]) for entry in found.values())


def test_the_catalogue_can_be_searched(viewer):
    found = viewer.api.get("/api/v1/actions?q=summarize").json()["results"]
    assert "ai.summarize" in [entry["name"] for entry in found]
    assert "data.extract" not in [entry["name"] for entry in found]


def test_a_connection_is_made_and_its_secret_never_comes_out(admin):
    made = admin.api.post_json("/api/v1/connections", NEW)
    assert made.status_code == 201
    assert made.json()["masked"] == {"api_key": "••••9f2c"}
    listed = admin.api.get("/api/v1/connections")
    one = admin.api.get(f"/api/v1/connections/{made.json()['id']}")
    for answer in (made, listed, one):
        assert KEY not in answer.content.decode()
    assert [row["name"] for row in listed.json()["results"]] == ["team"]


def test_without_a_name_it_is_called_like_its_service(admin):
    for expected in ("openai", "openai_2"):
        made = admin.api.post_json("/api/v1/connections", {**NEW, "name": ""})
        assert made.json()["name"] == expected


@pytest.mark.parametrize(
    "change, code, field",
    [
        ({"secret": {"api_key": "ghp_abcdefgh"}}, "E_CRED_SERVICE", "secret.api_key"),
        ({"secret": {"api_key": "sk-abc\n"}}, "E_CRED_CHARS", "secret.api_key"),
        ({"secret": {"api_key": "k" * 10240}}, "E_LENGTH", "secret.api_key"),
        ({"secret": "sk-abc"}, "E_TYPE", "secret"),
        ({"base_url": "http://127.0.0.1:1/"}, "E_URL_BLOCKED", "base_url"),
        ({"service": "opneai"}, "E_CHOICE", "service"),
        ({"id": "0192"}, "E_READONLY", "id"),
        ({"workspace": "other"}, "E_READONLY", "workspace"),
        ({"secrets": {}}, "E_UNKNOWN_FIELD", "secrets"),
        ({"name": "x" * 49}, "E_LENGTH", "name"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(admin, change, code, field):
    answer = admin.api.post_json("/api/v1/connections", {**NEW, **change})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == (code, field)
    assert error["message"]
    assert not Connection.objects.of(admin.actor.workspace).exists()


def test_it_is_renamed_tested_and_deleted(admin, contract):
    made = admin.api.post_json("/api/v1/connections", {**NEW, "base_url": contract.openai_url}).json()
    path = f"/api/v1/connections/{made['id']}"
    assert admin.api.patch_json(path, {"name": "renamed"}).json()["name"] == "renamed"
    told = admin.api.post_json(f"{path}/test").json()
    assert told["ok"] and told["can"]
    assert admin.api.get(path).json()["status"] == "works"
    assert admin.api.send("DELETE", path).status_code == 204
    assert admin.api.get(path).status_code == 404


def test_a_stranger_cannot_tell_a_foreign_connection_from_none(admin, outsider):
    made = create_connection(admin.actor, **NEW)
    foreign = outsider.api.get(f"/api/v1/connections/{made.pk}")
    nothing = outsider.api.get("/api/v1/connections/01890000-0000-7000-8000-000000000000")
    assert foreign.status_code == nothing.status_code == 404
    strip = lambda answer: {**answer.json()["error"], "request_id": ""}  # noqa: E731
    assert strip(foreign) == strip(nothing)


def test_an_editor_may_look_and_not_change(editor):
    assert editor.api.get("/api/v1/connections").status_code == 200
    assert editor.api.post_json("/api/v1/connections", NEW).status_code == 403


def test_the_sandbox_is_listed_by_kind_and_can_be_reset(editor):
    seed_sandbox(editor.actor.workspace)
    held = editor.api.get("/api/v1/sandbox/notion").json()
    assert held["service"] == "notion" and held["page"] and held["database"]
    assert {"id", "external_id", "title", "data", "state"} <= set(held["page"][0])
    assert editor.api.post_json("/api/v1/sandbox/reset").json() == {"touched": 0}
    assert editor.api.get("/api/v1/sandbox/unheard-of").status_code == 404


def test_a_viewer_cannot_reset_the_sandbox(viewer):
    assert viewer.api.post_json("/api/v1/sandbox/reset").status_code == 403
