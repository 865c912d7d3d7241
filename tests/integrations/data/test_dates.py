"""Dates in words, in zones, and the time between them."""

from __future__ import annotations

import pytest

from orchestrator_site.lib.errors import UserError
from tests.integrations.gate import run_action


@pytest.mark.parametrize(
    "date, more, iso",
    [
        ("2026-07-29", {}, "2026-07-29T00:00:00+00:00"),
        ("2026-07-29", {"zone": "Europe/Berlin"}, "2026-07-29T00:00:00+02:00"),
        ("2026-07-29T22:30:00Z", {"zone": "Europe/Berlin"}, "2026-07-30T00:30:00+02:00"),
        ("Wed, 29 Jul 2026 14:30:00 +0200", {}, "2026-07-29T12:30:00+00:00"),
        ("29.07.2026", {}, "2026-07-29T00:00:00+00:00"),
        ("01/02/2026", {}, "2026-02-01T00:00:00+00:00"),
        ("01/02/2026", {"order": "month first"}, "2026-01-02T00:00:00+00:00"),
        ("July 29, 2026", {}, "2026-07-29T00:00:00+00:00"),
        (1785283200, {}, "2026-07-29T00:00:00+00:00"),
        ("1785283200000", {}, "2026-07-29T00:00:00+00:00"),
    ],
)
def test_a_date_is_read_however_it_is_written(date, more, iso):
    assert run_action("data.date", {"date": date, **more}).output["iso"] == iso


def test_a_date_is_given_in_parts_and_in_a_format():
    given = {"date": "2026-01-01T23:30:00Z", "zone": "Asia/Tokyo", "format": "%A, %-d %B %Y %H:%M"}
    output = run_action("data.date", given).output
    assert output["text"] == "Friday, 2 January 2026 08:30"
    assert (output["date"], output["weekday"], output["weekday_number"], output["week"]) == (
        "2026-01-02",
        "Friday",
        5,
        1,
    )
    assert output["utc"] == "2026-01-01T23:30:00Z"


@pytest.mark.parametrize(
    "move, text",
    [
        ({"date": "2026-01-31", "months": 1}, "2026-02-28 00:00"),
        ({"date": "2024-02-29", "years": -1}, "2023-02-28 00:00"),
        ({"date": "2026-03-28T12:00", "days": 1, "zone": "Europe/Berlin"}, "2026-03-29 12:00"),
        ({"date": "2026-03-28T12:00", "hours": 24, "zone": "Europe/Berlin"}, "2026-03-29 13:00"),
        ({"date": "2026-01-01", "weeks": 1, "minutes": -1}, "2026-01-07 23:59"),
    ],
)
def test_a_date_is_moved_by_the_calendar_or_by_the_clock(move, text):
    assert run_action("data.date_add", {"format": "%Y-%m-%d %H:%M", **move}).output["text"] == text


def test_the_time_between_two_dates():
    given = {"start": "2026-01-01T23:00:00Z", "end": "2026-01-03T01:00:00Z", "unit": "hours"}
    output = run_action("data.date_difference", given).output
    assert output == {"value": 26.0, "whole": 26, "seconds": 93600, "calendar_days": 2, "later": True}
    back = run_action("data.date_difference", {"start": "2026-01-03", "end": "2026-01-01"}).output
    assert (back["whole"], back["later"]) == (-2, False)


@pytest.mark.parametrize(
    "action, given, code",
    [
        ("data.date", {"date": "soon"}, "E_DATE"),
        ("data.date", {"date": "1969-12-31"}, "E_DATE"),
        ("data.date", {"date": True}, "E_DATE"),
        ("data.date", {"date": "2026-01-01", "zone": "Mars/X"}, "E_TZ"),
        ("data.date", {"date": "2026-01-01", "zone": "../etc/passwd"}, "E_TZ"),
        ("data.date", {"date": "2026-01-01", "format": "%0999d"}, "E_TPL_VALUE"),
        ("data.date_add", {"date": "2026-01-01", "years": 500}, "E_DATE"),
    ],
)
def test_what_is_no_date_is_refused_in_words(action, given, code):
    with pytest.raises(UserError) as wrong:
        run_action(action, given)
    assert wrong.value.code == code
