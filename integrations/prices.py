"""What models cost and which parameters they refuse, read from a service's `models.json`. Model ids are data. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

_DATED = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|latest)$")
MILLION = 1_000_000


@dataclass(frozen=True)
class LongPrompt:
    """Above so many input tokens the whole request costs a multiple."""

    above: int
    input: float
    output: float


@dataclass(frozen=True)
class Used:
    """The tokens of one request: `input` are all that were read; `cached` and `written` are those of them that came
    from the service's cache or went into it, at other prices."""

    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0


@dataclass(frozen=True)
class ModelFacts:
    """What is known of one model: US dollars per million tokens, per minute or per image, and the day it ends.

    `cached` and `written` are the prices of input tokens read from and written to the cache; None: the usual price.
    `instead` is the model that the service says to use from `ends` on.
    """

    id: str
    input: float = 0.0
    output: float = 0.0
    cached: float | None = None
    written: float | None = None
    long: LongPrompt | None = None
    minute: float | None = None
    ends: date | None = None
    instead: str = ""
    use: str = "text"

    def cost(self, used: Used) -> float:
        """US dollars for one request."""
        dear = self.long if self.long and used.input > self.long.above else None
        plain = max(0, used.input - used.cached - used.written)
        known = used.cached * _or(self.cached, self.input) + used.written * _or(self.written, self.input)
        read = (plain * self.input + known) * (dear.input if dear else 1)
        made = used.output * self.output * (dear.output if dear else 1)
        return round((read + made) / MILLION, 9)


def _or(price: float | None, usual: float) -> float:
    return usual if price is None else price


@dataclass(frozen=True)
class Family:
    """How the models of one family take parameters: refused ones are left out, renamed ones sent by another name."""

    prefix: str
    refuses: frozenset[str] = frozenset()
    renames: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelTable:
    """The models of one service; `defaults` by what they are used for ("text", "embedding" …), the first ones first."""

    defaults: Mapping[str, tuple[str, ...]]
    families: tuple[Family, ...]
    models: Mapping[str, ModelFacts]
    source: str = ""

    def find(self, model: str) -> ModelFacts | None:
        """The facts of a model by its id; dated ids (`…-2026-01-01`) are those of the model they are dated from."""
        return self.models.get(model) or self.models.get(_DATED.sub("", model))

    def cost(self, model: str, used: Used) -> float | None:
        """US dollars for one request; None for a model nobody has given a price."""
        facts = self.find(model)
        return facts.cost(used) if facts else None

    def default(self, today: date, use: str = "text") -> str:
        """The first default that has not ended. Raises KeyError for a use that the service has no model for."""
        names = self.defaults[use]
        return next((name for name in names if not self.ended(name, today)), names[-1])

    def parameters(self, model: str, wanted: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The parameters as this model takes them, and the names of those it does not take."""
        family = self.family(model)
        given = {name: value for name, value in wanted.items() if value is not None}
        dropped = [name for name in given if name in family.refuses]
        return {name: value for name, value in given.items() if name not in family.refuses}, dropped

    def family(self, model: str) -> Family:
        """The first family whose prefix fits."""
        return next((f for f in self.families if model.startswith(f.prefix)), Family(""))

    def in_words(self, model: str) -> str:
        """What a million tokens in and out cost, and when the model ends; "" where nothing is known."""
        facts = self.find(model)
        if facts is None:
            return ""
        ends = f", ends {facts.ends.day} {facts.ends:%b %Y}" if facts.ends else ""
        if facts.minute is not None:
            return f"${facts.minute:g} per minute{ends}"
        made = f", ${facts.output:g} out" if facts.output else ""
        return f"${facts.input:g} in{made} per million tokens{ends}"

    def order(self, model: str) -> tuple[bool, bool, str]:
        """Models that stay and have a price come first."""
        facts = self.find(model)
        return facts is None, bool(facts and facts.ends), model

    def ended(self, name: str, today: date) -> bool:
        """Whether the service has shut the model down by that day."""
        facts = self.find(name)
        return bool(facts and facts.ends and facts.ends <= today)


@cache
def read_table(path: Path) -> ModelTable:
    """Read a `models.json`. Raises ValueError or KeyError when it is not one."""
    raw = json.loads(path.read_text())
    families = (
        Family(item["prefix"], frozenset(item.get("refuses", ())), item.get("renames", {})) for item in raw["families"]
    )
    defaults = {use: tuple(names) for use, names in raw["defaults"].items()}
    return ModelTable(defaults, tuple(families), dict(_facts(raw["models"])), raw.get("comment", ""))


def _facts(models: Mapping[str, Any]) -> Iterator[tuple[str, ModelFacts]]:
    for name, item in models.items():
        given = dict(item)
        if "long" in given:
            given["long"] = LongPrompt(**given["long"])
        if "ends" in given:
            given["ends"] = date.fromisoformat(given["ends"])
        yield name, ModelFacts(name, **given)
