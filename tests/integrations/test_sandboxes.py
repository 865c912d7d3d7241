"""What the sandbox clients share: somebody faster, and a busy database."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, OperationalError

from integrations.errors import Unavailable
from integrations.sandboxes import TRIES, _whole

pytestmark = pytest.mark.django_db


def failing(times: int, problem: Exception):
    calls = []

    def function() -> int:
        calls.append(1)
        if len(calls) <= times:
            raise problem
        return len(calls)

    return function


def test_somebody_faster_means_once_more():
    assert _whole(failing(2, IntegrityError("taken"))) == 3


def test_not_for_ever():
    with pytest.raises(IntegrityError):
        _whole(failing(TRIES, IntegrityError("taken")))


def test_a_busy_database_is_a_certain_no():
    with pytest.raises(Unavailable) as caught:
        _whole(failing(1, OperationalError("database is locked")))
    assert caught.value.refused
