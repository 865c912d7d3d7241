"""What is checked of steps that wait, before anything is saved: wait, approve, run_workflow."""

from __future__ import annotations

from typing import get_args

import pytest

from accounts.roles import ROLES as ACCOUNT_ROLES
from tests.workflows.definition.catalogue import CATALOGUE
from tests.workflows.definition.helpers import FETCH, PAGE, codes, only, problems, text_step, workflow
from workflows.engine.actions import Facts, WorkflowFacts
from workflows.engine.control.approval import FieldType
from workflows.engine.definition import INPUT_TYPES, InputSpec, parse
from workflows.engine.problems import check
from workflows.engine.waiting_problems import ROLES


def wait(**given) -> dict:
    return {"key": "wait", "action": "wait", "with": given}


def ask(**given) -> dict:
    return {"key": "ask", "action": "approve", "with": {"title": "Send it?", **given}}


def call(slug: str = "other", **inputs) -> dict:
    return {"key": "call", "action": "run_workflow", "with": {"workflow": slug, "inputs": inputs}}


@pytest.mark.parametrize(
    "given, code",
    [
        ({"seconds": 5}, None),
        ({"until": "{{ inputs.when }}"}, None),
        ({"event": "paid", "due": 60}, None),
        ({}, "E_VALUE"),
        ({"seconds": 5, "event": "paid"}, "E_VALUE"),
        ({"seconds": "{{ inputs.when }}", "until": "2026-01-01"}, "E_VALUE"),
        ({"seconds": 366 * 24 * 3600}, "E_RANGE"),
        ({"seconds": 0.5}, "E_TYPE"),
        ({"event": "Not a name"}, "E_VALUE"),
        ({"seconds": 5, "due": 60}, "E_VALUE"),
    ],
)
def test_a_wait_waits_for_exactly_one_thing(given, code):
    found = codes(wait(**given), inputs=[{"name": "when", "type": "text"}])
    assert found == ([code] if code else [])


@pytest.mark.parametrize(
    "given, code, field",
    [
        ({"fields": [{"name": "to", "value": "{{ steps.fetch.text }}"}]}, None, ""),
        ({"fields": [{"value": "x"}]}, "E_REQUIRED", "with.fields[0].name"),
        ({"fields": [{"name": "Not a name", "value": "{{ steps.fetch.text }}"}]}, "E_VALUE", "with.fields[0].name"),
        ({"fields": [{"name": "a", "kind": 1, "value": "{{ run.id }}"}]}, "E_UNKNOWN_FIELD", "with.fields[0].kind"),
        ({"fields": [{"name": "a"}, {"name": "a"}]}, "E_DEF_DUP", "with.fields[1].name"),
        ({"fields": [{"name": "a", "type": "choice"}]}, "E_REQUIRED", "with.fields[0].options"),
        ({"choices": ["refund", "refund"]}, "E_CHOICE", "with.choices[1]"),
        ({"choices": ["reject"]}, "E_CHOICE", "with.choices[0]"),
        ({"choices": ["refund"], "on_timeout": "approve", "due": 5}, "E_VALUE", "with.on_timeout"),
        ({"approvers": ["admim"]}, "E_CHOICE", "with.approvers[0]"),
        ({"approvers": ["admin", "mara@example.com"]}, None, ""),
        ({"due": 0}, "E_RANGE", "with.due"),
    ],
)  # fmt: skip
def test_what_is_asked_makes_sense(given, code, field):
    found = [(p.code, p.field) for p in problems(FETCH, ask(**given))]
    assert found == ([(code, field)] if code else [])


def test_the_kinds_of_a_draft_are_those_of_inputs_and_the_roles_those_of_members():
    asked = tuple(kind for kind in INPUT_TYPES if kind != "file")  # a file is put in before a run, not by a decision
    assert get_args(FieldType) == asked and ROLES == ACCOUNT_ROLES


def page(parent: str) -> dict:
    return {**PAGE, "with": {**PAGE["with"], "parent": parent}}


DRAFT = [{"name": "to", "value": "{{ steps.fetch.text }}"}]


@pytest.mark.parametrize(
    "step, parent, code",
    [
        (ask(fields=DRAFT), "{{ steps.ask.values.to }}", None),
        (ask(fields=DRAFT, due=60, on_timeout="approve"), "{{ steps.ask.values.to }}", "E_TAINT"),
        (ask(fields=DRAFT, due=60, on_timeout="reject"), "{{ steps.ask.values.to }}", None),
        (ask(fields=DRAFT), "{{ steps.ask.values.two }}", "E_DEF_REF"),
        (wait(event="paid"), "{{ steps.wait.data.to }}", "E_TAINT"),
        (call(), "{{ steps.call.outputs.to }}", "E_TAINT"),
        (call(), "{{ steps.call.run_id }}", None),
    ],
)
def test_only_what_a_person_has_seen_may_fill_a_target(step, parent, code):
    assert codes(FETCH, step, page(parent)) == ([code] if code else [])


def test_the_workflow_and_who_decides_are_never_chosen_by_text_from_outside():
    assert codes(FETCH, call("{{ steps.fetch.text }}")) == ["E_TAINT"]
    assert codes(FETCH, ask(approvers=["{{ steps.fetch.text }}"])) == ["E_TAINT"]


def test_an_error_of_a_step_that_waits_can_be_passed_over_but_it_takes_no_retry():
    step = {**call(), "on_error": {"do": "value", "value": {"outputs": {}}}}
    assert codes(step) == []
    assert only({**step, "retry": {"max": 1}}).field == "retry"


# Workflows of workflows


def known(**calls: list[str]) -> Facts:
    """Workflows by their slugs, each with those it runs."""
    return Facts(workflows={slug: WorkflowFacts(slug, slug.title(), calls=tuple(c)) for slug, c in calls.items()})


def found(*steps: dict, facts: Facts, slug: str = "mine"):
    return check(parse(workflow(*steps, slug=slug)), CATALOGUE, facts)


def test_a_workflow_that_is_not_there_is_named_with_the_nearest():
    (problem,) = found(call("othr"), facts=known(other=[]))
    assert (problem.code, problem.field) == ("E_NOT_FOUND", "with.workflow") and "other" in problem.hint


def test_workflows_never_run_each_other_in_a_circle():
    (problem,) = found(call("other"), facts=known(other=["third"], third=["mine"]))
    assert problem.code == "E_CYCLE" and "mine → other → third → mine" in problem.message
    (itself,) = found(call("mine"), facts=known())
    assert itself.code == "E_CYCLE"


def test_workflows_run_each_other_five_deep():
    chain = {f"w{n}": [f"w{n + 1}"] for n in range(1, 5)} | {"w5": []}
    assert found(call("w1"), facts=known(**chain)) == []
    (problem,) = found(call("w1"), facts=known(**chain | {"w5": ["w6"], "w6": []}))
    assert (problem.code, problem.limit) == ("E_DEPTH", 5)


def test_the_inputs_are_those_of_the_published_version():
    inputs = (InputSpec("who", "text", required=True), InputSpec("n", "integer"))
    facts = Facts(workflows={"other": WorkflowFacts("other", "Other", inputs=inputs)})
    assert [p.code for p in found(call(who="{{ run.id }}"), facts=facts)] == []
    assert [(p.code, p.field) for p in found(call(n=1, whom="x"), facts=facts)] == [
        ("E_UNKNOWN_FIELD", "with.inputs.whom"),
        ("E_REQUIRED", "with.inputs.who"),
    ]
    unpublished = Facts(workflows={"other": WorkflowFacts("other", "Other", published=False)})
    assert [p.code for p in found(call(), facts=unpublished)] == ["W_NOT_PUBLISHED"]


def test_what_an_approval_gives_is_known_by_name():
    draft = [{"name": "count", "type": "integer", "value": 1}, {"name": "text"}]
    later = text_step("later", "{{ steps.ask.values.count }} {{ steps.ask.decision }} {{ steps.ask.values.text }}")
    assert codes(ask(fields=draft), later) == []
