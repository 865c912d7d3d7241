"""Starts that are refused: a release too new for runs under way, and a second machine on one SQLite file."""

from __future__ import annotations

import fcntl
import io
from contextlib import suppress

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F

from orchestrator_site.lib.errors import Conflict
from workflows.engine import refusals
from workflows.engine.bells import workers_folder
from workflows.engine.times import Times
from workflows.models import Run, Worker
from workflows.operations.runs import start_run

from .conftest import publish

QUICK = Times(lease=0.6, scale=0.2)
STEPS = {"steps": [{"key": "a", "action": "data.format", "with": {"template": "x"}}]}
on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite serves one machine")


@pytest.fixture
def old_run(workspace, actor):
    """A run under way that an older release has begun."""
    run = start_run(actor, publish(workspace, STEPS).slug)
    Run.objects.of(workspace).filter(pk=run.pk).update(abi=1, status="waiting")
    return run


def test_a_release_that_cannot_go_on_with_a_run_under_way_is_refused_in_words(old_run, workspace):
    refusals.refuse_old_runs(abi_min=1)
    with pytest.raises(Conflict, match="1 runs that have not ended") as refused:
        refusals.refuse_old_runs(abi_min=2)
    assert "Install the release before this one" in refused.value.hint
    Run.objects.of(workspace).filter(pk=old_run.pk).update(status="succeeded")
    refusals.refuse_old_runs(abi_min=2)


def test_migrate_worker_and_doctor_refuse_it(old_run, monkeypatch):
    monkeypatch.setattr(refusals.refuse_old_runs, "__defaults__", (2,))
    for command in ("migrate", "worker"):
        with pytest.raises(CommandError, match="begun by an older release"):
            call_command(command)
    said = io.StringIO()
    with suppress(CommandError):
        call_command("doctor", stdout=said)
    assert "FAIL release" in said.getvalue()


def _elsewhere() -> Worker:
    return Worker.objects.create(host="other", boot_id="another boot", pid_ns="pid:[1]", pid=1)


@on_sqlite
def test_a_worker_of_another_machine_that_beats_while_we_watch_refuses_the_start(transactional_db):
    other = _elsewhere()
    with pytest.raises(Conflict, match="SQLite serves one machine"):
        refusals.refuse_second_host(QUICK, lambda _: Worker.objects.filter(pk=other.pk).update(beat=F("beat") + 1))


@on_sqlite
def test_a_worker_of_another_machine_whose_lock_is_held_refuses_the_start(transactional_db):
    path = workers_folder() / str(_elsewhere().pk)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="SQLite serves one machine"):
            refusals.refuse_second_host(QUICK)
    path.unlink()


@on_sqlite
def test_the_rows_of_this_machine_before_its_restart_refuse_nothing(transactional_db):
    _elsewhere()
    refusals.refuse_second_host(QUICK)
    Worker.objects.all().delete()
    assert connection.vendor == "sqlite"
    refusals.refuse_second_host(QUICK, lambda _: pytest.fail("nobody is watched where nobody is"))
