"""Properties over random definitions and random bytes: nothing crashes, and what was read comes back the same."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_json
from tests.workflows.definition.catalogue import CATALOGUE, KNOWN
from tests.workflows.definition.helpers import EXAMPLE
from workflows.engine.definition import fingerprint, parse, to_json
from workflows.engine.lists import lists_of
from workflows.engine.problems import check

KEYS = st.sampled_from(["a", "b", "c", "fetch", "page", "loop", "x1", "sum_up"])
TEMPLATES = st.sampled_from(
    [
        "plain",
        "{{ inputs.query }}",
        "{{ steps.a.text }}",
        "{{ steps.fetch.messages[0].subject | truncate: 9 }}",
        "{{ item.id }}",
        "{{ steps.loop.results[0].a.text | default: 'x' }}",
        "{{ steps.b.results.c }}",
        "{{ trigger.x }}",
        "{{ last.a.text }}",
        "{{ error.message }}",
        "{{ workspace.variables.team }}",
        "{{ nope }}",
        "{{ }}",
        "{% for m in steps.fetch.messages %}{{ m.text }}{% endfor %}",
        "{{ steps['a'].text }}",
        "{{ steps[inputs.query] }}",
        "{%",
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEMPLATES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc_", min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
CONSTANTS = st.booleans() | st.integers(0, 2) | st.sampled_from(["a", "b", "{{ inputs.query }}"])
ACTIONS = st.sampled_from([*CATALOGUE.names(), "no.such"])
INPUT_NAMES = st.sampled_from(
    ["template", "query", "items", "condition", "parent", "title", "text", "message", "source", "until", "value"]
)


def _steps(depth: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    inner = _steps(depth - 1) if depth else st.just([])
    step = st.fixed_dictionaries(
        {"key": KEYS, "action": ACTIONS, "with": st.dictionaries(INPUT_NAMES, JSON | TEMPLATES, max_size=3)},
        optional={
            "when": TEMPLATES,
            "connection": st.sampled_from(["notion", "nope", ""]),
            "timeout": st.sampled_from([1, 60, 3600]),
            "retry": st.fixed_dictionaries({}, optional={"max": st.integers(0, 10), "delay": st.floats(0, 100)}),
            "on_error": st.sampled_from(
                [{"do": "stop"}, {"do": "continue"}, {"do": "value", "value": {"text": "{{ inputs.query }}"}}]
            )
            | st.fixed_dictionaries({"do": st.just("branch"), "steps": inner}),
            "unknown": st.sampled_from(["look", "ask"]),
            "disabled": st.booleans(),
            "then": inner,
            "else": inner,
            "do": inner,
            "cases": st.lists(st.fixed_dictionaries({"equals": CONSTANTS, "steps": inner}), max_size=2),
            "branches": st.lists(st.fixed_dictionaries({"key": KEYS, "steps": inner}), max_size=2),
        },
    )
    return st.lists(step, max_size=4)


DEFINITIONS = st.fixed_dictionaries(
    {"name": st.text("abc äö", min_size=1, max_size=20).filter(str.strip), "steps": _steps(2)},
    optional={
        "description": st.text(max_size=10),
        "inputs": st.just([{"name": "query", "type": "text", "default": "x"}, {"name": "n", "type": "integer"}]),
        "outputs": st.dictionaries(KEYS, JSON, max_size=2),
        "settings": st.sampled_from([{}, {"timeout": 60}, {"concurrency": {"key": "{{ inputs.query }}", "limit": 1}}]),
    },
)


def _unique(definition: dict[str, Any]) -> dict[str, Any]:
    """Random keys collide often; the second one gets another."""
    seen: set[str] = set()

    def visit(steps: list[dict[str, Any]]) -> None:
        for step in steps:
            while step["key"] in seen:
                step["key"] += "x"
            seen.add(step["key"])
            for _, inner in lists_of(step):
                visit(inner)

    definition = copy.deepcopy(definition)
    visit(definition["steps"])
    return definition


def _taken(value: Any) -> bool:
    """Whether it was read; a refusal must be a UserError with a sentence."""
    try:
        definition = parse(value)
    except UserError as error:
        assert error.code.startswith("E_") and error.message  # noqa: PT017 - refusing is fine, crashing is not
        return False
    again = parse(to_json(definition))
    assert again == definition
    assert fingerprint(again) == fingerprint(definition)
    for problem in check(definition, CATALOGUE, KNOWN):
        assert problem.code.startswith(("E_", "W_")) and problem.message
    return True


@settings(
    max_examples=100,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(DEFINITIONS.map(_unique))
def test_what_is_read_comes_back_the_same_and_the_checks_never_crash(definition):
    _taken(definition)


@settings(max_examples=100, deadline=None, database=None)
@given(
    st.recursive(JSON, lambda inner: st.dictionaries(st.sampled_from(list(EXAMPLE)), inner, max_size=5), max_leaves=10)
)
def test_any_json_is_a_definition_or_a_clear_refusal(value):
    _taken(value)


@settings(max_examples=100, deadline=None, database=None)
@given(st.data())
def test_an_example_with_one_part_replaced_is_read_or_refused(data):
    value = copy.deepcopy(EXAMPLE)
    node: Any = value
    for _ in range(data.draw(st.integers(0, 5))):
        names = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not names:
            break
        name = data.draw(st.sampled_from(names))
        if isinstance(node[name], (dict, list)) and data.draw(st.booleans()):
            node = node[name]
        else:
            node[name] = data.draw(JSON)
            break
    _taken(value)


@settings(max_examples=100, deadline=None, database=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_definition_or_a_clear_refusal(raw):
    try:
        value = clean_json(raw)
    except UserError:
        return
    _taken(value)
