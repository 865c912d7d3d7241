"""The page on which a run is run again, and the buttons that lead there."""

from __future__ import annotations

import pytest

from orchestrator_site.lib.clock import now
from tests.personas import persona
from workflows.models import Effect, Run, StepRun
from workflows.operations import workflows as operations
from workflows.operations.drafts import replace_draft
from workflows.operations.publish import publish_workflow
from workflows.operations.runs import start_run

DEFINITION = {
    "format": 1,
    "name": "Report",
    "inputs": [{"name": "who", "type": "text", "required": True, "label": "For whom"}],
    "steps": [
        {"key": "read", "name": "Read it", "action": "data.format", "with": {"template": "{{ inputs.who }}"}},
        {"key": "file", "name": "File it", "action": "data.format", "with": {"template": "{{ steps.read.text }}"}},
        {"key": "tell", "name": "Tell them", "action": "data.format", "with": {"template": "{{ steps.file.text }}"}},
    ],
}


@pytest.fixture
def report(workspace, editor):
    made = operations.create_workflow(editor.actor, DEFINITION)
    publish_workflow(editor.actor, made, "first")
    return operations.get_workflow(editor.actor, made.slug)


@pytest.fixture
def failed(report, operator):
    """A run whose third step failed."""
    run = start_run(operator.actor, "report", {"who": "Ada"})
    add = {"workspace": run.workspace, "run": run, "action": "data.format", "kind": "pure", "started_at": now()}
    for key in ("read", "file"):
        StepRun.objects.create(
            **add, key=key, status="succeeded", input={}, output={"text": f"{key} <b>"}, tainted=True
        )
    error = {"code": "E_X", "message": "It broke.", "step": "tell"}
    StepRun.objects.create(**add, key="tell", status="failed", input={}, error=error)
    Run.objects.of(run.workspace).filter(pk=run.pk).update(status="failed", error=error, started_at=now())
    return Run.objects.of(run.workspace).get(pk=run.pk)


@pytest.fixture
def changed(failed):
    """The same, with a change made by its second step."""
    step = StepRun.objects.of(failed.workspace).get(run=failed, key="file")
    return Effect.objects.create(
        workspace=failed.workspace, run=failed, step_run=step, key="k", op="file", state="confirmed",
        request_sha256="x", target={"parent": "shelf"}, request={"title": "A hub"}, external_url="https://x.example/1",
    )  # fmt: skip


def again_of(run: Run) -> Run:
    return Run.objects.of(run.workspace).get(replay_of=run)


def test_a_failed_run_offers_first_to_go_on_where_it_failed(operator, viewer, failed):
    page = operator.client.get(operator.path(f"runs/{failed.pk}")).text
    assert page.index("Go on from step 3") < page.index("Edit and run again…")
    assert 'class="btn btn-primary"' in page and "?from=file" in page and "Run again from here…" in page
    assert "Run again" not in viewer.client.get(viewer.path(f"runs/{failed.pk}")).text


def test_one_click_goes_on_where_it_failed(operator, failed):
    answer = operator.client.post(operator.path(f"runs/{failed.pk}/again"), {"from": "@failed", "version": "newest"})
    again = again_of(failed)
    assert answer.headers["Location"] == operator.path(f"runs/{again.pk}")
    kept = StepRun.objects.of(failed.workspace).filter(run=again).order_by("seq")
    assert [(step.key, step.output, step.tainted) for step in kept] == [
        ("read", {"text": "read <b>"}, True), ("file", {"text": "file <b>"}, True),
    ]  # fmt: skip
    page = operator.client.get(operator.path(f"runs/{again.pk}")).text
    assert "from an earlier run" in page and operator.path(f"runs/{failed.pk}") in page
    assert "Run again from where it stopped" in page


def test_one_click_asks_first_where_changes_would_be_made_again(operator, failed, changed):
    answer = operator.client.post(
        operator.path(f"runs/{failed.pk}/again"), {"from": "file", "version": ""}, follow=True
    )
    assert not Run.objects.of(failed.workspace).filter(replay_of=failed).exists()
    assert "1 change will be made again" in answer.text and "A hub" in answer.text and 'name="sure"' in answer.text
    said = {"form": "1", "from": "file", "input_who": "Ada", "output_read": '{"text": "read <b>"}'}
    refused = operator.client.post(operator.path(f"runs/{failed.pk}/again"), said)
    assert refused.status_code == 422 and "shall be made again" in refused.text
    operator.client.post(operator.path(f"runs/{failed.pk}/again"), {**said, "sure": "1"})
    assert again_of(failed).frozen["reused"]["from"] == "file"


def test_what_was_made_before_is_shown_with_the_run_that_made_it(operator, failed, changed):
    operator.client.post(operator.path(f"runs/{failed.pk}/again"), {"from": "@failed"})
    page = operator.client.get(operator.path(f"runs/{again_of(failed).pk}")).text
    assert "Made by an earlier run, and not made again" in page
    assert operator.path(f"runs/{failed.pk}#effect-{changed.pk}") in page


def test_the_page_shows_inputs_and_earlier_outputs_and_sends_what_was_edited(editor, failed):
    page = editor.client.get(editor.path(f"runs/{failed.pk}/again?from=tell")).text
    assert 'value="Ada"' in page and "What “Read it” gave" in page and "read &lt;b&gt;" in page
    said = {
        "form": "1", "from": "tell", "version": "", "input_who": "Ada",
        "output_read": '{"text": "read <b>"}', "output_file": '{"text": "by hand"}',
    }  # fmt: skip
    editor.client.post(editor.path(f"runs/{failed.pk}/again"), said)
    steps = {step.key: step for step in StepRun.objects.of(failed.workspace).filter(run=again_of(failed))}
    assert "edited" not in steps["read"].decision["reused"] and steps["read"].tainted
    assert steps["file"].output == {"text": "by hand"} and not steps["file"].tainted
    assert steps["file"].decision["reused"]["edited"] == "Mara Lindqvist"
    assert "edited by Mara Lindqvist" in editor.client.get(editor.path(f"runs/{again_of(failed).pk}")).text


def test_edited_inputs_go_into_the_new_run(editor, failed):
    said = {"form": "1", "from": "", "version": "newest", "input_who": "Grace"}
    editor.client.post(editor.path(f"runs/{failed.pk}/again"), said)
    assert again_of(failed).inputs == {"who": "Grace"}


@pytest.mark.parametrize(
    "said, words",
    [
        ({"output_file": "{broken"}, "id_output_file_error"),
        ({"output_file": '{"text": 5}'}, "text must be text"),
        ({"input_who": ""}, "id_input_who_error"),
        ({"from": "nope"}, "no step “nope”"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_starts(editor, failed, said, words):
    answer = editor.client.post(
        editor.path(f"runs/{failed.pk}/again"), {"form": "1", "from": "tell", "input_who": "Ada", **said}
    )
    assert answer.status_code == 422 and words in answer.text
    assert not Run.objects.of(failed.workspace).filter(replay_of=failed).exists()


def test_another_version_is_chosen_with_a_link_to_what_differs(editor, failed):
    steps = [DEFINITION["steps"][0], {"key": "more", "action": "data.format", "with": {"template": "x"}}]
    newer = {**DEFINITION, "steps": [*steps, *DEFINITION["steps"][1:]], "slug": "report"}
    workflow = operations.get_workflow(editor.actor, "report")
    replace_draft(editor.actor, workflow, newer, if_match="*")
    publish_workflow(editor.actor, operations.get_workflow(editor.actor, "report"), "more")
    page = editor.client.get(editor.path(f"runs/{failed.pk}/again?from=tell&version=newest")).text
    assert "The newest, version 2" in page and "workflows/report/versions/2?since=1" in page
    assert "“More” comes before" in page and "What “More” gave" in page
    assert "What differs from version 1" in editor.client.get(editor.path("workflows/report/versions/2?since=1")).text


@pytest.mark.parametrize("query", ["from=%00", "version=%00", "version=99", "from=read/x[1]/y", "from=" + "x" * 900])
def test_odd_wishes_are_no_500(editor, failed, query):
    assert editor.client.get(editor.path(f"runs/{failed.pk}/again?{query}")).status_code in (200, 302)


def test_a_run_that_goes_on_is_only_run_again_from_the_beginning(editor, failed):
    Run.objects.of(failed.workspace).filter(pk=failed.pk).update(status="running")
    answer = editor.client.post(editor.path(f"runs/{failed.pk}/again"), {"from": "tell"}, follow=True)
    assert "has not ended yet" in answer.text
    assert editor.client.get(editor.path(f"runs/{failed.pk}/again")).status_code == 200


def test_a_viewer_and_an_outsider_run_nothing_again(viewer, outsider, failed):
    assert viewer.client.get(viewer.path(f"runs/{failed.pk}/again")).status_code == 403
    assert viewer.client.post(viewer.path(f"runs/{failed.pk}/again"), {"from": "tell"}).status_code == 403
    assert outsider.client.get(outsider.path(f"runs/{failed.pk}/again")).status_code == 404
    assert outsider.api.post_json(f"/api/v1/runs/{failed.pk}/rerun", {"from": "tell"}).status_code == 404


def test_the_api_runs_again_from_a_step_and_says_what_is_made_again(editor, viewer, failed, changed):
    body = {"from": "file", "outputs": {"read": {"text": "other"}}}
    answer = editor.api.post_json(f"/api/v1/runs/{failed.pk}/rerun", body)
    assert answer.status_code == 202 and "1 change was already made" in answer.json()["warnings"][0]
    steps = editor.api.get(f"/api/v1/runs/{answer.json()['id']}/steps").json()["results"]
    assert [(step["key"], step["reused"]["edited"] is not None) for step in steps] == [("read", True)]
    refused = editor.api.post_json(f"/api/v1/runs/{failed.pk}/rerun", {"from": "nope"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "E_FROM_STEP")
    assert viewer.api.post_json(f"/api/v1/runs/{failed.pk}/rerun", body).status_code == 403


def test_of_a_loop_only_the_round_to_begin_at_can_be_edited(editor, workspace):
    inner = {"key": "one", "name": "One", "action": "data.format", "with": {"template": "x"}}
    loop = {
        "key": "each", "action": "for_each", "with": {"items": "{{ inputs.list }}"},
        "do": [inner, {**inner, "key": "two", "name": "Two"}],
    }  # fmt: skip
    made = operations.create_workflow(
        editor.actor, {"format": 1, "name": "Loop", "inputs": [{"name": "list", "type": "list"}], "steps": [loop]}
    )
    publish_workflow(editor.actor, made, "first")
    run = start_run(editor.actor, "loop", {"list": [1, 2, 3]})
    add = {"workspace": workspace, "run": run}
    StepRun.objects.create(
        **add, key="each", action="for_each", kind="control", status="failed", decision={"count": 3, "hash": "h"}
    )
    for number in range(3):
        for key in ("one", "two"):
            StepRun.objects.create(
                **add, key=key, path=f"each[{number}]", action="data.format", kind="pure", status="succeeded",
                output={"text": f"{key}{number}"}, input={},
            )  # fmt: skip
    Run.objects.of(workspace).filter(pk=run.pk).update(status="failed")
    page = editor.client.get(editor.path(f"runs/{run.pk}/again?from=each[1]/two")).text
    assert "one1" in page and "one0" not in page and "two0" not in page
    assert "?from=each%5B1%5D/two" in editor.client.get(editor.path(f"runs/{run.pk}")).text


def test_a_run_that_was_run_again_is_compared_with_the_earlier_one(operator, failed):
    operator.client.post(operator.path(f"runs/{failed.pk}/again"), {"from": "@failed"})
    again = again_of(failed)
    assert f"runs/compare?a={failed.pk}&amp;b={again.pk}" in operator.client.get(operator.path(f"runs/{again.pk}")).text


def test_an_operator_runs_again_but_does_not_say_what_earlier_steps_gave(report, editor, workspace):
    """Outputs that a person gives are clean: they could choose the target of a later change."""
    operator = persona(workspace, "operator")
    run = start_run(editor.actor, report.slug, {"who": "Ada"})
    Run.objects.of(workspace).filter(pk=run.pk).update(status="failed", finished_at=now())
    StepRun.objects.create(
        workspace=workspace, run=run, key="read", action="data.format", kind="pure", status="succeeded",
        output={"text": "Ada"}, started_at=now(), finished_at=now(),
    )  # fmt: skip
    body = {"from": "file", "outputs": {"read": {"text": "by hand"}}}
    assert operator.api.post_json(f"/api/v1/runs/{run.pk}/rerun", body).status_code == 403
    assert operator.api.post_json(f"/api/v1/runs/{run.pk}/rerun", {"from": "file"}).status_code in (201, 202)
    assert editor.api.post_json(f"/api/v1/runs/{run.pk}/rerun", body).status_code in (201, 202)
