"""The list of workflows: tags, on and off, order, and who did what."""

import pytest

from orchestrator_site.lib.errors import Forbidden, UserError
from tests.workflows.definition.helpers import text_step, workflow
from workflows.operations import tags
from workflows.operations.workflows import create_workflow, set_enabled


@pytest.fixture
def three(editor):
    made = [
        create_workflow(editor.actor, {**workflow(text_step("a")), "name": name}) for name in ("Zeta", "Mail", "Off")
    ]
    tags.set_tags(editor.actor, made[0], ["support"])
    tags.set_tags(editor.actor, made[1], ["support", "weekly"])
    set_enabled(editor.actor, made[2], False)
    return made


def names(editor, query=""):
    found = editor.api.get(f"/api/v1/workflows{query}").json()["results"]
    return [row["name"] for row in found]


def test_workflows_are_found_by_tag_and_state(editor, three):
    assert sorted(names(editor, "?tag=support")) == ["Mail", "Zeta"]
    assert names(editor, "?tag=weekly") == ["Mail"] and names(editor, "?tag=week") == []
    assert names(editor, "?state=off") == ["Off"]
    assert editor.api.get("/api/v1/workflows?state=nonsense").status_code == 400
    page = editor.client.get(editor.path("workflows?tag=weekly&state=on")).text
    assert "Mail" in page and "Zeta" not in page and "weekly (1)" in page
    by_name = editor.client.get(editor.path("workflows?order=name")).text
    assert by_name.index(">Mail<") < by_name.index(">Off<") < by_name.index(">Zeta<")
    assert "The search was not used" in editor.client.get(editor.path("workflows?state=nonsense")).text


def test_tags_are_trimmed_and_each_stands_once(editor, three):
    assert tags.set_tags(editor.actor, three[0], [" Support ", "support", "", "a  b"]).tags == ["Support", "a b"]
    for bad in (["x" * 41], ["a,b"], [f"t{n}" for n in range(21)]):
        with pytest.raises(UserError):
            tags.set_tags(editor.actor, three[0], bad)
    assert sorted(tags.tags_in(editor.workspace)) == [("Support", 1), ("a b", 1), ("support", 1), ("weekly", 1)]


def test_tags_are_set_on_the_page_and_by_api(editor, viewer, three):
    slug = three[2].slug
    editor.client.post(editor.path(f"workflows/{slug}/tags"), {"tags": "one, two"})
    assert editor.api.get(f"/api/v1/workflows/{slug}").json()["tags"] == ["one", "two"]
    assert editor.api.patch_json(f"/api/v1/workflows/{slug}", {"tags": []}).json()["tags"] == []
    with pytest.raises(Forbidden):
        tags.set_tags(viewer.actor, three[2], ["mine"])


def test_who_did_what_stands_on_the_page_of_versions(editor, viewer, three):
    page = viewer.client.get(viewer.path(f"workflows/{three[2].slug}/versions")).text
    assert "Switched it off" in page and "Made the workflow" in page and str(editor.user) in page


def test_nobody_sees_tags_of_another_workspace(editor, outsider, three):
    assert tags.tags_in(outsider.workspace) == []
    assert list(tags.find_workflows(outsider.actor, tag="support")) == []
