"""What Gmail can do beside the faults that every action is tried with (tests/contracts): kinds, words, one request."""

from __future__ import annotations

import pytest

from integrations.errors import RateLimited, SignInAgain, Unavailable, Unreadable
from tests.integrations.gate import attempt

pytestmark = [pytest.mark.django_db, pytest.mark.strays]
LIST = "gmail.users.messages.list"
CASES = {
    "forbidden": (SignInAgain, {}),
    "bad_gateway": (Unavailable, {}),
    "unavailable": (Unavailable, {}),
    "reset": (Unavailable, {}),
    "empty_body": (Unreadable, {}),
}


@pytest.mark.parametrize("kind", CASES)
def test_a_fault_has_its_kind_and_one_request(real, contract, kind):
    expected, options = CASES[kind]
    contract.fail(kind, LIST, times=None, **options)
    ran = attempt("gmail.search", {}, real.info, timeout=20)
    assert isinstance(ran.error, expected), ran.error
    assert ran.error.message.endswith(".")
    assert len(contract.calls(LIST)) == 1


@pytest.mark.parametrize("reason", ["rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded"])
def test_a_limit_in_a_403_is_a_limit(real, contract, reason):
    body = {"error": {"code": 403, "message": "Quota exceeded", "errors": [{"reason": reason}]}}
    contract.fail("status", LIST, status=403, body=body, headers={"Retry-After": "9"})
    error = attempt("gmail.search", {}, real.info).error
    assert isinstance(error, RateLimited)
    assert error.retry_after == 9


def test_a_switched_off_api_says_where_to_switch_it_on(real, contract):
    body = {"error": {"code": 403, "message": "Gmail API has not been used in project 1", "errors": []}}
    contract.fail("status", LIST, status=403, body=body)
    error = attempt("gmail.search", {}, real.info).error
    assert isinstance(error, SignInAgain)
    assert "Switch on the Gmail API" in error.hint


@pytest.mark.parametrize("body", [[], "text", 7, None])
def test_an_answer_that_is_no_object_is_unreadable(real, contract, body):
    contract.fail("status", LIST, status=200, body=body if body is not None else b"null")
    assert isinstance(attempt("gmail.search", {}, real.info).error, Unreadable)


def test_a_mail_without_a_payload_is_unreadable(real, contract):
    identifier = real.deliver(b"Subject: x\r\n\r\nbody")
    contract.fail("status", "gmail.users.messages.get", status=200, body={"id": identifier})
    assert isinstance(attempt("gmail.get_message", {"id": identifier}, real.info).error, Unreadable)


def test_the_limit_of_a_single_read_is_told_through(real, contract):
    real.deliver(b"Subject: x\r\n\r\nbody")
    contract.fail("rate_limited", "gmail.users.messages.get", retry_after=3)
    error = attempt("gmail.search", {}, real.info).error
    assert isinstance(error, RateLimited)
    assert error.retry_after == 3
