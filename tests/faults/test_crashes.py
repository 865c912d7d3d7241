"""Real workers are killed at named places and at random; the service's journal says what really happened."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.faults.stage import Stage, judge

pytestmark = pytest.mark.faults
# The places of a run with an effect; the whole matrix is `make faults`.
SLICE = ("P08", "P09", "P14")


@pytest.mark.parametrize("place", SLICE)
def test_a_worker_killed_at_a_named_place_loses_and_doubles_nothing(place):
    with Stage() as stage:
        stage.start_workers(AWO_CRASH=f"{place}:1:kill", AWO_CRASH_ONCE=str(stage.folder / "crashed"))
        stage.start_runs("effects", 3)
        stage.until_quiet(40)
        assert (stage.folder / "crashed").exists(), "the crash point was never passed"
        verdict = stage.check()
        assert verdict.clean, verdict.details


def test_random_kills_lose_and_double_nothing():
    chance = random.Random(7)
    with Stage() as stage:
        stage.start_workers()
        stage.plan(*[chance.choice(("ok", "ok", "lose", "drop", "500done")) for _ in range(30)])
        stage.start_runs("effects", 8)
        for _ in range(3):
            time.sleep(chance.uniform(0.2, 0.6))
            for pid in stage.worker_pids()[:1]:
                stage.kill(pid)
        stage.until_quiet(60)
        verdict = stage.check()
        assert verdict.clean, verdict.details


def test_everything_killed_at_once_goes_on_when_started_again():
    with Stage() as stage:
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
    with Stage() as stage:
        stage.start_workers()
        stage.start_runs("poison", 1)
        stage.start_runs("pure", 3)
        stage.until_quiet(60)
        evidence = stage.act("evidence")
        by_code = sorted((run["status"], run["code"]) for run in evidence["runs"])
        assert by_code == [("failed", "E_POISON"), *[("succeeded", "")] * 3], by_code


def test_a_drain_finishes_what_is_in_flight_and_hands_back_the_rest():
    with Stage() as stage:
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


def test_the_checker_sees_each_of_the_five_faults():
    run = {
        "id": "r",
        "status": "succeeded",
        "code": "",
        "finished_steps": 1,
        "wanted_steps": 1,
        "confirmed": 1,
        "effects": 1,
    }
    effect = {"key": "k", "state": "confirmed"}
    good = {"runs": [run], "effects": [effect]}
    assert judge(["r"], [{"key": "k"}], good).clean
    assert judge(["r", "gone"], [{"key": "k"}], good).lost == 1
    assert judge(["r"], [], good).lost == 1
    assert judge(["r"], [{"key": "k"}, {"key": "k"}], good).doubled == 1
    assert judge(["r"], [{"key": "k"}, {"key": "other"}], good).phantom == 1
    assert judge(["r"], [{"key": "k"}], {**good, "runs": [{**run, "status": "running"}]}).stuck == 1
    assert judge(["r"], [{"key": "k"}], {**good, "runs": [{**run, "confirmed": 0}]}).lying == 1
