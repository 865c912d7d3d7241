"""Prices and manners of models are data: read, dated, and tolerant of what nobody has heard of."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import integrations
from integrations.prices import Used, read_table

FILES = sorted(Path(integrations.__file__).parent.glob("*/models.json"))
OPENAI = read_table(next(path for path in FILES if path.parent.name == "openai"))
EXPENSIVE = ("gpt-6.2-astra", "gpt-6-astra", "gpt-5.6-sol", "gpt-4o", "gpt-4.1", "gpt-4o-mini")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_table_is_complete(path):
    table = read_table(path)
    assert set().union(*table.defaults.values()) <= set(table.models)
    assert "read in" in table.source, "prices say where they are from, and when they were read"
    for use, names in table.defaults.items():
        assert {table.models[name].use for name in names} == {use}
    for facts in table.models.values():
        assert facts.input >= 0 and (facts.use != "text" or 0 < facts.input <= facts.output)
        assert (facts.cached or 0) <= facts.input <= (facts.written or facts.input)
        assert not facts.ends or table.find(facts.instead), f"{facts.id} ends; what is used instead?"


@pytest.mark.parametrize("model", EXPENSIVE)
def test_the_families_of_today_have_prices(model):
    assert OPENAI.cost(model, Used(1000, 1000)) > 0


def test_a_dated_id_costs_what_its_model_costs():
    assert OPENAI.cost("gpt-4o-mini-2024-07-18", Used(10**6, 10**6)) == pytest.approx(0.75)


def test_a_very_long_prompt_costs_more():
    assert OPENAI.cost("gpt-6-sol", Used(300_000)) == pytest.approx(300_000 * 4 / 1e6)


def test_tokens_from_the_cache_cost_less_and_those_put_into_it_more():
    assert OPENAI.cost("gpt-6-sol", Used(200_000, cached=100_000)) == pytest.approx(0.2 + 0.02)
    assert OPENAI.cost("gpt-6-sol", Used(200_000, written=200_000)) == pytest.approx(0.5)


def test_an_unknown_model_has_no_price_and_keeps_its_parameters():
    assert OPENAI.cost("llama3.3", Used(1, 1)) is None
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
