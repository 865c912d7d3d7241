"""Files as values: kept by one step, read by the next, within one workspace only."""

from __future__ import annotations

import uuid

import pytest

from integrations.errors import Rejected
from integrations.files import MAX_FILE, File, check_size, clean_name, clean_type
from workflows.engine.files import keep
from workflows.models import Blob
from workflows.operations.runs import start_run

from .conftest import make_workspace, publish


@pytest.fixture(autouse=True)
def _filing(settings):
    settings.EXTRA_INTEGRATIONS = ["tests.fakes.filing"]


TWICE = {
    "steps": [
        {"key": "one", "action": "filing.keep", "with": {"text": "Hello"}},
        {"key": "two", "action": "filing.open", "with": {"file": "{{ steps.one.file }}"}},
        {"key": "three", "action": "filing.keep", "with": {"text": "Hello"}},
    ],
    "outputs": {"text": "{{ steps.two.text }}", "file": "{{ steps.one.file }}", "again": "{{ steps.three.file }}"},
}


def test_a_file_is_a_value_that_the_next_step_reads(workspace, actor, engine):
    engine()
    run = start_run(actor, publish(workspace, TWICE).slug, wait=10)
    assert (run.status, run.outputs["text"]) == ("succeeded", "Hello")
    file = run.outputs["file"]
    assert set(file) == {"$file", "name", "mime_type", "size", "sha256"}
    assert (file["name"], file["mime_type"], file["size"]) == ("a_b.txt", "text/plain", 5)
    assert run.outputs["again"]["$file"] == file["$file"], "equal content is kept once"
    assert Blob.objects.of(workspace).count() == 1


def test_a_file_of_another_workspace_is_not_there(workspace, actor, engine):
    engine()
    foreign = keep(make_workspace().pk, b"secret", "s.txt", "text/plain")
    step = {"key": "two", "action": "filing.open", "with": {"file": foreign.model_dump(mode="json")}}
    run = start_run(actor, publish(workspace, {"steps": [step]}).slug, wait=10)
    assert (run.status, run.error["code"]) == ("failed", "E_NO_FILE")


def test_a_download_is_an_attachment_that_no_browser_shows(client, viewer, outsider):
    file = keep(viewer.workspace.pk, b"<script>alert(1)</script>", "évil\r\n.html", "text/html")
    client.force_login(viewer.user)
    answer = client.get(f"/w/{viewer.workspace.slug}/files/{file.id}")
    assert answer.content == b"<script>alert(1)</script>"
    assert answer["Content-Disposition"].startswith("attachment") and "\r" not in answer["Content-Disposition"]
    assert answer["X-Content-Type-Options"] == "nosniff" and "sandbox" in answer["Content-Security-Policy"]
    client.force_login(outsider.user)
    assert client.get(f"/w/{outsider.workspace.slug}/files/{file.id}").status_code == 404
    assert client.get(f"/w/{viewer.workspace.slug}/files/{file.id}").status_code == 404


@pytest.mark.parametrize(
    "given, clean",
    [
        ("/etc/passwd", "etc_passwd"),
        ("..", "file"),
        ("a\x00b.txt", "a_b.txt"),
        ("report.pdf", "report.pdf"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
        ("", "file"),
    ],
)
def test_names_are_cleaned(given, clean):
    assert clean_name(given) == clean


def test_types_that_cannot_stand_in_a_header_are_guessed():
    assert clean_type("text/html; charset=x", "a") == "text/html"
    assert clean_type("a\r\nb", "a.png") == "image/png"
    assert clean_type("", "a") == "application/octet-stream"


def test_a_file_has_a_largest_size_and_a_known_shape():
    with pytest.raises(Rejected, match="at most 25"):
        check_size(MAX_FILE + 1, "a")
    with pytest.raises(ValueError):
        File.model_validate({"$file": str(uuid.uuid4()), "path": "/etc/passwd"})
