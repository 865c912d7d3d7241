"""Models that end are told when a workflow is saved, with the day and what to use instead."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from workflows.engine import catalogue
from workflows.engine.actions import ConnectionFacts, Facts
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import parse
from workflows.engine.problems import check


@pytest.fixture(autouse=True)
def _november(monkeypatch):
    monkeypatch.setattr(catalogue, "now", lambda: datetime(2026, 11, 24, tzinfo=UTC))


def found(connection="", **inputs):
    step = {"key": "ask", "action": "ai.complete", "with": {"prompt": "Hi", **inputs}}
    step |= {"connection": connection} if connection else {}
    known = Facts(connections={"claude": ConnectionFacts("claude", "anthropic")}, defaults=frozenset({"openai"}))
    problems = check(parse({"format": 1, "name": "T", "steps": [step]}), CATALOGUE, known)
    return [problem for problem in problems if problem.code == "W_MODEL_DEPRECATED"]


def test_a_model_that_will_end_is_a_warning_with_its_day():
    [problem] = found(model="gpt-4o")
    assert (problem.severity, problem.field) == ("warning", "with.model")
    assert "ends on 14 January 2027" in problem.message and problem.hint == "Use gpt-6-luna instead."


def test_a_model_that_has_ended_is_said_so_and_dated_ids_too():
    assert "has ended on 23 October 2026" in found(model="o4-mini-2025-04-16")[0].message


def test_fallbacks_are_looked_at_as_well():
    assert [problem.field for problem in found(fallback=["gpt-6-sol", "gpt-5"])] == ["with.fallback"]


@pytest.mark.parametrize("model", ["gpt-6.2-sol", "llama3.3", "{{ inputs.model }}", None])
def test_models_that_stay_and_those_nobody_knows_are_no_problem(model):
    assert found(model=model) == []


def test_a_model_is_judged_by_the_service_of_its_connection():
    assert found(connection="claude", model="gpt-4o") == []
    assert "30 November 2026" in found(connection="claude", model="claude-sonnet-4-5-20250929")[0].message


def test_prices_can_be_looked_at():
    out = StringIO()
    call_command("model_prices", "gpt-4o", service="openai", stdout=out)
    assert "0.15" in out.getvalue() and "ends 2027-01-14, then gpt-6-luna" in out.getvalue()
    assert "read in November 2026" in out.getvalue() and "claude" not in out.getvalue()
    with pytest.raises(CommandError, match="no service"):
        call_command("model_prices", service="nobody", stdout=out)
