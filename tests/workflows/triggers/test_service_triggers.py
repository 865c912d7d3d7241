"""Triggers of services in the engine: a mail starts a run, and nothing is missed while a connection is repaired."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from integrations.errors import SignInAgain
from integrations.gmail.world import thing_of
from integrations.operations.connections import find_connection, seed_sandbox
from integrations.operations.opening import open_connection
from integrations.sandboxes import Sandbox
from integrations.spec import Event, Polled
from orchestrator_site.lib.clock import now
from tests.workflows.engine.conftest import engine, make_workspace, publish, until  # noqa: F401
from workflows.engine import polls
from workflows.models import Run, Trigger

from .conftest import GREETING, trigger_of


@pytest.fixture
def watching(transactional_db):
    """A workflow with a trigger on new mail, in a workspace with a sandbox."""
    workspace = make_workspace()
    seed_sandbox(workspace)
    return trigger_of(publish(workspace, GREETING), "gmail.new_mail", inputs={"who": "{{ trigger.subject }}"})


def again(trigger: Trigger) -> Trigger:
    return Trigger.objects.of(trigger.workspace_id).get(pk=trigger.pk)


def look_of(trigger: Trigger) -> polls.Look:
    Trigger.objects.of(trigger.workspace_id).filter(pk=trigger.pk).update(next_due_at=now(), held_until=None)
    (look,) = polls.take_looks(now())
    return look


def greeted(trigger: Trigger) -> list[str]:
    runs = Run.objects.of(trigger.workspace_id).filter(workflow=trigger.workflow)
    return [run.inputs["who"] for run in runs.order_by("id")]


def events(*subjects: str) -> list[Event]:
    return [Event(subject, {"id": subject, "subject": subject}) for subject in subjects]


def test_a_mail_that_arrives_starts_a_run_by_itself(watching, engine):  # noqa: F811
    engine()
    until(lambda: again(watching).cursor, 20)
    made = EmailMessage()
    made["From"], made["Subject"] = "anna@example.com", "Order 4471"
    made.set_content("Where is it?")
    info = open_connection(find_connection(watching.workspace_id, "gmail"))
    Sandbox(info, None, "gmail").add(thing_of(made.as_bytes()))
    Trigger.objects.of(watching.workspace_id).update(next_due_at=now())
    runs = Run.objects.of(watching.workspace_id)
    until(lambda: runs.filter(status="succeeded").first(), 30)
    run = runs.get()
    assert run.outputs == {"text": "Hello Order 4471"} and run.trigger_kind == "gmail"
    assert run.frozen["tainted_inputs"] is True and again(watching).error is None


def test_while_the_connection_is_broken_nothing_is_asked_and_the_cursor_waits(watching):
    polls.bring_in(look_of(watching), Polled([], {"n": 1}), now())
    polls.note_refusal(look_of(watching), SignInAgain("Gmail does not accept this sign-in."), now())
    mailbox = find_connection(watching.workspace_id, "gmail")
    assert mailbox.broken_at is not None and "does not accept" in mailbox.status_text
    Trigger.objects.of(watching.workspace_id).update(next_due_at=now(), held_until=None)
    assert polls.take_looks(now()) == []
    seen = again(watching)
    assert seen.error["code"] == "E_CONNECTION_BROKEN" and seen.cursor == {"n": 1} and seen.next_due_at > now()
    mailbox.broken_at, mailbox.status = None, "works"
    mailbox.save(update_fields=["broken_at", "status"])
    polls.bring_in(look_of(watching), Polled(events("late"), {"n": 2}), now())
    assert greeted(watching) == ["late"] and again(watching).error is None


def test_a_worker_that_dies_between_two_batches_leaves_the_cursor_and_the_rest_comes_again(watching, monkeypatch):
    polls.bring_in(look_of(watching), Polled([], {"n": 0}), now())
    monkeypatch.setattr(polls, "BATCH", 2)
    write, count = polls.write, [0]

    def dies(*given):
        count[0] += 1
        if count[0] == 4:
            raise KeyboardInterrupt
        return write(*given)

    monkeypatch.setattr(polls, "write", dies)
    with pytest.raises(KeyboardInterrupt):
        polls.bring_in(look_of(watching), Polled(events(*"abcde"), {"n": 1}), now())
    assert greeted(watching) == ["a", "b"] and again(watching).cursor == {"n": 0}
    assert polls.bring_in(look_of(watching), Polled(events(*"abcde"), {"n": 1}), now()) == 3
    assert greeted(watching) == list("abcde") and again(watching).cursor == {"n": 1}
