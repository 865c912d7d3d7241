"""Results that are kept: an equal call is answered from the first one while it is fresh, and says so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator_site.lib.clock import now
from workflows.api.shapes import step_json
from workflows.engine.claims import Reader
from workflows.engine.records import CacheRecord, StepRecord
from workflows.engine.sql import SqlStore
from workflows.models import StepCache
from workflows.operations.runs import start_run

from .conftest import make_workspace, publish, steps_of
from .fakes import NOW, FakeExecutor, FakeLog, run, walk_of

# ---- The walk alone ------------------------------------------------------------------------------------------


class Keeping(FakeExecutor):
    """Finds results among the records of a log."""

    run_id = NOW  # any mark will do

    def __init__(self, log: FakeLog, **actions) -> None:
        super().__init__(**actions)
        self.log = log

    def cache_key(self, task) -> str:
        return str(task.record.input)

    async def cached(self, key: str) -> CacheRecord | None:
        return next((r for r in self.log.puts if isinstance(r, CacheRecord) and r.key == key), None)


def reads(key: str, text: str, **more) -> dict:
    return {"key": key, "action": "read.work", "with": {"text": text}, "cache": {"seconds": 60}, **more}


def work(values: dict) -> dict:
    return {"text": values["text"].upper(), "id": "1"}


def test_the_second_equal_call_is_not_made_and_its_record_says_whose_result_it_has():
    log = FakeLog()
    executor = Keeping(log, work=work)
    outputs = {"b": "{{ steps.b.text }}", "c": "{{ steps.c.text }}"}
    done = run(walk_of([reads("a", "x"), reads("b", "x"), reads("c", "y")], log, executor, outputs=outputs))
    assert done.outputs == {"b": "X", "c": "Y"}
    assert [key for key, _ in executor.calls] == ["a", "c"]
    hit: StepRecord = log.stored[("b", "")]
    assert (hit.status, hit.attempts, hit.tainted, hit.decision["cached"]["step"]) == ("succeeded", 0, True, "a")
    kept = [r for r in log.puts if isinstance(r, CacheRecord)]
    assert [r.expires_at - r.made_at for r in kept] == [timedelta(seconds=60)] * 2


@pytest.mark.parametrize("how", ["warn", "finish", "fail"])
def test_what_warned_finished_or_failed_is_not_kept(how):
    log = FakeLog()

    class Odd(Keeping):
        async def call(self, task):
            if how == "warn":
                task.warnings.append("half of it")
            task.finish = "no mail" if how == "finish" else None
            return await super().call(task)

    def odd(values: dict) -> dict:
        if how == "fail":
            raise ValueError
        return work(values)

    try:
        run(walk_of([reads("a", "x")], log, Odd(log, work=odd)))
    except ValueError:
        assert how == "fail"
    assert not [r for r in log.puts if isinstance(r, CacheRecord)]


# ---- With the database ---------------------------------------------------------------------------------------


def flow(text: str = "{{ inputs.n }}") -> dict:
    step = {"key": "make", "action": "data.format", "with": {"template": text}, "cache": {"seconds": 3600}}
    return {"inputs": [{"name": "n", "type": "integer"}], "steps": [step], "outputs": {"t": "{{ steps.make.text }}"}}


def cached(found) -> dict | None:
    step = steps_of(found)["make"]
    assert found.status == "succeeded", found.error
    return step_json(step, step.attempts.all())["cached"]


def test_an_equal_call_of_another_run_and_workflow_is_answered_from_the_first(workspace, actor, engine):
    engine()
    first = start_run(actor, publish(workspace, flow()).slug, {"n": 1}, wait=20)
    assert cached(first) is None
    second = start_run(actor, publish(workspace, flow()).slug, {"n": 1}, wait=20)
    assert second.outputs == {"t": first.outputs["t"]}
    assert cached(second)["run"] == str(first.pk) and cached(second)["step"] == "make"
    assert step_json(steps_of(second)["make"])["attempts"] == [], "nothing was called"
    other = start_run(actor, publish(workspace, flow()).slug, {"n": 2}, wait=20)
    assert cached(other) is None


def test_what_is_stale_or_of_another_workspace_is_not_used_and_the_sweeper_takes_it_away(workspace, actor, engine):
    from accounts.actor import Actor

    engine()
    slug = publish(workspace, flow()).slug
    first = start_run(actor, slug, {"n": 1}, wait=20)
    elsewhere = make_workspace()
    foreign = start_run(Actor.system(elsewhere, "test"), publish(elsewhere, flow()).slug, {"n": 1}, wait=20)
    assert cached(foreign) is None
    rows = StepCache.objects.of(workspace)
    rows.update(expires_at=now() - timedelta(seconds=1))
    assert cached(start_run(actor, slug, {"n": 1}, wait=20)) is None
    assert rows.count() == 1, "the newer result replaced the stale one"
    assert rows.get().run_id != first.pk
    rows.update(expires_at=now() - timedelta(seconds=1))
    from django.db import connection

    assert Reader(SqlStore(connection)).forget_results() == 1
    assert not rows.exists() and StepCache.objects.of(elsewhere).count() == 1


def test_a_large_result_is_kept_beside_its_row(workspace, actor, engine):
    engine()
    many = "{{ inputs.list | json }}"
    definition = flow(many) | {"inputs": [{"name": "list", "type": "list"}]}
    step = {**definition["steps"][0], "action": "data.extract", "with": {"source": "{{ inputs.list }}", "path": "[0]"}}
    definition |= {"steps": [step], "outputs": {"size": "{{ steps.make.value.size }}"}}
    given = {"list": ["x" * 60_000] * 1}
    slug = publish(workspace, definition).slug
    start_run(actor, slug, given, wait=20)
    again = start_run(actor, slug, given, wait=20)
    assert cached(again) and again.outputs == {"size": 60_000}
