"""The API of workflows: create, save under If-Match, publish, versions, restore, export; an outsider sees nothing."""

from __future__ import annotations

import json

import pytest

from tests.workflows.api.test_bad_definitions import GOOD, changed
from workflows.models import Workflow

URL = "/api/v1/workflows"


@pytest.fixture
def good(editor):
    assert editor.api.post_json(URL, GOOD).status_code == 201
    return f"{URL}/good"


def test_a_save_needs_the_tag_of_the_draft_last_read(good, editor):
    assert editor.api.put_json(good, GOOD).status_code == 428
    tag = editor.api.get(good).headers["ETag"]
    saved = editor.api.put_json(good, changed(name="Better"), headers={"If-Match": tag})
    assert saved.status_code == 200 and saved.json()["name"] == "Better"
    stale = editor.api.put_json(good, changed(name="Worse"), headers={"If-Match": tag})
    assert stale.status_code == 409
    error = stale.json()["error"]
    assert error["code"] == "E_CONFLICT"
    assert error["mine"]["name"] == "Worse" and error["theirs"]["name"] == "Better"


def test_a_stale_save_is_joined_on_request(good, editor):
    tag = editor.api.get(good).headers["ETag"]
    editor.api.put_json(good, changed(name="Theirs"), headers={"If-Match": tag})
    refused = editor.api.put_json(f"{good}?join=1", changed(name="Mine"), headers={"If-Match": tag})
    assert [clash["id"] for clash in refused.json()["error"]["clashes"]] == ["|name"]
    joined = editor.api.put_json(f"{good}?join=1", changed(description="Mine"), headers={"If-Match": tag})
    assert joined.status_code == 200
    assert (joined.json()["name"], joined.json()["description"]) == ("Theirs", "Mine")


def test_publishing_freezes_versions_that_never_change(good, editor):
    assert editor.api.post_json(f"{good}/publish", {"note": "first"}).json()["published_version"] == 1
    tag = editor.api.get(good).headers["ETag"]
    editor.api.put_json(good, changed(name="Second"), headers={"If-Match": tag})
    assert editor.api.post_json(f"{good}/publish").json()["published_version"] == 2
    listed = editor.api.get(f"{good}/versions").json()["results"]
    assert [row["number"] for row in listed] == [2, 1]
    assert editor.api.get(f"{good}/versions/1").json()["definition"]["name"] == "Good"
    assert editor.api.get(f"{good}/versions/9").status_code == 404
    assert editor.api.get(f"{good}/diff?from=1&to=2").status_code == 200
    restored = editor.api.post_json(f"{good}/restore", {"version": 1}).json()
    assert restored["name"] == "Good" and restored["published_version"] == 2


def test_a_draft_with_errors_is_not_published(editor):
    bad = changed(slug="bad", steps=[{"key": "a", "action": "data.format", "with": {}}])
    assert editor.api.post_json(f"{URL}?draft=1", bad).status_code == 201
    answer = editor.api.post_json(f"{URL}/bad/publish")
    assert answer.status_code == 400
    assert "E_REQUIRED" in json.dumps(answer.json())
    assert Workflow.objects.of(editor.workspace).get(slug="bad").published is None


def test_a_second_workflow_of_the_same_slug_is_refused(good, editor):
    assert editor.api.post_json(URL, GOOD).status_code == 409


def test_switching_off_and_deleting(good, editor):
    assert editor.api.patch_json(good, {"enabled": False}).json()["enabled"] is False
    assert editor.api.patch_json(good, {"enabled": "no"}).json()["error"]["code"] == "E_TYPE"
    assert editor.api.patch_json(good, {"slug": "x"}).json()["error"]["code"] == "E_UNKNOWN_FIELD"
    assert editor.api.delete(good).status_code == 204
    assert editor.api.get(good).status_code == 404


def test_export_is_the_definition_that_imports(good, editor):
    exported = editor.api.get(f"{good}?format=json")
    assert exported.status_code == 200
    assert json.loads(exported.content)["steps"] == GOOD["steps"]


def test_a_viewer_reads_and_an_outsider_sees_nothing(good, viewer, outsider):
    assert viewer.api.get(good).status_code == 200
    assert viewer.api.post_json(URL, changed(slug="other")).status_code == 403
    assert viewer.api.delete(good).status_code == 403
    elsewhere, never = outsider.api.get(good), outsider.api.get(f"{URL}/never_was")
    assert elsewhere.status_code == never.status_code == 404
    assert outsider.api.get(URL).json()["results"] == []
