"""A death before and after each commit: nothing acknowledged is lost, and what comes again is not done again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestrator_site.lib.clock import freeze
from tests.workflows.triggers.conftest import trigger_of
from tests.workflows.triggers.test_webhooks import deliver, made, runs
from workflows.engine import forgetting, inbound, schedules
from workflows.engine.crashpoints import Crash
from workflows.models import InboundEvent, ScheduleTick

pytestmark = pytest.mark.django_db


def dying(monkeypatch, module, at: str):
    """The next passage of one place is the last thing its process does."""
    left = [at]

    def crash(name: str) -> None:
        if name in left:
            left.remove(name)
            raise Crash(name)

    monkeypatch.setattr(module, "crashpoint", crash)


@pytest.mark.parametrize("place, told", [("P02", "run"), ("P03", "duplicate")])
def test_a_delivery_is_never_acknowledged_before_its_commit(greet, monkeypatch, place, told):
    trigger = made(greet)
    dying(monkeypatch, inbound, place)
    assert deliver(trigger).status_code == 500
    assert runs(trigger).count() == (0 if place == "P02" else 1)
    again = deliver(trigger)
    assert (again.status_code, again.json()["status"]) == (202, told) and runs(trigger).count() == 1


@pytest.mark.parametrize("place", ["P23", "P24"])
def test_a_due_time_has_one_run_whenever_its_scheduler_dies(greet, monkeypatch, place):
    with freeze(datetime(2026, 11, 24, 8, 59, 30, tzinfo=UTC)) as clock:
        trigger = trigger_of(greet, config={"cron": "0 9 * * *"})
        dying(monkeypatch, schedules, place)
        for seconds in (31, 1, 61, 61):
            clock.tick(seconds)
            schedules.tick(clock.at)
    assert runs(trigger).count() == ScheduleTick.objects.of(greet.workspace).count() == 1


def test_p26_retention_goes_on_where_it_died(greet, monkeypatch):
    trigger = made(greet)
    for name in "ab":
        deliver(trigger, {"name": name})
    dying(monkeypatch, forgetting, "P26")
    with freeze(datetime(2099, 1, 1, tzinfo=UTC)) as clock:
        with pytest.raises(Crash):
            forgetting.forget(clock.at)
        forgetting.forget(clock.at)
    assert not InboundEvent.objects.of(greet.workspace).exists() and runs(trigger).count() == 2
