"""Opening issues, over the sandbox and over the real SDK."""

from __future__ import annotations

import pytest

from integrations.errors import Rejected
from tests.integrations.gate import Gate, attempt, run_action
from tests.integrations.looking import find_again

pytestmark = pytest.mark.django_db


def issue(place, **more):
    return {"repository": place.repository, "title": "The export stops", "body": "After page 2.", **more}


def test_an_issue_is_opened_with_labels(place):
    ran = run_action("github.create_issue", issue(place, labels=["bug", "from-mail"], assignees=["mara"]), place.info)
    assert ran.output["number"] >= 1
    assert ran.output["id"] > 0
    assert ran.output["title"] == "The export stops"
    assert ran.output["repository"] == place.repository
    assert ran.output["url"]
    assert ran.warnings == []


def test_the_next_issue_has_the_next_number(place):
    first = run_action("github.create_issue", issue(place), place.info).output
    second = run_action("github.create_issue", issue(place), place.info).output
    assert second["number"] == first["number"] + 1
    assert second["id"] != first["id"]


def test_an_issue_is_found_again_by_its_key_and_only_by_it(place):
    gate = Gate()
    run_action("github.create_issue", issue(place), place.info)
    made = run_action("github.create_issue", issue(place), place.info, gate=gate).output
    found = find_again("github.create_issue", issue(place), place.info, gate)
    assert (found.external_id, found.external_url) == (str(made["id"]), made["url"])
    assert found.data["number"] == made["number"]
    assert find_again("github.create_issue", issue(place), place.info, Gate()) is None


def test_the_marker_is_hidden_and_the_request_shown_to_people_is_without_it(place):
    ran = run_action("github.create_issue", issue(place), place.info)
    assert ran.orders[0].request["body"] == "After page 2."
    assert ran.orders[0].target == {"repository": place.repository}
    assert ran.orders[0].search_url == "" if place.info.sandbox else place.repository in ran.orders[0].search_url


def test_a_repository_may_be_given_as_its_address(place):
    given = issue(place, repository=f"https://github.com/{place.repository}.git")
    assert run_action("github.create_issue", given, place.info).output["repository"] == place.repository


@pytest.mark.parametrize("name", ["hello", "a/b/c", "../x", "owner/", "https://github.com/"])
def test_what_is_no_repository_is_said_before_anything_leaves(place, name):
    ran = attempt("github.create_issue", issue(place, repository=name), place.info)
    assert isinstance(ran.error, Rejected)
    assert ran.error.refused
    assert "owner/name" in ran.error.hint
    assert ran.orders == []


def test_a_missing_repository_says_what_to_check(place):
    ran = attempt("github.create_issue", issue(place, repository="octocat/nowhere"), place.info)
    assert isinstance(ran.error, Rejected)
    assert ran.error.status == 404
    assert ran.error.refused
    assert "octocat/nowhere was not found, or the token may not see it" in ran.error.message
    assert "token" in ran.error.hint


def test_an_empty_title_is_refused_by_the_service(place):
    ran = attempt("github.create_issue", issue(place, title="   "), place.info)
    assert isinstance(ran.error, Rejected)
    assert ran.error.status == 422
    assert "title" in ran.error.message


def test_a_text_that_is_too_long_never_leaves(place):
    ran = attempt("github.create_issue", issue(place, body="x" * 65_500), place.info)
    assert ran.error.code == "E_LENGTH"
    assert ran.orders == []


def test_the_longest_text_fits_with_its_marker(place):
    ran = run_action("github.create_issue", issue(place, body="x" * 65_400), place.info)
    assert ran.output["number"]


def test_labels_that_were_left_out_are_a_warning(real, contract):
    original = contract.github._label_names
    contract.github._label_names = lambda repository, given: []
    try:
        ran = run_action("github.create_issue", issue(real, labels=["bug"]), real.info)
    finally:
        contract.github._label_names = original
    assert ran.warnings == ["GitHub left out the labels bug: the token may not set them."]


def test_an_issue_settled_by_hand_reads_its_number_from_the_address(place):
    from integrations.context import Outcome

    gate = Gate(confirmed={1: Outcome("", "https://github.com/o/r/issues/42")})
    output = run_action("github.create_issue", issue(place), place.info, gate=gate).output
    assert (output["number"], output["id"]) == (42, 0)
