"""Silence alarms: told when events stay away that usually come, once, and never for a night, a weekend or a burst."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail

from tests.workflows.triggers.conftest import trigger_of
from workflows.engine import alarms
from workflows.engine.silence import is_silent, learn
from workflows.models import Trigger, TriggerDay

MONDAY = date(2026, 11, 23)
WORK = {9: 4, 10: 4, 11: 3, 13: 3, 14: 4, 15: 3, 16: 2}


def series(rate, seed: int, days: int = 28) -> dict[date, list[int]]:
    """Random counts of `days` days before Monday: `rate(day, hour)` is the mean of each hour."""
    chance = random.Random(seed)
    found = {}
    for n in range(days, 0, -1):
        day = MONDAY - timedelta(days=n)
        found[day] = [sum(chance.random() < rate(day, hour) / 20 for _ in range(20)) for hour in range(24)]
    return found


def office(day: date, hour: int) -> float:
    return WORK.get(hour, 0) if day.weekday() < 5 else 0


def at(hour: int, day: date = MONDAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def test_none_today_usually_five_to_forty():
    usual = learn(series(office, 1), MONDAY)
    last = at(16, MONDAY - timedelta(days=3))
    assert is_silent(usual, last, at(8)) is None, "the weekend and the night are no silence"
    told = is_silent(usual, last, at(13))
    assert told and "on a weekday" in told.words and told.expected > 5


def test_precision_and_recall_on_series_of_many_kinds():
    kinds = {
        "office": office,
        "busy": lambda day, hour: 8.0,
        "slow": lambda day, hour: 0.12,
        "nightly": lambda day, hour: 15.0 if hour == 2 else 0.0,
        "monday": lambda day, hour: 18.0 if day.weekday() == 0 and hour == 9 else 0.0,
    }
    false, missed = [], []
    for name, rate in kinds.items():
        for seed in range(20):
            whole = series(rate, seed, 42)
            for n in range(13, 0, -1):
                day = MONDAY - timedelta(days=n)
                usual = learn({d: h for d, h in whole.items() if d < day}, day)
                before = [(d, h) for d, hs in whole.items() for h, count in enumerate(hs) if count and d < day]
                if usual is None or not before:
                    continue
                last = at(before[-1][1], before[-1][0])
                for hour in range(24):
                    if whole[day][hour]:
                        last = at(hour, day) + timedelta(minutes=30)
                    elif is_silent(usual, last, at(hour, day)):
                        false.append((name, seed, day, hour))
            usual = learn({d: h for d, h in whole.items()}, MONDAY)
            gone = MONDAY + timedelta(days=20)
            if usual is None or not is_silent(usual, at(0), at(0, gone)):
                missed.append((name, seed))
    assert len({(name, seed) for name, seed, *_ in false}) <= 3, false[:5]
    assert missed == []


def test_too_little_is_known():
    assert learn({}, MONDAY) is None
    assert learn({MONDAY - timedelta(days=3): [50] * 24}, MONDAY) is None
    assert learn({MONDAY - timedelta(days=20): [1] + [0] * 23}, MONDAY) is None


@pytest.mark.django_db
def test_it_is_told_once_and_ends_with_the_next_event(greet, owner, viewer):
    trigger = trigger_of(greet, "webhook", config={"auth": "none"})
    for day, hours in series(office, 1).items():
        TriggerDay.objects.create(workspace=greet.workspace, trigger=trigger, day=day, hours=hours)
    rows = Trigger.objects.of(greet.workspace)
    rows.update(last_event_at=at(16, MONDAY - timedelta(days=3)), enabled_at=at(0, MONDAY - timedelta(days=30)))
    assert alarms.look_for_silence(at(8)) == []
    alarms.send(alarms.look_for_silence(at(14)))
    alarms.send(alarms.look_for_silence(at(15)))
    assert len(mail.outbox) == 1 and "Unusually quiet" in mail.outbox[0].subject
    assert owner.user.email in mail.outbox[0].to and viewer.user.email not in mail.outbox[0].to
    shown = owner.api.get(f"/api/v1/triggers/{trigger.pk}").json()["health"]["silence"]
    assert "Nothing since" in shown["words"]
    assert "Unusually quiet" in owner.client.get(owner.path(f"triggers/{trigger.pk}")).content.decode()
