"""What a model is writing is shown to whoever watches, and to nobody else; it is no record and leaves nothing."""

from __future__ import annotations

import pytest

from tests.fakes import writing
from workflows.engine.bells import ring_watched
from workflows.models import Preview, StepRun
from workflows.operations import live
from workflows.operations.runs import start_run

from .conftest import publish, until

FLOW = {"steps": [{"key": "write", "action": "writing.slowly", "with": {"text": "One two three four five six."}}]}


@pytest.fixture(autouse=True)
def _writing(settings):
    settings.EXTRA_INTEGRATIONS = ["tests.fakes.writing"]
    writing.GO_ON.clear()
    writing.SHOWN.clear()
    yield
    writing.GO_ON.set()


def running(workspace, run):
    return until(lambda: StepRun.objects.of(workspace).filter(run=run, status="running").first())


def test_a_run_started_from_a_page_shows_its_text_while_it_is_written(workspace, actor, engine):
    engine()
    run = start_run(actor, publish(workspace, FLOW).slug, trigger_kind="page")
    shown = until(lambda: live.writing(run))
    assert list(shown.values()) == ["One two three "]
    writing.GO_ON.set()
    until(lambda: not Preview.objects.of(workspace).exists())
    done = until(lambda: StepRun.objects.of(workspace).filter(run=run, status="succeeded").first())
    assert done.output == {"text": "One two three four five six."}


def test_a_run_that_nobody_watches_is_not_streamed(workspace, actor, engine):
    engine()
    run = start_run(actor, publish(workspace, FLOW).slug, trigger_kind="api")
    running(workspace, run)
    writing.GO_ON.set()
    until(lambda: StepRun.objects.of(workspace).filter(run=run, status="succeeded").exists())
    assert writing.SHOWN == [False] and not Preview.objects.of(workspace).exists()


def test_the_bell_of_an_open_page_makes_the_next_call_a_stream(workspace, actor, engine):
    one = engine()
    flow = {"steps": [{**FLOW["steps"][0], "key": key} for key in ("a", "b")]}
    run = start_run(actor, publish(workspace, flow).slug, trigger_kind="api")
    running(workspace, run)
    ring_watched(run.pk)
    until(lambda: run.pk in one.session.previews._watched)
    writing.GO_ON.set()
    until(lambda: StepRun.objects.of(workspace).filter(run=run, key="b", status="succeeded").exists())
    assert writing.SHOWN == [False, True]


def test_a_stream_of_the_run_tells_the_words_and_then_the_step(workspace, actor, engine):
    engine()
    run = start_run(actor, publish(workspace, FLOW).slug, trigger_kind="page")
    told = []
    for found in live.stream(run):
        told.append(found)
        if isinstance(found, live.Writing) and found.texts:
            writing.GO_ON.set()
    texts = [text for found in told if isinstance(found, live.Writing) for text in found.texts.values()]
    assert texts[0] == "One two three " and told[-1].is_final


def test_the_page_and_the_api_show_it_to_members_only(viewer, outsider, transactional_db):
    from tests.factories.world import plant

    world = plant("words7")
    run, step = world.things["run"], Preview.objects.of(world.workspace).get().step_run
    step.kind, step.status = "model", "running"
    step.save()
    page = world.owner.client.get(world.owner.path(f"runs/{run.pk}")).text
    assert f'data-preview="{step.pk}">words7</pre>' in page
    assert outsider.client.get(outsider.path(f"runs/{run.pk}")).status_code == 404
    assert live.writing(run) == {step.pk: "words7"}
