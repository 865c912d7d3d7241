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
class ModelFacts:
    """What is known of one model: US dollars per million tokens, and the day it ends."""

    id: str
    input: float
    output: float
    long: LongPrompt | None = None
    ends: date | None = None

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """US dollars for one request."""
        dear = self.long if self.long and input_tokens > self.long.above else None
        spent = input_tokens * self.input * (dear.input if dear else 1)
        made = output_tokens * self.output * (dear.output if dear else 1)
        return round((spent + made) / MILLION, 9)


@dataclass(frozen=True)
class Family:
    """How the models of one family take parameters: refused ones are left out, renamed ones sent by another name."""

    prefix: str
    refuses: frozenset[str] = frozenset()
    renames: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelTable:
    """The models of one service."""

    defaults: tuple[str, ...]
    families: tuple[Family, ...]
    models: Mapping[str, ModelFacts]

    def find(self, model: str) -> ModelFacts | None:
        """The facts of a model by its id; dated ids (`…-2026-01-01`) are those of the model they are dated from."""
        return self.models.get(model) or self.models.get(_DATED.sub("", model))

    def cost(self, model: str, input_tokens: int, output_tokens: int) -> float | None:
        """US dollars for one request; None for a model nobody has given a price."""
        facts = self.find(model)
        return facts.cost(input_tokens, output_tokens) if facts else None

    def default(self, today: date) -> str:
        """The first default that has not ended."""
        living = (name for name in self.defaults if not self._ended(name, today))
        return next(living, self.defaults[-1])

    def parameters(self, model: str, wanted: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The parameters as this model takes them, and the names of those it does not take."""
        family = next((f for f in self.families if model.startswith(f.prefix)), Family(""))
        given = {name: value for name, value in wanted.items() if value is not None}
        dropped = [name for name in given if name in family.refuses]
        return {family.renames.get(n, n): v for n, v in given.items() if n not in family.refuses}, dropped

    def in_words(self, model: str) -> str:
        """What a million tokens in and out cost, and when the model ends; "" where nothing is known."""
        facts = self.find(model)
        if facts is None:
            return ""
        ends = f", ends {facts.ends:%-d %b %Y}" if facts.ends else ""
        return f"${facts.input:g} in, ${facts.output:g} out per million tokens{ends}"

    def order(self, model: str) -> tuple[bool, bool, str]:
        """Models that stay and have a price come first."""
        facts = self.find(model)
        return facts is None, bool(facts and facts.ends), model

    def _ended(self, name: str, today: date) -> bool:
        facts = self.models.get(name)
        return bool(facts and facts.ends and facts.ends <= today)


@cache
def read_table(path: Path) -> ModelTable:
    """Read a `models.json`. Raises ValueError or KeyError when it is not one."""
    raw = json.loads(path.read_text())
    families = (
        Family(item["prefix"], frozenset(item.get("refuses", ())), item.get("renames", {})) for item in raw["families"]
    )
    return ModelTable(tuple(raw["defaults"]), tuple(families), dict(_facts(raw["models"])))


def _facts(models: Mapping[str, Any]) -> Iterator[tuple[str, ModelFacts]]:
    for name, item in models.items():
        long = LongPrompt(**item["long"]) if "long" in item else None
        ends = date.fromisoformat(item["ends"]) if "ends" in item else None
        yield name, ModelFacts(name, float(item["input"]), float(item["output"]), long, ends)
