"""The pages of errors: what happened, what to do, a code and a request id; never a trace."""

import json

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from orchestrator_site import views


def asked(path="/w/demo/", accept="text/html"):
    request = RequestFactory().get(path, headers={"Accept": accept})
    request.user, request.request_id, request.csp_nonce = AnonymousUser(), "r-1", "n"
    return request


@pytest.mark.parametrize(
    ("view", "status", "words"),
    [
        (views.bad_request, 400, "cannot be read"),
        (views.forbidden, 403, "You may not see this"),
        (views.server_error, 500, "Something broke on our side"),
    ],
)
def test_an_error_page_says_what_happened_and_what_to_do(db, view, status, words):
    answer = view(asked())
    text = answer.content.decode()
    assert answer.status_code == status and words in text and "Go to the start page" in text and "Traceback" not in text


def test_programs_get_the_same_as_json():
    answer = views.server_error(asked("/api/v1/runs", "application/json"))
    assert json.loads(answer.content)["error"] | {"request_id": ""} == {
        "code": "E_INTERNAL",
        "message": "Something broke on our side.",
        "field": None,
        "hint": "Nothing you did is lost. Try again; if it stays, tell your admin the request id.",
        "limit": None,
        "request_id": "",
    }


def test_an_address_that_is_not_there_is_a_page(client, db):
    answer = client.get("/nothing/here")
    assert answer.status_code == 404 and "nothing at this address" in answer.text


def test_alive_and_ready_are_told_apart(client, db):
    assert client.get("/healthz").json()["status"] == "ok"
    assert "workers" in client.get("/readyz").json()["checks"]


def test_without_a_database_there_are_still_words(monkeypatch):
    monkeypatch.setattr("orchestrator_site.views.render", lambda *_, **__: 1 / 0)
    answer = views.server_error(asked())
    assert answer.status_code == 500 and "Nothing you did is lost" in answer.content.decode()


def test_a_slash_too_much_or_too_few_leads_to_the_page(editor):
    for given, meant in (("members", "members/"), ("runs/", "runs"), ("prompts?q=a", "prompts/?q=a")):
        answer = editor.client.get(editor.path(given))
        assert (answer.status_code, answer.headers["Location"]) == (302, editor.path(meant))
    assert editor.client.get(editor.path("nothing")).status_code == 404
