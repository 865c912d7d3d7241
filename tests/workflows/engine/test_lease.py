"""The lease: what happens when the database falls silent, and when the process is stopped."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection

from workflows.engine.identity import Identity, certainly_dead, myself
from workflows.engine.lease import KillTimer
from workflows.engine.times import Times
from workflows.models import Run, Worker
from workflows.operations.runs import start_run, wait_for

from .conftest import publish, until


def test_the_margins_are_in_order_for_every_lease():
    for lease in (6, 12, 30, 600):
        times = Times(lease=lease)
        assert (
            times.beat
            < times.soft_fence
            < times.send_margin
            < times.hard_fence
            < times.lease_seconds
            < times.observed_dead
        )


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the lock of the writers is SQLite's")
def test_a_database_outage_longer_than_the_soft_fence_costs_a_lease_but_no_run(workspace, actor, engine):
    started = engine(Times(lease=6.0))
    first = started.session.me.worker
    steps = [{"key": "a", "action": "data.format", "with": {"template": "x"}}]
    slug = publish(workspace, {"steps": steps}).slug
    assert start_run(actor, slug, wait=10).status == "succeeded"
    connection.turn.take()
    time.sleep(5.5)
    connection.turn.give()
    until(lambda: Worker.objects.filter(state="live").exclude(pk=first).exists(), 15)
    run = wait_for(start_run(actor, slug), 15)
    assert run.status == "succeeded"
    assert Run.objects.of(workspace).filter(deaths__gt=0).count() == 0


@pytest.mark.skipif("not sys.platform.startswith('linux')", reason="a timer of Linux")
def test_a_process_that_is_stopped_is_killed_by_its_timer():
    code = (
        "from workflows.engine.lease import KillTimer; t = KillTimer(); t.set(0.7); print('set', flush=True); input()"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
    assert child.stdout.readline() == b"set\n"
    child.send_signal(signal.SIGSTOP)
    assert child.wait(10) == -signal.SIGKILL


@pytest.mark.skipif("not sys.platform.startswith('linux')", reason="a timer of Linux")
def test_a_process_that_is_stopped_between_two_leases_is_killed_and_gives_back_what_it_holds(tmp_path):
    code = (
        "import asyncio, fcntl, sys\n"
        "from workflows.engine.lease import Alive\n"
        "from workflows.engine.times import Times\n"
        "held = open(sys.argv[1], 'w'); fcntl.flock(held, fcntl.LOCK_EX)\n"
        "async def main():\n"
        "    task = asyncio.create_task(Alive(Times(lease=0.5)).keep())\n"
        "    await asyncio.sleep(1.5); print('held', flush=True); await task\n"
        "asyncio.run(main())"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    lock = tmp_path / "write.lock"
    child = subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE, env=env)
    assert child.stdout.readline() == b"held\n", "a loop that goes round outlives the timer"
    child.send_signal(signal.SIGSTOP)
    assert child.wait(10) == -signal.SIGKILL
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_timer_can_be_moved_on_and_disarmed():
    timer = KillTimer()
    timer.set(0.3)
    timer.set(0)
    time.sleep(0.4)
    timer.delete()


def test_only_what_is_certainly_gone_is_dead():
    me = myself()
    assert not certainly_dead(me, me)
    gone = subprocess.Popen(["true"])
    zombie = Identity(me.host, me.boot_id, me.pid_ns, gone.pid, "")
    time.sleep(0.3)
    assert certainly_dead(zombie, me), "a zombie is dead"
    gone.wait()
    assert certainly_dead(zombie, me), "gone is dead"
    reused = Identity(me.host, me.boot_id, me.pid_ns, me.pid, "1")
    assert certainly_dead(reused, me), "another start time is another process"
    elsewhere = Identity(me.host, "another boot", me.pid_ns, 1, "")
    assert not certainly_dead(elsewhere, me)
