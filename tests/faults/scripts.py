"""The workflows that the stories run, and what a run of each must have when it has succeeded. Pure."""

from __future__ import annotations

from typing import Any


def _make(key: str) -> dict[str, Any]:
    return {"key": key, "action": "fake.make", "with": {"title": key}}


WORKFLOWS: dict[str, list[dict[str, Any]]] = {
    "effects": [
        {"key": "first", "action": "data.format", "with": {"template": "one"}},
        {"key": "make", "action": "fake.make", "with": {"title": "{{ steps.first.text }}"}},
        {"key": "between", "action": "data.format", "with": {"template": "{{ steps.make.id }}"}},
        {"key": "again", "action": "fake.make", "with": {"title": "{{ steps.between.text }}"}},
        {"key": "last", "action": "data.format", "with": {"template": "{{ steps.again.id }}"}},
    ],
    "poison": [{"key": "die", "action": "fake.die", "with": {}}],
    "slow": [{"key": "ask", "action": "fake.model", "with": {"text": "x", "seconds": 3}}],
    "blind": [{"key": "make", "action": "fake.blind", "with": {"title": "blind"}}],
    "big": [
        {
            "key": "all",
            "action": "for_each",
            "with": {"items": [1, 2, 3]},
            "do": [
                {"key": "ask", "action": "fake.model", "with": {"text": "{{ inputs.text }}"}},
            ],
        },
        {"key": "make", "action": "fake.make", "with": {"title": "{{ steps.all.count }}"}},
    ],
    "each": [
        {
            "key": "all",
            "action": "for_each",
            "with": {"items": [1, 2, 3], "parallelism": 3},
            "do": [{"key": "make", "action": "fake.make", "with": {"title": "{{ item }}"}}],
        },
    ],
    "pair": [
        {"key": "ask", "action": "fake.model", "with": {"text": "x", "seconds": 0.5}},
        {"key": "read", "action": "fake.read", "with": {"q": "{{ steps.ask.text }}"}},
        {"key": "make", "action": "fake.make", "with": {"title": "{{ steps.read.text }}"}},
    ],
    "forks": [
        {"key": "which", "action": "switch", "with": {"value": "b"}, "cases": [{"equals": "b", "steps": [_make("b")]}]},
        {
            "key": "both",
            "action": "parallel",
            "branches": [{"key": "left", "steps": [_make("l")]}, {"key": "right", "steps": [_make("r")]}],
        },
        {"key": "last", "action": "data.format", "with": {"template": "{{ steps.both.results.left.l.id }}"}},
    ],
    "rounds": [
        {
            "key": "round",
            "action": "repeat",
            "with": {"until": "index >= 2", "limit": 5},
            "do": [_make("make"), {"key": "note", "action": "data.format", "with": {"template": "{{ index }}"}}],
        },
    ],
    "asks": [
        {"key": "ask", "action": "approve", "with": {"title": "Make it?"}},
        _make("make"),
    ],
    "rests": [
        {"key": "rest", "action": "wait", "with": {"seconds": 2}},
        _make("make"),
        {"key": "listen", "action": "wait", "with": {"event": "go"}},
        _make("again"),
    ],
    "parent": [
        {"key": "child", "action": "run_workflow", "with": {"workflow": "effects"}},
        _make("make"),
    ],
    "calm": [{**_make("make"), "connection": "other"}],
    "hungry": [{"key": "eat", "action": "fake.eat", "with": {"megabytes": 4000}}],
    "pure": [{"key": f"s{n}", "action": "data.format", "with": {"template": f"{n}"}} for n in range(10)],
}
INPUTS: dict[str, list[dict[str, Any]]] = {"big": [{"name": "text", "type": "long_text", "required": True}]}
BIG = "x" * 400_000
# How many steps and changes a run has when it has succeeded.
WANTED = {
    "asks": (2, 1), "blind": (1, 1), "big": (5, 1), "calm": (1, 1), "each": (4, 3), "effects": (5, 2), "forks": (6, 3),
    "hungry": (1, 0), "pair": (3, 1), "parent": (2, 1), "poison": (1, 0), "pure": (10, 0), "rests": (4, 2),
    "rounds": (7, 3), "slow": (1, 0),
}  # fmt: skip
CHILDREN = {"parent": 1}
