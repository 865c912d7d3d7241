"""The prompt pages."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from prompts.models import Prompt
from prompts.operations import library
from prompts.operations.files import SEEDS

pytestmark = pytest.mark.django_db


def page(response):
    return response.content.decode()


def test_the_list_finds_and_says_when_there_is_nothing(editor, viewer):
    assert "No prompts yet" in page(editor.client.get(editor.path("prompts/")))
    assert "New prompt" not in page(viewer.client.get(viewer.path("prompts/")))


def test_the_list_shows_prompts(editor, prompt):
    shown = page(editor.client.get(editor.path("prompts/?q=greet")))
    assert "Greeting" in shown and "live 1" in shown
    assert "No prompt has these words" in page(editor.client.get(editor.path("prompts/?q=absent")))


def test_a_new_prompt_is_made_with_a_key_from_its_name(editor):
    response = editor.client.post(
        editor.path("prompts/new/"), {"name": "Daily report", "user_template": "Line\r\n{{ day }}", "system": ""}
    )
    assert response.headers["Location"] == editor.path("prompts/daily_report/")
    assert library.newest_version(Prompt.objects.of(editor.workspace).get()).user_template == "Line\n{{ day }}"


def test_a_mistake_is_told_at_its_field(editor):
    response = editor.client.post(editor.path("prompts/new/"), {"name": "X", "user_template": "{{ x"})
    assert response.status_code == 400 and "never closed" in page(response)


def save(person, prompt, **changes):
    data = {"user_template": "Greet {{ name }} twice.", "system": "", "base": "2", "note": "twice", **changes}
    return person.client.post(person.path(f"prompts/{prompt.slug}/"), data)


def test_the_editor_saves_a_new_version_with_its_note(editor, prompt):
    assert save(editor, prompt).status_code == 302
    newest = library.newest_version(prompt)
    assert (newest.number, newest.note, newest.created_by) == (3, "twice", editor.user)
    assert library.get_version(prompt).number == 1


def test_a_stale_save_shows_both_sides_and_can_be_repeated(editor, prompt):
    response = save(editor, prompt, base="1")
    assert response.status_code == 400
    shown = page(response)
    assert "saved version 2 while you worked on version 1" in shown and "What was saved meanwhile" in shown
    assert 'name="base" value="2"' in shown


def test_an_older_version_and_the_changes_between_two_are_shown(editor, prompt):
    here = editor.path("prompts/greeting/")
    assert "This is an older version" in page(editor.client.get(here + "?version=1"))
    changes = page(editor.client.get(here + "?from=1&to=2"))
    assert '<li class="del">' in changes and "<ins> in {{ language | default: &#x27;English&#x27; }}</ins>" in changes
    assert editor.client.get(here + "?version=9").status_code == 404


def test_a_label_is_moved(editor, prompt):
    response = editor.client.post(editor.path("prompts/greeting/label/"), {"label": "live", "version": "2"})
    assert response.status_code == 302 and library.get_version(prompt).number == 2


def test_values_are_tried_and_nothing_is_saved(editor, viewer, prompt):
    here = editor.path("prompts/greeting/")
    shown = page(editor.client.post(here + "?version=2", {"try": "1", "value-v0": "<b>Anna</b>"}))
    assert "Greet &lt;b&gt;Anna&lt;/b&gt; in English." in shown
    missing = editor.client.post(here, {"try": "1"})
    assert missing.status_code == 400 and "needs a value for “name”" in page(missing)
    assert "Greet Vera." in page(viewer.client.get(here + "?version=1&try=1&value-v0=Vera"))
    assert prompt.versions.count() == 2


def test_a_file_is_imported_by_upload_or_as_text(editor):
    file = SimpleUploadedFile("x.json", (SEEDS / "code_review.json").read_bytes())
    assert editor.client.post(editor.path("prompts/import/"), {"file": file}).status_code == 302
    text = (SEEDS / "meeting_notes.json").read_text()
    assert editor.client.post(editor.path("prompts/import/"), {"text": text}).status_code == 302
    assert Prompt.objects.of(editor.workspace).count() == 2
    bad = editor.client.post(editor.path("prompts/import/"), {"text": "{"})
    assert bad.status_code == 400 and "not valid JSON" in page(bad)


def test_a_prompt_is_deleted(editor, prompt):
    assert editor.client.post(editor.path("prompts/greeting/delete/")).status_code == 302
    assert not Prompt.objects.of(editor.workspace).exists()


def test_a_viewer_reads_and_changes_nothing(viewer, prompt):
    here = viewer.path("prompts/greeting/")
    shown = page(viewer.client.get(here))
    assert "Save a new version" not in shown and "Greet {{ name }}" in shown
    for path in ("", "label/", "delete/"):
        assert viewer.client.post(here + path, {"label": "live", "version": "2"}).status_code == 403
    assert viewer.client.get(viewer.path("prompts/new/")).status_code == 403


def test_an_outsider_finds_nothing(outsider, editor, prompt):
    for path in (editor.path("prompts/greeting/"), outsider.path("prompts/greeting/")):
        assert outsider.client.get(path).status_code == 404


def test_a_bad_search_is_told(editor):
    response = editor.client.get(editor.path("prompts/"), {"q": "x" * 201})
    assert response.status_code == 400 and "200" in page(response)
