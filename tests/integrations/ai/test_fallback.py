"""Other models are asked after the step's retries, over other connections too; who answered and the cost are said."""

from __future__ import annotations

import pytest

from integrations.models import Breaker, Connection
from integrations.operations.connections import create_connection, share_connection
from orchestrator_site.lib.errors import Forbidden
from tests.personas import persona
from tests.workflows.engine.conftest import actor, engine, publish, steps_of, until, workspace  # noqa: F401
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import parse
from workflows.engine.problems import check
from workflows.operations.connection_uses import uses_of
from workflows.operations.known import WorkspaceKnown
from workflows.operations.runs import start_run
from workflows.operations.workflows import create_workflow

OTHER = {"connection": "backup", "model": "claude-haiku-4-5"}


def asking(*fallback, **more):
    given = {"prompt": "Hi", "fallback": list(fallback)}
    step = {"key": "ask", "action": "ai.complete", "connection": "first", "with": given}
    return {"steps": [{**step, "retry": {"max": 1, "delay": 0.1}, **more}]}


@pytest.fixture
def two(workspace, actor, contract):  # noqa: F811
    """A connection for the step, and one of another service to turn to."""
    import anthropic  # noqa: F401 - importing them takes seconds; a short lease does not wait for that
    import openai  # noqa: F401

    key = {"api_key": "sk-test-key-of-some-length"}
    create_connection(actor, service="openai", name="first", secret=key, base_url=contract.openai_url)
    other = {"api_key": "sk-ant-test-key"}
    create_connection(actor, service="anthropic", name="backup", secret=other, base_url=contract.anthropic_url)
    return contract


def answered(run):
    return " ".join(run.warnings), steps_of(run)["ask"]


def test_another_connection_answers_after_the_retries(workspace, actor, engine, two):  # noqa: F811
    engine()
    for _ in range(2):
        two.fail("server_error", "createResponse")
    run = start_run(actor, publish(workspace, asking(OTHER)).slug, wait=20)
    assert run.status == "succeeded", run.error
    said, step = answered(run)
    assert "claude-haiku-4-5 of backup answered" in said and step.output["model"].startswith("claude-haiku-4-5")
    assert step.attempts_count == 2 and len(two.calls("createResponse")) == 2 and len(two.calls("messages.create")) == 1
    assert run.cost_usd > 0 and step.input_tokens == step.output["input_tokens"]
    again = start_run(actor, publish(workspace, asking(OTHER)).slug, wait=20)
    assert again.status == "succeeded" and again.warnings == [] and len(two.calls("messages.create")) == 1


def test_a_refused_key_turns_to_the_other_one_and_is_known_then(workspace, actor, engine, two):  # noqa: F811
    engine()
    two.fail("unauthorized", "createResponse")
    slug = publish(workspace, asking(OTHER, retry={"max": 0})).slug
    assert start_run(actor, slug, wait=20).status == "succeeded"
    until(lambda: Connection.objects.of(workspace).get(name="first").broken_at)
    asked = len(two.calls("createResponse"))
    run = start_run(actor, slug, wait=20)
    assert run.status == "succeeded" and "has to be repaired" in answered(run)[0]
    assert len(two.calls("createResponse")) == asked, "it is not asked with a key that is known to be refused"
    assert Connection.objects.of(workspace).get(name="backup").status != "broken"
    assert not Breaker.objects.of(workspace).exists()


def test_what_no_model_takes_is_asked_of_no_other(workspace, actor, engine, two):  # noqa: F811
    engine()
    two.fail("status", "createResponse", status=422)
    run = start_run(actor, publish(workspace, asking(OTHER)).slug, wait=20)
    assert run.status == "failed" and len(two.calls("messages.create")) == 0


def test_where_all_fail_the_step_fails_with_the_last_word(workspace, actor, engine, two):  # noqa: F811
    engine()
    two.fail("server_error", "createResponse"), two.fail("unauthorized", "messages.create")
    run = start_run(actor, publish(workspace, asking(OTHER, retry={"max": 0})).slug, wait=20)
    assert (run.status, run.error["code"]) == ("failed", "E_SERVICE_UNAVAILABLE"), run.error
    assert "of backup gave no answer either" in run.error["message"]


def test_the_other_connection_must_be_there_offer_a_model_and_be_shared(workspace, actor, two):  # noqa: F811
    known = WorkspaceKnown(workspace)
    for name, code in [("nowhere", "E_NOT_FOUND"), ("box", "E_CONN_SERVICE")]:
        create_connection(actor, service="notion", name="box", sandbox=True) if name == "box" else None
        definition = parse({"format": 1, "name": "x", **asking({"connection": name})})
        found = [p for p in check(definition, CATALOGUE, WorkspaceKnown(workspace)) if p.severity == "error"]
        assert [(p.code, p.field) for p in found] == [(code, "with.fallback[0].connection")]
    assert (
        known
        and [use.slug for use in uses_of(workspace)[Connection.objects.of(workspace).get(name="backup").pk].workflows]
        == []
    )
    bob = persona(workspace, "editor", "Bob")
    share_connection(actor, Connection.objects.of(workspace).get(name="backup"), everyone=False, role="admin")
    with pytest.raises(Forbidden):
        create_workflow(bob.actor, {"format": 1, "name": "x", "inputs": [], "outputs": {}, **asking(OTHER)})
