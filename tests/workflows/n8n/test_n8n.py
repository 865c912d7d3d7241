"""Exports of n8n: what maps runs here, what does not is switched off and says so; no file breaks the import."""

import copy
import json
import random
from pathlib import Path

import pytest

from integrations.operations.sandbox import seed_sandbox
from orchestrator_site.lib.errors import UserError
from workflows.engine.definition import parse
from workflows.operations.drafts import draft_definition
from workflows.operations.imports import import_workflow
from workflows.operations.imports.n8n import convert
from workflows.operations.imports.n8n.expressions import Unproven, convert_text, expression

FILES = Path(__file__).with_name("files")


def load(name):
    return json.loads((FILES / f"{name}.json").read_text())


def steps_of(definition):
    return {step.key: step for step, _ in parse(definition).walk()}


def parents_of(definition):
    return {step.key: [parent.key for parent in parents] for step, parents in parse(definition).walk()}


def test_what_follows_a_list_runs_for_each_of_its_items():
    definition = convert(load("mail_to_notion")).definition
    steps, parents = steps_of(definition), parents_of(definition)
    assert steps["get_many_mails"].with_ == {"query": "label:support is:unread", "limit": 10}
    assert parents["sum_up"] == ["each_get_many_mails"] and steps["sum_up"].retry.max == 3
    assert steps["sum_up"].with_["prompt"] == "Subject: {{ item.subject }}\n\n{{ item.text | strip }}"
    condition = steps["is_it_urgent"].with_["condition"]
    assert condition == 'steps.sum_up.text contains "urgent" and item.sender.email != blank'
    assert parents["tell_the_team"] == ["each_get_many_mails", "is_it_urgent"]
    assert parents["keep_in_notion"] == ["each_get_many_mails"], "both ways lead to it: it stands after the block"
    properties = steps["keep_in_notion"].with_["properties"]
    assert properties == {"Summary": "{{ steps.sum_up.text }}", "Received": '{{ run.started_at | date: "%Y-%m-%d" }}'}


def test_a_loop_goes_over_the_list_and_goes_on_when_done():
    definition = convert(load("issues_to_api")).definition
    steps, parents = steps_of(definition), parents_of(definition)
    assert steps["list_issues"].with_ == {"repository": "acme/notes", "state": "open"}
    assert parents["send"] == parents["wait"] == ["each_list_issues"] and parents["count"] == []
    assert steps["send"].with_["body"] == {
        "title": "{{ item.title }}", "number": "{{ item.number }}", "by": "{{ item.author }}",
    }  # fmt: skip
    assert steps["send"].on_error.do == "continue" and steps["wait"].with_ == {"seconds": 2}
    assert steps["tell_us"].with_["to"] == ["ada@acme.example", "grace@acme.example"]


def test_a_switch_becomes_ifs_and_a_trigger_inputs():
    definition = convert(load("webhook_switch")).definition
    steps = steps_of(definition)
    assert steps["switch"].with_["condition"] == 'steps.edit_fields.value.text contains "invoice"'
    assert steps["switch_2"].with_["condition"] == "steps.edit_fields.value.text.size > 500"
    assert [step.key for step in steps["switch_2"].branches["else"]] == ["give_up"]
    assert steps["edit_fields"].with_["fields"]["who"] == '{{ inputs.name | default: "somebody" }}'
    assert steps["to_billing"].with_["text"].startswith("Hello,\n{{ steps.edit_fields.value.text }}")
    assert steps["open_an_issue"].with_["body"] == "{{ steps.shorten.text }}"


def test_what_is_not_known_is_switched_off_and_says_what_is_missing():
    converted = convert(load("issues_to_api"))
    became = {line.name: line.became for line in converted.report}
    assert became["Count"] == became["Tell us"] == "off" and became["Send"] == "mapped"
    steps = steps_of(converted.definition)
    assert steps["count"].disabled and "code" in steps["count"].note
    assert "[[ $('List issues').all().map(" in steps["tell_us"].with_["text"], "it can still be read"
    assert {problem.step for problem in converted.problems} == {"count", "tell_us"}
    agent = steps_of(convert(load("webhook_switch")).definition)["agent_that_nothing_leads_to"]
    assert agent.disabled and "Calculator" in agent.note


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("$json.a.b[0]", "here.a.b[0]"),
        ("$json['a b'].c", 'here["a b"].c'),
        ("$json?.a?.b", "here.a.b"),
        ("$('A').first().json.x", "A.x"),
        ('$node["A"].json["x"]', "A.x"),
        ("$items('A')[0].json.x", "A.x"),
        ("$input.item.json.x.toUpperCase()", "here.x | upcase"),
        ("$json.x ?? 'none'", 'here.x | default: "none"'),
        ("JSON.stringify($json.x)", "here.x | json"),
        ("$now.toFormat('yyyy-MM-dd')", 'run.started_at | date: "%Y-%m-%d"'),
        ("42", "42"),
    ],
)
def test_a_reference_is_translated(theirs, ours):
    def resolve(name, path):
        from workflows.operations.imports.n8n.expressions import liquid_path

        return liquid_path(name or "here", path)

    assert expression(theirs, resolve) == ours


@pytest.mark.parametrize(
    "theirs",
    ["$json.a + 1", "$json.items.map(i => i.x)", "process.env.HOME", "$jmespath($json, 'a')", "require('fs')",
     "$json.constructor.constructor('return 1')()", "$json.a ? 1 : 2", "{{", "$now.plus({days: 1})", "$('A').all()"],
)  # fmt: skip
def test_what_computes_is_not_guessed(theirs):
    with pytest.raises(Unproven):
        expression(theirs, lambda name, path: "x")
    text, missing = convert_text(f"={{{{ {theirs} }}}}", lambda name, path: "x")
    assert "{{" not in text and (missing or theirs == "{{")


def garbage(random, value):
    """A value with one part of it replaced by something that does not belong there."""
    wrong = random.choice([None, 7, "", "={{ $json }}", [], {}, [[None]], {"a": [1]}, True, "x" * 300, "{% raw %}"])
    if isinstance(value, dict) and value and random.random() < 0.9:
        name = random.choice(list(value))
        return {**value, name: garbage(random, value[name])}
    if isinstance(value, list) and value and random.random() < 0.9:
        at = random.randrange(len(value))
        return [garbage(random, item) if i == at else item for i, item in enumerate(value)]
    return wrong


def test_no_file_breaks_the_import():
    source = random.Random(7)
    files = [load(path.stem) for path in FILES.glob("*.json")]
    for _ in range(600):
        value = copy.deepcopy(source.choice(files))
        for _ in range(source.randint(1, 4)):
            value["nodes"] = garbage(source, value["nodes"])
            if source.random() < 0.4:
                value["connections"] = garbage(source, value["connections"])
        if not isinstance(value["nodes"], list):
            continue
        parse(convert(value).definition)


def test_circles_and_long_chains_end():
    names = [f"N{i}" for i in range(900)]
    nodes = [{"name": name, "type": "n8n-nodes-base.if", "parameters": {}} for name in names]
    edges = {
        name: {"main": [[{"node": names[(i + 1) % 900]}], [{"node": names[(i + 7) % 900]}]]}
        for i, name in enumerate(names)
    }
    parse(convert({"name": "Round", "nodes": nodes, "connections": edges}).definition)
    with pytest.raises(UserError):
        convert({"nodes": [{}] * 1001, "connections": {}})


@pytest.mark.django_db
def test_an_import_is_a_draft_with_a_report_and_allows_nothing(editor, viewer, workspace):
    seed_sandbox(workspace)
    text = (FILES / "mail_to_notion.json").read_text()
    answer = editor.client.post(editor.path("workflows/import"), {"pasted": text}, follow=True)
    page = answer.text
    assert answer.redirect_chain[-1][0].endswith("/imported")
    for words in ("Tell the team", "There is no action here for slack", "Switched off", "creates a page", "notion"):
        assert words in page, words
    slug = "mails_that_need_an_answer_to_notion"
    made = viewer.api.get(f"/api/v1/workflows/{slug}").json()
    assert made["published_version"] is None and "E_IMPORT_MISSING" in {one["code"] for one in made["problems"]}
    assert editor.api.post_json(f"/api/v1/workflows/{slug}/publish").status_code == 400
    may = viewer.api.get(f"/api/v1/workflows/{slug}/permissions").json()["results"]
    assert [(one["action"], one["connection"]) for one in may if one["kind"] == "effect"] == [
        ("notion.create_page", "notion")
    ]


@pytest.mark.django_db
def test_no_secret_of_the_file_is_kept(editor):
    value = load("issues_to_api")
    value["nodes"][3]["parameters"]["headerParameters"]["parameters"] = [
        {"name": "Authorization", "value": f"Bearer ghp_{'a' * 36}"}
    ]
    made = import_workflow(editor.actor, json.dumps(value))
    assert "ghp_" not in json.dumps([draft_definition(made.workflow), made.workflow.source])
    assert any("secret" in warning for warning in made.warnings)
