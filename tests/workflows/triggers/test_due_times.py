"""When a schedule is due: the changes of the clock in four zones, what is refused, what is missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator_site.lib.errors import UserError
from workflows.engine.due_times import read_schedule, schedule_of, what_is_due


def schedule(**said):
    return schedule_of(read_schedule(said))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Zone, cron, the day around the change in UTC, the local times it is due (with offset). Forward: a gap; back: a fold.
CHANGES = [
    # Berlin goes from 02:00 to 03:00 on 29 March, and from 03:00 back to 02:00 on 25 October 2026.
    ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", "03-29 03:00+02:00, 03-30 02:30+02:00"),
    ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", "10-25 02:30+02:00, 10-26 02:30+01:00"),
    ("Europe/Berlin", "0 3 * * *", "2026-03-28T12:00", "03-29 03:00+02:00, 03-30 03:00+02:00"),
    ("Europe/Berlin", "0 2,3 * * *", "2026-10-24T12:00", "10-25 02:00+02:00, 10-25 03:00+01:00, 10-26 02:00+01:00"),
    ("Europe/Berlin", "*/30 * * * *", "2026-03-29T00:15", "03-29 01:30+01:00, 03-29 03:00+02:00, 03-29 03:30+02:00"),
    ("Europe/Berlin", "30 * * * *", "2026-10-25T00:00", "10-25 02:30+02:00, 10-25 02:30+01:00, 10-25 03:30+01:00"),
    # New York: 8 March and 1 November 2026.
    ("America/New_York", "15 2 * * *", "2026-03-07T12:00", "03-08 03:00-04:00, 03-09 02:15-04:00"),
    ("America/New_York", "15 1 * * *", "2026-10-31T12:00", "11-01 01:15-04:00, 11-02 01:15-05:00"),
    ("America/New_York", "0 9 * * *", "2026-10-31T12:00", "10-31 09:00-04:00, 11-01 09:00-05:00, 11-02 09:00-05:00"),
    # Lord Howe moves by half an hour: 4 October forward, 5 April back.
    ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00", "10-04 02:30+11:00, 10-05 02:15+11:00"),
    ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00", "04-05 01:45+11:00, 04-06 01:45+10:30"),
    (
        "Australia/Lord_Howe",
        "45 * * * *",
        "2026-04-04T14:00",
        "04-05 01:45+11:00, 04-05 01:45+10:30, 04-05 02:45+10:30",
    ),
    # Santiago has no midnight on 6 September, and two hours before midnight on 4 April.
    ("America/Santiago", "0 0 * * *", "2026-09-05T12:00", "09-06 01:00-03:00, 09-07 00:00-03:00"),
    ("America/Santiago", "30 23 * * *", "2026-04-04T12:00", "04-04 23:30-03:00, 04-05 23:30-04:00"),
    ("America/Santiago", "0 * * * *", "2026-09-06T03:00", "09-06 01:00-03:00, 09-06 02:00-03:00"),
    ("America/Santiago", "30 * * * *", "2026-04-05T02:00", "04-04 23:30-03:00, 04-04 23:30-04:00, 04-05 00:30-04:00"),
]


def local(due: datetime, zone) -> str:
    there = due.astimezone(zone)
    return f"{there:%m-%d %H:%M}{there.isoformat()[-6:]}"


def test_changes_of_the_clock_are_exact():
    for zone, cron, start, expected in CHANGES:
        found = schedule(cron=cron, timezone=zone)
        wanted = expected.split(", ")
        assert [local(due, found.zone) for due in found.upcoming(utc(start), len(wanted))] == wanted, (zone, cron)


def test_asked_at_any_moment_the_answer_is_the_same_row_of_times():
    """From the middle of the fold, of the gap, from a due time itself: never one twice, never one left out."""
    for zone, cron, start, _ in CHANGES:
        found = schedule(cron=cron, timezone=zone)
        begin, end = utc(start), utc(start) + timedelta(hours=40)
        whole = found.between(begin, end)
        assert whole == sorted(set(whole))
        moment = begin
        while moment < end:
            expected = next((due for due in whole if due > moment), None)
            if expected is not None:
                assert found.next(moment) == expected, (zone, cron, moment)
            moment += timedelta(minutes=7, seconds=13)


def test_plain_choices():
    daily = schedule(at=["17:30", "9:00"], weekdays=["fri", "mon"], timezone="Europe/Berlin")
    assert daily.sentence == "Every Monday and Friday at 09:00 and 17:30, Europe/Berlin time"
    start = utc("2026-11-24T00:00")
    assert [local(due, daily.zone) for due in daily.upcoming(start, 3)] == [
        "11-27 09:00+01:00",
        "11-27 17:30+01:00",
        "11-30 09:00+01:00",
    ]
    assert schedule(at="09:00", weekdays=["mon", "tue", "wed", "thu", "fri"]).sentence == "Every weekday at 09:00, UTC"
    often = schedule(every={"minutes": 15})
    assert often.sentence == "Every 15 minutes" and often.next(start) == utc("2026-11-24T00:15")
    assert schedule(every=5400).sentence == "Every 1 hour and 30 minutes"
    assert schedule(cron="0 9 * * 1-5").sentence == "At 09:00 on Monday through Friday, UTC"


BAD = {
    "B140": ({"cron": "60 * * * *"}, "E_CRON", "config.cron"),
    "B141": ({"cron": "*/0 * * * *"}, "E_CRON", "config.cron"),
    "B142": ({"cron": "0 0 31 2 *"}, "E_CRON_NEVER", "config.cron"),
    "B143": ({"cron": "@reboot"}, "E_CRON", "config.cron"),
    "B144": ({"cron": "*/10 * * * * *"}, "E_CRON", "config.cron"),
    "words": ({"cron": "every day at nine o'clock"}, "E_CRON", "config.cron"),
    "letters of another script": ({"cron": "٣ * * * *"}, "E_CRON", "config.cron"),
    "a range that is none": ({"cron": "9-1 * * * *"}, "E_CRON", "config.cron"),
    "B146": ({"every": 10}, "E_CRON_TOO_OFTEN", "config.every"),
    "below none": ({"every": -5}, "E_CRON_TOO_OFTEN", "config.every"),
    "rare": ({"every": 10**12}, "E_RANGE", "config.every"),
    "B147": ({"cron": "0 " * 200}, "E_LENGTH", "config.cron"),
    "B99": ({"cron": "0 9 * * *", "timezone": "Mars/X"}, "E_TZ", "config.timezone"),
    "a path": ({"cron": "0 9 * * *", "timezone": "../../etc/passwd"}, "E_TZ", "config.timezone"),
    "time": ({"at": "25:00"}, "E_TIME", "config.at"),
    "no day": ({"at": "09:00", "weekdays": []}, "E_LENGTH", "config.weekdays"),
    "two": ({"at": "09:00", "cron": "0 9 * * *"}, "E_SCHEDULE", "config"),
    "none": ({}, "E_SCHEDULE", "config"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_schedule_that_cannot_be_is_refused_in_words(case):
    said, code, field = BAD[case]
    with pytest.raises(UserError) as refused:
        schedule(**said)
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize("policy, runs, missed", [("coalesce", 1, 499), ("skip", 0, 500), ("all", 100, 400)])
def test_f19_down_across_five_hundred_due_times(policy, runs, missed):
    found = schedule(cron="* * * * *", misfire=policy)
    first = utc("2026-11-24T00:00")
    due = what_is_due(found, first, first + timedelta(minutes=499, seconds=40))
    assert (len(due.runs), due.missed) == (runs, missed)
    assert due.next == first + timedelta(minutes=500)
    if policy == "coalesce":
        assert due.runs == ((first + timedelta(minutes=499), 499),)


def test_a_due_time_in_time_is_no_miss():
    for policy in ("coalesce", "skip", "all"):
        found = schedule(cron="* * * * *", misfire=policy)
        first = utc("2026-11-24T00:00")
        due = what_is_due(found, first, first + timedelta(seconds=2))
        assert (due.runs, due.missed, due.next) == (((first, 0),), 0, first + timedelta(minutes=1))


def test_years_away_cost_no_minute():
    found = schedule(cron="* * * * *", misfire="all")
    at = utc("2026-11-24T00:00")
    due = what_is_due(found, at - timedelta(days=700), at)
    assert len(due.runs) == 100 and due.runs[-1][0] == at and due.next == at + timedelta(minutes=1)
