"""Drafts: saved under their tag, edited step by step, every save kept."""

from __future__ import annotations

import pytest

from orchestrator_site.lib.errors import Conflict, Forbidden, NotFound, UserError
from tests.workflows.definition.helpers import text_step, workflow
from workflows.engine.findings import DefinitionProblems
from workflows.models import DraftRevision, Step
from workflows.operations import drafts, reshape, undo
from workflows.operations.drafts import At, draft_definition
from workflows.operations.stale import Joining


def keys(flow) -> list[str]:
    return [step["key"] for step in draft_definition(flow)["steps"]]


def revisions(flow) -> int:
    return DraftRevision.objects.of(flow.workspace).filter(workflow=flow).count()


NEW = workflow(text_step("c"), name="New")


def test_a_save_replaces_the_draft_and_gives_a_new_tag(editor, flow):
    saved = drafts.replace_draft(editor.actor, flow, NEW, if_match=flow.draft_etag)
    assert keys(saved) == ["c"] and saved.name == "New"
    assert saved.draft_etag != flow.draft_etag
    assert revisions(flow) == 2


def test_a_save_without_a_tag_is_refused(editor, flow):
    with pytest.raises(UserError) as caught:
        drafts.replace_draft(editor.actor, flow, NEW, if_match=None)
    assert (caught.value.status, caught.value.code) == (428, "E_PRECONDITION")
    assert keys(flow) == ["a", "b"]


def test_a_stale_save_is_a_conflict_with_both_sides(editor, flow):
    stale = flow.draft_etag
    drafts.edit_step(editor.actor, flow, "a", {"name": "First"}, if_match=stale)
    with pytest.raises(Conflict) as caught:
        drafts.replace_draft(editor.actor, flow, NEW, if_match=stale)
    error = caught.value.as_dict()
    assert (error["code"], caught.value.status) == ("E_CONFLICT", 409)
    assert [step["key"] for step in error["mine"]["steps"]] == ["c"]
    assert error["theirs"]["steps"][0]["name"] == "First"
    assert keys(flow) == ["a", "b"]


def test_a_stale_save_is_joined_when_the_other_changed_other_parts(editor, flow):
    stale = flow.draft_etag
    drafts.edit_step(editor.actor, flow, "a", {"name": "Theirs"}, if_match=stale)
    saved = drafts.edit_step(editor.actor, flow, "b", {"name": "Mine"}, if_match=Joining(stale))
    assert [step["name"] for step in draft_definition(saved)["steps"]] == ["Theirs", "Mine"]
    assert revisions(flow) == 3, "both sides and what became of them are kept"


def test_a_part_that_both_changed_is_asked_until_it_is_answered(editor, flow):
    stale = flow.draft_etag
    drafts.edit_step(editor.actor, flow, "a", {"name": "Theirs"}, if_match=stale)
    with pytest.raises(Conflict) as caught:
        drafts.edit_step(editor.actor, flow, "a", {"name": "Mine"}, if_match=Joining(stale))
    (clash,) = caught.value.as_dict()["clashes"]
    assert (clash["id"], clash["mine"], clash["theirs"]) == ("a|name", "Mine", "Theirs")
    with pytest.raises(UserError) as refused:
        drafts.edit_step(editor.actor, flow, "a", {"name": "Mine"}, if_match=Joining(stale, {"a|name": "both"}))
    assert refused.value.code == "E_CHOICE"
    saved = drafts.edit_step(editor.actor, flow, "a", {"name": "Mine"}, if_match=Joining(stale, {"a|name": "mine"}))
    assert draft_definition(saved)["steps"][0]["name"] == "Mine"


def test_a_joined_whole_is_valid_or_nothing_is_written(editor, flow):
    stale, body = flow.draft_etag, draft_definition(flow)
    body["steps"][1]["with"]["template"] = "{{ steps.a.text }}"
    drafts.remove_step(editor.actor, flow, "a", if_match=stale)
    with pytest.raises(DefinitionProblems) as caught:
        drafts.replace_draft(editor.actor, flow, body, if_match=Joining(stale))
    assert caught.value.code == "E_DEF_REF" and keys(flow) == ["b"]


def test_a_tag_that_was_never_a_draft_here_joins_nothing(editor, flow):
    with pytest.raises(Conflict) as caught:
        drafts.edit_step(editor.actor, flow, "a", {"name": "Mine"}, if_match=Joining("unknown"))
    assert caught.value.as_dict()["clashes"] is None


def test_a_save_of_the_same_changes_nothing(editor, flow):
    saved = drafts.replace_draft(editor.actor, flow, draft_definition(flow), if_match=flow.draft_etag)
    assert saved.draft_etag == flow.draft_etag and revisions(flow) == 1


def test_an_invalid_save_writes_nothing_unless_it_is_a_draft(editor, flow):
    broken = workflow(text_step("a", "{{ steps.nope.x }}"))
    with pytest.raises(DefinitionProblems) as caught:
        drafts.replace_draft(editor.actor, flow, broken, if_match=flow.draft_etag)
    assert caught.value.code == "E_DEF_REF"
    assert keys(flow) == ["a", "b"]
    saved = drafts.replace_draft(editor.actor, flow, broken, if_match=flow.draft_etag, draft=True)
    assert [problem.code for problem in drafts.draft_problems(saved)] == ["E_DEF_REF"]


def test_the_slug_stays(editor, flow):
    with pytest.raises(UserError) as caught:
        drafts.replace_draft(editor.actor, flow, {**NEW, "slug": "other"}, if_match=flow.draft_etag)
    assert caught.value.code == "E_READONLY"


def test_a_viewer_cannot_save(viewer, flow):
    with pytest.raises(Forbidden):
        drafts.replace_draft(viewer.actor, flow, NEW, if_match=flow.draft_etag)


def test_an_outsider_finds_nothing_to_save(outsider, flow):
    with pytest.raises(NotFound):
        drafts.replace_draft(outsider.actor, flow, NEW, if_match=flow.draft_etag)


# ---- Steps ---------------------------------------------------------------------------------------------------


def test_a_step_is_added_where_it_should_be(editor, flow):
    saved = drafts.add_step(editor.actor, flow, text_step("n"), at=At(index=1), if_match=flow.draft_etag)
    assert keys(saved) == ["a", "n", "b"]


def test_an_incomplete_step_may_be_added_and_is_a_problem(editor, flow):
    saved = drafts.add_step(editor.actor, flow, {"key": "n", "action": "data.format"}, if_match=flow.draft_etag)
    assert [problem.code for problem in drafts.draft_problems(saved)] == ["E_REQUIRED"]


def test_a_step_with_a_taken_key_is_refused(editor, flow):
    with pytest.raises(DefinitionProblems) as caught:
        drafts.add_step(editor.actor, flow, text_step("a"), if_match=flow.draft_etag)
    assert caught.value.code == "E_DEF_DUP"


def test_steps_go_into_branches_and_out_again(editor, flow):
    loop = {"key": "each", "action": "for_each", "with": {"items": [1]}}
    flow = drafts.add_step(editor.actor, flow, loop, if_match=flow.draft_etag)
    flow = drafts.move_step(editor.actor, flow, "b", At("each", "do"), if_match=flow.draft_etag)
    assert keys(flow) == ["a", "each"]
    row = Step.objects.of(flow.workspace).get(workflow=flow, key="b")
    assert (row.parent.key, row.branch, row.position) == ("each", "do", 0)
    flow = drafts.move_step(editor.actor, flow, "b", At(index=0), if_match=flow.draft_etag)
    assert keys(flow) == ["b", "a", "each"]


def test_every_kind_of_list_comes_back_from_the_rows_as_it_was_saved(editor, flow):
    from tests.workflows.definition.test_tree import FORK, SWITCH

    saved = drafts.replace_draft(editor.actor, flow, workflow(SWITCH, FORK), if_match=flow.draft_etag, draft=True)
    assert draft_definition(saved)["steps"] == [SWITCH, FORK]
    saved = drafts.move_step(editor.actor, flow, "x", At("sort", "on_error", 0), if_match=saved.draft_etag)
    assert draft_definition(saved)["steps"][0]["on_error"]["steps"] == [text_step("x"), text_step("cure")]


def test_fields_are_set_and_taken_away(editor, flow):
    flow = drafts.edit_step(editor.actor, flow, "a", {"timeout": 9, "note": "hm"}, if_match=flow.draft_etag)
    flow = drafts.edit_step(editor.actor, flow, "a", {"timeout": None}, if_match=flow.draft_etag)
    step = draft_definition(flow)["steps"][0]
    assert step["note"] == "hm" and "timeout" not in step


def test_a_step_that_is_not_well_formed_is_refused(editor, flow):
    with pytest.raises(DefinitionProblems) as caught:
        drafts.edit_step(editor.actor, flow, "a", {"timeout": "5"}, if_match=flow.draft_etag)
    assert caught.value.code == "E_TYPE"


def test_templates_follow_a_new_key(editor, flow):
    flow = drafts.edit_step(editor.actor, flow, "a", {"key": "hello"}, if_match=flow.draft_etag)
    assert draft_definition(flow)["steps"][1]["with"]["template"] == "{{ steps.hello.text }} world"
    assert drafts.draft_problems(flow) == []


@pytest.mark.parametrize(("key", "code"), [("b", "E_DEF_DUP"), ("B b", "E_KEY"), (5, "E_TYPE")])
def test_a_new_key_must_be_one_and_free(editor, flow, key, code):
    with pytest.raises(DefinitionProblems) as caught:
        drafts.edit_step(editor.actor, flow, "a", {"key": key}, if_match=flow.draft_etag)
    assert caught.value.code == code


def test_a_step_keeps_its_row_when_others_move(editor, flow):
    before = Step.objects.of(flow.workspace).get(workflow=flow, key="b").pk
    flow = reshape.travel_step(editor.actor, flow, "b", -1, if_match=flow.draft_etag)
    assert keys(flow) == ["b", "a"]
    assert Step.objects.of(flow.workspace).get(workflow=flow, key="b").pk == before
    assert [problem.code for problem in drafts.draft_problems(flow)] == ["E_FORWARD_REF"]


def test_undo_and_redo_go_through_every_save_and_survive_in_the_database(editor, flow):
    first = draft_definition(flow)
    flow = drafts.edit_step(editor.actor, flow, "a", {"name": "Greet"}, if_match="*")
    named = draft_definition(flow)
    flow = reshape.wrap_step(editor.actor, flow, "b", "if", if_match="*")
    wrapped = draft_definition(flow)
    assert undo.ways(flow) == undo.Ways("Put “b” into “If”", "")
    flow = undo.undo_edit(editor.actor, flow)
    assert draft_definition(flow) == named and undo.ways(flow) == undo.Ways("Changed “a”", "Put “b” into “If”")
    flow = undo.undo_edit(editor.actor, flow)
    assert draft_definition(flow) == first and undo.ways(flow).undo == ""
    with pytest.raises(Conflict):
        undo.undo_edit(editor.actor, flow)
    flow = undo.redo_edit(editor.actor, undo.redo_edit(editor.actor, flow))
    assert draft_definition(flow) == wrapped and undo.ways(flow).redo == ""
    flow = undo.undo_edit(editor.actor, flow)
    assert draft_definition(flow) == named
    assert revisions(flow) == 8


def test_a_new_edit_after_an_undo_ends_redo_and_undo_is_refused_for_another_draft(editor, viewer, flow):
    flow = drafts.edit_step(editor.actor, flow, "a", {"name": "Greet"}, if_match="*")
    flow = undo.undo_edit(editor.actor, flow)
    stale = flow.draft_etag
    flow = reshape.switch_step(editor.actor, flow, "b", off=True, if_match="*")
    assert undo.ways(flow) == undo.Ways("Switched “b” off", "")
    with pytest.raises(Conflict):
        undo.undo_edit(editor.actor, flow, if_match=stale)
    with pytest.raises(Forbidden):
        undo.undo_edit(viewer.actor, flow)


def test_a_block_is_made_around_a_step_and_taken_apart(editor, flow):
    flow = reshape.wrap_step(editor.actor, flow, "a", "parallel", if_match="*")
    assert keys(flow) == ["parallel", "b"]
    assert [branch["key"] for branch in draft_definition(flow)["steps"][0]["branches"]] == ["a", "b"]
    flow = reshape.unwrap_step(editor.actor, flow, "parallel", if_match="*")
    assert keys(flow) == ["a", "b"]
    with pytest.raises(UserError):
        reshape.wrap_step(editor.actor, flow, "a", "switch", if_match="*")


def test_a_removed_step_leaves_a_problem_where_it_was_used(editor, flow):
    flow = drafts.remove_step(editor.actor, flow, "a", if_match=flow.draft_etag)
    assert [(problem.code, problem.step) for problem in drafts.draft_problems(flow)] == [("E_DEF_REF", "b")]


def test_a_step_is_copied_behind_itself(editor, flow):
    flow = drafts.duplicate_step(editor.actor, flow, "a", if_match=flow.draft_etag)
    assert keys(flow) == ["a", "a_2", "b"]


def test_a_step_that_is_not_there_is_not_found(editor, flow):
    with pytest.raises(NotFound):
        drafts.remove_step(editor.actor, flow, "zzz", if_match=flow.draft_etag)


def test_empty_branches_are_remembered(editor, flow):
    step = {"key": "c", "action": "if", "with": {"condition": "inputs.x == 1"}, "then": [text_step("d")], "else": []}
    flow = drafts.add_step(editor.actor, flow, step, if_match=flow.draft_etag)
    assert draft_definition(flow)["steps"][2] == step


def test_the_problems_of_many_drafts_take_few_queries(editor, flow, django_assert_max_num_queries):
    from workflows.operations.workflows import create_workflow, list_workflows

    for n in range(5):
        create_workflow(editor.actor, workflow(text_step("a", "{{ nope }}"), name=f"W{n}"), draft=True)
    rows = list(list_workflows(editor.actor))
    with django_assert_max_num_queries(4):
        found = drafts.problems_of_many(rows)
    assert found[flow.pk] == []
    assert sorted(len(problems) for problems in found.values()) == [0, 1, 1, 1, 1, 1]


@pytest.mark.django_db(transaction=True)
def test_of_two_saves_at_once_one_is_a_conflict(editor, flow):
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    def save(name: str) -> str:
        try:
            drafts.edit_step(editor.actor, flow, "a", {"name": name}, if_match=flow.draft_etag)
        except Conflict:
            return "conflict"
        finally:
            connections.close_all()
        return "saved"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(save, ["one", "two", "three", "four"])) == ["conflict", "conflict", "conflict", "saved"]
    assert revisions(flow) == 2
