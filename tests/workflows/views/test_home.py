"""The home page: cards to try, recent runs, what needs you."""

from accounts.actor import Actor
from workflows.models import Workflow
from workflows.operations.imports import import_workflow
from workflows.operations.quickstart import GALLERY


def cards(workspace):
    actor = Actor.system(workspace, "test")
    made = import_workflow(actor, (GALLERY / "email_to_notion.json").read_text(), publish=True).workflow
    Workflow.objects.of(workspace).filter(pk=made.pk).update(is_card=True)


def test_an_empty_workspace_says_what_to_do(editor, viewer):
    assert "New workflow" in editor.client.get(editor.path()).text
    page = viewer.client.get(viewer.path()).text
    assert "An editor of this workspace has not built one yet" in page and "Nothing has run yet" in page


def test_a_card_says_what_it_does_before_the_click(operator, sandboxed):
    cards(sandboxed)
    page = operator.client.get(operator.path()).text
    assert "Try it now" in page and "Search mail" in page and "changes 1 thing" in page


def test_a_card_runs_by_one_click(operator, sandboxed):
    cards(sandboxed)
    answer = operator.client.post(operator.path("workflows/email_to_notion/run"), {"direct": "1"}, follow=True)
    assert "Email to Notion Summary" in answer.text and "/runs/" in answer.redirect_chain[0][0]


def test_a_viewer_sees_no_run_button(viewer, sandboxed):
    cards(sandboxed)
    assert "direct" not in viewer.client.get(viewer.path()).text


def test_an_outsider_is_told_nothing(outsider, workspace):
    assert outsider.client.get(f"/w/{workspace.slug}/").status_code == 404
