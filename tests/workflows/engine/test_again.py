"""Running again from a step, by a real engine: what stands is not called, booked or changed a second time."""

from __future__ import annotations

import pytest

from accounts.models import AuditEntry
from orchestrator_site.lib.errors import Conflict, UserError
from tests.fakes.service import FakeService
from workflows.api.shapes import step_json
from workflows.models import Effect, Run, RunEvent, StepRun, Variable
from workflows.operations.again import Wanted, preview, run_again
from workflows.operations.earlier import kept_changes
from workflows.operations.runs import rerun, start_run, wait_for

from .conftest import connect_fake, make_workspace, publish, steps_of


@pytest.fixture
def service(workspace, settings):
    settings.EXTRA_INTEGRATIONS = ["tests.fakes.integration"]
    found = FakeService().start()
    settings.ALLOW_PRIVATE_HOSTS = [found.url.removeprefix("http://")]
    connect_fake(workspace, found.url)
    yield found
    found.stop()


def make(key: str, title: str, **more) -> dict:
    return {"key": key, "action": "fake.make", "with": {"title": title}, **more}


def text(key: str, template: str, **more) -> dict:
    return {"key": key, "action": "data.format", "with": {"template": template}, **more}


INPUTS = [{"name": "who", "type": "text", "default": "Ada"}, {"name": "list", "type": "list", "default": ["a", "b"]}]


def flow(workspace, *steps, **more):
    return publish(workspace, {"inputs": INPUTS, "steps": list(steps), **more})


def titles(service: FakeService) -> list[str]:
    return [thing["title"] for thing in service.done]


def test_a_failed_run_goes_on_where_it_failed_and_what_was_made_stays_one(workspace, actor, engine, service):
    service.plan.extend(["ok", "422"])
    engine()
    steps = [make("one", "first"), make("two", "{{ steps.one.id }} second")]
    first = start_run(actor, flow(workspace, *steps, outputs={"id": "{{ steps.two.id }}"}).slug, wait=15)
    assert first.status == "failed" and titles(service) == ["first"]
    again = rerun(actor, first, from_step="@failed", wait=15)
    assert again.status == "succeeded", again.error
    assert titles(service) == ["first", "1 second"] and again.replay_of_id == first.pk
    kept = steps_of(again)["one"]
    assert kept.decision["reused"] == {"run": str(first.pk)} and kept.output["title"] == "first"
    assert [effect.step_run.key for effect in Effect.objects.of(workspace).filter(run=again)] == ["two"]
    assert [change.effect.run_id for change in kept_changes(again)] == [first.pk]
    assert AuditEntry.objects.of(workspace).filter(action="run.again", object_id=str(again.pk)).count() == 1


def test_changes_after_the_step_are_named_before_and_made_again_under_another_key(workspace, actor, engine, service):
    engine()
    first = start_run(actor, flow(workspace, make("one", "first"), make("two", "second")).slug, wait=15)
    again = run_again(actor, first, Wanted("two"))
    assert again.warnings == ["1 change was already made and will be made again: Make a thing: second."]
    ended = wait_for(again.run, 15)
    assert (
        ended.status == "succeeded"
        and titles(service) == ["first", "second", "second"]
        and len(set(service.keys())) == 3
    )
    once_more = preview(actor, ended, Wanted("one"))
    assert [effect.run_id for effect in once_more.repeated] == [again.run.pk, first.pk], "what it stands on counts too"


def test_costs_of_what_stands_are_not_booked_again(workspace, actor, engine, service):
    engine()
    steps = [{"key": "think", "action": "fake.model", "with": {"text": "x"}}, text("b", "{{ steps.think.text }}")]
    first = start_run(actor, flow(workspace, *steps).slug, wait=15)
    assert first.status == "succeeded" and first.input_tokens > 0, first.error
    again = rerun(actor, first, from_step="b", wait=15)
    assert again.status == "succeeded" and (again.input_tokens, again.cost_usd) == (0, 0)
    think = steps_of(again)["think"]
    assert (think.input_tokens, think.attempts_count, step_json(think)["attempts"]) == (0, 0, [])
    assert step_json(think)["reused"] == {"run": str(first.pk), "edited": None}


def test_an_edited_output_replaces_what_was_and_is_trusted(workspace, actor, engine, service):
    engine()
    steps = [{"key": "read", "action": "fake.read"}, make("two", "x {{ steps.read.text }}")]
    first = start_run(actor, flow(workspace, *steps).slug, wait=15)
    assert first.status == "succeeded", first.error
    again = rerun(actor, first, from_step="two", outputs={"read": {"text": "by hand"}}, wait=15)
    assert again.status == "succeeded" and titles(service)[-1] == "x by hand"
    row = steps_of(again)["read"]
    assert (row.tainted, row.decision["reused"]["edited"]) == (False, "system: test")


def test_a_loop_goes_on_with_its_finished_rounds(workspace, actor, engine, service):
    service.plan.extend(["ok", "ok", "422"])
    engine()
    loop = {
        "key": "each", "action": "for_each", "with": {"items": "{{ inputs.list }}"},
        "do": [make("one", "{{ item }}"), make("two", "{{ steps.one.id }} {{ item }}")],
    }  # fmt: skip
    workflow = flow(workspace, loop, text("after", "{{ steps.each.count }}"), outputs={"n": "{{ steps.after.text }}"})
    first = start_run(actor, workflow.slug, wait=15)
    assert first.status == "failed" and titles(service) == ["a", "1 a"]
    again = rerun(actor, first, from_step="@failed", wait=15)
    assert again.status == "succeeded" and titles(service) == ["a", "1 a", "b", "3 b"], again.error
    assert again.outputs == {"n": "2"}
    one_round = rerun(actor, again, from_step="each[1]/two", wait=15)
    assert one_round.status == "succeeded" and titles(service)[4:] == ["3 b"], one_round.error
    every = rerun(actor, one_round, from_step="two", wait=15)
    assert every.status == "succeeded" and titles(service)[5:] == ["1 a", "3 b"], every.error


def test_a_branch_is_not_decided_again_unless_what_it_reads_was_edited(workspace, actor, engine, service):
    engine()
    ask = {
        "key": "ask", "action": "if", "with": {"condition": "inputs.who == 'Ada'"},
        "then": [text("a", "yes"), text("b", "{{ steps.a.text }} {{ inputs.list[0] }}")], "else": [text("c", "no")],
    }  # fmt: skip
    first = start_run(actor, flow(workspace, ask, outputs={"r": "{{ steps.ask.results }}"}).slug, wait=15)
    same = rerun(actor, first, from_step="b", inputs={"who": "Ada", "list": ["z"]}, wait=15)
    assert same.outputs == {"r": {"a": {"text": "yes"}, "b": {"text": "yes z"}}}, same.error
    assert steps_of(same)["ask"].decision["opened"] == {"run": str(first.pk)}
    other = run_again(actor, first, Wanted("b", {"who": "Bob", "list": ["z"]}))
    assert any("decided anew" in text for text in other.warnings)
    assert wait_for(other.run, 15).outputs == {"r": {"c": {"text": "no"}}}


def test_another_version_stands_on_the_same_steps_or_says_what_is_missing(workspace, actor, engine, service):
    from workflows.engine.definition import fingerprint, parse, to_json
    from workflows.models import WorkflowVersion

    engine()
    workflow = flow(workspace, text("a", "one"), text("c", "{{ nothing.here }}"))
    first = start_run(actor, workflow.slug, wait=15)
    assert first.status == "failed"
    steps = [text("a", "other now"), text("b", "new"), text("c", "{{ steps.a.text }} {{ steps.b.text }}")]
    newer = parse({"format": 1, "name": "Test", "slug": workflow.slug, "inputs": INPUTS, "steps": steps,
                   "outputs": {"r": "{{ steps.c.text }}"}})  # fmt: skip
    workflow.published = WorkflowVersion.objects.create(
        workspace=workspace, workflow=workflow, number=2, definition=to_json(newer), sha256=fingerprint(newer)
    )
    workflow.save()
    with pytest.raises(UserError) as refused:
        rerun(actor, first, from_step="c", version="newest")
    assert refused.value.code == "E_FROM_STEP" and "“B” comes before" in refused.value.message
    again = rerun(actor, first, from_step="c", version="newest", outputs={"b": {"text": "given"}}, wait=15)
    assert again.outputs == {"r": "one given"} and again.version.number == 2
    gone_on = rerun(actor, first, from_step="@failed", version=2, wait=15)
    assert gone_on.outputs == {"r": "one new"}


def test_what_differs_is_seen_in_variables_too(workspace, actor, engine, service):
    Variable.objects.create(workspace=workspace, name="list", value=["a"])
    engine()
    loop = {
        "key": "each", "action": "for_each", "with": {"items": "{{ workspace.variables.list }}"},
        "do": [text("one", "{{ item }}"), text("two", "{{ item }}")],
    }  # fmt: skip
    first = start_run(actor, flow(workspace, loop, outputs={"n": "{{ steps.each.count }}"}).slug, wait=15)
    Variable.objects.of(workspace).update(value=["a", "b"])
    again = rerun(actor, first, from_step="two", wait=15)
    assert (again.status, again.outputs) == ("succeeded", {"n": 2}), again.error


@pytest.mark.parametrize(
    "more, code",
    [
        ({"from_step": "nope"}, "E_FROM_STEP"),
        ({"outputs": {"a": {"text": "x"}}}, "E_FROM_STEP"),
        ({"from_step": "b", "outputs": {"a": "no object"}}, "E_TYPE"),
        ({"from_step": "b", "outputs": {"a": {"text": 1}}}, "E_TYPE"),
        ({"from_step": "b", "outputs": {"a": {"text": "x" * 1_100_000}}}, "E_LENGTH"),
        ({"from_step": "b", "version": 77}, "E_NOT_FOUND"),
        ({"from_step": "b", "inputs": {"who": 7}}, "E_TYPE"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_starts(workspace, actor, more, code):
    run = _ended(workspace, actor)
    with pytest.raises(UserError) as refused:
        rerun(actor, run, **more)
    assert refused.value.code == code, refused.value.message
    assert Run.objects.of(workspace).count() == 1


def _ended(workspace, actor, status: str = "failed") -> Run:
    run = start_run(actor, flow(workspace, text("a", "x"), text("b", "y")).slug)
    StepRun.objects.create(
        workspace=workspace, run=run, key="a", action="data.format", kind="pure", status="succeeded",
        output={"text": "x"},
    )  # fmt: skip
    Run.objects.of(workspace).filter(pk=run.pk).update(status=status)
    return Run.objects.of(workspace).select_related("workflow", "version", "workspace").get(pk=run.pk)


def test_a_run_that_has_not_ended_is_not_run_from_a_step(workspace, actor):
    run = _ended(workspace, actor, "running")
    with pytest.raises(Conflict) as refused:
        rerun(actor, run, from_step="b")
    assert refused.value.code == "E_NOT_ENDED"


def test_the_same_key_gives_the_same_run_again(workspace, actor):
    run = _ended(workspace, actor)
    first = run_again(actor, run, Wanted("b"), idempotency_key="again-1")
    second = run_again(actor, run, Wanted("b"), idempotency_key="again-1")
    assert first.run.pk == second.run.pk and StepRun.objects.of(workspace).filter(run=first.run).count() == 1
    with pytest.raises(UserError) as refused:
        run_again(actor, run, Wanted("a"), idempotency_key="again-1")
    assert refused.value.code == "E_IDEM_MISMATCH"


def test_what_came_from_outside_stays_marked_and_the_trigger_stays_what_it_was(workspace, actor):
    run = _ended(workspace, actor)
    Run.objects.of(workspace).filter(pk=run.pk).update(
        frozen={"tainted_inputs": True, "trigger": {"body": {"x": 1}}}, trigger_kind="webhook"
    )
    run.refresh_from_db()
    again = rerun(actor, run, from_step="b")
    assert again.frozen["tainted_inputs"] and again.frozen["trigger"] == {"kind": "webhook", "body": {"x": 1}}
    edited = rerun(actor, run, inputs={"who": "by hand", "list": []})
    assert "tainted_inputs" not in edited.frozen


def test_an_approval_stands_without_edits_and_is_asked_again_with_them(workspace, actor):
    run = _ended(workspace, actor)
    StepRun.objects.of(workspace).filter(run=run).update(action="approve", kind="control")
    definition = {**run.version.definition}
    definition["steps"] = [{"key": "a", "action": "approve", "with": {"title": "ok?"}}, *definition["steps"][1:]]
    type(run.version).objects.of(workspace).filter(pk=run.version_id).update(definition=definition)
    run = Run.objects.of(workspace).select_related("workflow", "version", "workspace").get(pk=run.pk)
    assert not preview(actor, run, Wanted("b")).problems
    for wanted in (Wanted("b", {"who": "Bob"}), Wanted("b", outputs={"a": {"decision": "approve"}})):
        with pytest.raises(UserError) as refused:
            run_again(actor, run, wanted)
        assert refused.value.code == "E_APPROVED"


def test_the_run_says_where_it_began_and_what_it_kept(workspace, actor):
    again = rerun(actor, _ended(workspace, actor), from_step="b")
    event = RunEvent.objects.of(workspace).get(run=again, kind="again")
    assert (event.data["from"], event.data["kept"], event.data["edited"]) == ("b", 1, [])


def test_an_outsider_runs_nothing_again(workspace, actor):
    from accounts.actor import Actor
    from orchestrator_site.lib.errors import NotFound

    run = _ended(workspace, actor)
    with pytest.raises(NotFound):
        rerun(Actor.system(make_workspace(), "elsewhere"), run, from_step="b")


def test_a_parallel_goes_on_in_the_branch_that_failed(workspace, actor, engine, service):
    service.plan.extend(["ok", "422"])
    engine()
    branches = [
        {"key": "x", "steps": [make("one", "one"), text("done", "x")]},
        {"key": "y", "steps": [{"key": "pause", "action": "wait", "with": {"seconds": 1}}, make("two", "two")]},
    ]
    both = {"key": "both", "action": "parallel", "with": {"join": "all"}, "branches": branches}
    first = start_run(actor, flow(workspace, both, make("three", "three")).slug, wait=20)
    assert first.status == "failed" and titles(service) == ["one"], first.error
    again = rerun(actor, first, from_step="@failed", wait=20)
    assert again.status == "succeeded" and titles(service) == ["one", "two", "three"], again.error
    inside = rerun(actor, again, from_step="two", wait=20)
    assert inside.status == "succeeded" and titles(service)[3:] == ["two", "three"], inside.error


def test_a_switch_keeps_its_choice_and_a_repeat_its_passes(workspace, actor, engine, service):
    service.plan.extend(["ok", "ok", "ok", "422"])
    engine()
    again_and_again = {
        "key": "again", "action": "repeat", "with": {"until": "steps.add.text == 'xxx'", "limit": 5},
        "do": [text("add", "{{ last.add.text }}x"), make("note", "{{ steps.add.text }}")],
    }  # fmt: skip
    choose = {
        "key": "choose", "action": "switch", "with": {"value": "{{ inputs.who }}"},
        "cases": [{"equals": "Ada", "steps": [again_and_again, make("end", "end")]}],
    }  # fmt: skip
    first = start_run(actor, flow(workspace, choose).slug, wait=20)
    assert first.status == "failed" and titles(service) == ["x", "xx", "xxx"], first.error
    again = rerun(actor, first, from_step="@failed", wait=20)
    assert again.status == "succeeded" and titles(service)[3:] == ["end"], again.error
    second = rerun(actor, again, from_step="again[1]/note", wait=20)
    assert second.status == "succeeded" and titles(service)[4:] == ["xx", "xxx", "end"], second.error


def test_a_repeat_goes_on_in_the_pass_that_failed(workspace, actor, engine, service):
    service.plan.extend(["ok", "422"])
    engine()
    again_and_again = {
        "key": "again", "action": "repeat", "with": {"until": "steps.add.text == 'xxx'", "limit": 5},
        "do": [text("add", "{{ last.add.text }}x"), make("note", "{{ steps.add.text }}")],
    }  # fmt: skip
    steps = flow(workspace, again_and_again, outputs={"n": "{{ steps.again.count }}"})
    first = start_run(actor, steps.slug, wait=20)
    assert first.status == "failed" and titles(service) == ["x"], first.error
    again = rerun(actor, first, from_step="@failed", wait=20)
    assert (again.status, again.outputs) == ("succeeded", {"n": 3}) and titles(service) == ["x", "xx", "xxx"]
    third = rerun(actor, again, from_step="again[1]/note", wait=20)
    assert third.status == "succeeded" and titles(service)[3:] == ["xx", "xxx"], third.error


def test_an_approval_is_not_asked_again_and_a_child_run_not_started_again(workspace, actor, engine, service):
    from workflows.models import Wait
    from workflows.operations.runs import decide

    from .conftest import until

    service.plan.append("422")
    engine()
    child = flow(workspace, text("a", "{{ inputs.who }}"), outputs={"said": "{{ steps.a.text }}"})
    steps = [
        {"key": "call", "action": "run_workflow", "with": {"workflow": child.slug, "inputs": {"who": "Kim"}}},
        {"key": "ok", "action": "approve", "with": {"title": "Send {{ steps.call.outputs.said }}?"}},
        make("send", "{{ steps.call.outputs.said }}"),
    ]
    first = start_run(actor, flow(workspace, *steps).slug)
    decide(actor, until(lambda: Wait.objects.of(workspace).filter(run=first, kind="approval").first(), 20), "approve")
    first = wait_for(first, 20)
    assert first.status == "failed" and first.error["step"] == "send", first.error
    runs = Run.objects.of(workspace).count()
    again = rerun(actor, first, from_step="@failed", wait=20)
    assert again.status == "succeeded" and titles(service) == ["Kim"], again.error
    assert Run.objects.of(workspace).count() == runs + 1 and not Wait.objects.of(workspace).filter(run=again).exists()


def test_what_followed_a_failure_stands_with_it(workspace, actor, engine, service):
    service.plan.extend(["422", "ok", "422"])
    engine()
    dealt = {"do": "branch", "steps": [make("tell", "it failed")]}
    first = start_run(actor, flow(workspace, make("one", "one", on_error=dealt), make("two", "two")).slug, wait=20)
    assert first.status == "failed" and titles(service) == ["it failed"], first.error
    again = rerun(actor, first, from_step="@failed", wait=20)
    assert again.status == "succeeded" and titles(service) == ["it failed", "two"], again.error


def test_changes_of_a_subworkflow_count_as_its_steps(workspace, actor, engine, service):
    engine()
    child = flow(workspace, make("one", "inner"))
    call = {"key": "call", "action": "run_workflow", "with": {"workflow": child.slug, "inputs": {}}}
    first = start_run(actor, flow(workspace, call, text("after", "x")).slug, wait=20)
    assert first.status == "succeeded" and titles(service) == ["inner"], first.error
    assert len(preview(actor, first, Wanted("call")).repeated) == 1
    again = run_again(actor, first, Wanted("after"))
    assert not again.warnings and len(kept_changes(again.run)) == 1


def test_the_command_runs_again_and_says_what_it_kept(workspace, actor, capsys):
    import json

    from django.core.management import call_command

    run = _ended(workspace, actor)
    call_command("run_again", str(run.pk), workspace=workspace.slug, start="b", output=['a={"text": "given"}'])
    made = json.loads(capsys.readouterr().out)
    assert made["replay_of"] == str(run.pk)
    assert StepRun.objects.of(workspace).get(run_id=made["id"]).output == {"text": "given"}
    with pytest.raises(SystemExit) as left:
        call_command("run_again", str(run.pk), workspace=workspace.slug, start="nope")
    assert left.value.code == 2 and "E_FROM_STEP" in capsys.readouterr().err
