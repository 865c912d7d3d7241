"""The benchmark's table: medians, targets met and missed, what could not be measured."""

from __future__ import annotations

from importlib import import_module

import pytest

from benchmarks.report import markdown, medians, printed
from benchmarks.workloads import WORKLOADS

MACHINE = {"cores": 2, "python": "3.11.7", "python_ms": 27.0, "load_before": 0.1}


def sitting(**figures):
    return {"at": "2026-11-24 10:00", "machine": MACHINE, "load_after": 1.5, "figures": figures}


def test_a_figure_is_the_median_of_its_repetitions():
    found = medians([{"wall_s": 3.0, "pss_mb": 300}, {"wall_s": 1.0, "pss_mb": 500}, {"wall_s": 2.0, "pss_mb": 310}])
    assert found == {"wall_s": 2.0, "pss_mb": 310, "repetitions": 3, "wall_s_range": [1.0, 3.0]}


def test_a_missed_target_says_so_and_each_database_has_its_own():
    text = printed(sitting(sqlite={"W1b": {"runs_per_s": 500.0}}, postgres={"W1b": {"runs_per_s": 500.0}}))
    line = next(line for line in text.splitlines() if line.startswith("W1b"))
    assert line.split() == ["W1b", "runs_per_s", "≥", "600", "/", "400", "500", "(missed)", "500"]


def test_a_workload_that_could_not_be_measured_is_not_left_out():
    assert "failed" in markdown(sitting(sqlite={"W4": {"failed": "the workers did not start"}}))


def test_the_sitting_says_on_what_machine_and_under_what_load():
    assert "2 cores" in markdown(sitting(sqlite={})) and "load 0.1 before and 1.5 after" in printed(sitting(sqlite={}))


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_workload_has_its_code(name):
    module, _, function = WORKLOADS[name].code.partition(":")
    assert callable(getattr(import_module(f"benchmarks.{module}"), function))
