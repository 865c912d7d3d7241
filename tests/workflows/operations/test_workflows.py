"""Workflows as a whole: made valid or not at all, found, changed, duplicated, switched off, deleted."""

from __future__ import annotations

import pytest

from accounts.models import AuditEntry
from orchestrator_site.lib.errors import Conflict, Forbidden, NotFound
from tests.workflows.definition.helpers import EXAMPLE, text_step, workflow
from workflows.engine.findings import DefinitionProblems
from workflows.models import DraftRevision, Step, Workflow
from workflows.operations import workflows as operations
from workflows.operations.drafts import draft_definition, draft_problems

BROKEN = workflow({"key": "a", "action": "data.format"})


def test_the_worked_example_is_stored_as_rows_and_comes_back_the_same(editor, connected):
    made = operations.create_workflow(editor.actor, EXAMPLE)
    assert draft_definition(operations.get_workflow(editor.actor, made.slug)) == EXAMPLE
    assert Step.objects.of(connected).filter(workflow=made).count() == 7


def test_the_worked_example_has_no_error_with_the_real_actions(editor, connected):
    made = operations.create_workflow(editor.actor, EXAMPLE)
    assert {problem.code for problem in draft_problems(made)} <= {"W_MODEL_DEPRECATED"}


def test_a_definition_is_valid_or_nothing_is_written(editor, workspace):
    with pytest.raises(DefinitionProblems) as caught:
        operations.create_workflow(editor.actor, BROKEN)
    assert caught.value.code == "E_REQUIRED" and caught.value.status == 400
    assert not Workflow.objects.of(workspace).exists()
    assert not Step.objects.of(workspace).exists()


def test_a_draft_may_be_incomplete_and_says_so(editor):
    made = operations.create_workflow(editor.actor, BROKEN, draft=True)
    assert [problem.code for problem in draft_problems(made)] == ["E_REQUIRED"]


def test_a_draft_must_still_be_well_formed(editor, workspace):
    with pytest.raises(DefinitionProblems):
        operations.create_workflow(editor.actor, workflow(text_step("A b")), draft=True)
    assert not Workflow.objects.of(workspace).exists()


def test_without_a_slug_one_is_made_from_the_name(editor):
    made = [operations.create_workflow(editor.actor, workflow(text_step("a"), name="Späte Mails!")) for _ in range(2)]
    assert [one.slug for one in made] == ["spate_mails", "spate_mails_2"]


def test_a_slug_that_is_taken_is_a_conflict(editor, flow):
    with pytest.raises(Conflict) as caught:
        operations.create_workflow(editor.actor, workflow(text_step("a"), slug=flow.slug))
    assert caught.value.field == "slug"


def test_another_workspace_may_use_the_same_slug(outsider, flow):
    assert operations.create_workflow(outsider.actor, workflow(text_step("a"), slug=flow.slug)).slug == flow.slug


def test_an_outsider_does_not_find_it(outsider, flow):
    with pytest.raises(NotFound):
        operations.get_workflow(outsider.actor, flow.slug)
    assert not operations.list_workflows(outsider.actor).exists()


def test_an_outsider_cannot_change_it_even_with_the_object_in_hand(outsider, flow):
    with pytest.raises(NotFound):
        operations.delete_workflow(outsider.actor, flow)
    with pytest.raises(NotFound):
        operations.change_workflow(outsider.actor, flow, name="Mine")


@pytest.mark.parametrize("who", ["viewer", "operator"])
def test_only_editors_create(who, request, workspace):
    with pytest.raises(Forbidden):
        operations.create_workflow(request.getfixturevalue(who).actor, workflow(text_step("a")))
    assert not Workflow.objects.of(workspace).exists()


def test_making_one_is_written_to_the_audit_trail(editor, workspace, flow):
    entry = AuditEntry.objects.of(workspace).get(action="workflow.create")
    assert entry.object_id == str(flow.pk) and entry.user == editor.user


def test_the_list_is_searched_by_every_word(editor, flow):
    operations.create_workflow(editor.actor, workflow(text_step("a"), name="Other", description="greeting cards"))
    assert [row.name for row in operations.list_workflows(editor.actor, q="greet")] == ["Other", "Greeting"]
    assert [row.name for row in operations.list_workflows(editor.actor, q="cards greeting")] == ["Other"]


def test_a_new_name_is_a_save_of_the_draft(editor, workspace, flow):
    changed = operations.change_workflow(editor.actor, flow, name="Hello", enabled=False)
    assert (changed.name, changed.enabled) == ("Hello", False)
    assert changed.draft_etag != flow.draft_etag
    assert DraftRevision.objects.of(workspace).filter(workflow=flow).count() == 2


def test_a_copy_has_its_own_slug_and_is_not_published(editor, flow):
    copy = operations.duplicate_workflow(editor.actor, flow)
    assert (copy.name, copy.slug, copy.published) == ("Greeting (copy)", "greeting_copy", None)
    assert draft_definition(copy)["steps"] == draft_definition(flow)["steps"]


def test_a_deleted_workflow_is_gone_and_its_slug_is_free(editor, flow):
    operations.delete_workflow(editor.actor, flow)
    with pytest.raises(NotFound):
        operations.get_workflow(editor.actor, flow.slug)
    assert operations.create_workflow(editor.actor, workflow(text_step("a"), slug=flow.slug))


def test_a_connection_of_another_workspace_is_as_if_it_were_not_there(editor, outsider, workspace):
    from integrations.models import Connection

    Connection.objects.create(workspace=outsider.workspace, name="theirs", service="notion")
    step = {"key": "a", "action": "notion.append", "connection": "theirs", "with": {"page": "p", "content": "x"}}
    with pytest.raises(DefinitionProblems) as caught:
        operations.create_workflow(editor.actor, workflow(step))
    never = {**step, "connection": "never"}
    with pytest.raises(DefinitionProblems) as other:
        operations.create_workflow(editor.actor, workflow(never))
    assert caught.value.code == other.value.code == "E_NOT_FOUND"
    assert caught.value.message.replace("theirs", "never") == other.value.message


def test_a_deleted_connection_is_not_there(editor, connected):
    from django.utils import timezone

    from integrations.models import Connection

    Connection.objects.of(connected).filter(name="notion").update(deleted_at=timezone.now())
    step = {"key": "a", "action": "notion.append", "connection": "notion", "with": {"page": "p", "content": "x"}}
    with pytest.raises(DefinitionProblems) as caught:
        operations.create_workflow(editor.actor, workflow(step))
    assert caught.value.code == "E_NOT_FOUND"
