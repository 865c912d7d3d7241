"""Pages of runs: the form, the list with filters, one run with its parts, live events, cancel, again, export."""

import json
from datetime import timedelta

import pytest

from orchestrator_site.lib.clock import now
from workflows.models import Attempt, Blob, Effect, Run, RunEvent, StepRun, Wait
from workflows.operations.runs import start_run


@pytest.fixture
def run(greeting, operator):
    """A queued run of “Greeting”."""
    return start_run(operator.actor, "greeting", {"who": "Ada"})


@pytest.fixture
def ended(run):
    """The same, as the engine leaves it: two steps, the branch not taken, one attempt that failed first."""
    begin = now() - timedelta(seconds=20)
    add = {"workspace": run.workspace, "run": run, "started_at": begin, "finished_at": begin + timedelta(seconds=8)}
    first = StepRun.objects.create(
        **add, key="hello", action="data.format", kind="pure", status="succeeded", attempts_count=2,
        input={"template": "Hello Ada"}, output={"text": "Hello Ada"}, tainted=True,
    )  # fmt: skip
    Attempt.objects.create(
        workspace=run.workspace, run=run, step_run=first, n=1, status="failed", error={"message": "Rate limited."},
        started_at=begin, finished_at=begin + timedelta(seconds=2),
    )  # fmt: skip
    StepRun.objects.create(
        **add, key="any", action="if", kind="control", status="succeeded", decision={"taken": "else"}
    )
    RunEvent.objects.create(workspace=run.workspace, run=run, kind="succeeded")
    times = {"started_at": begin, "finished_at": begin + timedelta(seconds=10)}
    Run.objects.of(run.workspace).filter(pk=run.pk).update(status="succeeded", outputs={"text": "Hello Ada"}, **times)
    return Run.objects.of(run.workspace).get(pk=run.pk)


@pytest.fixture
def asked(run):
    """A run that waits for a person: the answer of a change was lost."""
    step = StepRun.objects.create(
        workspace=run.workspace, run=run, key="hello", action="github.create_issue", kind="effect", status="waiting",
        started_at=now(),
    )  # fmt: skip
    effect = Effect.objects.create(
        workspace=run.workspace, run=run, step_run=step, key="k", op="issue", state="unknown", request_sha256="x",
        target={"repository": "fernhill/shop"}, request={"title": "Order a hub"},
    )  # fmt: skip
    Wait.objects.create(
        workspace=run.workspace, run=run, step_run=step, effect=effect, kind="unknown", title="Was the issue made?"
    )
    Run.objects.of(run.workspace).filter(pk=run.pk).update(status="attention", started_at=now())
    return effect


def test_the_run_form_asks_for_the_inputs(operator, greeting):
    page = operator.client.get(operator.path("workflows/greeting/run")).text
    assert "Whom to greet" in page and 'name="input_who"' in page


def test_the_form_starts_a_run(operator, greeting):
    answer = operator.client.post(operator.path("workflows/greeting/run"), {"input_who": "Ada"})
    made = Run.objects.of(greeting.workspace).get()
    assert answer.headers["Location"] == operator.path(f"runs/{made.pk}")
    assert made.inputs["who"] == "Ada" and made.trigger_kind == "page" and made.started_by == "Omar Operator"


def test_a_missing_input_is_an_error_at_its_field(operator, greeting):
    answer = operator.client.post(operator.path("workflows/greeting/run"), {"input_who": ""})
    assert answer.status_code == 422 and "id_input_who_error" in answer.text
    assert not Run.objects.of(greeting.workspace).exists()


def test_a_run_by_one_click_with_a_missing_input_says_what_is_missing(operator, greeting):
    answer = operator.client.post(operator.path("workflows/greeting/run"), {"direct": "1"})
    assert answer.status_code == 422 and "who" in answer.text


def test_a_version_and_the_draft_can_be_run(operator, greeting):
    assert "This runs version 1" in operator.client.get(operator.path("workflows/greeting/run?version=1")).text
    assert "This runs the draft" in operator.client.get(operator.path("workflows/greeting/run?version=draft")).text
    assert operator.client.get(operator.path("workflows/greeting/run?version=77")).status_code == 404


def test_a_workflow_that_is_off_says_so(operator, editor, greeting):
    editor.client.post(editor.path("workflows/greeting/toggle"))
    answer = operator.client.post(operator.path("workflows/greeting/run"), {"input_who": "Ada"})
    assert answer.status_code == 422 and "switched off" in answer.text


def test_a_viewer_cannot_run(viewer, greeting):
    assert viewer.client.post(viewer.path("workflows/greeting/run"), {"input_who": "x"}).status_code == 403


def test_the_list_filters_by_state_workflow_and_words(viewer, run):
    assert "Greeting" in viewer.client.get(viewer.path("runs")).text
    assert "Greeting</a>" in viewer.client.get(viewer.path("runs?state=active&workflow=greeting&q=ada")).text
    assert "No run matches" in viewer.client.get(viewer.path("runs?state=failed")).text
    assert "No run matches" in viewer.client.get(viewer.path("runs?q=zebra")).text


@pytest.mark.parametrize(
    "query", ["q=%00", "before=x", "after=%00", "state=nope", "workflow=%00", "trigger=%F0%9F%92%A9"]
)
def test_odd_filters_are_no_500(viewer, run, query):
    assert viewer.client.get(viewer.path(f"runs?{query}")).status_code == 200


def test_the_list_goes_older_and_newer(viewer, operator, greeting, monkeypatch):
    monkeypatch.setattr("workflows.views.pages.page_of.__defaults__", (2,))
    runs = [start_run(operator.actor, "greeting", {"who": str(n)}) for n in range(5)]
    first = viewer.client.get(viewer.path("runs")).text
    assert str(runs[4].pk) in first and str(runs[2].pk) not in first and f"before={runs[3].pk}" in first
    second = viewer.client.get(viewer.path(f"runs?before={runs[3].pk}")).text
    assert str(runs[2].pk) in second and f"after={runs[2].pk}" in second


def test_the_list_takes_a_fixed_number_of_queries(viewer, operator, greeting, django_assert_max_num_queries):
    for number in range(8):
        start_run(operator.actor, "greeting", {"who": str(number)})
    viewer.client.get(viewer.path("runs"))
    with django_assert_max_num_queries(12):
        viewer.client.get(viewer.path("runs"))


def test_an_ended_run_shows_steps_values_attempts_and_outputs(viewer, ended):
    page = viewer.client.get(viewer.path(f"runs/{ended.pk}")).text
    assert "Say hello" in page and "Hello Ada" in page and "Rate limited." in page
    assert "Otherwise" in page and "Not taken" in page and "from outside" in page
    assert "hx-sse" not in page.split('id="run-live"')[1].split(">")[0]


def test_a_running_run_is_live(viewer, run):
    page = viewer.client.get(viewer.path(f"runs/{run.pk}")).text
    assert f'hx-sse:connect="{viewer.path(f"runs/{run.pk}/events")}"' in page and "Cancel run…" not in page


def test_a_failed_run_says_what_happened_what_stays_and_what_to_do(operator, run):
    error = {
        "code": "E_REJECTED",
        "message": "Notion did not find the page.",
        "hint": "Share it again.",
        "step": "hello",
    }
    Run.objects.of(run.workspace).filter(pk=run.pk).update(status="failed", error=error, finished_at=now())
    page = operator.client.get(operator.path(f"runs/{run.pk}")).text
    assert "Notion did not find the page." in page and "No change was made outside." in page
    assert "Share it again." in page and "E_REJECTED" in page and "btn-primary" in page


def test_an_unknown_change_asks_with_three_answers(operator, viewer, asked):
    page = operator.client.get(operator.path(f"runs/{asked.run_id}")).text
    assert "It happened" in page and "It did not, do it again" in page and "Stop the run" in page
    assert "Decide what happened" in page and "fernhill/shop" in page
    assert "It did not, do it again" not in viewer.client.get(viewer.path(f"runs/{asked.run_id}")).text


def test_the_run_page_takes_a_fixed_number_of_queries(viewer, ended, django_assert_max_num_queries):
    for number in range(12):
        StepRun.objects.create(
            workspace=ended.workspace,
            run=ended,
            key="cut",
            path=f"x[{number}]",
            action="data.format",
            status="succeeded",
        )
    viewer.client.get(viewer.path("runs"))
    with django_assert_max_num_queries(14):
        viewer.client.get(viewer.path(f"runs/{ended.pk}"))


def test_events_of_an_ended_run_are_one_fragment_and_the_end(viewer, ended):
    answer = viewer.client.get(viewer.path(f"runs/{ended.pk}/events"))
    text = b"".join(answer.streaming_content).decode()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert "data: " in text and "Say hello" in text and text.endswith("event: end\ndata: end\n\n")


def test_a_run_is_cancelled_and_again_is_too_late(operator, run, ended):
    Run.objects.of(run.workspace).filter(pk=run.pk).update(status="queued", finished_at=None)
    operator.client.post(operator.path(f"runs/{run.pk}/cancel"))
    assert Run.objects.of(run.workspace).get(pk=run.pk).ending == "cancel"
    Run.objects.of(run.workspace).filter(pk=run.pk).update(status="cancelled")
    answer = operator.client.post(operator.path(f"runs/{run.pk}/cancel"), follow=True)
    assert "has ended already" in answer.text


def test_a_run_is_started_again_with_its_inputs(operator, ended):
    answer = operator.client.post(operator.path(f"runs/{ended.pk}/again"), {"version": "newest"})
    again = Run.objects.of(ended.workspace).get(replay_of=ended)
    assert answer.headers["Location"] == operator.path(f"runs/{again.pk}") and again.inputs == ended.inputs


def test_the_record_is_downloaded(viewer, ended):
    answer = viewer.client.get(viewer.path(f"runs/{ended.pk}/export"))
    record = json.loads(answer.content)
    assert record["run"]["status"] == "succeeded" and record["steps"][0]["output"] == {"text": "Hello Ada"}


@pytest.mark.parametrize("action", ["cancel", "again"])
def test_a_viewer_only_looks(viewer, run, action):
    assert viewer.client.post(viewer.path(f"runs/{run.pk}/{action}")).status_code == 403


@pytest.mark.parametrize("rest", ["", "/events", "/export"])
def test_an_outsider_finds_no_run(outsider, run, rest):
    assert outsider.client.get(f"/w/{run.workspace.slug}/runs/{run.pk}{rest}").status_code == 404
    assert outsider.client.get(outsider.path(f"runs/{run.pk}{rest}")).status_code == 404


def test_the_inbox_lists_what_waits_and_leads_there(viewer, asked):
    page = viewer.client.get(viewer.path("inbox")).text
    assert "Was the issue made?" in page and f"runs/{asked.run_id}#effect-{asked.pk}" in page


def test_an_empty_inbox_says_what_would_be_there(viewer):
    assert "Nothing needs you" in viewer.client.get(viewer.path("inbox")).text


def test_effects_are_found_by_their_address(viewer, asked):
    Effect.objects.of(asked.workspace).filter(pk=asked.pk).update(external_url="https://github.example/1")
    found = viewer.client.get(viewer.path("effects?find=https://github.example/1")).text
    assert "Order a hub" in found and str(asked.run_id) in found
    assert "No effect with this address" in viewer.client.get(viewer.path("effects?find=https://other.example")).text


def test_an_effect_is_settled_with_where_it_is(operator, asked):
    said = {"answer": "happened", "external_url": "https://github.example/7", "external_id": "7"}
    operator.client.post(operator.path(f"effects/{asked.pk}/settle"), said)
    found = Effect.objects.of(asked.workspace).get(pk=asked.pk)
    assert found.state == "confirmed" and found.external_id == "7" and found.resolved_by == "Omar Operator"


def test_a_wrong_answer_is_explained(operator, asked):
    answer = operator.client.post(operator.path(f"effects/{asked.pk}/settle"), {"answer": "perhaps"}, follow=True)
    assert "happened, repeat or stop" in answer.text


def test_a_viewer_and_an_outsider_decide_nothing(viewer, outsider, asked):
    assert viewer.client.post(viewer.path(f"effects/{asked.pk}/settle"), {"answer": "stop"}).status_code == 403
    assert outsider.client.post(outsider.path(f"effects/{asked.pk}/settle"), {"answer": "stop"}).status_code == 404
    assert Effect.objects.of(asked.workspace).get(pk=asked.pk).state == "unknown"


def test_a_large_output_is_whole_in_the_api_and_the_record_and_its_first_part_on_the_page(viewer, ended, outsider):
    value = {"text": "begin" + "x" * 1_100_000 + "end"}
    content = json.dumps(value).encode()
    Blob.objects.create(workspace=ended.workspace, sha256="f" * 64, size=len(content), content=content)
    rows = StepRun.objects.of(ended.workspace).filter(run=ended, key="hello")
    rows.update(output={"$blob": "f" * 64, "size": len(content)})
    page = viewer.client.get(viewer.path(f"runs/{ended.pk}")).text
    assert "beginxxx" in page and "$blob" not in page and len(page) < 200_000
    for shown in (
        viewer.api.get(f"/api/v1/runs/{ended.pk}/steps").json()["results"],
        viewer.client.get(viewer.path(f"runs/{ended.pk}/export")).json()["steps"],
    ):
        assert [step["output"] for step in shown if step["key"] == "hello"] == [value]
    assert outsider.api.get(f"/api/v1/runs/{ended.pk}/steps").status_code == 404


def test_a_run_that_waits_for_its_turn_says_for_which_run(workspace, greeting, operator):
    first, second = (start_run(operator.actor, "greeting", {"who": who}) for who in ("Ada", "Grace"))
    turn = {"concurrency_key": "Ada", "concurrency_limit": 1, "concurrency_policy": "queue"}
    Run.objects.of(workspace).filter(pk__in=[first.pk, second.pk]).update(**turn)
    Run.objects.of(workspace).filter(pk=first.pk).update(admitted_at=now(), status="running")
    page = operator.client.get(operator.path(f"runs/{second.pk}")).text
    assert "This run waits for its turn" in page and "with the key “Ada”" in page and f"/runs/{first.pk}" in page
    assert "waits for its turn" not in operator.client.get(operator.path(f"runs/{first.pk}")).text
    assert operator.api.get(f"/api/v1/runs/{second.pk}").json()["waits_for"] == str(first.pk)


def test_a_step_that_is_held_back_says_why_and_until_when(workspace, run, operator):
    held = {"why": "failing", "text": "GitHub has been failing since 10:41 UTC", "since": "2026-01-05T12:00:00+00:00"}
    due = now() + timedelta(seconds=90)
    StepRun.objects.create(
        workspace=workspace, run=run, key="hello", action="github.create_issue", kind="effect", status="waiting",
        started_at=now(), due_at=due, decision={"held": held},
    )  # fmt: skip
    page = operator.client.get(operator.path(f"runs/{run.pk}")).text
    assert f"Waits: GitHub has been failing since 10:41 UTC; goes on at {due:%H:%M:%S} UTC" in page
    [step] = operator.api.get(f"/api/v1/runs/{run.pk}/steps").json()["results"]
    assert step["waits"]["why"] == "failing" and step["waits"]["until"].startswith(f"{due:%Y-%m-%d}")


def test_a_kept_result_says_which_run_made_it(operator, ended, run):
    said = {"cached": {"run": str(run.pk), "step": "hello", "at": "2026-07-01T10:00:00Z"}}
    StepRun.objects.of(run.workspace).filter(run=run, key="hello").update(decision=said)
    page = operator.client.get(operator.path(f"runs/{run.pk}")).text
    assert "from cache" in page and "From cache, made" in page
