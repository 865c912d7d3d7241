"""Running a workflow for each row of a table; what is done to many runs at once; two runs compared."""

import csv
import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import AuditEntry
from orchestrator_site.lib.clock import now
from workflows.models import Run, StepRun
from workflows.operations import workflows as operations
from workflows.operations.publish import publish_workflow
from workflows.operations.runs import start_batch, start_run

INPUTS = [
    {"name": "who", "type": "text", "required": True, "label": "For whom"},
    {"name": "count", "type": "integer", "default": 3},
    {"name": "urgent", "type": "boolean"},
    {"name": "kind", "type": "choice", "options": ["Bug", "Idea"]},
    {"name": "when", "type": "date"},
    {"name": "tags", "type": "list"},
]

STEPS = [{"key": "say", "action": "data.format", "with": {"template": "x"}}]


@pytest.fixture
def report(workspace, editor):
    step = {"key": "say", "action": "data.format", "with": {"template": "{{ inputs.who }}"}}
    definition = {"format": 1, "name": "Report", "inputs": INPUTS, "steps": [step]}
    made = operations.create_workflow(editor.actor, definition)
    publish_workflow(editor.actor, made, "first")
    return operations.get_workflow(editor.actor, made.slug)


def show(persona, text, **more):
    """Upload a table; gives the page and what its form would send."""
    upload = text if isinstance(text, SimpleUploadedFile) else SimpleUploadedFile("t.csv", text.encode())
    answer = persona.client.post(persona.path("workflows/report/batch"), {"file": upload, **more})
    sent = {
        name: value for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', answer.text)
    }
    for name, options in re.findall(r'<select[^>]* name="(map_\d+)">(.*?)</select>', answer.text, re.S):
        chosen = re.search(r'value="(\w*)" selected', options)
        sent[name] = chosen[1] if chosen else ""
    sent.pop("csrfmiddlewaretoken", None)
    return answer, sent


def start(persona, sent, **more):
    return persona.client.post(persona.path("workflows/report/batch"), {**sent, "start": "1", **more})


def test_a_table_is_shown_as_inputs_and_started_as_one_batch(operator, report):
    page, sent = show(
        operator, 'For whom;Count;urgent;kind;when;tags;else\nAda;5;yes;bug;2026-07-29;["a"];x\n=Bob;;;;;;\n'
    )
    assert page.status_code == 200 and "Start 2 runs" in page.text and sent["map_0"] == "who" and sent["map_6"] == ""
    assert not Run.objects.of(report.workspace).exists()
    answer = start(operator, sent)
    first, second = Run.objects.of(report.workspace).order_by("id")
    assert first.inputs == {
        "who": "Ada", "count": 5, "urgent": True, "kind": "Bug", "when": "2026-07-29", "tags": ["a"],
    }  # fmt: skip
    assert (second.inputs["who"], second.inputs["count"]) == ("=Bob", 3)
    assert answer.headers["Location"] == operator.path(f"runs?batch={first.trigger_id.removeprefix('batch:')}")
    listed = operator.client.get(answer.headers["Location"]).text
    assert "A batch of 2 runs" in listed and "0 ended" in listed and 'hx-trigger="every 3s"' in listed
    start(operator, sent)
    assert Run.objects.of(report.workspace).count() == 2, "a second click starts nothing"


@pytest.mark.parametrize(
    "text, words",
    [
        ("who,count\nAda,x\nBob,2\n", "Count must be a whole number, not “x”"),
        ("who,count\n,2\n", "For whom is required"),
        ("who,urgent\nAda,perhaps\n", "must be true or false"),
        ("who,kind\nAda,Other\n", "must be one of Bug, Idea"),
        ("who,when\nAda,29.7.2026\n", "must be a date like"),
        ("who\nAda,2\n", "has 2 cells, but there are 1 columns"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_can_be_started(operator, report, text, words):
    page, sent = show(operator, text)
    assert page.status_code == 422 and words in page.text and "1 row cannot start" in page.text
    assert 'name="start"' not in page.text
    start(operator, sent)
    assert not Run.objects.of(report.workspace).exists()


def test_columns_are_given_to_inputs_by_hand(operator, report):
    page, sent = show(operator, "customer\nAda\n")
    assert page.status_code == 422 and "No column fills “For whom”" in page.text
    start(operator, sent, map_0="who")
    assert Run.objects.of(report.workspace).get().inputs["who"] == "Ada"
    twice = operator.client.post(
        operator.path("workflows/report/batch"), {**show(operator, "a,b\nx,y\n")[1], "map_0": "who", "map_1": "who"}
    )
    assert "Two columns fill “For whom”" in twice.text


def test_rows_may_be_pasted_and_a_table_without_rows_be_fetched(operator, report):
    answer = operator.client.post(operator.path("workflows/report/batch"), {"pasted": "who\tcount\nAda\t2\n"})
    assert "Start 1 run" in answer.text
    empty = operator.client.get(operator.path("workflows/report/batch?empty=1"))
    assert empty.content.decode("utf-8-sig").strip() == '"who","count","urgent","kind","when","tags"'


@pytest.mark.parametrize("said", [{}, {"pasted": ""}, {"pasted": 'a\n"open'}, {"pasted": "who\n"}])
def test_what_is_no_table_is_said_on_the_form(operator, report, said):
    assert operator.client.post(operator.path("workflows/report/batch"), said).status_code == 422


def test_a_table_that_was_tampered_with_is_chosen_again(operator, report):
    answer = start(operator, {"table": "x" * 50, "map_0": "who"})
    assert answer.status_code == 302 and not Run.objects.of(report.workspace).exists()


def test_an_unpublished_workflow_is_not_run_for_a_table(operator, editor, report):
    operations.create_workflow(editor.actor, {"format": 1, "name": "Draft", "inputs": [], "steps": STEPS})
    answer = operator.client.get(operator.path("workflows/draft/batch"), follow=True)
    assert "has not been published" in answer.text


def test_viewers_and_outsiders_start_no_batch(viewer, outsider, report):
    assert viewer.client.get(viewer.path("workflows/report/batch")).status_code == 403
    assert viewer.client.post(viewer.path("runs/bulk"), {"act": "cancel", "which": "all"}).status_code == 403
    assert outsider.client.get(outsider.path("workflows/report/batch")).status_code == 404
    assert outsider.api.post_json("/api/v1/workflows/report/runs/batch", {"inputs": [{"who": "x"}]}).status_code == 404


# The API


def test_the_api_starts_a_batch_once_per_key_and_finds_its_runs(operator, report):
    body = {"inputs": [{"who": "a"}, {"who": "b"}]}
    answers = [
        operator.api.post_json("/api/v1/workflows/report/runs/batch", body, headers={"Idempotency-Key": "k1"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202] and answers[0].json() == answers[1].json()
    found = operator.api.get(f"/api/v1/runs?batch={answers[0].json()['batch']}").json()["results"]
    assert {run["id"] for run in found} == set(answers[0].json()["runs"])
    assert operator.api.get("/api/v1/runs?batch=nonsense").status_code == 400
    other = operator.api.post_json(
        "/api/v1/workflows/report/runs/batch", {"inputs": [{"who": "c"}]}, headers={"Idempotency-Key": "k1"}
    )
    assert other.status_code == 422


def test_the_api_names_each_wrong_set_and_starts_none(operator, report):
    body = {"inputs": [{"who": "a"}, {}, {"who": "b", "count": "x"}]}
    answer = operator.api.post_json("/api/v1/workflows/report/runs/batch", body)
    assert answer.status_code == 400
    errors = answer.json()["error"]["errors"]
    assert [error["field"] for error in errors] == ["inputs[1].who", "inputs[2].count"]
    assert not Run.objects.of(report.workspace).exists()


@pytest.mark.parametrize("body", [{"inputs": []}, {"inputs": [{"who": "x"}] * 1001}, {"inputs": ["x"]}, {}])
def test_the_api_refuses_what_is_no_batch(operator, report, body):
    assert operator.api.post_json("/api/v1/workflows/report/runs/batch", body).status_code == 400


def test_a_thousand_runs_start_at_once(operator, report):
    body = {"inputs": [{"who": str(n)} for n in range(1000)]}
    answer = operator.api.post_json("/api/v1/workflows/report/runs/batch", body)
    assert answer.status_code == 202 and Run.objects.of(report.workspace).count() == 1000


# Many at once


@pytest.fixture
def batch(operator, report):
    """Three runs: one failed at its second step, one succeeded, one queued."""
    runs = start_batch(operator.actor, "report", [{"who": name} for name in ("Ada", "=Bob", "Cleo")])
    error = {"code": "E_X", "message": "It broke.", "step": "say"}
    rows = Run.objects.of(report.workspace)
    rows.filter(pk=runs[0].pk).update(status="failed", error=error, finished_at=now())
    rows.filter(pk=runs[1].pk).update(status="succeeded", outputs={"text": "@sum"}, finished_at=now())
    return list(rows.order_by("id"))


def test_ticked_runs_are_cancelled_and_those_that_had_ended_are_named(operator, batch):
    answer = operator.client.post(
        operator.path("runs/bulk"), {"act": "cancel", "run": [run.pk for run in batch]}, follow=True
    )
    assert "Cancelling 1 run" in answer.text and "2 left as they are" in answer.text
    assert Run.objects.of(batch[2].workspace).get(pk=batch[2].pk).ending == "cancel"
    assert AuditEntry.objects.of(batch[0].workspace).get(action="runs.cancel").details["runs"] == 1


def test_all_of_a_filter_are_run_again_from_where_they_failed_as_a_batch_of_their_own(operator, batch):
    said = {"act": "failed", "which": "all", "batch": batch[0].trigger_id.removeprefix("batch:")}
    answer = operator.client.post(operator.path("runs/bulk"), said, follow=True)
    again = Run.objects.of(batch[0].workspace).get(replay_of=batch[0])
    assert "A batch of 1 run" in answer.text and "It did not fail." in answer.text
    assert again.trigger_id.startswith("batch:") and again.trigger_id != batch[0].trigger_id
    assert AuditEntry.objects.of(batch[0].workspace).get(action="runs.again").details["start"] == "@failed"


def test_runs_are_run_again_from_the_beginning(operator, batch):
    operator.client.post(operator.path("runs/bulk"), {"act": "again", "run": [batch[1].pk]})
    assert Run.objects.of(batch[1].workspace).get(replay_of=batch[1]).inputs == batch[1].inputs


@pytest.mark.parametrize(
    "said, words",
    [
        ({"act": "cancel"}, "No run is chosen"),
        ({"act": "nonsense", "which": "all"}, "Choose what to do"),
        ({"act": "compare", "run": ["x"]}, "Tick two runs"),
        ({"act": "cancel", "which": "all", "batch": "x"}, "id of a batch"),
    ],
)
def test_what_cannot_be_done_is_said(operator, batch, said, words):
    assert words in operator.client.post(operator.path("runs/bulk"), said, follow=True).text


def test_more_than_a_thousand_are_refused(operator, report, monkeypatch):
    monkeypatch.setattr("workflows.operations.bulk.MOST_RUNS", 2)
    start_batch(operator.actor, "report", [{"who": "x"}] * 3)
    answer = operator.client.post(operator.path("runs/bulk"), {"act": "cancel", "which": "all"}, follow=True)
    assert "At most 2 runs at once" in answer.text


def test_runs_of_others_are_not_reached(outsider, batch):
    outsider.client.post(outsider.path("runs/bulk"), {"act": "cancel", "run": [batch[2].pk]})
    assert outsider.api.post_json("/api/v1/runs/cancel", {"runs": [str(batch[2].pk)]}).status_code == 400
    assert Run.objects.of(batch[2].workspace).get(pk=batch[2].pk).ending == ""


def test_the_api_does_the_same(operator, viewer, batch):
    ids = [str(run.pk) for run in batch]
    answer = operator.api.post_json("/api/v1/runs/rerun", {"runs": ids}).json()
    assert len(answer["runs"]) == 1 and len(answer["left"]) == 2 and answer["batch"]
    cancelled = operator.api.post_json("/api/v1/runs/cancel", {"batch": batch[0].trigger_id.removeprefix("batch:")})
    assert cancelled.json()["runs"] == [ids[2]]
    assert operator.api.post_json("/api/v1/runs/cancel", {}).status_code in (202, 400)
    assert viewer.api.post_json("/api/v1/runs/cancel", {"runs": ids}).status_code == 403


def test_what_the_filter_shows_is_a_table_that_no_spreadsheet_runs(viewer, outsider, batch):
    answer = viewer.client.get(viewer.path(f"runs/export?batch={batch[0].trigger_id.removeprefix('batch:')}"))
    lines = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert [line["input who"] for line in lines] == ["Ada", "'=Bob", "Cleo"]
    assert lines[1]["output text"] == "'@sum" and lines[0]["error"] == "It broke."
    theirs = outsider.client.get(outsider.path("runs/export"))
    assert b"Ada" not in b"".join(theirs.streaming_content)


# Two runs compared


def step(run, key="say", **more):
    return StepRun.objects.create(
        workspace=run.workspace, run=run, key=key, action="data.format", kind=more.pop("kind", "pure"),
        **{"status": "succeeded", "input": {"template": "x"}, "output": {"text": "x"}, **more},
    )  # fmt: skip


@pytest.fixture
def pair(operator, report):
    return [start_run(operator.actor, "report", {"who": "Ada"}) for _ in range(2)]


def test_two_runs_that_went_the_same_way_differ_in_nothing(viewer, pair):
    for run in pair:
        step(run)
    page = viewer.client.get(viewer.path(f"runs/compare?a={pair[0].pk}&b={pair[1].pk}")).text
    assert "Nothing differs" in page


@pytest.mark.parametrize(
    "more, cause",
    [
        ({"input": {"template": "y"}}, "input template"),
        ({"kind": "model", "output": {"model": "gpt-6", "text": "x"}}, "model"),
        ({"action": "data.extract"}, "action"),
    ],
)
def test_the_first_step_that_parts_them_is_named_with_its_cause(viewer, pair, more, cause):
    step(pair[0], kind=more.get("kind", "pure"))
    changed = step(pair[1])
    StepRun.objects.of(pair[1].workspace).filter(pk=changed.pk).update(**more)
    found = viewer.api.get(f"/api/v1/runs/compare?a={pair[0].pk}&b={pair[1].pk}").json()
    assert found["first"]["step"] == "say" and cause in [each["what"] for each in found["first"]["causes"]]


def test_the_same_question_with_another_answer_is_said(viewer, pair):
    step(pair[0])
    step(pair[1], output={"text": "y"})
    page = viewer.client.get(viewer.path(f"runs/compare?a={pair[0].pk}&b={pair[1].pk}")).text
    assert "They part at “Say”" in page and "the answer was another" in page


def test_what_the_runs_were_given_is_compared_too(operator, viewer, report):
    first = start_run(operator.actor, "report", {"who": "Ada"})
    second = start_run(operator.actor, "report", {"who": "Bob"})
    Run.objects.of(report.workspace).filter(pk=second.pk).update(
        frozen={"variables": {"x": 1}, "prompts": {"reply": {"live": {"version": 2}}}}
    )
    found = viewer.api.get(f"/api/v1/runs/compare?a={first.pk}&b={second.pk}").json()
    assert [each["what"] for each in found["whole"]] == ["input who", "variable", "prompt reply (live)"]


def test_only_runs_of_one_workflow_and_of_this_workspace_are_compared(viewer, outsider, operator, editor, pair):
    other = operations.create_workflow(editor.actor, {"format": 1, "name": "Other", "inputs": [], "steps": STEPS})
    run = start_run(operator.actor, other.slug, version="draft")
    assert viewer.api.get(f"/api/v1/runs/compare?a={pair[0].pk}&b={run.pk}").status_code == 400
    assert viewer.api.get("/api/v1/runs/compare").status_code == 400
    assert viewer.client.get(viewer.path("runs/compare?a=x&b=y")).status_code == 404
    for persona in (outsider,):
        assert persona.api.get(f"/api/v1/runs/compare?a={pair[0].pk}&b={pair[1].pk}").status_code == 404
        assert persona.client.get(persona.path(f"runs/compare?a={pair[0].pk}&b={pair[1].pk}")).status_code == 404
