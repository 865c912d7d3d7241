"""Pages of versions: publish with what changes, the list, one version, restoring."""

from prompts.operations import library
from prompts.operations.library import Text
from workflows.models import WorkflowVersion
from workflows.operations import drafts, versions
from workflows.operations import workflows as operations
from workflows.operations.publish import publish_workflow


def numbers(workspace):
    rows = WorkflowVersion.objects.of(workspace).filter(number__isnull=False)
    return list(rows.order_by("number").values_list("number", flat=True))


def change(editor, text="Good day"):
    found = operations.get_workflow(editor.actor, "greeting")
    return drafts.edit_step(editor.actor, found, "hello", {"with": {"template": text}}, if_match="*")


def test_the_publish_page_shows_what_changes_word_by_word(editor, greeting):
    change(editor, "Good day {{ inputs.who }}")
    page = editor.client.get(editor.path("workflows/greeting/publish")).text
    assert "since version 1" in page and "<del>Hello</del>" in page and "<ins>Good day</ins>" in page


def test_publishing_makes_the_next_version_with_its_note(editor, greeting):
    tag = change(editor).draft_etag
    answer = editor.client.post(
        editor.path("workflows/greeting/publish"), {"etag": tag, "note": "Politer"}, follow=True
    )
    assert "Version 2 is live" in answer.text and numbers(greeting.workspace) == [1, 2]
    assert "Politer" in editor.client.get(editor.path("workflows/greeting/versions")).text


def test_a_draft_that_was_changed_while_reading_is_not_published(editor, greeting):
    change(editor)
    answer = editor.client.post(editor.path("workflows/greeting/publish"), {"etag": greeting.draft_etag})
    assert answer.status_code == 422 and "changed while you read" in answer.text
    assert numbers(greeting.workspace) == [1]


def test_a_draft_with_problems_is_not_published_and_says_why(editor, greeting):
    tag = change(editor, "{{ steps.nobody.text }}").draft_etag
    page = editor.client.get(editor.path("workflows/greeting/publish")).text
    assert "First mend this" in page and "There is no step" in page
    assert editor.client.post(editor.path("workflows/greeting/publish"), {"etag": tag}).status_code == 422
    assert numbers(greeting.workspace) == [1]


def test_an_equal_draft_has_nothing_to_publish(editor, greeting):
    assert "Nothing has changed" in editor.client.get(editor.path("workflows/greeting/publish")).text


def test_a_viewer_reads_what_would_change_and_cannot_publish(viewer, greeting):
    page = viewer.client.get(viewer.path("workflows/greeting/publish"))
    assert page.status_code == 200 and "Publish version" not in page.text
    assert viewer.client.post(viewer.path("workflows/greeting/publish"), {"etag": "x"}).status_code == 403


def test_a_version_shows_its_steps_without_plus(viewer, greeting):
    page = viewer.client.get(viewer.path("workflows/greeting/versions/1")).text
    assert "Say hello" in page and "Live" in page and "steps/new" not in page


def test_a_version_that_is_not_there_is_a_404(viewer, greeting):
    assert viewer.client.get(viewer.path("workflows/greeting/versions/9")).status_code == 404
    assert viewer.client.get(viewer.path("workflows/greeting/versions/99999999999")).status_code == 404


def test_a_version_is_restored_into_the_draft(editor, greeting, draft):
    change(editor)
    editor.client.post(editor.path("workflows/greeting/restore"), {"version": "1"})
    assert draft()["steps"][0]["with"]["template"] == "Hello {{ inputs.who }}"


def test_a_save_of_the_draft_is_brought_back(editor, greeting, draft):
    change(editor, "one")
    change(editor, "two")
    older = versions.list_revisions(greeting)[1]
    editor.client.post(editor.path("workflows/greeting/restore"), {"revision": str(older.pk)})
    assert draft()["steps"][0]["with"]["template"] == "one"


def test_restoring_what_is_not_there_is_explained(editor, greeting):
    for said in ({"version": "99"}, {"version": "x"}, {"revision": "nonsense"}, {}):
        answer = editor.client.post(editor.path("workflows/greeting/restore"), said, follow=True)
        assert answer.status_code == 200 and 'role="alert"' in answer.text


def test_an_outsider_restores_nothing(outsider, greeting):
    address = f"/w/{greeting.workspace.slug}/workflows/greeting/restore"
    assert outsider.client.post(address, {"version": "1"}).status_code == 404


def test_the_changes_of_a_draft_can_be_discarded(editor, greeting, draft):
    change(editor)
    page = editor.client.get(editor.path("workflows/greeting/publish")).text
    assert "Discard the changes…" in page and 'name="version" value="1"' in page


def test_what_the_prompts_of_the_steps_say_otherwise_is_part_of_the_difference(editor, greeting):
    prompt = library.create_prompt(
        editor.actor, slug="reply", name="Reply", text=Text(user_template="Answer {{ mail }} kindly")
    )
    step = {"key": "ask", "action": "ai.run_prompt", "with": {"prompt": "reply", "values": {"mail": "x"}}}
    found = drafts.add_step(editor.actor, operations.get_workflow(editor.actor, "greeting"), step, if_match="*")
    publish_workflow(editor.actor, found)
    assert versions.diff_versions(found, 2, "draft")["same"] is True
    library.add_version(editor.actor, prompt, text=Text(user_template="Answer {{ mail }} briefly"), make_live=True)
    (change,) = versions.diff_versions(found, 2, "draft")["prompts"]
    assert change["key"] == "reply" and {"field": "version", "before": 1, "after": 2} in change["fields"]
    page = editor.client.get(editor.path("workflows/greeting/publish")).text
    assert "<del>kindly</del>" in page and "<ins>briefly</ins>" in page
