"""The words of states, times, durations and money."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator_site.lib import look

NOW = datetime(2026, 11, 24, 12, 41, tzinfo=UTC)


@pytest.mark.parametrize(
    "status, word",
    [
        ("queued", "Queued"),
        ("running", "Running"),
        ("paused", "Paused"),
        ("attention", "Needs you"),
        ("succeeded", "Succeeded"),
        ("failed", "Failed"),
        ("cancelled", "Cancelled"),
        ("timed_out", "Timed out"),
    ],
)
def test_a_run_state_has_its_word(status, word):
    assert look.run_sign(status).word == word


def test_a_waiting_run_says_for_whom():
    assert look.run_sign("waiting", waiting_for="you").word == "Waiting for you"


@pytest.mark.parametrize("count, word", [(1, "Succeeded, 1 warning"), (2, "Succeeded, 2 warnings")])
def test_warnings_are_counted_and_amber(count, word):
    assert look.run_sign("succeeded", warnings=count) == look.Sign(word, "alert-circle", "need")


def test_a_dry_run_that_failed_is_shown_as_failed():
    assert look.run_sign("succeeded", mode="dry").word == "Dry run"
    assert look.run_sign("failed", mode="dry").word == "Failed"


def test_an_unanswered_effect_is_checking_and_never_red():
    assert look.effect_sign("unknown") == look.Sign("Checking", "zoom-question", "check")


def test_a_state_without_a_row_is_shown_in_its_own_words():
    assert look.step_sign("on_hold") == look.Sign("On hold", "circle", "idle")


@pytest.mark.parametrize(
    "ago, words",
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=11), "11 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "11:41"),
        (timedelta(hours=13), "Yesterday"),
        (timedelta(days=6), "18 Nov"),
        (timedelta(days=400), "20 Oct 2025"),
        (-timedelta(seconds=5), "in a moment"),
        (-timedelta(minutes=4), "in 4 min"),
        (-timedelta(hours=2), "14:41"),
        (-timedelta(days=1), "Tomorrow"),
    ],
)
def test_times_are_minutes_then_the_clock_then_the_day(ago, words):
    assert look.age(NOW - ago, NOW) == words


@pytest.mark.parametrize(
    "seconds, words",
    [
        (None, "–"),
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (91, "1 min 31 s"),
        (4320, "1 h 12 min"),
        (187200, "2 d 4 h"),
    ],
)
def test_durations(seconds, words):
    assert look.duration(seconds) == words


@pytest.mark.parametrize("value, decimals, words", [(0.0142, 4, "$0.0142"), (None, 4, "–"), ("1234.5", 2, "$1,234.50")])
def test_money(value, decimals, words):
    assert look.money(value, decimals) == words


@pytest.mark.parametrize(
    "name, letters", [("Mara Lindqvist", "ML"), ("owner", "OW"), ("owner@localhost", "OL"), ("", "")]
)
def test_initials(name, letters):
    assert look.initials(name) == letters
