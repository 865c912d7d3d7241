"""The “Try” page of a step: its form, its last try, and the sample outputs."""

from __future__ import annotations

import json

from tests.personas import persona
from workflows.models import Run, Sample

PATH = "workflows/greeting/steps/any"


def test_a_step_is_tried_dry_by_the_page_and_live_only_where_it_is_ticked(operator, greeting, monkeypatch):
    monkeypatch.setattr("workflows.views.trying.WAIT", 0)
    Run.objects.of(operator.workspace).delete()
    first = operator.client.post(operator.path("workflows/greeting/run"), {"input_who": "Ada"})
    assert first.status_code == 302
    assert operator.client.post(operator.path(f"{PATH}/try"), {"scope": "up_to"}).status_code == 302
    tried = Run.objects.of(operator.workspace).order_by("-id").first()
    assert (tried.mode, tried.trigger_kind, tried.trigger_id, tried.inputs) == ("dry", "try", "any", {"who": "Ada"})
    operator.client.post(operator.path(f"{PATH}/try"), {"scope": "step", "mode": "live"})
    assert Run.objects.of(operator.workspace).order_by("-id").first().mode == "live"
    page = operator.client.get(operator.path(f"{PATH}/try")).text
    assert "The last try" in page and "Try the step" in page


def test_samples_are_saved_shown_and_forgotten_by_editors_only(editor, viewer, outsider, greeting):
    sample = "workflows/greeting/steps/hello/sample"
    editor.client.post(editor.path(sample), {"output": json.dumps({"text": "Hello Bo"})})
    assert Sample.objects.of(editor.workspace).get(key="hello").output == {"text": "Hello Bo"}
    assert "Hello Bo" in viewer.client.get(viewer.path("workflows/greeting/steps/hello/try")).text
    assert "Save the sample" not in viewer.client.get(viewer.path("workflows/greeting/steps/hello/try")).text
    assert viewer.client.post(viewer.path(sample), {"do": "delete"}).status_code == 403
    assert outsider.client.get(editor.path("workflows/greeting/steps/hello/try")).status_code == 404
    wrong = editor.client.post(editor.path(sample), {"output": "{no json"})
    assert wrong.status_code == 422 and "no json" in wrong.text
    editor.client.post(editor.path(sample), {"do": "delete"})
    assert not Sample.objects.of(editor.workspace).exists()


def test_the_api_saves_reads_and_tries(workspace, greeting):
    api = persona(workspace, "editor").api
    saved = api.put_json("/api/v1/workflows/greeting/samples/hello", {"output": {"text": "Hi"}})
    assert saved.status_code == 200 and saved.json()["output"] == {"text": "Hi"}
    assert [one["key"] for one in api.get("/api/v1/workflows/greeting/samples").json()["results"]] == ["hello"]
    tried = api.post_json("/api/v1/workflows/greeting/try", {"step": "any", "inputs": {"who": "Ada"}})
    assert tried.status_code == 202 and tried.json()["mode"] == "dry" and tried.json()["trigger"]["kind"] == "try"
    assert api.post_json("/api/v1/workflows/greeting/try", {"step": "nobody"}).status_code == 404
    assert api.delete("/api/v1/workflows/greeting/samples/hello").status_code == 204
