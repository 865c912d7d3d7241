"""Whether what came out is what a test expects; every difference in a sentence. Pure.

An expected value is met by the same value; an object with one of the words below is a question to the value instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator_site.lib.json import dumps
from workflows.operations.testing.cases import Case, EffectWanted

SHOWN = 200


@dataclass(frozen=True)
class Came:
    """What came out of a run: `steps` are the states each step was in, over all passes of its loops."""

    status: str
    error: str = ""
    message: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, set[str]] = field(default_factory=dict)
    effects: tuple[Mapping[str, Any], ...] = ()


def judge(case: Case, came: Came) -> list[str]:
    """What is not as expected; empty: the test is green."""
    wanted = case.expect
    found: list[str] = []
    if came.status != wanted.status:
        why = f" ({came.error}: {came.message[:SHOWN]})" if came.error else ""
        found.append(f"The run {came.status}{why}; expected: {wanted.status}.")
    if wanted.error and came.error != wanted.error:
        found.append(f"The error is {came.error or 'none'}; expected: {wanted.error}.")
    for name, value in wanted.outputs.items():
        found += _compare(value, came.outputs.get(name), f"outputs.{name}")
    for key, state in wanted.steps.items():
        found += _step(key, state, came.steps.get(key, set()))
    return [*found, *_effects(case, came)]


def _step(key: str, wanted: str, states: set[str]) -> list[str]:
    met = {
        "ran": "succeeded" in states,
        "failed": "failed" in states,
        "not_run": not states & {"succeeded", "failed"},
    }[wanted]
    was = ", ".join(sorted(states)) or "not run"
    return [] if met else [f"Step {key} is {was}; expected: {wanted.replace('_', ' ')}."]


def _effects(case: Case, came: Came) -> list[str]:
    found: list[str] = []
    matched: set[int] = set()
    for wanted in case.expect.effects:
        fitting = [i for i, effect in enumerate(came.effects) if _fits(wanted, effect)]
        matched |= set(fitting)
        if wanted.count is None and not fitting:
            found.append(f"No change is planned like {_words(wanted)}; planned: {_planned(came)}.")
        elif wanted.count is not None and len(fitting) != wanted.count:
            found.append(f"{len(fitting)} changes are planned like {_words(wanted)}; expected: {wanted.count}.")
    if case.expect.only_these and (others := [e for i, e in enumerate(came.effects) if i not in matched]):
        found.append(f"Other changes are planned too: {', '.join(_name(effect) for effect in others[:10])}.")
    return found


def _fits(wanted: EffectWanted, effect: Mapping[str, Any]) -> bool:
    if (wanted.op and wanted.op != effect["op"]) or (wanted.step and wanted.step != effect["step"]):
        return False
    return all(
        not _compare(value, (effect.get(part) or {}).get(name) if isinstance(effect.get(part), dict) else None, name)
        for part in ("target", "after")
        for name, value in getattr(wanted, part).items()
    )


def _words(wanted: EffectWanted) -> str:
    return _cut(wanted.model_dump(mode="json", exclude_defaults=True))


def _planned(came: Came) -> str:
    return ", ".join(_name(effect) for effect in came.effects[:10]) or "nothing"


def _name(effect: Mapping[str, Any]) -> str:
    return f"{effect['op']} ({effect['step']})"


def _cut(value: Any) -> str:
    text = dumps(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


# ---- One value -----------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_ASK: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda wanted, value: _same(wanted, value),
    "not": lambda wanted, value: not _same(wanted, value),
    "contains": lambda wanted, value: wanted in value if isinstance(value, list) else _text(wanted) in _text(value),
    "matches": lambda wanted, value: like(_text(wanted), _text(value)),
    "at_least": lambda wanted, value: _number(value) and _number(wanted) and value >= wanted,
    "at_most": lambda wanted, value: _number(value) and _number(wanted) and value <= wanted,
    "is_empty": lambda wanted, value: (value in (None, "", [], {})) == bool(wanted),
}


def _compare(wanted: Any, value: Any, where: str) -> list[str]:
    """The differences of one value; an object is compared name by name, what is not named does not matter."""
    if isinstance(wanted, dict) and len(wanted) == 1 and (word := next(iter(wanted))) in _ASK:
        met = _ASK[word](wanted[word], value)
        return [] if met else [f"{where} is {_cut(value)}; expected: {word.replace('_', ' ')} {_cut(wanted[word])}."]
    if isinstance(wanted, dict) and isinstance(value, dict):
        return [each for name, item in wanted.items() for each in _compare(item, value.get(name), f"{where}.{name}")]
    return [] if _same(wanted, value) else [f"{where} is {_cut(value)}; expected: {_cut(wanted)}."]


def _same(wanted: Any, value: Any) -> bool:
    """Equal, and of one kind: 1 is 1.0, but neither true nor "1"."""
    return wanted == value and isinstance(wanted, bool) == isinstance(value, bool)


def like(pattern: str, text: str) -> bool:
    """Whether a text is like a pattern, in which * is anything and ? one character; in time that grows with both."""
    p = t = 0
    star, mark = -1, 0
    while t < len(text):
        if p < len(pattern) and pattern[p] == "*":
            star, mark, p = p, t, p + 1
        elif p < len(pattern) and pattern[p] in ("?", text[t]):
            p, t = p + 1, t + 1
        elif star >= 0:
            mark += 1
            p, t = star + 1, mark
        else:
            return False
    return all(character == "*" for character in pattern[p:])
