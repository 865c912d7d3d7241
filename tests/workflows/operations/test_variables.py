"""Workspace variables."""

from __future__ import annotations

import pytest

from accounts.models import AuditEntry
from orchestrator_site.lib.errors import Forbidden, NotFound, UserError
from workflows.operations import variables


def test_a_variable_holds_any_json(editor):
    for value in ("text", 5, True, ["a"], {"a": {"b": 1}}):
        variables.set_variable(editor.actor, "place", value)
        assert variables.get_variable(editor.actor, "place").value == value
    assert variables.list_variables(editor.actor).count() == 1


@pytest.mark.parametrize("name", ["", "A", "a b", "a" * 49, "1a", "a\x00"])
def test_a_name_must_be_a_key(editor, name):
    with pytest.raises(UserError) as caught:
        variables.set_variable(editor.actor, name, 1)
    assert caught.value.code == "E_KEY"


@pytest.mark.parametrize(
    ("value", "code"),
    [("a\x00", "E_TEXT_CONTROL"), (float("nan"), "E_NUMBER"), ("x" * 70_000, "E_TOO_LARGE"), (None, "E_REQUIRED")],
)
def test_a_value_passes_the_gate(editor, value, code):
    with pytest.raises(UserError) as caught:
        variables.set_variable(editor.actor, "a", value)
    assert caught.value.code == code


def test_before_and_after_are_in_the_audit_trail(editor, workspace):
    variables.set_variable(editor.actor, "a", 1)
    variables.set_variable(editor.actor, "a", 2)
    entry = AuditEntry.objects.of(workspace).filter(action="variable.set").order_by("-seq").first()
    assert entry.details == {"before": 1, "after": 2}


def test_viewers_read_and_do_not_write(viewer, editor):
    variables.set_variable(editor.actor, "a", 1)
    assert variables.get_variable(viewer.actor, "a").value == 1
    with pytest.raises(Forbidden):
        variables.set_variable(viewer.actor, "a", 2)
    with pytest.raises(Forbidden):
        variables.delete_variable(viewer.actor, variables.get_variable(viewer.actor, "a"))


def test_an_outsider_sees_and_deletes_nothing(outsider, editor):
    row = variables.set_variable(editor.actor, "a", 1)
    with pytest.raises(NotFound):
        variables.get_variable(outsider.actor, "a")
    with pytest.raises(NotFound):
        variables.delete_variable(outsider.actor, row)


def test_a_deleted_variable_is_a_problem_where_it_is_used(editor):
    from tests.workflows.definition.helpers import text_step, workflow
    from workflows.operations.drafts import draft_problems
    from workflows.operations.workflows import create_workflow

    row = variables.set_variable(editor.actor, "team", "Fernhill")
    flow = create_workflow(editor.actor, workflow(text_step("a", "{{ workspace.variables.team }}")))
    variables.delete_variable(editor.actor, row)
    assert [problem.code for problem in draft_problems(flow)] == ["E_TPL_UNDEFINED"]
