"""Publishing and versions: frozen, numbered, compared, restored."""

from __future__ import annotations

import pytest

from accounts.models import AuditEntry
from orchestrator_site.lib.errors import Conflict, Forbidden, NotFound, UserError
from tests.workflows.definition.helpers import text_step, workflow
from workflows.engine.findings import DefinitionProblems
from workflows.models import WorkflowVersion
from workflows.operations import versions
from workflows.operations.drafts import draft_definition, edit_step, remove_step
from workflows.operations.publish import freeze_draft, publish_workflow
from workflows.operations.workflows import create_workflow, get_workflow


def change(editor, flow, name: str):
    return edit_step(editor.actor, flow, "a", {"name": name}, if_match="*")


def test_publishing_freezes_the_draft(editor, flow):
    version = publish_workflow(editor.actor, flow, note="first")
    change(editor, flow, "Other")
    again = get_workflow(editor.actor, flow.slug)
    assert (version.number, version.note) == (1, "first")
    assert again.published == version
    assert "name" not in again.published.definition["steps"][0]
    assert draft_definition(again)["steps"][0]["name"] == "Other"


def test_an_equal_draft_makes_no_new_version(editor, flow):
    first = publish_workflow(editor.actor, flow)
    assert publish_workflow(editor.actor, flow) == first
    assert versions.list_versions(flow).count() == 1


def test_numbers_grow(editor, flow):
    publish_workflow(editor.actor, flow)
    change(editor, flow, "Other")
    assert publish_workflow(editor.actor, flow).number == 2
    change(editor, flow, None)
    assert publish_workflow(editor.actor, flow).number == 3


def test_a_draft_with_errors_is_not_published_and_all_of_them_are_told(editor, workspace):
    steps = (text_step("a", "{{ nope }}"), {"key": "b", "action": "no.such"})
    flow = create_workflow(editor.actor, workflow(*steps), draft=True)
    with pytest.raises(DefinitionProblems) as caught:
        publish_workflow(editor.actor, flow)
    assert [error["code"] for error in caught.value.as_dict()["errors"]] == ["E_TPL_UNDEFINED", "E_KIND"]
    assert not WorkflowVersion.objects.of(workspace).exists()


def test_an_empty_workflow_is_published_only_if_it_was_imported(editor):
    with pytest.raises(DefinitionProblems) as caught:
        publish_workflow(editor.actor, create_workflow(editor.actor, workflow(), draft=True))
    assert caught.value.code == "E_DEF_EMPTY"
    imported = create_workflow(editor.actor, workflow(), draft=True, source={"dialect": "a", "text": "{}"})
    assert publish_workflow(editor.actor, imported).number == 1


def test_publishing_what_somebody_else_changed_is_a_conflict_when_the_tag_is_given(editor, flow):
    tag = flow.draft_etag
    change(editor, flow, "Other")
    with pytest.raises(Conflict):
        publish_workflow(editor.actor, flow, if_match=tag)


def test_a_viewer_cannot_publish(viewer, flow):
    with pytest.raises(Forbidden):
        publish_workflow(viewer.actor, flow)


def test_an_outsider_cannot_publish(outsider, flow):
    with pytest.raises(NotFound):
        publish_workflow(outsider.actor, flow)


def test_publishing_is_audited(editor, workspace, flow):
    version = publish_workflow(editor.actor, flow, note="why")
    entry = AuditEntry.objects.of(workspace).get(action="workflow.publish")
    assert entry.details == {"version": 1, "note": "why", "sha256": version.sha256}


def test_a_long_note_is_refused(editor, flow):
    with pytest.raises(UserError) as caught:
        publish_workflow(editor.actor, flow, note="x" * 201)
    assert caught.value.code == "E_LENGTH"


def test_a_frozen_draft_has_no_number_and_is_used_again(operator, editor, flow):
    first = freeze_draft(operator.actor, flow)
    assert first.number is None and freeze_draft(operator.actor, flow) == first
    change(editor, flow, "Other")
    assert freeze_draft(operator.actor, flow) != first


def test_a_version_is_read_by_its_number(editor, flow):
    publish_workflow(editor.actor, flow)
    assert versions.get_version(flow, 1).number == 1
    for number in (0, 2, -1, 10**12):
        with pytest.raises(NotFound):
            versions.get_version(flow, number)


def test_versions_are_compared_with_each_other_and_with_the_draft(editor, flow):
    publish_workflow(editor.actor, flow)
    change(editor, flow, "Other")
    publish_workflow(editor.actor, flow)
    remove_step(editor.actor, flow, "b", if_match="*")
    found = versions.diff_versions(flow, "1", "2")
    assert (found["from"], found["to"], found["same"]) == (1, 2, False)
    assert found["steps"][0]["fields"] == [{"field": "name", "before": None, "after": "Other"}]
    assert [(step["key"], step["change"]) for step in versions.diff_versions(flow, "", "draft")["steps"]] == [
        ("b", "removed")
    ]
    assert [step["change"] for step in versions.diff_versions(flow, "", "1")["steps"]] == ["added", "added"]


def test_a_side_that_is_no_version_is_refused(flow, editor):
    with pytest.raises(UserError) as caught:
        versions.diff_versions(flow, "abc", "draft")
    assert (caught.value.code, caught.value.field) == ("E_TYPE", "from")
    with pytest.raises(NotFound):
        versions.diff_versions(flow, "9", "draft")


def test_a_version_comes_back_as_the_draft_and_what_was_there_is_kept(editor, flow):
    publish_workflow(editor.actor, flow)
    change(editor, flow, "Other")
    restored = versions.restore_version(editor.actor, flow, 1)
    assert "name" not in draft_definition(restored)["steps"][0]
    kept = [revision.definition["steps"][0].get("name") for revision in versions.list_revisions(flow)]
    assert kept == [None, "Other", None]


def test_an_earlier_save_comes_back(editor, flow):
    change(editor, flow, "Other")
    first = versions.list_revisions(flow).last()
    restored = versions.restore_revision(editor.actor, flow, first.pk)
    assert "name" not in draft_definition(restored)["steps"][0]


def test_a_viewer_cannot_restore(viewer, editor, flow):
    publish_workflow(editor.actor, flow)
    with pytest.raises(Forbidden):
        versions.restore_version(viewer.actor, flow, 1)
