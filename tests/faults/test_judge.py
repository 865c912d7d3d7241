"""The checker is tried itself: it must see each seeded fault, and let pass what only looks like one."""

from __future__ import annotations

import pytest

from tests.faults.judge import HONEST, KINDS, OURS, judge
from workflows.engine.poison import FATAL

RUN = {
    "id": "r", "slug": "effects", "status": "succeeded", "code": "", "deaths": 0, "finished_steps": 5,
    "wanted_steps": 5, "confirmed": 1, "effects": 1, "sent": 0, "asks": 0,
}  # fmt: skip
EFFECT = {"key": "k", "state": "confirmed", "resolution": "answer", "attempt": 1, "look": True}
LINE = {"key": "k", "id": "1", "process": "here:7", "at": 100.0}
WORKER = {"process": "here:7", "state": "live", "started_at": 50.0, "ended_at": None}


def seen(run=None, effect=None, acked=("r",), lines=(LINE,), workers=(WORKER,), more=(), born=0, **options):
    children = [{**RUN, "id": f"child {n}", "parent": "a step"} for n in range(born)]
    found = {
        "runs": [{**RUN, **(run or {})}, *children],
        "effects": [{**EFFECT, **(effect or {})}, *more],
        "workers": list(workers),
    }
    return judge(list(acked), list(lines), found, **options)


def counts(verdict):
    return {kind: getattr(verdict, kind) for kind in KINDS if getattr(verdict, kind)}


ABSENT = {"status": "failed", "code": "E_ABSENT", "confirmed": 0, "finished_steps": 1}
UNKNOWN = {"state": "unknown", "resolution": ""}
GONE = {"run": {"status": "failed", "code": "E_REJECTED", "confirmed": 0}, "effect": {"state": "refused"}}
FAULTS = {
    "a promised run that is gone": ("lost", {"acked": ("r", "gone")}),
    "a confirmed change that never happened": ("lost", {"lines": ()}),
    "a change that happened twice": ("doubled", {"lines": (LINE, LINE)}),
    "a run that was promised to nobody": ("doubled", {"acked": ()}),
    "a step that started two runs": ("doubled", {"born": 2}),
    "succeeded without its child": ("lying", {"run": {"wanted_children": 1, "children": 0}}),
    "a change without a row": ("phantom", {"lines": (LINE, {**LINE, "key": "other"})}),
    "a queued run": ("stuck", {"run": {"status": "queued"}}),
    "a run of a worker that is gone": ("stuck", {"run": {"status": "running"}}),
    "a paused run that nobody paused": ("stuck", {"run": {"status": "paused"}}),
    "a wait that nothing ends": ("stuck", {"run": {"status": "waiting"}}),
    "a run that asks nothing": ("stuck", {"run": {"status": "attention"}}),
    "succeeded without a step": ("lying", {"run": {"finished_steps": 4}}),
    "succeeded with a step too many": ("lying", {"run": {"finished_steps": 6}}),
    "succeeded without its change": ("lying", {"run": {"effects": 2}}),
    "a failure of ours": ("lying", {"run": {"status": "failed", "code": "E_ENGINE"}}),
    "a failure without a reason": ("lying", {"run": {"status": "failed", "code": ""}}),
    "absent, although it happened": ("lying", {"run": ABSENT, "effect": {"state": "absent"}}),
    "refused, although it happened": ("lying", {**GONE}),
    "ended while a change is on its way": ("lying", {"run": {"status": "cancelled", "sent": 1}}),
    "poison that never killed": ("lying", {"run": {"status": "failed", "code": "E_POISON", "deaths": FATAL - 1}}),
    "made after the take-over": ("late", {"workers": ({**WORKER, "state": "dead", "ended_at": 90.0},)}),
    "made before its lease": ("late", {"workers": ({**WORKER, "started_at": 120.0},)}),
}


def test_a_good_story_has_zeros_everywhere():
    assert counts(seen()) == {}


@pytest.mark.parametrize(("kind", "story"), FAULTS.values(), ids=FAULTS.keys())
def test_a_seeded_fault_is_seen_and_called_by_its_name(kind, story):
    assert counts(seen(**story)) == {kind: 1}


LOOKALIKES = {
    "a run that a step started": {"born": 1},
    "failed, and it really is absent": {"run": ABSENT, "effect": {"state": "absent"}, "lines": ()},
    "absent at first, then sent again": {"more": ({**EFFECT, "state": "absent", "resolution": "absent"},)},
    "refused by the service": {**GONE, "lines": ()},
    "a question to a person": {"run": {"status": "attention", "asks": 1}, "effect": UNKNOWN},
    "cancelled, and what became of it is unknown": {"run": {"status": "cancelled"}, "effect": UNKNOWN},
    "poison": {"run": {"status": "failed", "code": "E_POISON", "deaths": FATAL}},
    "a failure that the story makes": {"run": {"status": "failed", "code": "E_ENGINE"}, "honest": HONEST | OURS},
    "a run that a person took away": {"acked": ("r", "gone"), "deleted": ("gone",)},
    "left just before the death": {"workers": ({**WORKER, "state": "dead", "ended_at": 99.0},)},
    "a second lease of the same process": {
        "workers": ({**WORKER, "state": "dead", "ended_at": 90.0}, {**WORKER, "started_at": 91.0})
    },
    "made by a process that drained": {"workers": ({**WORKER, "state": "stopped", "ended_at": 90.0},)},
}


@pytest.mark.parametrize("story", LOOKALIKES.values(), ids=LOOKALIKES.keys())
def test_what_only_looks_like_a_fault_is_none(story):
    assert counts(seen(**story)) == {}


def test_unknown_outcomes_are_counted_by_who_settled_them():
    rows = [
        {**EFFECT, "key": "a", "resolution": "found"},
        {**EFFECT, "key": "b", "state": "absent", "resolution": "absent"},
        {**EFFECT, "key": "c", "resolution": "happened"},
        {**EFFECT, "key": "d", "resolution": "happened", "look": False},
    ]
    verdict = judge([], [], {"runs": [], "effects": rows})
    assert (verdict.unknown_settled, verdict.unknown_asked) == (2, 1)
