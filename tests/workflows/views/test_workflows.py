"""Pages of workflows: list, new, import, outline, settings, on/off, duplicate, delete, export."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from workflows.models import Workflow
from workflows.operations import workflows as operations
from workflows.operations.runs import start_run

SETTINGS = {
    "inputs-TOTAL_FORMS": "1",
    "inputs-INITIAL_FORMS": "0",
    "inputs-MIN_NUM_FORMS": "0",
    "inputs-MAX_NUM_FORMS": "100",
}


def one(found):
    return Workflow.objects.of(found.workspace_id).get(pk=found.pk)


def test_the_list_shows_a_workflow_with_its_version_and_who_changed_it(editor, greeting):
    page = editor.client.get(editor.path("workflows"))
    assert page.status_code == 200
    assert "Greeting" in page.text and "Mara Lindqvist" in page.text and "never ran" in page.text


def test_the_list_is_searched_by_words(editor, greeting):
    assert "Greeting" in editor.client.get(editor.path("workflows?q=greet")).text
    assert "No workflow matches" in editor.client.get(editor.path("workflows?q=zebra")).text


def test_a_search_with_a_control_character_is_explained_not_a_500(editor, greeting):
    page = editor.client.get(editor.path("workflows?q=a%00b"))
    assert page.status_code == 200 and "The search was not used" in page.text


def test_the_list_shows_the_newest_run(editor, operator, greeting):
    start_run(operator.actor, "greeting", {"who": "Ada"})
    assert "Queued" in editor.client.get(editor.path("workflows")).text


def test_the_list_takes_a_fixed_number_of_queries(editor, greeting, django_assert_max_num_queries):
    editor.client.get(editor.path("workflows"))
    for number in range(4):
        operations.create_workflow(editor.actor, {"format": 1, "name": f"Copy {number}", "steps": []}, draft=True)
    with django_assert_max_num_queries(24):
        editor.client.get(editor.path("workflows"))


def test_a_viewer_sees_no_buttons_that_change(viewer, greeting):
    page = viewer.client.get(viewer.path("workflows"))
    assert "New workflow" not in page.text and "Duplicate" not in page.text


def test_a_new_workflow_opens_its_empty_outline(editor):
    answer = editor.client.post(editor.path("workflows/new"), {"name": "Sort my mail"}, follow=True)
    assert answer.redirect_chain[0][0].endswith("/workflows/sort_my_mail")
    assert "No steps yet" in answer.text


def test_a_new_workflow_needs_a_name(editor):
    assert editor.client.post(editor.path("workflows/new"), {"name": " "}).status_code == 422


def test_a_viewer_cannot_make_a_workflow(viewer):
    assert viewer.client.post(viewer.path("workflows/new"), {"name": "Mine"}).status_code == 403


def test_a_pasted_file_is_imported_as_a_draft(editor):
    text = json.dumps({"format": 1, "name": "From a file", "steps": []})
    answer = editor.client.post(editor.path("workflows/import"), {"pasted": text}, follow=True)
    assert "Imported “From a file”" in answer.text


def test_an_uploaded_file_is_imported(editor):
    text = json.dumps({"format": 1, "name": "Uploaded", "steps": []}).encode()
    upload = SimpleUploadedFile("w.json", text, content_type="application/json")
    assert "Uploaded" in editor.client.post(editor.path("workflows/import"), {"file": upload}, follow=True).text


@pytest.mark.parametrize("text", ["{", "[]", "42", '{"name": 1}', '{"a": "\\u0000"}', "name: [", "\x07"])
def test_a_bad_file_is_a_form_error(editor, text):
    answer = editor.client.post(editor.path("workflows/import"), {"pasted": text})
    assert answer.status_code == 422 and 'role="alert"' in answer.text


def test_the_outline_shows_steps_branches_and_addresses(editor, greeting):
    page = editor.client.get(editor.path("workflows/greeting")).text
    assert "Say hello" in page and "Otherwise" in page
    assert f'href="{editor.path("workflows/greeting/steps/cut")}"' in page
    assert "parent=any&amp;branch=then&amp;index=1" in page


def test_a_viewer_reads_the_outline_without_plus(viewer, greeting):
    page = viewer.client.get(viewer.path("workflows/greeting")).text
    assert "Say hello" in page and "Add a step here" not in page


def test_an_outsider_gets_the_same_404_as_for_what_never_was(outsider, greeting):
    theirs = outsider.client.get(f"/w/{greeting.workspace.slug}/workflows/greeting")
    nothing = outsider.client.get("/w/nowhere/workflows/greeting")
    assert theirs.status_code == nothing.status_code == 404
    assert theirs.content == nothing.content


def test_problems_are_listed_with_links_to_their_steps(editor, sandboxed):
    step = {"key": "issue", "action": "github.create_issue", "with": {}}
    operations.create_workflow(editor.actor, {"format": 1, "name": "Half", "steps": [step]}, draft=True)
    page = editor.client.get(editor.path("workflows/half")).text
    assert "is missing" in page and "problems" in page and editor.path("workflows/half/steps/issue") in page


def test_settings_are_saved_in_the_draft(editor, greeting, draft):
    said = {**SETTINGS, "etag": greeting.draft_etag, "name": "Greeting 2", "timeout": "60", "outputs": '{"a": "b"}'}
    said |= {
        "inputs-0-name": "who",
        "inputs-0-type": "choice",
        "inputs-0-options": "Ada\nBob",
        "inputs-0-default": "Ada",
    }
    answer = editor.client.post(editor.path("workflows/greeting/settings"), said)
    assert answer.status_code == 302
    found = draft()
    assert found["name"] == "Greeting 2" and found["settings"] == {"timeout": 60} and found["outputs"] == {"a": "b"}
    assert found["inputs"] == [
        {"name": "who", "type": "choice", "required": False, "default": "Ada", "options": ["Ada", "Bob"]}
    ]


def test_how_many_runs_go_on_at_the_same_time_is_a_setting(editor, greeting, draft):
    said = {
        **SETTINGS,
        "etag": greeting.draft_etag,
        "name": "Greeting",
        "inputs-0-name": "who",
        "inputs-0-type": "text",
    }
    said |= {"together": "2", "together_key": "{{ inputs.who }}", "together_policy": "drop"}
    path = editor.path("workflows/greeting/settings")
    assert editor.client.post(path, said).status_code == 302
    assert draft()["settings"] == {"concurrency": {"key": "{{ inputs.who }}", "limit": 2, "policy": "drop"}}
    shown = editor.client.get(path).text
    assert 'value="2"' in shown and "{{ inputs.who }}" in shown and '<option value="drop" selected' in shown
    etag = one(greeting).draft_etag
    assert editor.client.post(path, {**said, "etag": etag, "together": "0"}).status_code == 422
    assert editor.client.post(path, {**said, "etag": etag, "together": ""}).status_code == 302
    assert draft().get("settings", {}) == {}


def test_a_stale_save_of_settings_keeps_what_was_typed(editor, greeting, draft):
    said = {**SETTINGS, "etag": "old", "name": "My words", "inputs-0-type": "text"}
    answer = editor.client.post(editor.path("workflows/greeting/settings"), said)
    assert answer.status_code == 409 and "My words" in answer.text and draft()["name"] == "Greeting"
    assert greeting.draft_etag in answer.text


def test_bad_settings_are_field_errors(editor, greeting):
    said = {**SETTINGS, "etag": greeting.draft_etag, "name": "", "outputs": "[1", "inputs-0-name": "Not A Key"}
    answer = editor.client.post(editor.path("workflows/greeting/settings"), {**said, "inputs-0-type": "text"})
    assert answer.status_code == 422 and "This field is required" in answer.text


def test_a_workflow_is_switched_off_and_on(editor, greeting):
    editor.client.post(editor.path("workflows/greeting/toggle"))
    assert one(greeting).enabled is False
    editor.client.post(editor.path("workflows/greeting/toggle"))
    assert one(greeting).enabled is True


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example", "/w/\\evil", "javascript:alert(1)"])
def test_the_way_back_stays_here(editor, greeting, next_page):
    answer = editor.client.post(editor.path("workflows/greeting/toggle"), {"next": next_page})
    assert answer.headers["Location"] == editor.path("workflows/greeting")


def test_a_workflow_is_duplicated(editor, greeting):
    answer = editor.client.post(editor.path("workflows/greeting/duplicate"), follow=True)
    assert "Greeting (copy)" in answer.text and "Say hello" in answer.text


def test_a_deleted_workflow_is_gone_and_its_runs_stay(editor, operator, greeting):
    run = start_run(operator.actor, "greeting", {"who": "Ada"})
    editor.client.post(editor.path("workflows/greeting/delete"))
    assert editor.client.get(editor.path("workflows/greeting")).status_code == 404
    assert editor.client.get(editor.path(f"runs/{run.pk}")).status_code == 200


@pytest.mark.parametrize("action", ["toggle", "duplicate", "delete"])
def test_a_viewer_changes_nothing(viewer, greeting, action):
    assert viewer.client.post(viewer.path(f"workflows/greeting/{action}")).status_code == 403
    assert one(greeting).enabled and one(greeting).deleted_at is None


def test_the_draft_is_downloaded_as_json_and_yaml(viewer, greeting):
    found = viewer.client.get(viewer.path("workflows/greeting/export"))
    assert json.loads(found.content)["steps"][0]["key"] == "hello"
    assert found.headers["Content-Disposition"] == 'attachment; filename="greeting.json"'
    assert b"key: hello" in viewer.client.get(viewer.path("workflows/greeting/export?format=yaml")).content
