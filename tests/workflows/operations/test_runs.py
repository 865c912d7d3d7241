"""Starting, finding, cancelling runs: what may be said, who may say it, and what an outsider sees."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, connections

from accounts.actor import Actor
from orchestrator_site.lib.errors import Conflict, Forbidden, NotFound, UserError
from tests.workflows.engine.conftest import make_workspace, publish
from workflows.models import Run, RunEvent, Variable
from workflows.operations.runs import cancel_run, get_run, list_runs, rerun, start_batch, start_run
from workflows.operations.workflows import create_workflow, set_enabled

HELLO = {
    "inputs": [{"name": "name", "type": "text", "required": True}, {"name": "n", "type": "integer", "default": 3}],
    "steps": [
        {"key": "a", "action": "data.format", "with": {"template": "{{ inputs.name }} {{ workspace.variables.x }}"}}
    ],
}


@pytest.fixture
def actor(workspace):
    Variable.objects.create(workspace=workspace, name="x", value=1)
    Variable.objects.create(workspace=workspace, name="unused", value="not kept")
    return Actor.system(workspace, "test")


@pytest.fixture
def slug(workspace, actor):
    return publish(workspace, HELLO).slug


def test_a_run_keeps_its_inputs_with_defaults_and_the_variables_it_reads(workspace, actor, slug):
    run = start_run(actor, slug, {"name": "Mara"})
    assert (run.status, run.inputs, run.frozen) == ("queued", {"name": "Mara", "n": 3}, {"variables": {"x": 1}})
    assert run.started_by == "system: test"
    assert RunEvent.objects.of(workspace).get(run=run).kind == "queued"


@pytest.mark.parametrize(
    "inputs, code",
    [
        ({}, "E_REQUIRED"),
        ({"name": 1}, "E_TYPE"),
        ({"name": "a", "n": "x"}, "E_TYPE"),
        ({"name": "a", "z": 1}, "E_UNKNOWN_FIELD"),
    ],
)
def test_wrong_inputs_start_nothing_and_say_why(workspace, actor, slug, inputs, code):
    with pytest.raises(UserError) as refused:
        start_run(actor, slug, inputs)
    assert refused.value.code == code
    assert not Run.objects.of(workspace).exists()


def test_what_is_not_published_or_switched_off_does_not_run(workspace, actor, slug):
    definition = {"format": 1, "name": "Draft", "slug": "draft", **HELLO}
    workflow = create_workflow(actor, definition)
    with pytest.raises(Conflict) as refused:
        start_run(actor, "draft", {"name": "a"})
    assert refused.value.code == "E_NOT_PUBLISHED"
    assert start_run(actor, "draft", {"name": "a"}, version="draft").version.number is None
    set_enabled(actor, workflow, False)
    with pytest.raises(Conflict) as off:
        start_run(actor, "draft", {"name": "a"}, version="draft")
    assert off.value.code == "E_DISABLED"


def test_the_same_idempotency_key_gives_the_same_run_and_another_body_is_refused(actor, slug):
    first = start_run(actor, slug, {"name": "a"}, idempotency_key="k-1")
    assert start_run(actor, slug, {"name": "a"}, idempotency_key="k-1").pk == first.pk
    with pytest.raises(UserError) as mismatch:
        start_run(actor, slug, {"name": "b"}, idempotency_key="k-1")
    assert (mismatch.value.code, mismatch.value.status) == ("E_IDEM_MISMATCH", 422)
    for bad in ("", "x" * 129, "ä"):
        with pytest.raises(UserError) as refused:
            start_run(actor, slug, {"name": "a"}, idempotency_key=bad)
        assert refused.value.code == "E_IDEM_KEY"


@pytest.mark.django_db(transaction=True)
def test_twenty_threads_with_one_key_start_one_run(transactional_db):
    workspace = make_workspace()
    actor = Actor.system(workspace, "test")
    slug = publish(workspace, {"steps": [{"key": "a", "action": "data.format", "with": {"template": "x"}}]}).slug
    found: list = []

    def start() -> None:
        try:
            found.append(start_run(actor, slug, {}, idempotency_key="one").pk)
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=start) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 20 and len(set(found)) == 1
    connection.close()


def test_a_batch_starts_all_or_none(workspace, actor, slug):
    assert len(start_batch(actor, slug, [{"name": "a"}, {"name": "b"}])) == 2
    with pytest.raises(UserError):
        start_batch(actor, slug, [{"name": "a"}, {}])
    assert Run.objects.of(workspace).count() == 2


def test_a_batch_with_a_key_gives_the_same_runs_again(actor, slug):
    first = start_batch(actor, slug, [{"name": "a"}, {"name": "b"}], idempotency_key="b-1")
    again = start_batch(actor, slug, [{"name": "a"}, {"name": "b"}], idempotency_key="b-1")
    assert [run.pk for run in first] == [run.pk for run in again]


def test_a_live_run_goes_on_from_nothing_that_a_dry_run_only_planned(actor, slug):
    dry = start_run(actor, slug, {"name": "a"}, mode="dry")
    Run.objects.of(actor.workspace).filter(pk=dry.pk).update(status="succeeded")
    dry.refresh_from_db()
    with pytest.raises(Conflict) as refused:
        rerun(actor, dry, mode="live", from_step="a")
    assert refused.value.code == "E_MODE" and refused.value.hint
    assert rerun(actor, dry, mode="live").mode == "live" and rerun(actor, dry).mode == "dry"


def test_running_again_keeps_version_and_inputs_and_names_the_run_before(actor, slug):
    run = start_run(actor, slug, {"name": "a", "n": 7})
    again = rerun(actor, run)
    assert (again.inputs, again.version_id, again.replay_of_id) == ({"name": "a", "n": 7}, run.version_id, run.pk)
    assert rerun(actor, run, inputs={"name": "b"}).inputs == {"name": "b", "n": 3}
    with pytest.raises(UserError) as refused:
        rerun(actor, run, from_step="a")
    assert refused.value.code == "E_NOT_ENDED"


def test_cancel_ends_what_never_began_marks_what_goes_on_and_is_refused_after_the_end(workspace, actor, slug):
    run = cancel_run(actor, start_run(actor, slug, {"name": "a"}))
    assert (run.ending, run.status) == ("cancel", "cancelled")
    going_on = start_run(actor, slug, {"name": "a"})
    Run.objects.of(workspace).filter(pk=going_on.pk).update(status="waiting", claims=1)
    run = cancel_run(actor, going_on)
    assert (run.ending, run.status) == ("cancel", "queued")
    Run.objects.of(workspace).filter(pk=run.pk).update(status="succeeded")
    with pytest.raises(Conflict):
        cancel_run(actor, get_run(actor, run.pk))


def test_an_outsider_sees_no_run_and_a_viewer_starts_none(actor, slug, viewer):
    run = start_run(actor, slug, {"name": "a"})
    outsider = Actor.system(make_workspace(), "elsewhere")
    assert not list_runs(outsider).exists()
    with pytest.raises(NotFound):
        get_run(outsider, run.pk)
    with pytest.raises(NotFound):
        start_run(outsider, slug, {"name": "a"})
    with pytest.raises(Forbidden):
        start_run(viewer.actor, slug, {"name": "a"})
    with pytest.raises(Forbidden):
        cancel_run(viewer.actor, run)


def test_runs_are_found_by_status_workflow_and_words(actor, slug):
    run = start_run(actor, slug, {"name": "needle"})
    assert list(list_runs(actor, q="needle")) == [run]
    assert list(list_runs(actor, status="queued", workflow=slug, trigger="python")) == [run]
    assert not list_runs(actor, q="haystack").exists()
    with pytest.raises(UserError):
        list_runs(actor, status="nonsense")
