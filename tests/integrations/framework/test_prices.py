"""Prices and manners of models are data: read, dated, and tolerant of what nobody has heard of."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import integrations
from integrations.prices import read_table

FILES = sorted(Path(integrations.__file__).parent.glob("*/models.json"))
OPENAI = read_table(next(path for path in FILES if path.parent.name == "openai"))
EXPENSIVE = ("gpt-6.2-astra", "gpt-6-astra", "gpt-5.6-sol", "gpt-4o", "gpt-4.1", "gpt-4o-mini")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_table_is_complete(path):
    table = read_table(path)
    assert set(table.defaults) <= set(table.models)
    for facts in table.models.values():
        assert 0 < facts.input <= facts.output


@pytest.mark.parametrize("model", EXPENSIVE)
def test_the_families_of_today_have_prices(model):
    assert OPENAI.cost(model, 1000, 1000) > 0


def test_a_dated_id_costs_what_its_model_costs():
    assert OPENAI.cost("gpt-4o-mini-2024-07-18", 10**6, 10**6) == pytest.approx(0.75)


def test_a_very_long_prompt_costs_more():
    assert OPENAI.cost("gpt-6-sol", 300_000, 0) == pytest.approx(300_000 * 4 / 1e6)


def test_an_unknown_model_has_no_price_and_keeps_its_parameters():
    assert OPENAI.cost("llama3.3", 1, 1) is None
    assert OPENAI.parameters("llama3.3", {"temperature": 1, "max_tokens": 5}) == (
        {"temperature": 1, "max_tokens": 5},
        [],
    )


def test_a_model_that_has_ended_is_not_the_default():
    assert OPENAI.default(date(2026, 11, 24)) == "gpt-4o-mini"
    assert OPENAI.default(date(2027, 2, 1)) == "gpt-6-luna"


def test_no_model_id_stands_in_code():
    code = "".join(path.read_text() for path in Path(integrations.__file__).parent.rglob("*.py"))
    for name in (name for path in FILES for name in read_table(path).models if name != "gpt-4o-mini"):
        assert f'"{name}"' not in code
