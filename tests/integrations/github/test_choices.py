"""What GitHub offers while a step is edited."""

from __future__ import annotations

import pytest

from integrations.operations.choices import list_choices
from integrations.operations.connections import seed_sandbox
from tests.personas import persona

pytestmark = pytest.mark.django_db


def test_repositories_branches_labels_people_and_workflows_are_offered(place):
    def names(name, q="", **given):
        return [choice.value for choice in place.ask("choices", name, q, given)]

    assert place.repository in names("repositories") and names("repositories", "no such") == []
    assert names("branches", repository=place.repository) == ["main"]
    assert names("branches") == [], "no repository is chosen yet"
    assert all(names(name, repository=place.repository) for name in ("labels", "people", "workflow_files"))


def test_a_step_gets_them_over_its_connection(workspace):
    seed_sandbox(workspace)
    editor = persona(workspace, "editor")
    found = list_choices(editor.actor, "github.create_issue", "repository", q="website")
    assert [choice.value for choice in found] == ["your-username/website"]
    given = {"repository": "your-username/website"}
    found = list_choices(editor.actor, "github.commit_file", "branch", given=given)
    assert [choice.value for choice in found] == ["main", "prices-table"]
