"""Statuses and broken connections in the four kinds."""

from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from integrations.errors import CERTAIN_NO, RateLimited, Rejected, SignInAgain, Unavailable
from integrations.http_failures import from_status, from_transport, retry_after
from orchestrator_site.lib.outbound import Lost, NotSent


@pytest.mark.parametrize("status", range(400, 600))
def test_only_the_certain_noes_are_refusals(status):
    error = from_status("It", status, "said so")
    assert error.refused is (status in CERTAIN_NO)
    assert error.status == status


@pytest.mark.parametrize("status, kind", [
    (400, Rejected), (401, SignInAgain), (403, SignInAgain), (404, Rejected), (408, Unavailable), (409, Rejected),
    (422, Rejected), (429, RateLimited), (500, Unavailable), (503, Unavailable), (529, Unavailable),
])  # fmt: skip
def test_a_status_has_its_kind(status, kind):
    assert type(from_status("It", status, "said so")) is kind


def test_retry_after_is_read_in_both_forms():
    assert retry_after({"Retry-After": "7"}) == 7
    assert retry_after({"retry-after": "0.5"}) == 0.5
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < retry_after({"RETRY-AFTER": later}) <= 31
    past = format_datetime(datetime.fromtimestamp(time.time() - 99, UTC), usegmt=True)
    assert retry_after({"retry-after": past}) == 0
    for nothing in ({}, {"retry-after": ""}, {"retry-after": "soon"}):
        assert retry_after(nothing) is None


def wrapped(inner: Exception, outer: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize("problem", [
    NotSent("no name"),
    wrapped(NotSent("no name"), requests.ConnectionError("x")),
    requests.ConnectionError(MaxRetryError(None, "/", NewConnectionError(None, "no"))),
    ConnectionRefusedError("refused"),
    ssl.SSLCertVerificationError("expired"),
], ids=lambda problem: type(problem).__name__)  # fmt: skip
def test_what_never_left_is_a_certain_no(problem):
    error = from_transport("It", problem)
    assert isinstance(error, Unavailable)
    assert error.refused
    assert "could not be reached" in error.message


@pytest.mark.parametrize("problem", [
    Lost("reset"),
    wrapped(Lost("reset"), requests.ConnectionError("x")),
    ConnectionResetError("reset"),
    OSError("broken pipe"),
], ids=lambda problem: type(problem).__name__)  # fmt: skip
def test_what_may_have_arrived_is_unknown(problem):
    error = from_transport("It", problem)
    assert isinstance(error, Unavailable)
    assert not error.refused


@pytest.mark.parametrize("problem", [TimeoutError(), requests.ReadTimeout(), Lost("late", timeout=True)])
def test_a_timeout_is_named(problem):
    error = from_transport("It", problem)
    assert error.code == "E_TIMEOUT"
    assert not error.refused


def test_a_failure_of_the_four_kinds_stays_as_it_is():
    error = Rejected("no")
    assert from_transport("It", error) is error
