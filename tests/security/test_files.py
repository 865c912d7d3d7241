"""Files from strangers: imports stay inert, bombs cost nothing, secrets are taken out, names are only names."""

from __future__ import annotations

import json
import resource
import time

import pytest

from orchestrator_site.lib.errors import UserError
from prompts.operations.files import import_prompts
from workflows.models import Run, Workflow
from workflows.operations.imports import import_workflows

pytestmark = pytest.mark.django_db

STEP = "steps: [{key: s, action: data.format, with: {template: x}}]"
HEAD = "format: 1\nslug: imported\nname: Imported\n"
BOMB = "\n".join(
    ["a0: &a0 [x,x,x,x,x,x,x,x,x]"] + [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
)
BAD = {
    "B147 an alias bomb": (BOMB, {"E_IMPORT_ALIAS"}),
    "B148 an alias": (f"{HEAD}description: &a x\nnote: *a\n{STEP}", {"E_IMPORT_ALIAS"}),
    "B149 a Python object": (f"{HEAD}x: !!python/object:os.system 'id'\n{STEP}", {"E_IMPORT_TAG"}),
    "B149 a Python call": ("!!python/object/apply:os.system ['id']", {"E_IMPORT_TAG"}),
    "B149 a name": (f"{HEAD}x: !!python/name:os.system\n{STEP}", {"E_IMPORT_TAG"}),
    "B149 a tag of one's own": (f"{HEAD}x: !evil {{a: 1}}\n{STEP}", {"E_IMPORT_TAG"}),
    "B149 a tag by prefix": (
        f"%TAG ! tag:yaml.org,2002:python/\n---\n{HEAD}x: !object:os.system {{}}\n{STEP}",
        {"E_IMPORT_TAG"},
    ),
    "B150 3,000 deep": ("[" * 3000 + "]" * 3000, {"E_JSON_DEPTH"}),
    "B150 3,000 deep in YAML": ("a: " + "[" * 3000 + "]" * 3000, {"E_JSON_DEPTH"}),
    "B150 100,000 deep blocks": ("- " * 100_000, {"E_JSON_DEPTH", "E_YAML"}),
    "B151 a key that is no text": (f"{HEAD}1: x\n{STEP}", {"E_TYPE"}),
    "B151 a key that is a list": (f"{HEAD}? [a]\n: x\n{STEP}", {"E_TYPE"}),
    "B152 a date": (f"{HEAD}x: 2026-01-01\n{STEP}", {"E_TYPE"}),
    "B152 infinity": (f"{HEAD}x: .inf\n{STEP}", {"E_TYPE"}),
    "B152 not a number": (f"{HEAD}x: .nan\n{STEP}", {"E_TYPE"}),
    "B152 binary": (f"{HEAD}x: !!binary aGk=\n{STEP}", {"E_TYPE"}),
    "B152 a set": (f"{HEAD}x: !!set {{a}}\n{STEP}", {"E_TYPE"}),
    "B152 a timestamp": (f"{HEAD}x: !!timestamp '2026-01-01'\n{STEP}", {"E_TYPE"}),
    "a merge key": (f"{HEAD}base: &b {{a: 1}}\nx:\n  <<: *b\n{STEP}", {"E_IMPORT_ALIAS"}),
    "a key twice": (f"{HEAD}name: Other\n{STEP}", {"E_JSON_DUP_KEY"}),
    "B154 2 MB": ("x" * 2_000_000, {"E_TOO_LARGE"}),
    "B155 a newer format": (HEAD.replace("1", "99") + STEP, {"E_IMPORT_VERSION"}),
    "B157 500 workflows": (
        json.dumps([{"format": 1, "slug": f"w{n}", "name": "W", "steps": []} for n in range(500)]),
        {"E_IMPORT_COUNT"},
    ),
    "200,001 values": ("[" + ",".join(["1"] * 250_000) + "]", {"E_JSON_NODES", "E_IMPORT_SHAPE", "E_TYPE"}),
    "a number of 5,000 digits": (f"{HEAD}x: {'9' * 5000}\n{STEP}", {"E_NUMBER", "E_UNKNOWN_FIELD"}),
    "UTF-16": (HEAD.encode("utf-16"), {"E_ENCODING"}),
    "not UTF-8": (b"name: \xff\xfe\xfa", {"E_ENCODING"}),
    "NUL": (f'{HEAD}description: "a\\0b"\n{STEP}', {"E_TEXT_CONTROL", "E_YAML"}),
    "a lone surrogate": ('{"format": 1, "slug": "x", "name": "\\ud800", "steps": []}', {"E_TEXT_SURROGATE"}),
    "XML": ("<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>", None),
    "a zip": (b"PK\x03\x04" + b"\x00" * 100, None),
    "a pickle": (b"\x80\x04\x95\x1c\x00\x00\x00", None),
    "nothing": ("", None),
    "a comment": ("# only words", None),
}


def codes(problem: UserError) -> set[str]:
    return {problem.code, *(str(one["code"]) for one in problem.extra.get("errors", []))}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("what", [import_workflows, import_prompts], ids=["workflows", "prompts"])
def test_a_bad_file_is_refused_quickly_and_nothing_is_written(case, what, editor):
    text, expected = BAD[case]
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(UserError) as refused:
        what(editor.actor, text)
    assert time.process_time() - began < 1.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
    if what is import_workflows and expected:
        assert codes(refused.value) & expected, refused.value.as_dict()
    assert not Workflow.objects.of(editor.workspace).exists()


@pytest.mark.parametrize("identifier", ["../../etc/passwd", "/etc/passwd", "..\\windows", "a/b", "a\x00b", ".", ".."])
def test_an_id_that_is_a_path_leads_nowhere(editor, identifier):
    body = {"id": identifier, "name": "N", "description": "", "steps": [], "variables": {}}
    answer = editor.api.post_json("/workflows", body)
    assert answer.status_code == 422, answer.text
    assert editor.api.get(f"/workflows/{identifier}".replace("\x00", "%00")).status_code == 404
    prompt = {"id": identifier, "name": "N", "description": "", "user_prompt": "x"}
    assert editor.api.post_json("/prompts", prompt).status_code == 422


def test_an_import_runs_nothing_and_takes_secrets_out(editor):
    secret = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"
    text = json.dumps(
        {
            "format": 1,
            "slug": "leaky",
            "name": "Leaky",
            "description": f"use {secret}",
            "connections": [{"service": "openai", "secret": {"api_key": secret}}],
            "steps": [
                {"key": "ask", "action": "ai.complete", "with": {"prompt": f"Bearer {secret}", "model": "gpt-4o-mini"}}
            ],
        }
    )
    result = import_workflows(editor.actor, text)[0]
    assert result.warnings and not Run.objects.of(editor.workspace).exists()
    assert result.workflow.published is None
    for path in (
        "/api/v1/workflows/leaky",
        "/api/v1/workflows/leaky?format=json",
        "/api/v1/workflows/leaky?format=yaml",
    ):
        assert secret not in editor.api.get(path).text
    assert secret not in json.dumps(list(Workflow.objects.of(editor.workspace).values()), default=str)


def test_equal_names_get_a_suffix_and_a_warning(editor):
    text = json.dumps(
        {
            "format": 1,
            "slug": "twin",
            "name": "Twin",
            "steps": [{"key": "s", "action": "data.format", "with": {"template": "x"}}],
        }
    )
    first, second = (import_workflows(editor.actor, text)[0] for _ in range(2))
    assert first.workflow.slug != second.workflow.slug and second.warnings


def test_downloads_are_attachments_with_harmless_names(editor):
    body = {
        "format": 1,
        "slug": "report",
        "name": 'Re"port\u202e/../x',
        "steps": [{"key": "s", "action": "data.format", "with": {"template": "x"}}],
    }
    assert editor.api.post_json("/api/v1/workflows", body).status_code == 201
    for wanted in ("json", "yaml"):
        answer = editor.client.get(editor.path(f"workflows/report/export?format={wanted}"))
        disposition = answer.headers["Content-Disposition"]
        assert disposition.startswith("attachment") and answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not set(disposition) & set("\r\n/\\\u202e") and "text/html" not in answer.headers["Content-Type"]
