"""The API of prompts."""

from __future__ import annotations

import json

import pytest

from prompts.models import Prompt
from prompts.operations.files import SEEDS, import_prompts

pytestmark = pytest.mark.django_db

BASE = "/api/v1/prompts"


def test_a_prompt_is_made_shown_and_listed(editor):
    body = {"name": "Daily report", "user_template": "For {{ day }}", "temperature": 0.2}
    made = editor.api.post_json(BASE, body)
    assert made.status_code == 201
    shown = editor.api.get(f"{BASE}/daily_report").json()
    assert made.json() == shown
    assert (shown["version"], shown["labels"]) == (1, {"draft": 1, "live": 1})
    assert shown["live"]["variables"] == ["day"] and shown["live"]["temperature"] == 0.2
    rows = editor.api.get(BASE).json()
    assert [row["slug"] for row in rows["results"]] == ["daily_report"] and rows["next"] is None


def test_versions_are_added_listed_and_labelled(editor, prompt):
    added = editor.api.post_json(
        f"{BASE}/greeting/versions", {"user_template": "Hi {{ name }}", "note": "short", "base": 2}
    )
    assert added.status_code == 201 and added.json()["number"] == 3 and added.json()["labels"] == ["draft"]
    same = editor.api.post_json(f"{BASE}/greeting/versions", {"user_template": "Hi {{ name }}", "make_live": True})
    assert same.status_code == 200 and sorted(same.json()["labels"]) == ["draft", "live"]
    numbers = [row["number"] for row in editor.api.get(f"{BASE}/greeting/versions").json()["results"]]
    assert numbers == [3, 2, 1]
    moved = editor.api.patch_json(f"{BASE}/greeting", {"labels": {"live": 1}, "name": "Hello"}).json()
    assert moved["labels"]["live"] == 1 and moved["name"] == "Hello"


def test_a_stale_version_is_a_conflict(editor, prompt):
    response = editor.api.post_json(f"{BASE}/greeting/versions", {"user_template": "x", "base": 1})
    error = response.json()["error"]
    assert response.status_code == 409 and error["code"] == "E_CONFLICT" and "theirs" in error


def test_values_are_rendered_without_a_model(viewer, prompt):
    response = viewer.api.post_json(f"{BASE}/greeting/render", {"values": {"name": "Anna"}})
    assert response.json() == {
        "slug": "greeting", "version": 1, "system": "Be kind.", "user": "Greet Anna.", "model": "gpt-4o-mini",
        "temperature": 0.5, "max_tokens": None,
    }  # fmt: skip
    draft = viewer.api.post_json(f"{BASE}/greeting/render", {"values": {"name": "Anna"}, "label": "draft"})
    assert draft.json()["user"] == "Greet Anna in English."
    wrong = viewer.api.post_json(f"{BASE}/greeting/render", {"values": {"nam": "x"}, "version": 1})
    assert wrong.status_code == 400
    assert {one["field"] for one in wrong.json()["error"]["errors"]} == {"values.name", "values.nam"}


@pytest.mark.parametrize(
    "body, code, field",
    [
        ([], "E_TYPE", "body"),
        ({"name": "x"}, "E_REQUIRED", "user_template"),
        ({"name": 5, "user_template": "x"}, "E_TYPE", "name"),
        ({"name": "x", "user_template": "x", "nme": 1}, "E_UNKNOWN_FIELD", "nme"),
        ({"name": "x", "user_template": "x", "id": "1"}, "E_READONLY", "id"),
        ({"name": "x", "user_template": "x", "workspace": "1"}, "E_READONLY", "workspace"),
        ({"name": "x", "user_template": "x", "temperature": 3}, "E_RANGE", "temperature"),
        ({"name": "x", "user_template": "{% for %}"}, "E_TPL_SYNTAX", "user_template"),
    ],
)
def test_a_body_that_cannot_be_is_refused(editor, body, code, field):
    response = editor.api.send("POST", BASE, body)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["field"]) == (400, code, field)
    assert not Prompt.objects.of(editor.workspace).exists()


def test_who_may_not(viewer, outsider, prompt):
    assert viewer.api.post_json(BASE, {"name": "x", "user_template": "x"}).status_code == 403
    assert viewer.api.delete(f"{BASE}/greeting").status_code == 403
    for method, path in (("get", ""), ("delete", ""), ("get", "/versions"), ("post", "/render")):
        response = getattr(outsider.api, method)(f"{BASE}/greeting{path}")
        assert response.status_code == 404
    assert outsider.api.get(BASE).json()["results"] == []


def test_a_prompt_goes_out_as_a_file(editor):
    text = (SEEDS / "code_review.json").read_text()
    import_prompts(editor.actor, text)
    response = editor.api.get(f"{BASE}/code_review?format=seed")
    assert response.content.decode() == text and "attachment" in response.headers["Content-Disposition"]
    ours = json.loads(editor.api.get(f"{BASE}/code_review?format=json").content)
    assert ours["format"] == 1 and ours["prompt"]["slug"] == "code_review"
    assert editor.api.get(f"{BASE}/code_review?format=pdf").status_code == 400


def test_a_prompt_is_deleted(editor, prompt):
    assert editor.api.delete(f"{BASE}/greeting").status_code == 204
    assert editor.api.get(f"{BASE}/greeting").status_code == 404
