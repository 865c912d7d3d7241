"""The page and the API of stored values: seen by all members, cleared by those who may edit, gone with the workflow."""

from __future__ import annotations

import pytest

from integrations.models import StoredValue
from tests.workflows.engine.conftest import publish
from workflows.operations.workflows import delete_workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def values(workspace):
    """One of the workspace, two of a workflow."""
    flow = publish(workspace, {"steps": [{"key": "a", "action": "data.format", "with": {"template": "x"}}]})
    made = {
        key: StoredValue.objects.create(workspace=workspace, owner=owner, workflow=slug, key=key, value=value)
        for key, owner, slug, value in (
            ("shared", "", "", {"a": 1}),
            ("last <b>", str(flow.pk), flow.slug, "<script>alert(1)</script>"),
            ("count", str(flow.pk), flow.slug, 3),
        )
    }
    return flow, made


def address(persona, rest=""):
    return f"/w/{persona.workspace.slug}/stored/{rest}"


def test_a_viewer_sees_values_and_cannot_delete_them(viewer, values):
    page = viewer.client.get(address(viewer)).content.decode()
    assert "shared" in page and "last &lt;b&gt;" in page and "<script>alert" not in page
    assert "Delete" not in page
    assert viewer.client.post(address(viewer, f"{values[1]['shared'].pk}/delete/")).status_code == 403
    assert viewer.client.post(address(viewer, "clear/"), {"workflow": ""}).status_code == 403
    found = viewer.client.get(address(viewer) + "?q=cou").content.decode()
    assert "count" in found and "shared" not in found


def test_an_editor_deletes_one_or_all_of_a_workflow(editor, values):
    flow, made = values
    editor.client.post(address(editor, f"{made['count'].pk}/delete/"))
    assert StoredValue.objects.of(editor.workspace).count() == 2
    editor.client.post(address(editor, "clear/"), {"workflow": flow.slug})
    assert list(StoredValue.objects.of(editor.workspace).values_list("key", flat=True)) == ["shared"]
    editor.client.post(address(editor, "clear/"), {"workflow": ""})
    assert "Nothing is stored" in editor.client.get(address(editor)).content.decode()


def test_an_outsider_finds_nothing(outsider, owner, values):
    pk = values[1]["shared"].pk
    assert outsider.client.get(address(owner)).status_code == 404
    assert outsider.client.post(f"/w/{outsider.workspace.slug}/stored/{pk}/delete/").status_code == 404
    assert outsider.api.get(f"/api/v1/stored/{pk}").status_code == 404
    assert outsider.api.get("/api/v1/stored").json()["results"] == []


def test_the_api_lists_shows_and_deletes(editor, values):
    flow, made = values
    listed = editor.api.get("/api/v1/stored?workflow=").json()["results"]
    assert [(one["key"], one["value"], one["scope"], one["workflow"]) for one in listed] == [
        ("shared", {"a": 1}, "workspace", None)
    ]
    assert len(editor.api.get(f"/api/v1/stored?workflow={flow.slug}").json()["results"]) == 2
    place = f"/api/v1/stored/{made['count'].pk}"
    assert editor.api.get(place).json()["value"] == 3
    assert editor.api.delete(place).status_code == 204
    assert editor.api.get(place).status_code == 404


def test_what_a_workflow_stored_goes_with_it(editor, values):
    flow, _ = values
    delete_workflow(editor.actor, flow)
    assert list(StoredValue.objects.of(editor.workspace).values_list("key", flat=True)) == ["shared"]
