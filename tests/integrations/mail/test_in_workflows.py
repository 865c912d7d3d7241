"""Mail steps in real runs: a no for now is tried again, a lost answer is asked of a person, nobody gets it twice."""

from __future__ import annotations

import pytest

from integrations.operations.connections import create_connection
from tests.fakes.post import Script
from tests.workflows.engine.conftest import actor, engine, publish, until, workspace  # noqa: F401
from workflows.models import Effect, Wait
from workflows.operations.runs import settle_effect, start_run, wait_for

pytestmark = pytest.mark.usefixtures("transactional_db")
STEP = {"key": "send", "action": "mail.send", "with": {"to": ["bob@example.org"], "subject": "Hi", "text": "Hi"}}


@pytest.fixture
def server(actor, settings):  # noqa: F811
    """A server with a script, and the connection to it."""
    made = []

    def start(**answers):
        found = Script(**answers)
        made.append(found)
        settings.ALLOW_PRIVATE_HOSTS = [f"127.0.0.1:{found.port}"]
        given = {"service": "mail", "name": "post", "secret": {"sender": "ada@example.com"}}
        create_connection(actor, base_url=f"smtp://127.0.0.1:{found.port}", **given)
        return found

    yield start
    for one in made:
        one.close()


def test_a_no_for_now_is_tried_again(workspace, actor, engine, server):  # noqa: F811
    engine()
    script = server(RCPT="450 greylisted")
    flow = publish(workspace, {"steps": [STEP]})
    run = start_run(actor, flow.slug)
    assert until(lambda: "RCPT" in script.commands, 15)
    script.answers["RCPT"] = "250 ok"
    assert wait_for(run, 20).status == "succeeded"
    assert len(script.contents) == 1


def test_a_lost_answer_is_asked_and_nothing_sent_again(workspace, actor, engine, server):  # noqa: F811
    engine()
    script = server(END="drop")
    run = start_run(actor, publish(workspace, {"steps": [STEP]}).slug)
    assert until(lambda: Wait.objects.of(workspace).filter(kind="unknown").exists(), 15)
    (effect,) = Effect.objects.of(workspace)
    assert effect.state == "unknown" and effect.target == {"to": ["bob@example.org"]}
    settle_effect(actor, effect, "happened")
    run = wait_for(run, 15)
    assert (run.status, len(script.contents)) == ("succeeded", 1)
