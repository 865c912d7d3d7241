"""HTTP connections, and the sandbox in which requests can be tried without a network."""

from __future__ import annotations

import pytest

from integrations.models import SandboxObject
from integrations.operations.connections import (
    create_connection,
    find_connection,
    open_connection,
    seed_sandbox,
    test_connection,
)
from orchestrator_site.lib.errors import UserError
from tests.integrations.gate import Gate, run_action
from tests.integrations.looking import find_again

pytestmark = pytest.mark.django_db
try_out = test_connection
del test_connection


def made(owner, **more):
    given = {"service": "http", "name": "shop", "base_url": "https://api.example.com", "secret": {"token": "t0ken"}}
    return create_connection(owner.actor, **{**given, **more})


def test_a_connection_needs_an_address_and_one_whole_key(owner):
    for more, code in (
        ({"base_url": ""}, "E_REQUIRED"),
        ({"base_url": "https://127.0.0.1"}, "E_URL_BLOCKED"),
        ({"secret": {}}, "E_REQUIRED"),
        ({"secret": {"username": "ada"}}, "E_REQUIRED"),
    ):
        with pytest.raises(UserError) as wrong:
            made(owner, **more)
        assert wrong.value.code == code
    assert made(owner, secret={"username": "Ada L", "password": "0123456789ab"}).masked == {
        "username": "Ada L",
        "password": "••••89ab",
    }


def test_the_form_asks_for_the_address(owner):
    page = owner.client.get(f"/w/{owner.workspace.slug}/connections/new/?service=http").content.decode()
    assert "Such as https://api.example.com/v1" in page and "Header name" in page


@pytest.mark.parametrize(
    "status, ok, words",
    [(200, True, "answers."), (404, True, "not known"), (401, False, "did not let us in"), (500, False, "trouble")],
)
def test_the_test_button_says_what_answers(owner, service, status, ok, words):
    connection = made(owner, base_url=service.url)
    service.fail("status", status=status)
    told = try_out(owner.actor, connection)
    assert told["ok"] is ok and words in told["summary"]
    assert service.headers["authorization"] == "Bearer t0ken"


@pytest.fixture
def sandbox(workspace):
    seed_sandbox(workspace)
    return open_connection(find_connection(workspace, "http"))


def test_requests_can_be_tried_without_a_network(sandbox, workspace):
    made = run_action("http.send", {"url": "/items", "body": {"title": "Buy milk"}}, sandbox).output
    assert made["status"] == 201
    shown = run_action("http.get", {"url": "/items", "query": {"title": "Buy milk"}}, sandbox).output["body"]
    assert [one["id"] for one in shown["items"]] == [made["body"]["id"]]
    echo = run_action("http.get", {"url": "/anything", "query": {"a": 1}}, sandbox).output["body"]
    assert echo["query"] == {"a": "1"}
    sent = SandboxObject.objects.of(workspace).get(service="http", kind="request")
    assert sent.title == "POST /items" and sent.data["body"] == '{"title":"Buy milk"}'


@pytest.mark.parametrize("method, status", [("PUT", 200), ("PATCH", 200), ("DELETE", 204)])
def test_the_items_of_the_sandbox_can_be_changed(sandbox, method, status):
    given = {"url": "/items/2", "method": method, "body": {"done": True}}
    assert run_action("http.send", given, sandbox).output["status"] == status


def test_a_lost_request_can_be_found_in_the_sandbox(sandbox):
    gate = Gate()
    given = {
        "url": "/items", "body": {"title": "A"}, "key_field": "reference",
        "check_url": "/items?reference={key}", "check_path": "items[0].id",
    }  # fmt: skip
    run_action("http.send", given, sandbox, gate=gate)
    assert find_again("http.send", given, sandbox, gate)


def test_an_operator_may_not_make_one(operator):
    with pytest.raises(UserError):
        made(operator)
