"""manage.py import_workflow and export_workflow."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command

from integrations.models import Connection
from prompts.models import Prompt
from prompts.operations.files import SEEDS
from workflows.models import Workflow

FILES = Path(__file__).parent / "files"
pytestmark = pytest.mark.django_db


def call(*words, **more):
    out = StringIO()
    call_command(*words, stdout=out, **more)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _connections(workspace):
    for service in ("openai", "github", "notion", "gmail"):
        Connection.objects.create(workspace=workspace, service=service, name=service, sandbox=True, is_default=True)


def test_a_file_goes_in_published_and_out_byte_for_byte(workspace):
    path = FILES / "email_to_notion.json"
    said = call("import_workflow", str(path), workspace=workspace.slug, publish=True)
    assert said.startswith("email_to_notion  (seed, published)")
    assert call("export_workflow", "email_to_notion", workspace=workspace.slug, format="seed") == path.read_text()
    ours = json.loads(call("export_workflow", "email_to_notion", workspace=workspace.slug))
    assert yaml.safe_load(call("export_workflow", "email_to_notion", workspace=workspace.slug, format="yaml")) == ours


def test_our_own_yaml_goes_in_again(workspace, tmp_path):
    call("import_workflow", str(FILES / "email_to_notion.json"), workspace=workspace.slug)
    file = tmp_path / "w.yaml"
    file.write_text(call("export_workflow", "email_to_notion", workspace=workspace.slug, format="yaml"))
    said = call("import_workflow", str(file), workspace=workspace.slug, publish=True)
    assert said.startswith("email_to_notion_2  (native, published)")


def test_what_cannot_be_published_is_said_and_fails(workspace, tmp_path):
    file = tmp_path / "w.json"
    step = {"id": "a", "type": "fax", "action": "send", "params": {}}
    file.write_text(json.dumps({"id": "w", "name": "W", "description": "", "steps": [step]}))
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("import_workflow", str(file), workspace=workspace.slug, publish=True, stdout=out)
    assert "error: E_KIND [a]" in out.getvalue()
    assert Workflow.objects.of(workspace).get().published is None


def test_prompt_files_are_taken_too(workspace):
    assert "code_review  (prompt)" in call("import_workflow", str(SEEDS / "code_review.json"), workspace=workspace.slug)
    assert Prompt.objects.of(workspace).count() == 1


@pytest.mark.parametrize("words", [("import_workflow", "/nowhere.json"), ("export_workflow", "nothing")])
def test_what_is_not_there_is_said_in_a_sentence(workspace, words):
    with pytest.raises(CommandError):
        call(*words, workspace=workspace.slug)
    with pytest.raises(CommandError, match="no workspace"):
        call(*words, workspace="elsewhere")
