"""The permission manifest: read off a definition, complete, and merged where two steps may do the same."""

from tests.workflows.definition.helpers import workflow
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import parse
from workflows.engine.manifest import calls_of, grants_of

SEND = {"to": ["a@example.com", "b@example.com"], "subject": "x", "text": "y"}


def grants(*steps):
    return grants_of(parse(workflow(*steps)), CATALOGUE)


def step(key, action, given=None, **more):
    return {"key": key, "action": action, "with": given or {}, **more}


def test_changes_come_first_and_targets_are_never_cut():
    found = grants(step("read", "gmail.search"), step("ask", "ai.complete"), step("send", "gmail.send", SEND))
    assert [(one.kind, one.action) for one in found] == [
        ("effect", "gmail.send"), ("read", "gmail.search"), ("model", "ai.complete"),
    ]  # fmt: skip
    assert [(t.name, t.value, t.fixed) for t in found[0].targets] == [("to", "a@example.com, b@example.com", True)]


def test_equal_grants_are_named_once_and_other_targets_or_connections_apart():
    found = grants(
        step("a", "gmail.send", SEND), step("b", "gmail.send", {**SEND, "subject": "other"}),
        step("c", "gmail.send", {**SEND, "to": ["{{ inputs.who }}"]}), step("d", "gmail.send", SEND, connection="work"),
    )  # fmt: skip
    assert [one.steps for one in found] == [("a", "b"), ("c",), ("d",)]
    assert not found[1].targets[0].fixed and found[2].connection == "work"


def test_both_ways_of_a_branch_count_and_what_is_switched_off_does_not():
    hidden = step("loop", "for_each", {"items": "{{ inputs.x }}"}, disabled=True, do=[step("in", "gmail.send", SEND)])
    ways = step(
        "if",
        "if",
        {"condition": "true"},
        then=[step("y", "gmail.send", SEND)],
        **{"else": [step("n", "mail.send", SEND)]},
    )
    assert [one.action for one in grants(hidden, ways, step("off", "gmail.trash", disabled=True))] == [
        "gmail.send", "mail.send",
    ]  # fmt: skip
    failing = step("a", "data.format", on_error={"do": "branch", "steps": [step("e", "gmail.send", SEND)]})
    assert [one.steps for one in grants(failing)] == [("e",)]


def test_an_unknown_action_is_shown_and_other_workflows_are_named():
    assert [(one.kind, one.action) for one in grants(step("x", "nobody.knows"))] == [("unknown", "nobody.knows")]
    definition = parse(workflow(step("child", "run_workflow", {"workflow": "other", "inputs": {}})))
    assert [call.workflow for call in calls_of(definition)] == ["other"]


def test_what_a_model_may_do_with_its_tools_counts():
    tools = [
        {"action": "mail.send", "with": {"to": ["team@example.com"]}},
        {"action": "github.comment", "allow": {"repository": ["a/b", "a/c"]}, "approve": "never"},
    ]
    found = grants(step("work", "data.format", {"template": "x", "tools": tools}))
    assert [one.action for one in found] == ["mail.send", "github.comment"]
    assert found[0].note == "a model decides; a person is asked before" and found[0].targets[0].fixed
    assert found[1].note == "a model decides; nobody is asked"
    assert [t.value for t in found[1].targets] == ["one of: a/b, a/c", "what the model chooses"]
