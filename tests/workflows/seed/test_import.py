"""Import of the original's files: what becomes of names, outputs, chains and mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from integrations.models import Connection
from orchestrator_site.lib.errors import Forbidden, UserError
from workflows.engine.findings import DefinitionProblems
from workflows.operations.drafts import draft_definition, draft_problems, edit_step, remove_step
from workflows.operations.exports import export_workflow
from workflows.operations.imports import find_original, import_workflow, import_workflows
from workflows.operations.publish import publish_workflow

FILES = Path(__file__).parent / "files"
SHIPPED = sorted(FILES.glob("*.json"))

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _connections(workspace):
    for service in ("openai", "github", "notion", "gmail"):
        Connection.objects.create(workspace=workspace, service=service, name=service, sandbox=True, is_default=True)


def flow(*steps, variables=None, identifier="made"):
    """An original file with these steps."""
    return json.dumps(
        {"id": identifier, "name": "Made", "description": "", "steps": list(steps), "variables": variables or {}}
    )


def step(identifier, kind, action, params=None, following=None):
    return {"id": identifier, "type": kind, "action": action, "params": params or {}, "next_step": following}


def imported(editor, *steps, **more):
    return import_workflow(editor.actor, flow(*steps, **more))


def inputs_of(result, key):
    return next(one for one in draft_definition(result.workflow)["steps"] if one["key"] == key)["with"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_file_imports_is_published_and_comes_back_byte_for_byte(editor, path):
    text = path.read_text()
    result = import_workflow(editor.actor, text, publish=True)
    assert result.workflow.slug == path.stem
    assert result.errors == [] and result.published, result.problems
    assert export_workflow(result.workflow, "seed") == text


def test_a_changed_draft_is_written_anew_in_the_originals_form(editor):
    result = import_workflow(editor.actor, (FILES / "email_to_notion.json").read_text())
    workflow = edit_step(
        editor.actor, result.workflow, "save_to_notion",
        {"with": {"parent": "{{ inputs.notion_database_id }}", "title": "New",
                  "content": "{{ steps.summarize.text }}"}},
        if_match="*",
    )  # fmt: skip
    written = json.loads(export_workflow(workflow, "seed"))
    assert written["steps"][0]["params"] == {"max_results": 1, "query": "is:unread"}
    assert written["steps"][1]["params"] == {"text": "{{fetch_email_output}}"}
    assert written["steps"][2]["params"] == {
        "parent_id": "{{notion_database_id}}", "title": "New", "content": "{{summarize_output}}"
    }  # fmt: skip
    assert [one["next_step"] for one in written["steps"]] == ["summarize", "save_to_notion", None]
    assert written["variables"] == {"notion_database_id": "your-database-id"}


def test_what_the_original_cannot_say_is_not_exported_in_its_form(editor):
    result = import_workflow(editor.actor, (FILES / "simple_ai_completion.json").read_text())
    workflow = edit_step(editor.actor, result.workflow, "generate", {"when": "inputs.prompt != blank"}, if_match="*")
    with pytest.raises(UserError) as refused:
        export_workflow(workflow, "seed")
    assert refused.value.code == "E_EXPORT"


def test_a_search_finishes_the_run_when_it_finds_nothing(editor):
    result = imported(editor, step("fetch", "gmail", "list_messages", {"max_results": 3, "query": "is:unread"}))
    assert inputs_of(result, "fetch") == {"limit": 3, "query": "is:unread", "when_empty": "finish"}


def test_an_output_is_text_inside_text_and_typed_alone(editor):
    result = imported(
        editor,
        step("fetch", "gmail", "list_messages", {}, "first"),
        step("first", "transform", "extract", {"source": "fetch_output", "key": "0"}, "say"),
        step("say", "openai", "generate_completion", {"prompt": "Mail: {{fetch_output}} {{ first_output }}"}, "get"),
        step("get", "gmail", "get_message", {"message_id": "{{fetch_output[0].id}}"}),
    )
    assert inputs_of(result, "first") == {"source": "{{ steps.fetch.messages }}", "path": "[0]", "default": ""}
    assert inputs_of(result, "say")["prompt"] == "Mail: {{ steps.fetch.text }} {{ steps.first.value }}"
    assert inputs_of(result, "get")["id"] == "{{ steps.fetch.messages[0].id }}"
    assert result.errors == []


def test_dotted_access_mixing_and_the_date_of_later_files(editor):
    result = imported(
        editor,
        step("save", "notion", "create_page", {"parent_id": "{{db}}", "title": "{{title}}", "content": "x"}, "note"),
        step("note", "openai", "generate_completion", {"prompt": "{{save_output.url}} of {{current_date}}: {{title}}"}),
        variables={"db": "your-database-id", "title": "Report {{current_date}}"},
    )
    assert result.errors == []
    assert inputs_of(result, "note")["prompt"].startswith(
        '{{ steps.save.url }} of {{ run.started_at | date: "%Y-%m-%d" }}: {% if inputs.title == blank %}Report '
    )
    title = next(one for one in draft_definition(result.workflow)["inputs"] if one["name"] == "title")
    assert title == {"name": "title", "type": "text", "required": False, "help": "Left empty: Report {{current_date}}"}


def test_a_name_that_nothing_provides_is_asked_for(editor):
    result = imported(editor, step("say", "openai", "generate_completion", {"prompt": "Hello {{nope}}"}))
    assert draft_definition(result.workflow)["inputs"] == [{"name": "nope", "type": "text", "required": True}]
    assert "nope" in result.warnings[0]


def test_braces_that_are_no_placeholder_stay_text(editor):
    text = "Write {% raw %} and {{ in Liquid, say {name}"
    result = imported(editor, step("say", "openai", "generate_completion", {"prompt": text}))
    from orchestrator_site.lib.templating import compile

    assert compile(inputs_of(result, "say")["prompt"]).render({}) == text
    assert result.errors == []


def test_format_reads_single_braces_like_str_format(editor):
    result = imported(
        editor,
        step("issue", "github", "create_issue", {"repo_name": "a/b", "title": "t", "body": "b"}, "say"),
        step("say", "transform", "format", {"template": "{who}: {issue_output[url]} {{kept}} {price:.2f}"}),
        variables={"who": "Anna", "price": 3.14159},
    )
    assert inputs_of(result, "say")["template"] == (
        "{{ inputs.who }}: {{ steps.issue.url }} {kept} {{ inputs.price | text | round: 2 }}"
    )


def test_a_number_stays_a_number_and_a_text_becomes_one_where_one_is_needed(editor):
    result = imported(
        editor,
        step("fetch", "gmail", "list_messages", {"max_results": "{{many}}", "query": "{{some}}"}),
        variables={"many": "5", "some": 7},
    )
    assert inputs_of(result, "fetch") | {"when_empty": 0} == {
        "limit": "{{ inputs.many | number }}", "query": "{{ inputs.some | text }}", "when_empty": 0
    }  # fmt: skip


def test_steps_run_in_the_order_of_next_step(editor):
    result = imported(
        editor,
        step("a", "openai", "generate_completion", {"prompt": "x"}, "c"),
        step("b", "openai", "generate_completion", {"prompt": "{{c_output}}"}),
        step("c", "openai", "generate_completion", {"prompt": "{{a_output}}"}, "b"),
    )
    assert [one["key"] for one in draft_definition(result.workflow)["steps"]] == ["a", "c", "b"]
    assert result.errors == []


@pytest.mark.parametrize(
    "steps, code, key, words",
    [
        ([step("a", "openai", "generate_completion", {"prompt": "x"}, "bee"), step("b", "openai", "summarize")],
         "E_DEF_REF", "bee", "does not exist"),
        ([step("a", "openai", "generate_completion", {"prompt": "x"}, "b"),
          step("b", "openai", "summarize", {"text": "x"}, "a")],
         "E_CYCLE", "back_to_a", "a → b → a"),
        ([step("a", "openai", "generate_completion", {"prompt": "x"}, "a")], "E_CYCLE", "back_to_a", "a → a"),
        ([step("a", "openai", "generate_completion", {"prompt": "x"}), step("b", "openai", "summarize", {"text": "x"})],
         "E_UNREACHABLE", "b", "never ran"),
        ([step("a", "notification", "send", {"channel": "x"})], "E_KIND", "a", "notification.send"),
        ([step("a", "openai", "sumarize", {"text": "x"})], "E_KIND", "a", "openai.sumarize"),
    ],
)  # fmt: skip
def test_what_cannot_be_mapped_becomes_a_step_that_is_off_and_keeps_it_from_publishing(editor, steps, code, key, words):
    result = imported(editor, *steps)
    found = next(problem for problem in draft_problems(result.workflow) if problem.code == code)
    assert found.step == key and words in found.message and found.is_error
    made = next(one for one in draft_definition(result.workflow)["steps"] if one["key"] == key)
    assert made["disabled"] is True
    with pytest.raises(DefinitionProblems):
        publish_workflow(editor.actor, result.workflow)


def test_a_problem_of_the_import_is_gone_when_its_step_is(editor):
    result = imported(editor, step("a", "openai", "generate_completion", {"prompt": "x"}, "bee"))
    workflow = remove_step(editor.actor, result.workflow, "bee", if_match="*")
    assert draft_problems(workflow) == []
    assert publish_workflow(editor.actor, workflow).number == 1


def test_ids_that_cannot_be_keys_are_mapped_and_still_found(editor):
    result = imported(
        editor,
        step("Step 1", "openai", "generate_completion", {"prompt": "{{My Text}} {{topic-name}}"}, "step-2"),
        step("step-2", "openai", "summarize", {"text": "{{Step 1_output}}"}),
        variables={"topic-name": "tea"},
        identifier="My Flow-1",
    )
    assert result.workflow.slug == "my_flow_1"
    assert find_original(editor.actor, "My Flow-1") == result.workflow
    keys = [one["key"] for one in draft_definition(result.workflow)["steps"]]
    assert keys == ["step_1", "step_2"]


@pytest.mark.parametrize("identifier", ["../../../evil", "/etc/passwd", "a/b", "..", "C:x", "a\\b", ".hidden"])
def test_an_id_that_is_a_path_is_refused(editor, identifier):
    with pytest.raises(UserError) as refused:
        imported(editor, identifier=identifier)
    assert refused.value.code == "E_IMPORT_PATH"


def test_a_taken_name_gets_a_suffix_and_a_warning(editor):
    imported(editor, step("a", "openai", "generate_completion", {"prompt": "x"}))
    second = imported(editor, step("a", "openai", "generate_completion", {"prompt": "x"}))
    assert second.workflow.slug == "made_2" and "already" in second.warnings[0]


def test_with_overwrite_the_draft_is_replaced(editor):
    first = imported(editor, step("a", "openai", "generate_completion", {"prompt": "x"}))
    text = flow(step("b", "openai", "generate_completion", {"prompt": "y"}))
    again = import_workflow(editor.actor, text, overwrite=True, publish=True)
    assert again.workflow.pk == first.workflow.pk and again.published
    assert export_workflow(again.workflow, "seed") == text


def test_secrets_are_taken_out_and_told(editor):
    text = flow(
        step("a", "openai", "generate_completion", {"prompt": "x {{api_key}}", "model": "ghp_" + "a1B2" * 9}),
        variables={"api_key": "sk-verysecretvalue1234567890abcd"},
    )
    result = import_workflow(editor.actor, text)
    result.workflow.refresh_from_db()
    kept = json.dumps([result.workflow.source, draft_definition(result.workflow)])
    assert "sk-very" not in kept and "ghp_" not in kept
    assert any("api_key" in warning for warning in result.warnings)


def test_at_most_a_hundred_workflows_at_once_and_all_or_none(editor):
    one = {"name": "N", "steps": [{"key": "a", "action": "data.format", "with": {"template": "x"}}]}
    with pytest.raises(UserError) as refused:
        import_workflows(editor.actor, json.dumps({"format": 1, "workflows": [one] * 500}))
    assert refused.value.code == "E_IMPORT_COUNT" and refused.value.limit == 100
    results = import_workflows(editor.actor, json.dumps([one, one]))
    assert [result.workflow.slug for result in results] == ["n", "n_2"]


def test_a_viewer_may_not_import(viewer):
    with pytest.raises(Forbidden):
        import_workflow(viewer.actor, flow())


def test_an_outsider_does_not_find_it(editor, outsider):
    imported(editor, step("a", "openai", "generate_completion", {"prompt": "x"}), identifier="My Flow")
    assert find_original(outsider.actor, "My Flow") is None
