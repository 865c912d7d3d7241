"""Files that people and programs put in: bounded while they are read, only a label of a type, and inputs of runs."""

from __future__ import annotations

import hashlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import AuditEntry
from orchestrator_site.lib import upload
from orchestrator_site.lib.errors import Forbidden, UserError
from workflows.engine.findings import DefinitionProblems
from workflows.models import Blob
from workflows.operations.files import upload_file
from workflows.operations.publish import publish_workflow
from workflows.operations.runs import start_run
from workflows.operations.workflows import create_workflow

pytestmark = pytest.mark.django_db
URL = "/api/v1/files"
TEXT = b"name,total\nada,3\n"


def sent(name="table.csv", content=TEXT, kind="text/csv"):
    return SimpleUploadedFile(name, content, kind)


def put(persona, **more):
    return persona.api.post(URL, {"file": sent(**more)})


def flow(persona):
    text = {"key": "say", "action": "data.format", "with": {"template": "{{ inputs.table.name }}"}}
    inputs = [{"name": "table", "type": "file", "required": True}]
    made = create_workflow(
        persona.actor, {"format": 1, "name": "Read", "inputs": inputs, "steps": [text], "outputs": {}}
    )
    publish_workflow(persona.actor, made)
    return made


def test_a_program_puts_a_file_in_and_gets_the_value_that_steps_take(operator, viewer, outsider):
    answer = put(operator)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert told == {
        "$file": told["$file"], "name": "table.csv", "mime_type": "text/csv", "size": len(TEXT),
        "sha256": hashlib.sha256(TEXT).hexdigest(),
    }  # fmt: skip
    got = viewer.api.get(f"{URL}/{told['$file']}")
    assert got.content == TEXT and got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert outsider.api.get(f"{URL}/{told['$file']}").status_code == 404
    assert put(viewer).status_code == 403
    assert AuditEntry.objects.of(operator.workspace).get(action="file.upload").details["name"] == "table.csv"


def test_equal_content_is_kept_once_and_names_are_cleaned(operator, outsider):
    first = put(operator).json()
    again = put(operator, name="..\\..\u202egpj.exe", kind="text/html; charset=x").json()
    assert again["$file"] == first["$file"] and again["mime_type"] == "text/html"
    assert not set(again["name"]) & set('/\\\u202e"')
    assert put(outsider).json()["$file"] != first["$file"]
    assert Blob.objects.of(operator.workspace).count() == 1


@pytest.mark.parametrize(
    "body, kind, status, code",
    [
        (b"{}", "application/json", 415, "E_MEDIA_TYPE"),
        (b"x", "multipart/form-data", 400, "E_BODY"),
        (b"--b\r\ngarbage", "multipart/form-data; boundary=b", 400, "E_REQUIRED"),
    ],
)
def test_what_is_no_form_with_a_file_is_refused(operator, body, kind, status, code):
    answer = operator.api.generic("POST", URL, body, content_type=kind)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_other_fields_and_empty_files_are_refused(operator):
    assert operator.api.post(URL, {"file": sent(), "path": "/etc"}).json()["error"]["code"] == "E_UNKNOWN_FIELD"
    assert operator.api.post(URL, {"file": "text"}).json()["error"]["code"] == "E_REQUIRED"
    assert put(operator, content=b"").json()["error"]["code"] == "E_LENGTH"
    assert not Blob.objects.of(operator.workspace).exists()


def test_a_file_that_is_too_large_is_refused_while_it_is_read(operator, monkeypatch):
    monkeypatch.setattr(upload, "MAX_UPLOAD", 100_000)
    answer = put(operator, content=b"x" * 150_000)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "E_TOO_LARGE")
    declared = operator.api.generic(
        "POST", URL, b"x", content_type="multipart/form-data; boundary=b", CONTENT_LENGTH="27000000"
    )
    assert declared.status_code == 413
    assert not Blob.objects.of(operator.workspace).exists()


def test_a_run_takes_a_file_of_its_own_workspace_only(editor, outsider):
    made, theirs = flow(editor), put(outsider).json()
    value = upload_file(editor.actor, sent())
    run = start_run(editor.actor, made.slug, {"table": {"$file": value["$file"]}})
    assert run.inputs["table"] == value, "what the store knows stands in the run"
    for wrong in (theirs, {"$file": "no id"}, {**value, "path": "/etc/passwd"}, "table.csv"):
        with pytest.raises(DefinitionProblems) as caught:
            start_run(editor.actor, made.slug, {"table": wrong})
        assert caught.value.found[0].field == "inputs.table"


def test_the_run_form_takes_an_upload(operator, editor, viewer):
    made = flow(editor)
    url = operator.path(f"workflows/{made.slug}/run")
    assert 'enctype="multipart/form-data"' in operator.client.get(url).content.decode()
    answer = operator.client.post(url, {"input_table": sent()})
    assert answer.status_code == 302 and "/runs/" in answer["Location"]
    assert operator.client.post(url, {}).status_code == 422
    assert viewer.client.post(url, {"input_table": sent()}).status_code == 403


def test_the_page_lists_what_was_put_in(operator, viewer):
    page = operator.client.post(operator.path("files"), {"file": sent()})
    assert page.status_code == 200 and "table.csv is here" in page.content.decode()
    assert "table.csv" in viewer.client.get(viewer.path("files")).content.decode()
    assert operator.client.post(operator.path("files"), {}).status_code == 400
    with pytest.raises(Forbidden):
        upload_file(viewer.actor, sent())
    with pytest.raises(UserError):
        upload_file(operator.actor, None)
