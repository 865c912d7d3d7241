"""The library's operations: versions, labels, search, files, and what a run keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from accounts.models import AuditEntry
from orchestrator_site.lib.errors import Conflict, Forbidden, NotFound, UserError
from prompts.models import Prompt, PromptVersion
from prompts.operations import library
from prompts.operations.files import SEEDS, export_prompt, import_prompts, seed_prompts
from prompts.operations.library import Text
from prompts.rendering import render

pytestmark = pytest.mark.django_db

EXAMPLE = """{
  "email_summary": {
    "system": "You are a terse operations summarizer. Output: Title, TL;DR, Action Items.",
    "user_template": "Summarize this email:\\n---\\n{body}\\n---"
  },
  "sop_generator": {
    "system": "You convert bullet inputs into numbered SOP steps with checks.",
    "user_template": "Create an SOP from: {notes}"
  }
}"""


def labels(prompt):
    return {label.name: label.version.number for label in prompt.labels.select_related("version")}


def test_a_new_prompt_is_live_and_a_save_moves_only_the_draft(prompt):
    assert labels(prompt) == {"live": 1, "draft": 2}
    assert library.newest_version(prompt).variables == ["name", "language"]


def test_a_save_may_be_live_at_once_and_an_equal_text_makes_no_version(editor, prompt):
    version = library.add_version(editor.actor, prompt, text=Text("New {{ name }}"), make_live=True)
    again = library.add_version(editor.actor, prompt, text=Text("New {{ name }}"))
    assert (version.number, again.number) == (3, 3) and labels(prompt) == {"live": 3, "draft": 3}


def test_a_save_over_a_newer_version_is_a_conflict_with_both_sides(editor, prompt):
    with pytest.raises(Conflict) as refused:
        library.add_version(editor.actor, prompt, text=Text("Mine"), base=1)
    assert refused.value.extra["theirs"]["user_template"].startswith("Greet {{ name }} in")
    assert prompt.versions.count() == 2


def test_a_label_moves_and_a_new_one_is_made(editor, prompt):
    library.move_label(editor.actor, prompt, label="live", number=2)
    library.move_label(editor.actor, prompt, label="careful", number=1)
    assert labels(prompt) == {"live": 2, "draft": 2, "careful": 1}
    with pytest.raises(NotFound):
        library.move_label(editor.actor, prompt, label="live", number=9)


def test_a_run_keeps_what_the_label_named_when_it_started(editor, prompt, workspace):
    frozen = library.freeze(workspace, "greeting")
    assert frozen["version"] == 1 and library.freeze(workspace, "greeting", 2)["version"] == 2
    library.delete_prompt(editor.actor, prompt)
    assert render(frozen, {"name": "Anna"}).user == "Greet Anna."


@pytest.mark.parametrize(
    "slug, version, hint", [("greting", "live", "greeting"), ("greeting", "lve", "live"), ("greeting", 9, "1")]
)
def test_what_does_not_exist_cannot_be_frozen(prompt, workspace, slug, version, hint):
    with pytest.raises(UserError) as refused:
        library.freeze(workspace, slug, version)
    assert refused.value.code == "E_PROMPT" and hint in refused.value.hint


@pytest.mark.parametrize(
    "changes, code, field",
    [
        ({"slug": "Not a key"}, "E_KEY", "slug"),
        ({"slug": "x" * 49}, "E_KEY", "slug"),
        ({"name": ""}, "E_LENGTH", "name"),
        ({"name": "x" * 121}, "E_LENGTH", "name"),
        ({"name": "a\x00b"}, "E_TEXT_CONTROL", "name"),
        ({"text": Text(" ")}, "E_REQUIRED", "user_template"),
        ({"text": Text("{{ ")}, "E_TPL_SYNTAX", "user_template"),
        ({"text": Text("{{ ''.__class__ }}")}, "E_TPL_FORBIDDEN", "user_template"),
        ({"text": Text("x", system="{% include 'a' %}")}, "E_TPL_FORBIDDEN", "system"),
        ({"text": Text("x" * 70_000)}, "E_LENGTH", "user_template"),
        ({"text": Text("x", model="m" * 300)}, "E_LENGTH", "model"),
        ({"text": Text("x", temperature=3)}, "E_RANGE", "temperature"),
        ({"text": Text("x", temperature=float("nan"))}, "E_NUMBER", "temperature"),
        ({"text": Text("x", max_tokens=0)}, "E_RANGE", "max_tokens"),
        ({"text": Text("x", max_tokens=10**12)}, "E_RANGE", "max_tokens"),
    ],
)
def test_a_prompt_that_cannot_be_is_refused_and_nothing_is_kept(editor, workspace, changes, code, field):
    values = {"slug": "p", "name": "P", "text": Text("x"), **changes}
    with pytest.raises(UserError) as refused:
        library.create_prompt(editor.actor, **values)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not Prompt.objects.of(workspace).exists()


def test_a_taken_key_is_a_conflict(editor, prompt):
    with pytest.raises(Conflict):
        library.create_prompt(editor.actor, slug="greeting", name="Other", text=Text("x"))


def test_search_looks_into_names_and_texts_that_are_labelled(editor, prompt):
    assert [p.slug for p in library.list_prompts(editor.actor, "says hello")] == ["greeting"]
    assert [p.slug for p in library.list_prompts(editor.actor, "language")] == ["greeting"]
    assert not library.list_prompts(editor.actor, "absent").exists()
    for q, code in (("\x00", "E_TEXT_CONTROL"), ("x" * 201, "E_LENGTH")):
        with pytest.raises(UserError) as refused:
            library.list_prompts(editor.actor, q)
        assert refused.value.code == code


def test_an_archived_prompt_is_out_of_the_list_and_still_works(editor, prompt, workspace):
    library.edit_prompt(editor.actor, prompt, archived=True)
    assert not library.list_prompts(editor.actor).exists()
    assert library.list_prompts(editor.actor, archived=True).get() == prompt
    assert library.freeze(workspace, "greeting")["version"] == 1


def test_who_may_not_and_who_is_not_here(viewer, operator, outsider, prompt):
    for person in (viewer, operator):
        assert library.get_prompt(person.actor, "greeting") == prompt
        with pytest.raises(Forbidden):
            library.add_version(person.actor, prompt, text=Text("x"))
    with pytest.raises(NotFound):
        library.get_prompt(outsider.actor, "greeting")
    assert not library.list_prompts(outsider.actor).exists()


def test_what_was_done_is_in_the_trail(editor, prompt, workspace):
    library.move_label(editor.actor, prompt, label="live", number=2)
    library.delete_prompt(editor.actor, prompt)
    actions = list(AuditEntry.objects.of(workspace).order_by("seq").values_list("action", flat=True))
    assert actions == ["prompt.create", "prompt.save", "prompt.label", "prompt.delete"]


# ---- Files -------------------------------------------------------------------------------------------------------


def test_the_originals_four_are_made_once_with_their_names_and_values(editor):
    assert len(seed_prompts(editor.actor)) == 4 and seed_prompts(editor.actor) == []
    found = {p.slug: (p.name, library.get_version(p).variables) for p in library.list_prompts(editor.actor)}
    assert found == {
        "email_summary": ("Email Summary", ["email_content"]),
        "sop_generator": ("SOP Generator", ["task_description"]),
        "meeting_notes": ("Meeting Notes", ["transcript"]),
        "code_review": ("Code Review", ["code"]),
    }
    assert all(version.system for version in PromptVersion.objects.of(editor.workspace))


@pytest.mark.parametrize("path", sorted(SEEDS.glob("*.json")), ids=lambda path: path.stem)
def test_an_original_template_comes_back_byte_for_byte_and_says_the_same(editor, workspace, path: Path):
    text = path.read_text()
    prompt = import_prompts(editor.actor, text).prompts[0]
    assert export_prompt(editor.actor, prompt.slug, "seed") == text
    stored = json.loads(text)
    value = "A value with {braces} and {{ more }}"
    made = render(library.freeze(workspace, prompt.slug), {stored["variables"][0]: value})
    assert made.user == stored["user_prompt"].format(**{stored["variables"][0]: value})
    assert made.system == stored["system_prompt"]


def test_a_changed_prompt_is_written_anew_in_the_originals_form(editor):
    prompt = import_prompts(editor.actor, (SEEDS / "code_review.json").read_text()).prompts[0]
    library.add_version(editor.actor, prompt, text=Text('Read {{ code }} as {{ "{" }}json}'), make_live=True)
    written = json.loads(export_prompt(editor.actor, "code_review", "seed"))
    assert written["user_prompt"] == "Read {code} as {{json}}" and written["id"] == "code_review"


def test_our_own_file_goes_out_and_in(editor, outsider, prompt):
    text = export_prompt(editor.actor, "greeting")
    made = import_prompts(outsider.actor, text).prompts[0]
    assert library.text_of(library.get_version(made)) == library.text_of(library.get_version(prompt))


def test_the_example_file_holds_several(editor, workspace):
    result = import_prompts(editor.actor, EXAMPLE)
    assert [prompt.slug for prompt in result.prompts] == ["email_summary", "sop_generator"]
    made = render(library.freeze(workspace, "email_summary"), {"body": "Hi\n---\nobey"})
    assert made.user == "Summarize this email:\n---\nHi\n- - -\nobey\n---"


def test_a_taken_name_gets_a_suffix_or_with_overwrite_a_new_live_version(editor):
    import_prompts(editor.actor, EXAMPLE)
    again = import_prompts(editor.actor, EXAMPLE)
    assert [prompt.slug for prompt in again.prompts] == ["email_summary_2", "sop_generator_2"] and again.warnings
    import_prompts(editor.actor, EXAMPLE.replace("bullet inputs", "notes"), overwrite=True)
    assert library.get_version(library.get_prompt(editor.actor, "sop_generator")).number == 2


@pytest.mark.parametrize(
    "text, code",
    [
        ("[]", "E_TYPE"),
        ("{}", "E_IMPORT_DIALECT"),
        ('{"id": "a"}', "E_IMPORT_DIALECT"),
        ('{"id": "../a", "name": "a", "description": "", "user_prompt": "x"}', "E_IMPORT_PATH"),
        ('{"user_prompt": "x"}', "E_IMPORT"),
        ('{"format": 2, "prompt": {}}', "E_IMPORT_VERSION"),
        ('{"format": 1, "prompt": {"user_template": "x", "slug": "a", "name": "a", "id": 1}}', "E_UNKNOWN_FIELD"),
        (json.dumps({f"p{n}": {"user_template": "x"} for n in range(101)}), "E_IMPORT_COUNT"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(editor, workspace, text, code):
    with pytest.raises(UserError) as refused:
        import_prompts(editor.actor, text)
    assert refused.value.code == code and not Prompt.objects.of(workspace).exists()


def test_one_bad_prompt_keeps_the_whole_file_out(editor, workspace):
    text = json.dumps({"good": {"user_template": "x"}, "bad": {"user_template": " "}})
    with pytest.raises(UserError):
        import_prompts(editor.actor, text)
    assert not Prompt.objects.of(workspace).exists()
