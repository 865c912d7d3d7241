"""Listing repositories and describing a token."""

from __future__ import annotations

import pytest

from integrations import direct
from integrations.errors import SignInAgain
from integrations.github.report import report
from integrations.operations.opening import client_for
from tests.integrations.gate import Gate, info_of, run_action
from tests.integrations.looking import find_again

pytestmark = pytest.mark.django_db


def test_all_repositories_are_listed(place):
    output = run_action("github.list_repositories", {}, place.info).output
    names = [repository["full_name"] for repository in output["repositories"]]
    assert place.repository in names
    assert output["count"] == len(names)
    one = next(r for r in output["repositories"] if r["full_name"] == place.repository)
    assert one["name"] == place.repository.split("/")[1]
    assert one["default_branch"] == "main"


def test_a_limit_is_kept(place):
    assert run_action("github.list_repositories", {"limit": 1}, place.info).output["count"] == 1


def test_every_page_is_read(real, contract):
    for number in range(130):
        contract.github.add_repository(f"many-{number:03}")
    output = run_action("github.list_repositories", {}, real.info).output
    assert output["count"] == 134
    assert len(contract.calls("repos/list-for-authenticated-user")) == 2


def test_an_issue_behind_the_first_page_is_found(real, contract):
    gate, given = Gate(), {"repository": real.repository, "title": "First"}
    made = run_action("github.create_issue", given, real.info, gate=gate)
    held = contract.github.repositories["octocat/work"]
    for number in range(2, 160):
        held.issues[number] = {**held.issues[1], "number": number, "body": None}
    assert find_again("github.create_issue", given, real.info, gate).external_id == str(made.output["id"])


def test_a_test_says_who_it_is_and_what_it_can_do(place):
    found = place.ask("describe")
    assert found.ok
    assert "repositories" in found.summary
    assert any("issues" in ability for ability in found.can)
    assert found.missing == ()


def test_a_refused_token_says_where_to_make_a_new_one(contract):
    info = info_of("github", base_url=contract.github_url, token="ghp_expired")
    with pytest.raises(SignInAgain) as caught:
        direct.call(lambda calls: client_for(info, calls).describe())
    assert "does not accept this token" in caught.value.message
    assert "github.com" in caught.value.hint


def test_a_classic_token_without_the_scope_is_told_which():
    found = report("ada", ["read:user"], [{"permissions": {"push": True}}], 1, classic=True)
    assert found.missing == ("scope repo: needed to create issues and commit files",)


def test_a_fine_grained_token_that_only_reads_is_told_what_is_missing():
    found = report("ada", [], [{"permissions": {"push": False}}], 1, classic=False)
    assert "permissions Issues and Contents" in found.missing[0]
    assert found.can == ("read 1 repository",)


def test_a_token_that_reaches_nothing_is_not_ok():
    assert not report("ada", [], [], 0, classic=False).ok
