"""What GitHub can do beside the faults that every action is tried with (tests/contracts): kinds, words, one request."""

from __future__ import annotations

import pytest

from integrations.errors import RateLimited, Rejected, SignInAgain, Unavailable, Unreadable
from tests.integrations.gate import Gate, attempt
from tests.integrations.looking import find_again

pytestmark = [pytest.mark.django_db, pytest.mark.strays]
ISSUE = {"repository": "octocat/work", "title": "The export stops"}
FILE = {"repository": "octocat/work", "path": "docs/new.md", "content": "x", "message": "Add"}
CASES = {
    "primary_rate_limit": (RateLimited, True, {}),
    "forbidden": (SignInAgain, True, {}),
    "bad_gateway": (Unavailable, False, {}),
    "unavailable": (Unavailable, False, {}),
    "reset": (Unavailable, False, {}),
    "empty_body": (Unreadable, False, {}),
}


@pytest.mark.parametrize("kind", CASES)
def test_a_fault_has_its_kind_and_one_request(real, contract, kind):
    action, inputs, operation = "github.create_issue", ISSUE, "issues/create"
    expected, refused, options = CASES[kind]
    contract.fail(kind, operation, times=None, **options)
    ran = attempt(action, inputs, real.info, timeout=20)
    assert isinstance(ran.error, expected), ran.error
    assert ran.error.refused is refused
    assert ran.error.message.endswith(".")
    assert len(contract.calls(operation)) <= 1


@pytest.mark.parametrize("status", [400, 405, 408, 409, 410, 413, 415, 422, 500, 502, 504])
def test_a_status_has_its_kind(real, contract, status):
    contract.fail("status", "issues/create", status=status, times=None)
    error = attempt("github.create_issue", ISSUE, real.info).error
    unknown = status in (408, 500, 502, 504)
    assert isinstance(error, Unavailable if unknown else Rejected)
    assert error.refused is not unknown
    assert error.status == status
    assert len(contract.calls("issues/create")) == 1


@pytest.mark.parametrize("kind", ["reset", "empty_body"])
@pytest.mark.parametrize("action, inputs, operation", [
    ("github.create_issue", ISSUE, "issues/create"),
    ("github.commit_file", FILE, "repos/create-or-update-file-contents"),
])  # fmt: skip
def test_a_change_whose_answer_was_lost_is_found(real, contract, kind, action, inputs, operation):
    contract.fail(kind, operation, after_effect=True)
    gate = Gate()
    ran = attempt(action, inputs, real.info, gate=gate, timeout=20)
    assert ran.error is not None
    assert not ran.error.refused
    assert len(contract.effects(operation)) == 1
    assert find_again(action, inputs, real.info, gate) is not None


def test_the_wait_that_github_asks_for_is_kept(real, contract):
    for kind, wait in (("rate_limited", 7), ("secondary_rate_limit", 30)):
        contract.fail(kind, "issues/create", retry_after=wait)
        assert attempt("github.create_issue", ISSUE, real.info).error.retry_after == wait
    contract.fail("primary_rate_limit", "issues/create", retry_after=90)
    assert 80 <= attempt("github.create_issue", ISSUE, real.info).error.retry_after <= 91
    contract.fail("secondary_rate_limit", "issues/create")
    assert attempt("github.create_issue", ISSUE, real.info).error.retry_after == 60
    contract.fail("rate_limited", "issues/create")
    assert attempt("github.create_issue", ISSUE, real.info).error.retry_after is None


def test_a_missing_permission_is_named(real, contract):
    contract.fail("forbidden", "issues/create", headers={"X-Accepted-GitHub-Permissions": "issues=write"})
    assert "issues: write" in attempt("github.create_issue", ISSUE, real.info).error.hint
    contract.fail(
        "forbidden", "issues/create", headers={"X-Accepted-OAuth-Scopes": "repo", "X-OAuth-Scopes": "read:user"}
    )
    assert "scope repo" in attempt("github.create_issue", ISSUE, real.info).error.hint


@pytest.mark.parametrize("status", [301, 307])
def test_a_renamed_repository_is_not_followed_by_a_change(real, contract, status):
    contract.fail("status", "issues/create", status=status, body={"message": "Moved Permanently"})
    error = attempt("github.create_issue", ISSUE, real.info).error
    assert isinstance(error, Rejected)
    assert error.refused
    assert "renamed" in error.message
    assert len(contract.calls("issues/create")) == 1


def test_an_answer_that_is_no_object_is_unreadable(real, contract):
    for body in ([], "fine", {"message": "ok"}, {"id": None}):
        contract.fail("status", "issues/create", status=201, body=body)
        assert isinstance(attempt("github.create_issue", ISSUE, real.info).error, Unreadable)


def test_nobody_listening_is_a_certain_no(real, settings):
    from tests.integrations.gate import info_of

    settings.ALLOW_PRIVATE_HOSTS = [*settings.ALLOW_PRIVATE_HOSTS, "127.0.0.1:1"]
    info = info_of("github", base_url="http://127.0.0.1:1/api/v3", token="ghp_test")
    error = attempt("github.create_issue", ISSUE, info).error
    assert isinstance(error, Unavailable)
    assert error.refused
    assert "could not be reached" in error.message


def test_a_private_address_is_refused_for_good(real, settings):
    from tests.integrations.gate import info_of

    settings.ALLOW_PRIVATE_HOSTS = []
    error = attempt("github.create_issue", ISSUE, info_of("github", base_url="http://10.0.0.1/api/v3", token="t")).error
    assert isinstance(error, Rejected)
    assert error.code == "E_URL_BLOCKED"
    assert error.refused
