"""Clients called from synchronous code: the database stays on the calling thread, time is bounded."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from accounts.models import Workspace
from integrations import direct
from integrations.errors import Unavailable


@pytest.mark.django_db
def test_database_work_happens_here_and_sees_this_transaction(workspace):
    async def go(calls):
        return await calls.database(lambda: (threading.current_thread(), Workspace.objects.get(pk=workspace.pk).slug))

    assert direct.call(go) == (threading.current_thread(), workspace.slug)


def test_blocking_work_happens_elsewhere():
    async def go(calls):
        return await calls.blocking(threading.current_thread)

    assert direct.call(go) is not threading.current_thread()


def test_what_is_raised_comes_out():
    def broken():
        raise ValueError("no")

    async def go(calls):
        return await calls.database(broken)

    with pytest.raises(ValueError, match="no"):
        direct.call(go)


def test_time_is_bounded():
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        direct.call(lambda calls: asyncio.sleep(5), timeout=0.1)
    assert caught.value.code == "E_TIMEOUT" and time.monotonic() - began < 2


def test_two_threads_do_not_wait_for_each_other():
    done = []

    def one():
        done.append(direct.call(lambda calls: asyncio.sleep(0.2, "slept")))

    threads = [threading.Thread(target=one) for _ in range(4)]
    began = time.monotonic()
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert done == ["slept"] * 4 and time.monotonic() - began < 0.7
