"""The gallery's pages and API: finding, using, trying, keeping templates; and what others may not."""

import pytest

from integrations.operations.connections import create_connection
from integrations.operations.sandbox import seed_sandbox
from tests.workflows.definition.helpers import text_step, workflow
from workflows.engine.problems import errors_of
from workflows.models import Run, Workflow
from workflows.operations.drafts import draft_definition, draft_problems
from workflows.operations.gallery import built_in, get_item, use_item
from workflows.operations.workflows import create_workflow, get_workflow

pytestmark = pytest.mark.django_db


def test_it_holds_what_people_want_and_each_says_what_it_does(viewer):
    items = viewer.api.get("/api/v1/gallery").json()["results"]
    assert len(items) >= 15
    for item in items:
        assert item["about"] and item["does"] and item["changes"] and item["category"], item["slug"]
        found = viewer.api.get(f"/api/v1/gallery/{item['slug']}").json()
        assert found["picture"].startswith("<svg ") and found["picture"].count("<text") >= 1
        assert found["definition"]["steps"], item["slug"]


def test_search_and_categories_narrow_it(viewer):
    page = viewer.client.get(viewer.path("gallery?q=invoice")).content.decode()
    assert "Invoices into a table" in page and "Release notes" not in page
    page = viewer.client.get(viewer.path("gallery?category=People")).content.decode()
    assert "Applications, decided by a person" in page and "Release notes" not in page
    assert "Nothing in the gallery matches" in viewer.client.get(viewer.path("gallery?q=zebra")).content.decode()


def test_an_item_says_what_it_may_do_here(viewer, workspace):
    seed_sandbox(workspace)
    page = viewer.client.get(viewer.path("gallery/lead_reply")).content.decode()
    assert "sends a mail" in page and "sandbox: nothing leaves" in page and "Use this workflow" not in page
    assert viewer.client.post(viewer.path("gallery/lead_reply/use")).status_code == 403


def test_every_item_becomes_a_draft_without_errors(editor, workspace):
    seed_sandbox(workspace)
    for item in built_in():
        made = use_item(editor.actor, item)
        assert errors_of(draft_problems(made)) == [], item.slug
        assert made.published is None
    made = use_item(editor.actor, get_item(editor.actor, "release_notes"), "Our notes")
    assert (made.slug, made.name) == ("our_notes", "Our notes")
    assert draft_definition(made)["inputs"][0]["default"] == "your-username/your-repo"


def test_where_something_real_is_connected_the_inputs_begin_empty(owner, workspace):
    seed_sandbox(workspace)
    create_connection(owner.actor, service="github", name="work", secret={"token": f"ghp_{'a' * 36}"})
    made = use_item(owner.actor, get_item(owner.actor, "release_notes"))
    assert "default" not in draft_definition(made)["inputs"][0]


def test_trying_uses_the_sandbox_whatever_else_is_connected(owner, workspace):
    create_connection(owner.actor, service="github", name="github", secret={"token": f"ghp_{'a' * 36}"})
    run = owner.api.post_json("/api/v1/gallery/weekly_digest/try").json()
    found = Run.objects.of(workspace).select_related("version").get(pk=run["id"])
    used = {step["connection"] for step in found.version.definition["steps"] if "connection" in step}
    assert used == {"github_sandbox", "gmail_sandbox", "anthropic_sandbox"}
    owner.api.post_json("/api/v1/gallery/weekly_digest/try")
    assert Workflow.objects.of(workspace).count() == 1, "the copy is used again"


def test_a_workflow_becomes_a_template_and_goes_again(editor, viewer, outsider):
    create_workflow(editor.actor, workflow(text_step("a", "hello"), name="Greeting"))
    page = editor.path("workflows/greeting/template")
    assert editor.client.post(page, {"name": "Say hello", "about": "Greets.", "category": "Mail"}).status_code == 302
    own = viewer.api.get("/api/v1/gallery?q=greets").json()["results"]
    assert [(item["slug"], item["own"]) for item in own] == [("say_hello", True)]
    assert outsider.api.get("/api/v1/gallery/say_hello").status_code == 404
    assert editor.client.post(page, {"name": "Say hello"}).status_code == 422, "the name is taken"
    made = editor.api.post_json("/api/v1/gallery/say_hello/use", {"name": "Mine"}).json()
    assert made["definition"]["steps"][0]["with"] == {"template": "hello"}
    assert viewer.api.delete("/api/v1/gallery/say_hello").status_code == 403
    assert editor.api.delete("/api/v1/gallery/say_hello").status_code == 204
    assert editor.api.delete("/api/v1/gallery/mail_triage").status_code == 404, "what is built in stays"
    assert get_workflow(editor.actor, made["slug"]).name == "Mine"
