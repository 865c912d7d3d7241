"""Committing files, over the sandbox and over the real SDK."""

from __future__ import annotations

import pytest

from integrations.errors import Rejected, Unavailable
from tests.integrations.gate import Gate, attempt, run_action
from tests.integrations.looking import find_again

pytestmark = pytest.mark.django_db


def file(place, **more):
    return {
        "repository": place.repository,
        "path": "docs/sops/deploy.md",
        "content": "# Deploy\n\n1. Päckchen 📦\n",
        "message": "Add the procedure",
        **more,
    }


def test_a_new_file_is_created(place):
    output = run_action("github.commit_file", file(place), place.info).output
    assert output["created"]
    assert output["changed"]
    assert output["branch"] == "main"
    assert output["path"] == "docs/sops/deploy.md"
    assert len(output["commit_sha"]) == 40
    assert output["url"]
    assert place.read(place.repository, "docs/sops/deploy.md") == "# Deploy\n\n1. Päckchen 📦\n"


def test_an_existing_file_is_replaced(place):
    first = run_action("github.commit_file", file(place), place.info).output
    second = run_action("github.commit_file", file(place, content="new\n"), place.info).output
    assert not second["created"]
    assert second["changed"]
    assert second["commit_sha"] != first["commit_sha"]
    assert place.read(place.repository, "docs/sops/deploy.md") == "new\n"


def test_equal_content_makes_no_commit_and_no_effect(place):
    first = run_action("github.commit_file", file(place), place.info).output
    again = run_action("github.commit_file", file(place), place.info)
    assert again.output["changed"] is False
    assert again.output["created"] is False
    assert again.output["commit_sha"] == first["commit_sha"]
    assert again.output["url"]
    assert again.orders == []


def test_after_an_earlier_attempt_equal_content_goes_through_the_gate(place):
    gate = Gate()
    made = run_action("github.commit_file", file(place), place.info, gate=gate).output
    resumed = run_action("github.commit_file", file(place), place.info, gate=gate, earlier_change=True)
    assert resumed.output == made
    assert len(resumed.orders) == 1


def test_after_an_earlier_attempt_that_was_absent_equal_content_sends_nothing(place):
    run_action("github.commit_file", file(place), place.info)
    resumed = run_action("github.commit_file", file(place), place.info, gate=Gate(), earlier_change=True)
    assert resumed.output["changed"] is False


def test_a_commit_is_found_again_by_its_trailer_and_only_by_it(place):
    gate = Gate()
    made = run_action("github.commit_file", file(place), place.info, gate=gate).output
    found = find_again("github.commit_file", file(place), place.info, gate)
    assert found.external_id == made["commit_sha"]
    assert found.external_url == made["url"] or found.external_url.endswith("/docs/sops/deploy.md")
    assert found.data == {"created": True, "changed": True}
    assert find_again("github.commit_file", file(place), place.info, Gate()) is None


def test_a_replaced_file_is_found_as_replaced(place):
    run_action("github.commit_file", file(place), place.info)
    gate = Gate()
    run_action("github.commit_file", file(place, content="2"), place.info, gate=gate)
    found = find_again("github.commit_file", file(place, content="2"), place.info, gate)
    assert found.data["created"] is False


def test_an_empty_repository_takes_its_first_file(place):
    gate, given = Gate(), file(place, repository=place.empty)
    output = run_action("github.commit_file", given, place.info, gate=gate).output
    assert output["created"]
    assert output["branch"] == "main"
    assert find_again("github.commit_file", given, place.info, gate).external_id == output["commit_sha"]


def test_nothing_is_found_in_an_empty_repository(place):
    assert find_again("github.commit_file", file(place, repository=place.empty), place.info, Gate()) is None


def test_a_missing_branch_is_named(place):
    ran = attempt("github.commit_file", file(place, branch="nope"), place.info)
    assert isinstance(ran.error, Rejected)
    assert ran.error.refused
    assert "no branch nope" in ran.error.message
    assert "default" in ran.error.hint
    assert ran.orders == []


def test_a_missing_repository_is_named(place):
    ran = attempt("github.commit_file", file(place, repository="octocat/nowhere"), place.info)
    assert isinstance(ran.error, Rejected)
    assert "octocat/nowhere was not found" in ran.error.message


@pytest.mark.parametrize("path", ["../x", "a//b", ".git/config", "a/./b", "/"])
def test_a_path_that_git_cannot_hold_is_refused(place, path):
    ran = attempt("github.commit_file", file(place, path=path), place.info)
    assert isinstance(ran.error, Rejected)
    assert "not a path" in ran.error.message


def test_a_folder_is_not_a_file(place):
    ran = attempt("github.commit_file", file(place, path="docs"), place.info)
    assert isinstance(ran.error, Rejected)
    assert "docs" in ran.error.message
    assert "not a file" in ran.error.message


def test_a_file_that_moved_meanwhile_is_a_conflict_worth_another_try(place):
    path = "docs/sops/deploy.md"
    run_action("github.commit_file", file(place), place.info)
    stale = "0" * 40
    with pytest.raises(Unavailable) as caught:
        place.ask("put_file", place.repository, path, "main", b"x", "m", stale)
    assert caught.value.code == "E_CONFLICT"
    assert caught.value.refused
    assert not caught.value.permanent
    with pytest.raises(Unavailable) as caught:
        place.ask("put_file", place.repository, path, "main", b"x", "m", None)
    assert caught.value.code == "E_CONFLICT"


def test_names_with_spaces_and_umlauts_work(place):
    output = run_action("github.commit_file", file(place, path="docs/Über uns & mehr.md"), place.info).output
    assert output["created"]
    assert place.read(place.repository, "docs/Über uns & mehr.md")


def test_the_message_carries_the_trailer(real, contract):
    gate = Gate()
    run_action("github.commit_file", file(real), real.info, gate=gate)
    held = contract.github.repositories["octocat/work"]
    assert held.resolve("main").message == f"Add the procedure\n\nWorkflow-Effect: {gate.key(1)}"
    assert len(contract.calls("repos/create-or-update-file-contents")) == 1
