"""A run does not use a connection that is not shared with who started it or who published its version."""

from __future__ import annotations

import pytest

from accounts.actor import Actor
from accounts.operations.members import remove_member
from integrations.models import Connection
from integrations.operations.connections import share_connection
from tests.personas import persona
from workflows.operations.publish import publish_workflow
from workflows.operations.runs import start_run
from workflows.operations.workflows import create_workflow

from .test_effects import service  # noqa: F401 - the fixture

pytestmark = pytest.mark.usefixtures("service")
MAKE = {"key": "make", "action": "fake.make", "with": {"title": "x"}}


def test_who_starts_and_who_published_are_asked_when_a_run_begins(workspace, actor, engine, service):  # noqa: F811
    engine()
    ann, bob = persona(workspace, "admin", "Ann"), persona(workspace, "editor", "Bob")
    shared = Connection.objects.of(workspace).get(name="fake")
    definition = {"format": 1, "name": "Flow", "inputs": [], "steps": [MAKE], "outputs": {}}
    flow = create_workflow(bob.actor, definition)
    publish_workflow(bob.actor, flow)
    share_connection(ann.actor, shared, everyone=False, role="admin")

    refused = start_run(ann.actor, flow.slug, wait=10)
    assert (refused.status, refused.error["code"]) == ("failed", "E_CONN_SHARED")
    assert "Bob" in refused.error["message"] and "published this version" in refused.error["message"]

    other = create_workflow(ann.actor, {**definition, "name": "Other"})
    publish_workflow(ann.actor, other)
    assert start_run(ann.actor, other.slug, wait=10).status == "succeeded"
    assert start_run(Actor.system(workspace, "schedule"), other.slug, wait=10).status == "succeeded"
    refused = start_run(bob.actor, other.slug, wait=10)
    assert refused.error["code"] == "E_CONN_SHARED" and "Bob, who started this run" in refused.error["message"]
    share_connection(ann.actor, shared, everyone=False, role="admin", members=[bob.user.email])
    assert start_run(bob.actor, other.slug, wait=10).status == "succeeded"
    remove_member(Actor.system(workspace, "test"), ann.member.pk)
    assert start_run(bob.actor, other.slug, wait=10).error["code"] == "E_CONN_SHARED", "its author has left"
    assert len(service.keys()) == 3
