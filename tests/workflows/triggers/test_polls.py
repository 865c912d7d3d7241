"""Triggers of services: each event once, none missed over an outage, in order; whoever looks first looks alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from accounts.actor import Actor
from integrations.errors import RateLimited, SignInAgain
from tests.workflows.engine.conftest import engine, until  # noqa: F401
from tests.workflows.triggers import post_office
from tests.workflows.triggers.conftest import trigger_of
from workflows.engine import polls
from workflows.models import Run, Trigger
from workflows.operations.triggers import change_trigger
from workflows.operations.workflows import set_enabled

pytestmark = pytest.mark.django_db
START = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def office(settings):
    settings.EXTRA_INTEGRATIONS = ("tests.workflows.triggers.post_office",)
    post_office.LETTERS[:], post_office.ASKED[:], post_office.TROUBLE[:] = ["old"], [], []
    return post_office


def made(workflow) -> Trigger:
    said = {"inputs": {"who": "{{ trigger.text }}"}, "config": {"box": "B"}}
    return trigger_of(workflow, "post_office.letter", **said)


def again(trigger) -> Trigger:
    rows = Trigger.objects.of(trigger.workspace_id)
    return rows.select_related("workflow", "workflow__published", "workspace").get(pk=trigger.pk)


class Keyless:
    def keyless(self, service, workspace):
        return SimpleNamespace(client=object(), info=None, calls=None)


async def _here(function, *args):
    return function(*args)


def look(minutes: float, looks=None) -> int:
    """One round of the poll host at a moment, on this thread."""
    at = START + timedelta(minutes=minutes)
    found = polls.take_looks(at) if looks is None else looks
    count = 0
    for one in found:
        asked = asyncio.new_event_loop()
        try:
            polled = asked.run_until_complete(_asked(one))
        finally:
            asked.close()
        if isinstance(polled, tuple):
            polls.note_problem(one, *polled, at)
        else:
            count += polls.bring_in(one, polled, at)
    return count


async def _asked(one):
    from integrations.errors import ServiceError

    try:
        return await polls.ask(one, Keyless())
    except ServiceError as problem:
        return {"code": problem.code, "message": problem.message, "hint": problem.hint}, problem.retry_after


def texts(trigger) -> list[str]:
    rows = Run.objects.of(trigger.workspace_id).filter(trigger_id=str(trigger.pk)).order_by("id")
    return [run.inputs["who"] for run in rows]


def test_what_is_new_starts_a_run_each_once_and_what_was_there_is_no_news(greet, office):
    trigger = made(greet)
    assert look(0) == 1 and texts(trigger) == []
    office.LETTERS += ["a", "b"]
    assert look(0.1) == 0, "not before its time"
    assert look(1) == 2 and look(2) == 0 and texts(trigger) == ["a", "b"]
    office.LETTERS += ["c"]
    assert look(3) == 1 and texts(trigger) == ["a", "b", "c"]
    run = Run.objects.of(greet.workspace).order_by("-id").first()
    assert run.trigger_kind == "post_office" and run.frozen["trigger"]["number"] == 3 and run.frozen["tainted_inputs"]
    found = again(trigger)
    assert (found.cursor, found.events) == (4, 4) and found.last_poll_at == START + timedelta(minutes=3)


def test_an_outage_and_a_broken_credential_miss_nothing(greet, office):
    trigger = made(greet)
    look(0)
    office.LETTERS += ["a"]
    office.TROUBLE[:] = [SignInAgain("The token has expired.")]
    look(1)
    found = again(trigger)
    assert (found.cursor, found.failures, found.error["code"]) == (1, 1, "E_SIGN_IN")
    office.TROUBLE[:] = [RateLimited("Slow down.", retry_after=600)]
    office.LETTERS += ["b"]
    look(3)
    assert again(trigger).next_due_at == START + timedelta(minutes=13)
    office.TROUBLE.clear()
    assert look(5) == 0, "not before the service said"
    assert look(13) == 2 and texts(trigger) == ["a", "b"] and again(trigger).error is None


def test_one_looks_alone_and_who_was_overtaken_writes_nothing(greet, office):
    trigger = made(greet)
    look(0)
    office.LETTERS += ["a"]
    at = START + timedelta(minutes=1)
    [first] = polls.take_looks(at)
    assert polls.take_looks(at) == []
    late = at + polls.HELD + timedelta(seconds=1)
    [second] = polls.take_looks(late)
    assert look(3, [second]) == 1
    assert look(3, [first]) == 0 and texts(trigger) == ["a"] and again(trigger).fence == second.fence


def test_off_is_off_and_on_begins_anew(greet, office, workspace):
    actor, trigger = Actor.system(workspace, "t"), made(greet)
    look(0)
    set_enabled(actor, greet, False)
    office.LETTERS += ["while the workflow was off"]
    assert look(1) == 0
    set_enabled(actor, greet, True)
    assert look(2) == 1, "the backlog of a paused workflow is made up for"
    change_trigger(actor, trigger, enabled=False)
    office.LETTERS += ["while the trigger was off"]
    assert look(3) == 0


def test_the_engine_looks_by_itself(real, office, engine):  # noqa: F811
    trigger = made(real)
    engine()
    until(lambda: again(trigger).cursor == 1)
    office.LETTERS.append("Ada")
    Trigger.objects.of(real.workspace_id).filter(pk=trigger.pk).update(next_due_at=datetime.now(UTC))
    run = until(lambda: Run.objects.of(real.workspace_id).filter(status="succeeded").first(), 20)
    assert run.outputs == {"text": "Hello Ada"}
