"""Random workflows run again from anywhere: the same outputs, and nothing that stands is called a second time."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from workflows.engine.definition import parse
from workflows.engine.interfaces import Done
from workflows.engine.plan import make_plan
from workflows.engine.records import Failure, StepRecord
from workflows.engine.reuse import Place, Wish, bare, covers, reuse

from .fakes import FakeExecutor, FakeLog, run, walk_of

INPUTS = {"list": ["p", "q", "r"], "n": 2}


class Names:
    """Keys that nobody has yet."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"


@st.composite
def steps_of(draw: Any, names: Names, depth: int, before: tuple[str, ...]) -> list[dict]:
    """A list of steps; a template may read any step before it in its own list."""
    made: list[dict] = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["do", "do", "do", "if", "switch", "each", "both", "again"] if depth else ["do"]))
        step = draw(one_step(names, depth, before, kind))
        made.append(step)
        if kind == "do":
            before = (*before, step["key"])
    return made


@st.composite
def one_step(draw: Any, names: Names, depth: int, before: tuple[str, ...], kind: str) -> dict:
    key = names(kind)
    if kind == "do":
        read = draw(st.sampled_from(["{{ inputs.n }}", *(f"{{{{ steps.{name}.text }}}}" for name in before)]))
        action = draw(st.sampled_from(["pure.echo", "read.echo"]))
        dealt = draw(st.sampled_from([None, None, "continue", "branch"]))
        more: dict = {}
        if dealt == "branch" and depth:
            more = {"on_error": {"do": "branch", "steps": draw(steps_of(names, 0, ()))}}
        elif dealt == "continue":
            more = {"on_error": {"do": "value", "value": {"text": "instead"}}}
        return {"key": key, "action": action, "with": {"text": f"{key} {read}"}, "retry": {"max": 0}, **more}
    inner = [draw(steps_of(names, depth - 1, before)) for _ in range(2)]
    blocks = {
        "if": {"action": "if", "with": {"condition": "inputs.n > 1"}, "then": inner[0], "else": inner[1]},
        "switch": {
            "action": "switch",
            "with": {"value": "{{ inputs.n }}"},
            "cases": [{"equals": 1, "steps": inner[0]}, {"equals": 2, "steps": inner[1]}],
        },
        "each": {
            "action": "for_each",
            "with": {"items": "{{ inputs.list }}", "parallelism": draw(st.sampled_from([1, 2]))},
            "do": inner[0],
        },
        "both": {
            "action": "parallel",
            "with": {"join": "all"},
            "branches": [{"key": f"x{i}", "steps": steps} for i, steps in enumerate(inner)],
        },
        "again": {"action": "repeat", "with": {"until": "index >= 1", "limit": 3}, "do": inner[0]},
    }
    return {"key": key, **blocks[kind]}


@st.composite
def workflows(draw: Any) -> list[dict]:
    return draw(steps_of(Names(), 2, ()))


def executor(broken: set[Place] = frozenset()) -> FakeExecutor:
    """Gives back what it is given; fails at the broken places."""
    made = FakeExecutor()
    calls = made.calls

    def echo(values: dict) -> dict:
        if Place(*calls[-1]) in broken:
            raise Failure("E_X", "broken")
        return {"text": values["text"], "id": "1"}

    made.actions["echo"] = echo
    return made


def walked(steps: list[dict], log: FakeLog, by: FakeExecutor) -> Done:
    outputs = {f"out_{step['key']}": f"{{{{ steps.{step['key']} }}}}" for step in steps}
    done = run(walk_of(steps, log, by, inputs=INPUTS, outputs=outputs))
    assert isinstance(done, Done)
    return done


def carried(steps: list[dict], log: FakeLog, start: str, succeeded: bool) -> tuple[FakeLog, Any]:
    """The log of the run that goes on: what stands, and the blocks that are opened again."""
    plan = make_plan(parse({"format": 1, "name": "Test", "steps": steps}))
    past = {Place(*place): record for place, record in log.stored.items()}
    found = reuse(plan, past, Wish(start, succeeded=succeeded))
    kept: dict[tuple[str, str], StepRecord] = {}
    for place in found.kept | found.opened:
        record = past[place].copy()
        if place in found.opened:
            record.status, record.decision, record.output, record.error = "running", bare(record.decision), None, None
            record.finished_at = None
        kept[place] = record
    return FakeLog(kept), (found, covers(plan.definition, found.stands))


def same(one: Done, other: Done) -> bool:
    return (one.status, one.outputs) == (other.status, other.outputs)


@settings(max_examples=80, deadline=None)
@given(workflows(), st.data())
def test_from_any_step_of_a_run_that_succeeded(steps, data):
    log = FakeLog()
    first = walked(steps, log, executor())
    assume(first.status == "succeeded")
    place = data.draw(st.sampled_from(sorted(Place(*place) for place in log.stored)))
    for start in {str(place), place.key}:
        again, (found, covered) = carried(steps, log, start, succeeded=True)
        assert not found.problems, (start, found.problems)
        by = executor()
        second = walked(steps, again, by)
        assert same(first, second), (start, first, second)
        repeated = [called for called in by.calls if covered(*called)]
        assert not repeated, (start, repeated)
        is_block = any(key == place.key and record.kind == "control" for (key, _), record in log.stored.items())
        assert is_block or any(key == place.key for key, _ in by.calls), "the step itself is done again"


@settings(max_examples=80, deadline=None)
@given(workflows(), st.data())
def test_where_it_failed_goes_on_to_what_an_undisturbed_run_gives(steps, data):
    whole = FakeLog()
    undisturbed = walked(steps, whole, executor())
    assume(undisturbed.status == "succeeded")
    plan = parse({"format": 1, "name": "Test", "steps": steps})
    stops = {spec.key for spec, _ in plan.walk() if "." in spec.action and spec.on_error.do == "stop"}
    doing = sorted(Place(*place) for place in whole.stored if place[0] in stops)
    assume(doing)
    broken = {data.draw(st.sampled_from(doing))}
    log = FakeLog()
    first = walked(steps, log, executor(broken))
    assume(first.status == "failed")
    again, (found, covered) = carried(steps, log, "@failed", succeeded=False)
    assert not found.problems
    by = executor()
    second = walked(steps, again, by)
    assert same(undisturbed, second), (broken, undisturbed, second)
    done = {place for place, record in log.stored.items() if record.status == "succeeded" and record.kind != "control"}
    assert not [called for called in by.calls if called in done], "what had succeeded is not done again"
    assert not [called for called in by.calls if covered(*called)]
