"""Real workers are killed, frozen and failed at named places; the service's journal says what really happened.

A slice of `make faults` (docs/faults.md): places of every part of an effect's life in few stories.
"""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.faults.judge import HONEST, OURS
from tests.faults.stage import Stage

pytestmark = pytest.mark.faults
DATABASE = "postgres" if os.environ.get("TEST_DB") == "postgres" else "sqlite"


@pytest.mark.parametrize(
    ("mode", "places"),
    [
        ("kill", ("P08", "P12", "P15", "P17")),  # intent not committed, answer lost, result not committed, took over
        ("raise", ("P06", "P13", "P16", "P25")),
        ("stop", ("P09",)),
    ],
)
def test_workers_that_meet_their_fate_at_named_places_lose_and_double_nothing(mode, places):
    with Stage(DATABASE, scale=0.25) as stage:
        stage.env["FAKE_TRANSPORT"] = "blocking"
        stage.start_workers(**stage.crash(*(f"{place}:1:{mode}" for place in places)))
        stage.start_runs("effects", 4)
        stage.until_quiet(60)
        assert [place for place in places if not stage.crashed(place)] == [], "a place was never passed"
        verdict = stage.check(HONEST | OURS if mode == "raise" else HONEST)
        assert verdict.clean, verdict.details


def test_everything_killed_at_once_goes_on_when_started_again():
    with Stage(DATABASE) as stage:
        supervisor = stage.start_workers()
        stage.plan(*["slow:1"] * 4)
        stage.start_runs("effects", 4)
        time.sleep(1.5)
        stage.kill_all(supervisor)
        began = time.monotonic()
        stage.start_workers()
        stage.until_quiet(40)
        assert time.monotonic() - began < 30
        verdict = stage.check()
        assert verdict.clean, verdict.details


def test_a_step_that_kills_its_worker_is_stopped_after_three_deaths_alone_and_others_go_on():
    with Stage(DATABASE) as stage:
        stage.start_workers()
        stage.start_runs("poison", 1)
        stage.start_runs("pure", 3)
        stage.until_quiet(60)
        evidence = stage.act("evidence")
        by_code = sorted((run["status"], run["code"]) for run in evidence["runs"])
        assert by_code == [("failed", "E_POISON"), *[("succeeded", "")] * 3], by_code


def test_a_drain_finishes_what_is_in_flight_and_hands_back_the_rest():
    with Stage(DATABASE) as stage:
        supervisor = stage.start_workers()
        stage.start_runs("slow", 2)
        time.sleep(1.5)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(30) == 0
        states = sorted(run["status"] for run in stage.act("evidence")["runs"])
        assert set(states) <= {"succeeded", "queued"}, states
        stage.start_workers()
        stage.until_quiet(30)
        assert stage.check().clean
