"""What Notion can do beside the faults that every action is tried with (tests/contracts): kinds, words, one request."""

from __future__ import annotations

import pytest

from integrations.errors import Rejected, SignInAgain, Unavailable, Unreadable
from tests.integrations.gate import Gate, attempt
from tests.integrations.looking import find_again

pytestmark = [pytest.mark.django_db, pytest.mark.strays]
CASES = {
    "forbidden": (SignInAgain, True, {}),
    "bad_gateway": (Unavailable, False, {}),
    "unavailable": (Unavailable, False, {}),
    "reset": (Unavailable, False, {}),
    "empty_body": (Unreadable, False, {}),
}


def call(real, action):
    if action == "notion.create_page":
        return {"parent": real.database, "title": "Offer", "content": "- one"}, "createPage"
    return {"page": real.page, "content": "- one"}, "updatePageMarkdown"


@pytest.mark.parametrize("kind", CASES)
def test_a_fault_has_its_kind_and_one_request(real, contract, kind):
    action = "notion.create_page"
    expected, refused, options = CASES[kind]
    inputs, operation = call(real, action)
    contract.fail(kind, operation, times=None, **options)
    ran = attempt(action, inputs, real.info, timeout=20)
    assert isinstance(ran.error, expected), ran.error
    assert ran.error.refused is refused
    assert ran.error.message.endswith(".")
    assert len(contract.calls(operation)) == 1


@pytest.mark.parametrize("status", [400, 405, 408, 409, 410, 413, 415, 422, 500, 502, 504])
def test_a_status_has_its_kind(real, contract, status):
    inputs, operation = call(real, "notion.create_page")
    contract.fail("status", operation, status=status, times=None)
    error = attempt("notion.create_page", inputs, real.info).error
    unknown = status in (408, 500, 502, 504)
    assert isinstance(error, Unavailable if unknown or status == 409 else Rejected)
    assert error.refused is not unknown
    assert error.status == status
    assert len(contract.calls(operation)) == 1


@pytest.mark.parametrize("kind", ["reset", "empty_body"])
@pytest.mark.parametrize("action", ["notion.create_page", "notion.append"])
def test_a_change_whose_answer_was_lost_is_found(real, contract, kind, action):
    inputs, operation = call(real, action)
    contract.fail(kind, operation, after_effect=True)
    gate = Gate()
    ran = attempt(action, inputs, real.info, gate=gate, timeout=20)
    assert ran.error is not None
    assert not ran.error.refused
    assert len(contract.effects(operation)) == 1
    assert find_again(action, inputs, real.info, gate) is not None


def test_the_wait_that_notion_asks_for_is_kept(real, contract):
    inputs, operation = call(real, "notion.create_page")
    contract.fail("rate_limited", operation, retry_after=4)
    assert attempt("notion.create_page", inputs, real.info).error.retry_after == 4
    contract.fail("rate_limited", operation)
    assert attempt("notion.create_page", inputs, real.info).error.retry_after is None


def test_a_page_without_an_id_is_unreadable(real, contract):
    inputs, operation = call(real, "notion.create_page")
    for body in ([], "fine", {"object": "page"}, {"id": None}):
        contract.fail("status", operation, status=200, body=body)
        assert isinstance(attempt("notion.create_page", inputs, real.info).error, Unreadable)


def test_a_look_that_cannot_tell_says_so(real, contract):
    gate = Gate()
    inputs, _ = call(real, "notion.create_page")
    attempt("notion.create_page", inputs, real.info, gate=gate)
    contract.fail("server_error", "queryDataSource")
    with pytest.raises(Unavailable):
        find_again("notion.create_page", inputs, real.info, gate)


def test_nobody_listening_is_a_certain_no(settings):
    from tests.integrations.gate import info_of

    settings.ALLOW_PRIVATE_HOSTS = [*settings.ALLOW_PRIVATE_HOSTS, "127.0.0.1:1"]
    error = attempt("notion.search", {}, info_of("notion", base_url="http://127.0.0.1:1", token="ntn_x")).error
    assert isinstance(error, Unavailable)
    assert error.refused
    assert "could not be reached" in error.message
