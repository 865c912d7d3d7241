"""The later dialects, YAML, and what a file must not hold (security.md B148-B158)."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_site.lib.errors import UserError
from workflows.engine.definition import parse
from workflows.operations.imports.detect import detect
from workflows.operations.imports.importing import convert
from workflows.operations.imports.reading import read_file

# ---- Reading files -----------------------------------------------------------------------------------------------

FLOW = "name: N\nsteps:\n  - {id: a, type: openai, params: {prompt: x}}\n"


@pytest.mark.parametrize(
    "text, code",
    [
        ("a: &x [1, 2]\nb: *x\n", "E_IMPORT_ALIAS"),
        ("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "E_IMPORT_ALIAS"),
        ("base: &base {a: 1}\nb:\n  <<: *base\n", "E_IMPORT_ALIAS"),
        ("a: !!python/object/apply:os.system ['id']\n", "E_IMPORT_TAG"),
        ("a: !ruby/object:X {}\n", "E_IMPORT_TAG"),
        ("!!python/object:x.Y {}\n", "E_IMPORT_TAG"),
        ("[" * 3000, "E_JSON_DEPTH"),
        ("a: " + "[" * 3000, "E_JSON_DEPTH"),
        ("\n".join("  " * n + "a:" for n in range(200)), "E_JSON_DEPTH"),
        ("1: x\n", "E_TYPE"),
        ("? [a, b]\n: x\n", "E_TYPE"),
        ("a: 2026-07-29\n", "E_TYPE"),
        ("a: 2026-07-29T10:00:00Z\n", "E_TYPE"),
        ("a: .inf\n", "E_TYPE"),
        ("a: -.INF\n", "E_TYPE"),
        ("a: .nan\n", "E_TYPE"),
        ("a: !!binary aGk=\n", "E_TYPE"),
        ("a: !!set {x, y}\n", "E_TYPE"),
        ("a: 1\na: 2\n", "E_JSON_DUP_KEY"),
        ("a: [1\n", "E_YAML"),
        ("x" * (1024 * 1024 + 1), "E_TOO_LARGE"),
        ("", "E_JSON"),
        ('{"a": 1,}', "E_JSON"),
        ("---\na: 1\n" * 101, "E_IMPORT_COUNT"),
        ("a: " + "9" * 30 + "\n", "E_NUMBER"),
        (b"\xff\xfe\x00", "E_ENCODING"),
    ],
)
def test_a_file_that_is_more_than_data_is_refused_quickly(text, code):
    began = time.perf_counter()
    with pytest.raises(UserError) as refused:
        read_file(text)
    assert refused.value.code == code
    assert time.perf_counter() - began < 0.5


def test_plain_yaml_is_read_as_json_would_be():
    text = "a: 1\nb: 1.5\nc: true\nd: ~\ne: [x, 'y: z', \"1\"]\nf: |\n  two\n  lines\ng: {h: no, i: 0x1F}\nj: 12:30\n"
    text += "k: '2026-07-29'\n"
    assert read_file(text) == {
        "a": 1, "b": 1.5, "c": True, "d": None, "e": ["x", "y: z", "1"], "f": "two\nlines\n",
        "g": {"h": False, "i": 31}, "j": "12:30", "k": "2026-07-29",
    }  # fmt: skip


@pytest.mark.parametrize(
    "value, dialect",
    [
        ({"id": "a", "name": "", "description": ""}, "seed"),
        ({"workflow_id": "a", "steps": []}, "examples"),
        ({"name": "a", "steps": [{"id": "a", "type": "openai"}]}, "graph"),
        ({"id": "x", "name": "a", "steps": [{"id": "a", "type": "openai", "params": {}}]}, "graph"),
        ({"format": 1, "name": "a", "steps": []}, "native"),
        ({"name": "a", "steps": [{"key": "a", "action": "stop"}]}, "native"),
        ({"workflows": []}, "native"),
        ({"id": "a", "user_prompt": "x"}, "prompts"),
        ({"a": {"user_template": "x"}}, "prompts"),
    ],
)
def test_the_dialect_is_told_from_the_shape(value, dialect):
    assert detect(json.dumps(value)) == dialect


@pytest.mark.parametrize(
    "value, word",
    [
        ({"id": "s", "workflow_id": "w", "schedule_type": "cron"}, "schedule"),
        ({"id": "s", "workflow_id": "w", "payload_mappings": []}, "webhook"),
        ({"workflow": {}, "result": {}}, "log"),
        ({"something": "else"}, "no workflow"),
        ([], "no workflow"),
        ("text", "no workflow"),
    ],
)
def test_what_is_no_workflow_is_said_to_be_none(value, word):
    with pytest.raises(UserError) as refused:
        detect(json.dumps(value))
    assert refused.value.code in ("E_IMPORT_DIALECT", "E_YAML") and word in str(refused.value)


def test_a_newer_format_is_refused():
    with pytest.raises(UserError) as refused:
        convert({"format": 2, "name": "x", "steps": []})
    assert refused.value.code == "E_IMPORT_VERSION"


# ---- B: examples -------------------------------------------------------------------------------------------------


def test_dialect_b_runs_in_list_order_and_invented_steps_need_attention():
    made = convert(
        {
            "workflow_id": "report",
            "name": "Report",
            "steps": [
                {"step_id": "collect", "step_type": "transform", "action": "aggregate",
                 "parameters": {"sources": [{"repo": "{{github_repo}}"}]}},
                {"step_id": "write", "step_type": "openai", "action": "generate_completion",
                 "parameters": {"prompt": "Metrics: {{collect_output}} for {{report_date}}", "max_tokens": 2000}},
                {"step_id": "tell", "step_type": "notification", "action": "send", "parameters": {"title": "x"}},
            ],
            "variables": {"github_repo": "org/repo", "report_date": "{{current_date}}"},
        }
    )  # fmt: skip
    steps = made.definition["steps"]
    assert [step["key"] for step in steps] == ["collect", "write", "tell"]
    assert [step.get("disabled", False) for step in steps] == [True, False, True]
    assert steps[0]["with"] == {"sources": [{"repo": "{{ inputs.github_repo }}"}]}
    assert [(problem.code, problem.step) for problem in made.problems] == [("E_KIND", "collect"), ("E_KIND", "tell")]
    parse(made.definition)


# ---- A+ ----------------------------------------------------------------------------------------------------------


def test_later_actions_are_mapped():
    made = convert(
        {
            "id": "later", "name": "Later", "description": "",
            "steps": [
                {"id": "think", "type": "claude_code", "action": "execute_agent", "next_step": "file",
                 "params": {"role": "analyst", "task": "Analyse {{what}}", "context": "Data:\n{{what}}"}},
                {"id": "file", "type": "notion", "action": "create_database_entry", "next_step": "query",
                 "params": {"database_id": "{{db}}", "properties": {
                     "Name": {"title": [{"text": {"content": "{{what}} of {{current_date}}"}}]},
                     "Status": {"select": {"name": "New"}}}}},
                {"id": "query", "type": "notion", "action": "query_database", "params": {"database_id": "{{db}}"}},
            ],
            "variables": {"what": "sales", "db": "your-database-id"},
        }
    )  # fmt: skip
    think, file, query = made.definition["steps"]
    assert think["action"] == "ai.complete" and "analyst" in think["with"]["system"]
    assert think["with"]["prompt"] == "Analyse {{ inputs.what }}\n\n<context>\nData:\n{{ inputs.what }}\n</context>"
    assert file["action"] == "notion.create_page" and file["with"]["parent"] == "{{ inputs.db }}"
    assert file["with"]["title"].startswith("{{ inputs.what }} of {{ run.started_at")
    assert file["with"]["properties"] == {"Status": {"select": {"name": "New"}}}
    assert query["disabled"] and made.problems[0].step == "query"


def test_variables_may_refer_to_each_other_and_not_to_themselves():
    made = convert(
        {
            "id": "v", "name": "V", "description": "",
            "steps": [
                {"id": "a", "type": "openai", "action": "generate_completion", "params": {"prompt": "{{c}} {{x}}"}}
            ],
            "variables": {"a": "tea", "b": "{{a}}", "c": "more {{b}}", "x": "{{y}}", "y": "{{x}}"},
        }
    )  # fmt: skip
    prompt = made.definition["steps"][0]["with"]["prompt"]
    assert "{{ inputs.b | default: inputs.a }}" in prompt
    assert any("refers to itself" in warning for warning in made.warnings)
    parse(made.definition)


# ---- C: YAML with dependencies -----------------------------------------------------------------------------------

GRAPH = """
name: Release notes
version: "1.0"
description: Plans, writes and files
token_budget: 50000
timeout_seconds: 600
inputs:
  topic: {type: string, required: true, description: What it is about}
  language: {type: string, default: English}
  limit: {type: integer, default: 3}
  tags: {type: list, default: [a]}
outputs: [text, page_url]
steps:
  - id: file
    type: notion
    params: {action: create_page, parent_id: your-database-id, title: "${topic}", content: "${text}"}
    depends_on: [write]
    condition: {field: language, operator: equals, value: English}
    outputs: [url]
    on_failure: skip
  - id: plan
    type: openai
    params: {prompt: "Plan ${topic} in ${language}, ${limit} points", model: gpt-4o-mini}
    outputs: [outline]
    max_retries: 25
    timeout_seconds: 90
  - id: write
    type: openai.summarize
    params: {text: "${outline}"}
    depends_on: plan
    outputs: [text]
    on_failure: fallback
    fallback: {type: default_value, value: nothing}
"""


def test_dialect_c_orders_by_dependency_and_keeps_conditions_retries_and_times():
    made = convert(read_file(GRAPH))
    plan, write, file = made.definition["steps"]
    assert [plan["key"], write["key"], file["key"]] == ["plan", "write", "file"]
    assert plan["with"] == {
        "prompt": "Plan {{ inputs.topic }} in {{ inputs.language }}, {{ inputs.limit | text }} points",
        "model": "gpt-4o-mini",
    }
    assert plan["retry"] == {"max": 10} and plan["timeout"] == 90
    assert write["with"]["text"] == "{{ steps.plan.text }}"
    assert write["on_error"] == {"do": "value", "value": {"text": "nothing"}}
    assert file["when"] == 'inputs.language == "English"' and file["on_error"] == {"do": "continue"}
    assert made.definition["settings"] == {"timeout": 600, "wait_for_connection": 0}
    assert made.definition["outputs"] == {"text": "{{ steps.write.text }}"}
    assert [one["type"] for one in made.definition["inputs"]] == ["text", "text", "integer", "list"]
    assert any("token_budget" in warning for warning in made.warnings)
    assert made.problems == []
    parse(made.definition)


def test_a_name_may_say_where_it_comes_from():
    text = "name: N\ninputs: {n: {type: string, default: three}}\nsteps:\n"
    text += "  - {id: a, type: llm, params: {prompt: 'To ${inputs.n}'}}\n"
    text += "  - {id: b, type: llm, params: {prompt: '${steps.a.text}'}}\n"
    made = convert(read_file(text))
    assert [step["with"]["prompt"] for step in made.definition["steps"]] == [
        "To {{ inputs.n }}",
        "{{ steps.a.text }}",
    ]
    assert [one["name"] for one in made.definition["inputs"]] == ["n"]


@pytest.mark.parametrize(
    "depends, code",
    [
        ({"a": ["b"], "b": ["a"]}, "E_CYCLE"),
        ({"a": ["a"], "b": []}, "E_CYCLE"),
        ({"a": ["nope"], "b": []}, "E_DEF_REF"),
    ],
)
def test_dependencies_that_lead_nowhere_are_problems_of_steps_that_are_off(depends, code):
    steps = [{"id": i, "type": "openai", "params": {"prompt": "x"}, "depends_on": d} for i, d in depends.items()]
    made = convert({"name": "N", "steps": steps})
    assert {problem.code for problem in made.problems} == {code}
    off = {step["key"] for step in made.definition["steps"] if step.get("disabled")}
    assert {problem.step for problem in made.problems} <= off
    parse(made.definition)


@pytest.mark.parametrize(
    "said, expected",
    [
        ({"field": "x", "operator": "not_equals", "value": 5}, "inputs.x != 5"),
        ({"field": "x", "operator": "contains", "value": 'a "b"'}, "inputs.x contains 'a \"b\"'"),
        ({"field": "x", "operator": "not_contains", "value": "a"}, 'not (inputs.x contains "a")'),
        ({"field": "x", "operator": "in", "value": ["a", 1]}, 'inputs.x == "a" or inputs.x == 1'),
        ({"field": "x", "operator": "not_in", "value": ["a"]}, 'inputs.x != "a"'),
        ({"field": "x", "operator": "greater_than", "value": 1.5}, "inputs.x > 1.5"),
        ({"field": "x", "operator": "not_empty"}, "inputs.x != blank"),
        ({"field": "${x}", "operator": "equals", "value": True}, "inputs.x == true"),
        ({"field": "first", "operator": "equals", "value": "y"}, 'steps.first.text == "y"'),
        ({"field": "x", "operator": "resembles", "value": "y"}, "false"),
    ],
)
def test_conditions_become_liquid(said, expected):
    from orchestrator_site.lib.templating import compile_condition

    made = convert(
        {
            "name": "N", "inputs": {"x": {"type": "string", "default": "d"}},
            "steps": [{"id": "first", "type": "openai", "params": {"prompt": "p"}},
                      {"id": "a", "type": "openai", "params": {"prompt": "p"}, "condition": said}],
        }
    )  # fmt: skip
    assert made.definition["steps"][1]["when"] == expected
    compile_condition(expected)


# ---- Anything at all ---------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "Step 1", "x-y", "A", "été", "a_output", "1", "current_date", "__class__"])
TEXTS = st.text(alphabet="{}% .|[]ab_'\"\n$é", max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | TEXTS | st.builds("{{{{{}_output}}}}".format, NAMES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
ACTIONS = st.sampled_from(
    [("openai", "generate_completion"), ("openai", "summarize"), ("github", "create_issue"),
     ("notion", "append_to_page"), ("gmail", "list_messages"), ("transform", "extract"),
     ("transform", "format"), ("fax", "send"), ("openai", "")]
)  # fmt: skip
PARAMS = st.dictionaries(
    st.sampled_from(["prompt", "text", "title", "body", "labels", "source", "key", "template", "query", "odd"]),
    VALUES,
    max_size=4,
)


@st.composite
def flows(draw):
    names = draw(st.lists(NAMES, max_size=4))
    steps = []
    for name in names:
        kind, action = draw(ACTIONS)
        following = draw(st.none() | NAMES)
        steps.append({"id": name, "type": kind, "action": action, "params": draw(PARAMS), "next_step": following})
    variables = draw(st.dictionaries(NAMES, VALUES, max_size=3))
    return {"id": "any", "name": draw(TEXTS), "description": "", "steps": steps, "variables": variables}


@settings(max_examples=150, deadline=None)
@given(flows())
def test_every_well_formed_file_becomes_a_well_formed_definition(flow):
    from orchestrator_site.lib.templating import compile
    from workflows.engine.expressions import templates_in

    made = convert(flow)
    parsed = parse(made.definition)
    assert len(parsed.steps) >= len(flow["steps"])
    for step in parsed.steps:
        for _, text in templates_in(step.with_):
            compile(text)
    assert {problem.step for problem in made.problems} <= {step.key for step in parsed.steps if step.disabled}


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="{}%ab !.:[]\n", max_size=60))
def test_single_braces_become_liquid_that_says_the_same(text):
    from orchestrator_site.lib.templating import compile
    from prompts.braces import from_liquid, to_liquid

    made = to_liquid(text)
    data = {"a": "1", "b": "2", "ab": "3"}
    rendered = None
    if all(len(path) == 1 and path[0] in data for path in made.paths):
        rendered = compile(made.text).render(data)
    if not made.warnings and rendered is not None:
        assert str(rendered) == text.format(**data)
        back = from_liquid(made.text)
        assert back is not None and back.format(**data) == text.format(**data)


@pytest.mark.parametrize(
    "text",
    ["{{" * 500_000, "{{" + "a" * 900_000, "{{a}}" * 180_000, "{" * 900_000, "{%" * 450_000,
     "{{a" + ".b" * 400_000 + "}}", "".join(f"{{{{v{n}}}}}" for n in range(90_000))],
)  # fmt: skip
@pytest.mark.parametrize("action", [("openai", "generate_completion", "prompt"), ("transform", "format", "template")])
def test_a_text_made_to_be_slow_is_refused_quickly(text, action):
    kind, name, param = action
    step = {"id": "a", "type": kind, "action": name, "params": {param: text}}
    began = time.perf_counter()
    with pytest.raises(UserError) as refused:
        convert({"id": "w", "name": "W", "description": "", "steps": [step]})
    assert refused.value.code == "E_LENGTH" and time.perf_counter() - began < 1.5


def test_variables_that_multiply_each_other_are_refused_quickly():
    variables = {f"v{n}": f"{{{{v{n + 1}}}}} " * 50 for n in range(9)} | {"v9": "x"}
    step = {"id": "a", "type": "openai", "action": "generate_completion", "params": {"prompt": "{{v0}}"}}
    began = time.perf_counter()
    with pytest.raises(UserError):
        convert({"id": "w", "name": "W", "description": "", "steps": [step], "variables": variables})
    assert time.perf_counter() - began < 1.5


def test_more_inputs_than_a_form_can_hold_are_refused():
    variables = {f"v{n}": n for n in range(501)}
    with pytest.raises(UserError) as refused:
        convert({"id": "w", "name": "W", "description": "", "steps": [], "variables": variables})
    assert refused.value.code == "E_DEF_SIZE" and refused.value.limit == 500
