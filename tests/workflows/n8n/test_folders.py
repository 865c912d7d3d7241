"""A folder of workflows as a zip, in and out; and zips that mean harm."""

import base64
import io
import json
import stat
import zipfile

import pytest
from django.core.management import call_command

from orchestrator_site.lib.errors import UserError
from tests.workflows.definition.helpers import text_step, workflow
from workflows.models import Workflow
from workflows.operations.exports import export_folder
from workflows.operations.imports import import_file, import_folder
from workflows.operations.imports.folders import read_zip
from workflows.operations.workflows import create_workflow

GOOD = json.dumps({"format": 1, "name": "Good", "steps": []})


def packed(*files, compress=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compress) as made:
        for name, text in files:
            made.writestr(name, text)
    return buffer.getvalue()


def link():
    entry = zipfile.ZipInfo("a.json")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return packed((entry, "/etc/passwd"))


def lying():
    """A zip whose directory says that its file is small."""
    content = bytearray(packed(("a.json", "0" * 30_000_000)))
    at = content.rindex(b"PK\x01\x02")
    content[at + 24 : at + 28] = (100).to_bytes(4, "little")
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (packed(("../a.json", GOOD)), "E_IMPORT_PATH"),
        (packed(("/etc/a.json", GOOD)), "E_IMPORT_PATH"),
        (packed(("C:/a.json", GOOD)), "E_IMPORT_PATH"),
        (packed(("a\\..\\b.json", GOOD)), "E_IMPORT_PATH"),
        (link(), "E_IMPORT_PATH"),
        (packed(("a.json", "0" * 30_000_000)), "E_TOO_LARGE"),
        (packed(*((f"{i}.json", " " * 1_000_000) for i in range(30))), "E_TOO_LARGE"),
        (packed(*((f"{i}.json", GOOD) for i in range(101))), "E_IMPORT_COUNT"),
        (packed(*((f"{i}.txt", "") for i in range(501))), "E_IMPORT_COUNT"),
        (packed(("readme.md", "hello"), ("__MACOSX/a.json", GOOD), (".git/b.json", GOOD)), "E_IMPORT_COUNT"),
        (b"PK\x03\x04" + b"\x00" * 50, "E_IMPORT_ZIP"),
        (b"PK\x03\x04" + b"x" * 6_000_000, "E_TOO_LARGE"),
    ],
)
def test_a_zip_that_means_harm_is_refused(content, code):
    with pytest.raises(UserError) as refused:
        read_zip(content)
    assert refused.value.code == code


def test_a_zip_that_lies_about_its_size_is_refused():
    with pytest.raises(UserError) as refused:
        read_zip(lying())
    assert refused.value.code in ("E_TOO_LARGE", "E_IMPORT_ZIP")


@pytest.mark.django_db
def test_every_workflow_goes_out_and_comes_in_again(editor, viewer, outsider):
    create_workflow(editor.actor, workflow(text_step("a", "hello"), name="First"))
    create_workflow(editor.actor, workflow(text_step("b", "bye"), name="Second"))
    out = viewer.client.get(viewer.path("workflows/export")).content
    assert out == export_folder(editor.actor) == viewer.api.get("/api/v1/export").content
    results = import_file(outsider.actor, out)
    assert [result.workflow.slug for result in results] == ["first", "second"]
    answer = editor.api.post_json("/api/v1/import", {"zip": base64.b64encode(out).decode()})
    assert [one["workflow"]["slug"] for one in answer.json()["results"]] == ["first_2", "second_2"]
    assert viewer.api.post_json("/api/v1/import", {"text": GOOD}).status_code == 403
    assert editor.api.post_json("/api/v1/import", {"zip": "%%%"}).status_code == 400


@pytest.mark.django_db
def test_the_command_line_writes_and_reads_a_folder(editor, workspace, outsider, tmp_path):
    create_workflow(editor.actor, workflow(text_step("a", "hello"), name="First"))
    path = tmp_path / "all.zip"
    call_command("export_workflow", all=str(path), workspace=workspace.slug)
    call_command("import_workflow", str(path), workspace=outsider.workspace.slug)
    assert Workflow.objects.of(outsider.workspace).get().slug == "first"


@pytest.mark.django_db
def test_a_file_of_prompts_goes_to_the_library(editor):
    text = json.dumps({"greeting": {"name": "Greeting", "user_template": "Hello {name}"}})
    answer = editor.client.post(editor.path("workflows/import"), {"pasted": text}, follow=True)
    assert answer.status_code == 200 and "they are in the library now" in answer.text


@pytest.mark.django_db
def test_one_bad_file_is_named_and_nothing_is_imported(editor, workspace):
    with pytest.raises(UserError, match=r"folder/bad\.json"):
        import_folder(editor.actor, packed(("a.json", GOOD), ("folder/bad.json", "{")))
    assert not Workflow.objects.of(workspace).exists()
