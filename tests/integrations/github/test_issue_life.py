"""The life of an issue: read, commented, labelled, assigned, changed, found and closed; sandbox and real SDK alike."""

from __future__ import annotations

import pytest

from integrations.errors import Rejected
from tests.integrations.gate import Gate, attempt, run_action
from tests.integrations.looking import find_again

pytestmark = pytest.mark.django_db


@pytest.fixture
def about(place):
    made = run_action("github.create_issue", {"repository": place.repository, "title": "Export stops"}, place.info)
    return {"repository": place.repository, "number": made.output["number"]}


def run(place, verb, given, **more):
    return run_action(f"github.{verb}", given, place.info, **more)


def test_an_issue_is_read_without_our_marker(place, about):
    found = run(place, "get_issue", about).output
    assert (found["title"], found["state"], found["body"]) == ("Export stops", "open", "")
    assert not found["is_pull_request"]


def test_a_comment_is_written_read_and_found_again_by_its_key_only(place, about):
    gate = Gate()
    made = run(place, "comment", {**about, "body": "Seen too."}, gate=gate).output
    listed = run(place, "list_comments", about).output
    assert [one["body"] for one in listed["comments"]] == ["Seen too."]
    assert "Seen too." in listed["text"] and made["id"] == listed["comments"][0]["id"]
    given = {**about, "body": "Seen too."}
    assert find_again("github.comment", given, place.info, gate).external_id == str(made["id"])
    assert find_again("github.comment", given, place.info, Gate()) is None


def test_labels_are_added_and_taken_away_and_a_missing_one_changes_nothing(place, about):
    assert run(place, "add_labels", {**about, "labels": ["bug", "from-mail"]}).output["labels"] == ["bug", "from-mail"]
    gate = Gate()
    given = {**about, "label": "from-mail"}
    assert run(place, "remove_label", given, gate=gate).output["labels"] == ["bug"]
    assert find_again("github.remove_label", given, place.info, gate) is not None
    again = run(place, "remove_label", given)
    assert again.output["labels"] == ["bug"] and again.orders == []


def test_people_are_assigned(place, about):
    assert run(place, "assign", {**about, "assignees": ["mara"]}).output["assignees"] == ["mara"]


def test_a_change_replaces_what_is_given_keeps_the_rest_and_the_marker(place, about):
    changed = run(place, "update_issue", {**about, "title": "Export ends early", "body": "After page 2."}).output
    assert (changed["title"], changed["body"], changed["state"]) == ("Export ends early", "After page 2.", "open")
    assert run(place, "get_issue", about).output["title"] == "Export ends early"
    ran = attempt("github.update_issue", about, place.info)
    assert isinstance(ran.error, Rejected) and ran.error.code == "E_REQUIRED" and ran.orders == []


def test_a_closed_issue_is_no_longer_listed(place, about):
    listed = run(place, "list_issues", {"repository": place.repository}).output
    assert about["number"] in [one["number"] for one in listed["issues"]]
    closed = run(place, "close_issue", {**about, "reason": "not_planned"}).output
    assert (closed["state"], closed["state_reason"]) == ("closed", "not_planned")
    listed = run(place, "list_issues", {"repository": place.repository}).output
    assert about["number"] not in [one["number"] for one in listed["issues"]]
    every = run(place, "list_issues", {"repository": place.repository, "state": "all"}).output
    assert f"#{about['number']} Export stops (closed)" in every["text"]


def test_issues_are_searched(place, about):
    query = f"repo:{place.repository} is:issue is:open Export"
    found = run(place, "search_issues", {"query": query}).output
    assert about["number"] in [one["number"] for one in found["issues"]]


@pytest.mark.parametrize("verb", ["get_issue", "list_comments"])
def test_an_issue_that_is_not_there_is_told_in_words(place, verb):
    error = attempt(f"github.{verb}", {"repository": place.repository, "number": 999_999}, place.info).error
    assert isinstance(error, Rejected) and error.hint
