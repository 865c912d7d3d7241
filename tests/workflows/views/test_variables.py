"""The page of variables: list, add, change, delete."""

import pytest

from workflows.models import Variable
from workflows.operations.variables import set_variable


def values(workspace):
    return dict(Variable.objects.of(workspace).values_list("name", "value"))


def test_without_variables_the_page_says_what_they_are_for(viewer):
    assert "No variables yet" in viewer.client.get(viewer.path("variables")).text


def test_text_and_json_are_kept_as_what_they_are(editor, workspace):
    editor.client.post(editor.path("variables"), {"name": "tone", "kind": "text", "value": "42"})
    editor.client.post(editor.path("variables"), {"name": "labels", "kind": "json", "value": '["bug"]'})
    assert values(workspace) == {"tone": "42", "labels": ["bug"]}


def test_a_variable_opens_in_the_form_and_is_changed(editor, workspace):
    set_variable(editor.actor, "labels", ["bug"])
    assert "Change the variable" in editor.client.get(editor.path("variables?name=labels")).text
    editor.client.post(editor.path("variables?name=labels"), {"name": "labels", "kind": "json", "value": "[]"})
    assert values(workspace) == {"labels": []}


@pytest.mark.parametrize(
    "said",
    [
        {"name": "Not a key", "kind": "text", "value": "x"},
        {"name": "ok", "kind": "json", "value": "{"},
        {"name": "ok", "kind": "text", "value": "a\x00b"},
        {"name": "ok", "kind": "json", "value": '{"a": NaN}'},
        {"name": "", "kind": "text", "value": "x"},
    ],
)
def test_bad_values_are_errors_at_their_fields(editor, workspace, said):
    answer = editor.client.post(editor.path("variables"), said)
    assert answer.status_code == 422 and values(workspace) == {}


def test_a_variable_is_deleted(editor, workspace):
    set_variable(editor.actor, "tone", "kind")
    editor.client.post(editor.path("variables/tone/delete"))
    assert values(workspace) == {}


def test_a_viewer_reads_and_changes_nothing(viewer, editor, workspace):
    set_variable(editor.actor, "tone", "kind")
    assert "kind" in viewer.client.get(viewer.path("variables")).text
    assert viewer.client.post(viewer.path("variables"), {"name": "x", "kind": "text"}).status_code == 403
    assert viewer.client.post(viewer.path("variables/tone/delete")).status_code == 403


def test_an_outsider_sees_no_variables(outsider, editor, workspace):
    set_variable(editor.actor, "tone", "kind")
    assert outsider.client.get(f"/w/{workspace.slug}/variables").status_code == 404
    assert outsider.client.post(outsider.path("variables/tone/delete")).status_code == 404
    assert values(workspace) == {"tone": "kind"}
