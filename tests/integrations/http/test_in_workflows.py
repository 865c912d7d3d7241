"""HTTP steps in a workflow: without a connection, over a named one, and what becomes of a lost answer."""

from __future__ import annotations

import pytest

from integrations.operations.connections import create_connection
from tests.workflows.engine.conftest import actor, engine, publish, until, workspace  # noqa: F401
from workflows.models import Effect, Wait
from workflows.operations.runs import start_run

pytestmark = pytest.mark.usefixtures("transactional_db")


def send(service, **more):
    return {"steps": [{"key": "send", "action": "http.send", "with": {"url": f"{service.url}/items", **more}}]}


def states(workspace):  # noqa: F811
    return [effect.state for effect in Effect.objects.of(workspace).order_by("attempt")]


def test_a_step_without_a_connection_sends_no_key_even_where_there_is_one(workspace, actor, engine, service):  # noqa: F811
    engine()
    create_connection(actor, service="http", name="shop", secret={"token": "t"}, base_url=service.url)
    step = {"key": "ask", "action": "http.get", "with": {"url": f"{service.url}/a"}}
    slug = publish(workspace, {"steps": [step], "outputs": {"path": "{{ steps.ask.body.path }}"}}).slug
    run = start_run(actor, slug, wait=15)
    assert (run.status, run.outputs) == ("succeeded", {"path": "/a"})
    assert "authorization" not in service.headers
    named = {"steps": [{**step, "connection": "shop", "with": {"url": "/b"}}]}
    assert start_run(actor, publish(workspace, named).slug, wait=15).status == "succeeded"
    assert service.headers["authorization"] == "Bearer t"


def test_a_lost_put_is_repeated_with_the_same_key(workspace, actor, engine, service):  # noqa: F811
    engine()
    service.fail("reset", after=True)
    given = send(service, method="PUT", body={"title": "A"})
    given["steps"][0]["with"]["url"] += "/7"
    run = start_run(actor, publish(workspace, given).slug, wait=20)
    assert run.status == "succeeded" and states(workspace) == ["absent", "confirmed"]
    assert (service.changes, len(service.items)) == (2, 1)


def test_a_lost_post_with_a_check_is_found_and_not_repeated(workspace, actor, engine, service):  # noqa: F811
    engine()
    service.fail("reset", after=True)
    check = {"key_field": "ref", "check_url": f"{service.url}/items?ref={{key}}", "check_path": "items[0].id"}
    run = start_run(actor, publish(workspace, send(service, body={"title": "A"}, **check)).slug, wait=20)
    assert run.status == "succeeded" and states(workspace) == ["confirmed"]
    assert service.changes == 1
    assert "answer of the check" in str(run.warnings)


def test_a_lost_post_without_a_check_is_asked_of_a_person(workspace, actor, engine, service):  # noqa: F811
    engine()
    service.fail("reset", after=True)
    start_run(actor, publish(workspace, send(service, body={"title": "A"})).slug)
    assert until(lambda: Wait.objects.of(workspace).filter(kind="unknown").exists())
    assert states(workspace) == ["unknown"] and service.changes == 1
