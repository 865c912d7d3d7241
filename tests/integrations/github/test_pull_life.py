"""Branches, commits of many files, pull requests and releases; sandbox and real SDK alike."""

from __future__ import annotations

import pytest

from integrations.errors import Rejected, ServiceError
from tests.integrations.gate import Gate, attempt, run_action
from tests.integrations.looking import find_again

pytestmark = pytest.mark.django_db
FILES = [{"path": "docs/guide.md", "content": "# Guide\n"}, {"path": "docs/a/b.md", "content": "B\n"}]


def run(place, verb, given, **more):
    return run_action(f"github.{verb}", {"repository": place.repository, **given}, place.info, **more)


def proposal(**more):
    return {"files": FILES, "message": "Write the guide", "branch": "docs/guide", "body": "Please look.", **more}


def test_several_files_are_one_commit(place):
    gate = Gate()
    given = {"files": [*FILES, {"path": "README.md", "delete": True}], "message": "Tidy up"}
    made = run(place, "commit_files", given, gate=gate).output
    assert place.read(place.repository, "docs/guide.md") == "# Guide\n"
    listed = run(place, "list_files", {}).output
    paths = [one["path"] for one in listed["files"]]
    assert "docs/a/b.md" in paths and "README.md" not in paths
    commits = run(place, "list_commits", {"limit": 1}).output
    assert commits["commits"][0]["sha"] == made["commit_sha"] and commits["commits"][0]["title"] == "Tidy up"
    found = find_again("github.commit_files", {"repository": place.repository, **given}, place.info, gate, seq=3)
    assert found.external_id == made["commit_sha"]


def others_commit(contract, times):
    """Somebody else commits to main just before each of our next updates of it."""
    github = contract.github
    held, update, left = github.repositories["octocat/work"], github.update_ref, list(range(times))

    def busy(request):
        if left:
            tree = {**held.resolve("main").tree, f"other-{left.pop()}.md": held.add_blob(b"other")}
            author = {"name": "Other", "email": "o@example.com", "date": "2026-01-01T00:00:00Z"}
            held.refs["heads/main"] = held.add_commit("Other", tree, [held.refs["heads/main"]], author).sha
        return update(request)

    return busy


def test_a_branch_that_moves_meanwhile_is_read_anew_and_loses_no_commit(real, contract, monkeypatch):
    monkeypatch.setattr(contract.github, "update_ref", others_commit(contract, 2))
    gate, given = Gate(), {"files": FILES, "message": "Write the guide"}
    made = run(real, "commit_files", given, gate=gate).output
    tree = contract.github.repositories["octocat/work"].resolve("main").tree
    assert {"docs/guide.md", "docs/a/b.md", "other-0.md", "other-1.md"} <= set(tree)
    assert [one.refused for one in gate.outcomes if one.refused] == ["E_CONFLICT"] * 2 and len(gate.orders) == 9
    again = {"repository": real.repository, **given}
    assert find_again("github.commit_files", again, real.info, gate, seq=9).external_id == made["commit_sha"]


def test_a_branch_that_never_stands_still_is_given_up_in_words_and_nothing_is_committed(real, contract, monkeypatch):
    monkeypatch.setattr(contract.github, "update_ref", others_commit(contract, 99))
    given = {"repository": real.repository, "files": FILES, "message": "Write the guide"}
    error = attempt("github.commit_files", given, real.info).error
    assert isinstance(error, Rejected) and error.code == "E_CONFLICT" and "moved 4 times" in error.message
    assert "docs/guide.md" not in contract.github.repositories["octocat/work"].resolve("main").tree


def test_a_file_named_twice_or_none_to_delete_is_refused_before_anything_leaves(place):
    for files, words in (([FILES[0], FILES[0]], "twice"), ([{"path": "no.md", "delete": True}], "None of the files")):
        given = {"repository": place.repository, "files": files, "message": "m"}
        ran = attempt("github.commit_files", given, place.info)
        assert isinstance(ran.error, Rejected) and words in ran.error.message and ran.orders == []


def test_a_file_is_read_and_deleted(place):
    found = run(place, "get_file", {"path": "README.md"}).output
    assert found["is_text"] and found["text"].startswith("#") and found["size"] > 3
    gate = Gate()
    gone = run(place, "delete_file", {"path": "README.md"}, gate=gate).output
    assert gone["changed"] and gone["commit_sha"]
    given = {"repository": place.repository, "path": "README.md"}
    assert find_again("github.delete_file", given, place.info, gate).external_id == gone["commit_sha"]
    assert not run(place, "delete_file", {"path": "README.md"}).output["changed"]


def test_a_proposal_is_a_branch_a_commit_and_a_pull_request_and_is_merged(place):
    gate = Gate()
    made = run(place, "propose_files", proposal(), gate=gate).output
    assert (made["title"], made["state"], made["head"]) == ("Write the guide", "open", "docs/guide")
    assert made["body"] == "Please look."
    assert [order.op for order in gate.orders] == ["create_tree", "create_commit", "create_branch", "create_pull"]
    given = {"repository": place.repository, **proposal()}
    for seq in (3, 4):
        found = find_again("github.propose_files", given, place.info, gate, seq=seq)
        assert found.external_id == gate.outcomes[seq - 1].external_id
    number = {"number": made["number"]}
    assert made["number"] in [one["number"] for one in run(place, "list_pulls", {}).output["pulls"]]
    merging = Gate()
    merged = run(place, "merge_pull", number, gate=merging).output
    assert merged["sha"] and not merged["already"]
    assert place.read(place.repository, "docs/guide.md") == "# Guide\n"
    found = find_again("github.merge_pull", {"repository": place.repository, **number}, place.info, merging)
    assert found is not None
    assert run(place, "merge_pull", number).output["already"]
    assert run(place, "get_pull", number).output["merged"]


def test_a_branch_is_created_listed_and_deleted(place):
    gate = Gate()
    made = run(place, "create_branch", {"branch": "release/1"}, gate=gate).output
    given = {"repository": place.repository, "branch": "release/1"}
    assert find_again("github.create_branch", given, place.info, gate).external_id == "release/1"
    listed = run(place, "list_branches", {}).output
    assert {"main", "release/1"} <= {one["name"] for one in listed["branches"]}
    taken = attempt("github.create_branch", given, place.info)
    assert isinstance(taken.error, ServiceError) and taken.error.refused
    gone = run(place, "delete_branch", {"branch": "release/1"}).output
    assert gone["changed"] and gone["sha"] == made["sha"]
    assert not run(place, "delete_branch", {"branch": "release/1"}).output["changed"]


def test_a_release_is_published_and_found_by_its_marker(place):
    gate = Gate()
    given = {"tag": "v1.5.0", "name": "Autumn", "body": "- Export"}
    made = run(place, "create_release", given, gate=gate).output
    assert (made["tag"], made["name"], made["body"]) == ("v1.5.0", "Autumn", "- Export")
    assert run(place, "latest_release", {}).output["id"] == made["id"]
    again = {"repository": place.repository, **given}
    assert find_again("github.create_release", again, place.info, gate).external_id == str(made["id"])
    assert find_again("github.create_release", again, place.info, Gate()) is None


def test_a_workflow_of_github_actions_is_started(place):
    ran = run(place, "dispatch_workflow", {"workflow": "deploy.yml", "inputs": {"to": "staging"}})
    assert ran.output["branch"] == "main" and ran.orders[0].look is None


def test_any_other_address_is_reached_and_nothing_outside_the_api(place):
    path = f"/repos/{place.repository}"
    assert run_action("github.rest_get", {"path": path}, place.info).output["data"]["full_name"] == place.repository
    if not place.info.sandbox:
        sent = run_action("github.rest_send", {"path": f"{path}/issues", "body": {"title": "By REST"}}, place.info)
        assert sent.output["data"]["title"] == "By REST"
    for wrong in ("https://example.com/x", "//example.com", "/repos/../user"):
        error = attempt("github.rest_get", {"path": wrong}, place.info).error
        assert isinstance(error, ServiceError) and error.refused
