"""The original's 15 routes: shapes, errors, and what its clients send, verbatim."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client, override_settings

from integrations.models import Connection
from orchestrator_site.lib.clock import freeze, now
from tests.factories.accounts import MemberFactory, UserFactory, WorkspaceFactory
from tests.personas import ApiClient
from workflows.models import Workflow

FILES = Path(__file__).parent / "files"
pytestmark = pytest.mark.django_db


@pytest.fixture
def still():
    """The clock stands: counts by the minute do not begin anew while hashes are computed."""
    with freeze(now()):
        yield


@pytest.fixture(autouse=True)
def _connections(workspace):
    for service in ("openai", "github", "notion", "gmail"):
        Connection.objects.create(workspace=workspace, service=service, name=service, sandbox=True, is_default=True)


@pytest.fixture
def anyone():
    return Client(raise_request_exception=False)


def shipped(name):
    return json.loads((FILES / f"{name}.json").read_text())


# ---- The open ones ---------------------------------------------------------------------------------------------


def test_the_root_says_what_this_is(anyone):
    response = anyone.get("/", headers={"Accept": "*/*"})
    assert response.json() == {"app": "AI Workflow Orchestrator", "version": "0.1.0", "status": "running"}


def test_a_browser_at_the_root_is_brought_to_the_door_and_a_member_home(anyone, editor):
    assert anyone.get("/", headers={"Accept": "text/html,*/*"}).status_code == 302
    response = editor.client.get("/", headers={"Accept": "text/html"})
    assert response.headers["Location"] == editor.path()


def test_health(anyone):
    body = anyone.get("/health").json()
    assert body["status"] == "healthy" and "+" not in body["timestamp"] and "T" in body["timestamp"]


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
def test_the_pages_of_the_document_use_nothing_from_elsewhere_and_fit_the_policy(anyone, path):
    response = anyone.get(path)
    page = response.content.decode()
    assert response.status_code == 200 and "https://" not in page and "http://" not in page
    nonce = page.split('nonce="')[1].split('"')[0]
    assert f"'nonce-{nonce}'" in response.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in response.headers["Content-Security-Policy"]


def test_the_document_describes_the_eleven_routes(anyone):
    document = anyone.get("/openapi.json").json()
    routes = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert len(routes) == 11 and ("post", "/workflows/execute") in routes
    assert document["info"]["version"] == "0.1.0"
    text = json.dumps(document)
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in document["components"]["schemas"]


# ---- The door --------------------------------------------------------------------------------------------------


def login(client, user_id, password):
    # curl -X POST http://localhost:8000/auth/login -H "Content-Type: application/json" -d '{...}'
    body = json.dumps({"user_id": user_id, "password": password})
    return client.post("/auth/login", body, content_type="application/json")


def test_a_person_signs_in_with_address_and_password_for_the_workspace_opened_last(anyone, editor):
    other = WorkspaceFactory()
    MemberFactory(workspace=other, user=editor.user, role="viewer")
    editor.user.set_password("correct horse battery")
    editor.user.last_workspace = other
    editor.user.save()
    body = login(anyone, editor.user.email, "correct horse battery").json()
    assert set(body) == {"access_token", "token_type"} and body["token_type"] == "bearer"
    assert body["access_token"].startswith("awo_")
    Workflow.objects.create(workspace=other, slug="theirs", name="Theirs", draft_etag="x")
    assert ApiClient(body["access_token"]).get("/workflows").json() == [
        {"id": "theirs", "name": "Theirs", "description": ""}
    ]


def test_wrong_credentials_and_unknown_people_get_the_same_answer(anyone, editor):
    for user_id in (editor.user.email, "nobody@example.org", "demo"):
        response = login(anyone, user_id, "demo")
        assert response.status_code == 401 and response.json() == {"detail": "Invalid credentials"}


def test_demo_signs_in_only_where_it_is_allowed(anyone):
    demo = WorkspaceFactory(slug="demo")
    MemberFactory(workspace=demo, user=UserFactory(), role="owner")
    with override_settings(DEMO_LOGIN=True):
        token = login(anyone, "demo", "demo").json()["access_token"]
        assert login(anyone, "somebody", "demo").status_code == 401
    assert ApiClient(token).get("/workflows").json() == []
    with override_settings(DEMO_LOGIN=False):
        assert login(anyone, "demo", "demo").status_code == 401


def test_guessing_is_slowed_down_and_signing_in_is_not(anyone, editor, still):
    codes = [login(anyone, "a@example.org", f"guess {n}").status_code for n in range(8)]
    assert codes == [401] * 5 + [429] * 3
    editor.user.set_password("correct horse battery")
    editor.user.save()
    good = {login(anyone, editor.user.email, "correct horse battery").status_code for _ in range(15)}
    assert good == {200}
    spread = [login(anyone, f"{n}@example.org", "guess").status_code for n in range(10)]
    assert spread == [401] * 2 + [429] * 8, "refused tries count against the address too"


def test_somebody_with_a_second_factor_makes_a_token_instead(anyone, editor, monkeypatch):
    editor.user.set_password("correct horse battery")
    editor.user.save()
    monkeypatch.setattr("allauth.mfa.utils.is_mfa_enabled", lambda user, types=None: True)
    response = login(anyone, editor.user.email, "correct horse battery")
    assert response.status_code == 401 and "second factor" in response.json()["detail"]


def test_a_body_that_does_not_fit_is_told_as_fastapi_tells_it(anyone):
    response = anyone.post("/auth/login", '{"user_id": 5}', content_type="application/json")
    assert response.status_code == 422
    found = {tuple(one["loc"]): (one["type"], one["msg"]) for one in response.json()["detail"]}
    assert found == {
        ("body", "user_id"): ("string_type", "Input should be a valid string"),
        ("body", "password"): ("missing", "Field required"),
    }
    broken = anyone.post("/auth/login", "{", content_type="application/json")
    assert broken.status_code == 422 and broken.json()["detail"][0]["type"] == "json_invalid"


# ---- Who may -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method, path",
    [("get", "/workflows"), ("get", "/workflows/a"), ("post", "/workflows"), ("post", "/workflows/execute"),
     ("get", "/prompts"), ("get", "/prompts/a"), ("post", "/prompts"), ("delete", "/prompts/a")],
)  # fmt: skip
def test_without_a_token_and_with_a_wrong_one(anyone, editor, method, path):
    for client in (anyone, editor.client):
        response = getattr(client, method)(path)
        assert response.status_code == 401 and response.json() == {"detail": "Not authenticated"}
    wrong = getattr(anyone, method)(path, headers={"Authorization": "Bearer token_demo_1700000000"})
    assert wrong.status_code == 401 and wrong.json() == {"detail": "Invalid or expired token"}


def test_a_viewer_may_read_and_neither_save_nor_run(viewer):
    assert viewer.api.get("/workflows").status_code == 200
    assert viewer.api.post_json("/workflows", shipped("simple_ai_completion")).status_code == 403
    assert viewer.api.post_json("/workflows/execute", {"workflow_id": "x"}).status_code == 403


def test_an_unknown_method_is_refused(editor):
    response = editor.api.put_json("/workflows", {})
    assert response.status_code == 405 and response.json() == {"detail": "Method Not Allowed"}


# ---- Workflows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["email_to_notion", "generate_sop_to_github", "simple_ai_completion", "test_save_workflow"]
)
def test_a_workflow_is_saved_published_listed_and_shown_as_it_was(editor, outsider, name):
    sent = shipped(name)
    response = editor.api.post_json("/workflows", sent)
    assert response.status_code == 200 and response.json() == {"status": "success", "workflow_id": name}
    assert editor.api.get(f"/workflows/{name}").json() == sent
    assert editor.api.get("/workflows").json() == [{key: sent[key] for key in ("id", "name", "description")}]
    assert Workflow.objects.of(editor.workspace).get(slug=name).published is not None
    missing = outsider.api.get(f"/workflows/{name}")
    assert missing.status_code == 404 and missing.json() == {"detail": "Workflow not found"}


def test_saving_again_overwrites_and_publishes_the_next_version(editor):
    editor.api.post_json("/workflows", shipped("simple_ai_completion"))
    changed = {**shipped("simple_ai_completion"), "name": "Poems"}
    assert editor.api.post_json("/workflows", changed).status_code == 200
    workflow = Workflow.objects.of(editor.workspace).get()
    assert workflow.name == "Poems" and workflow.published.number == 2


def test_left_out_fields_are_shown_with_their_defaults(editor):
    editor.api.post_json("/workflows", {"id": "w", "name": "W", "description": "", "steps": [
        {"id": "a", "type": "openai", "action": "generate_completion", "params": {"prompt": "x"}}]})  # fmt: skip
    shown = editor.api.get("/workflows/w").json()
    assert shown["steps"][0]["next_step"] is None and shown["variables"] == {}


@pytest.mark.parametrize("identifier", ["../../../evil", "/etc/passwd", "a/../b"])
def test_an_id_that_is_a_path_is_refused_and_nothing_is_saved(editor, identifier):
    for path, body in (
        ("/workflows", {"id": identifier, "name": "x", "description": ""}),
        ("/prompts", {"id": identifier, "name": "x", "description": "", "user_prompt": "x"}),
    ):
        response = editor.api.post_json(path, body)
        assert response.status_code == 422 and response.json()["detail"][0]["loc"] == ["body", "id"]
    assert editor.api.get("/workflows").json() == [] == editor.api.get("/prompts").json()
    assert editor.api.get("/workflows/..%2F..%2Fevil").json() == {"detail": "Workflow not found"}


def test_an_id_that_cannot_be_a_key_is_kept_for_its_clients(editor):
    body = {"id": "My Flow-1", "name": "W", "description": "", "steps": []}
    assert editor.api.post_json("/workflows", body).json()["workflow_id"] == "My Flow-1"
    assert editor.api.get("/workflows/My%20Flow-1").json()["id"] == "My Flow-1"
    assert editor.api.get("/workflows").json()[0]["id"] == "My Flow-1"
    assert editor.api.post_json("/workflows", body).status_code == 200
    assert Workflow.objects.of(editor.workspace).count() == 1


def test_a_body_without_the_required_fields(editor):
    response = editor.api.post_json("/workflows", {"id": "w", "steps": [{"id": "a", "type": "fax", "action": "send"}]})
    assert response.status_code == 422
    found = {tuple(one["loc"]): one["type"] for one in response.json()["detail"]}
    assert found == {
        ("body", "name"): "missing", ("body", "description"): "missing", ("body", "steps", 0, "type"): "enum"
    }  # fmt: skip


# ---- Execute, where it cannot begin --------------------------------------------------------------------------------


def test_an_unknown_workflow(editor):
    response = editor.api.post_json("/workflows/execute", {"workflow_id": "nope"})
    assert response.status_code == 404 and response.json() == {"detail": "Workflow not found"}


def test_a_workflow_with_problems_answers_failed_with_the_reasons(editor):
    editor.api.post_json("/workflows", {"id": "w", "name": "W", "description": "", "steps": [
        {"id": "a", "type": "openai", "action": "generate_completion", "params": {"prompt": "x"}, "next_step": "typo"},
        {"id": "b", "type": "openai", "action": "generate_completion", "params": {"prompt": "x"}}]})  # fmt: skip
    response = editor.api.post_json("/workflows/execute", {"workflow_id": "w"})
    body = response.json()
    assert response.status_code == 200 and body["status"] == "failed" and body["steps_executed"] == []
    assert body["errors"][0].startswith("Error in step typo: “a” goes on to “typo”, which does not exist.")
    assert set(body) == {
        "workflow_id", "status", "started_at", "completed_at", "steps_executed", "outputs", "errors"
    }  # fmt: skip


def test_an_older_good_version_does_not_run_in_place_of_a_newer_broken_one(editor):
    editor.api.post_json("/workflows", shipped("simple_ai_completion"))
    broken = shipped("simple_ai_completion")
    broken["steps"][0]["next_step"] = "typo"
    editor.api.post_json("/workflows", broken)
    body = editor.api.post_json("/workflows/execute", {"workflow_id": "simple_ai_completion"}).json()
    assert body["status"] == "failed" and "typo" in body["errors"][0]


def test_a_name_that_nothing_provides_and_a_variable_nobody_knows_are_failures(editor):
    editor.api.post_json("/workflows", {"id": "w", "name": "W", "description": "", "steps": [
        {"id": "a", "type": "openai", "action": "generate_completion", "params": {"prompt": "{{nope}}"}}]})  # fmt: skip
    body = editor.api.post_json("/workflows/execute", {"workflow_id": "w"}).json()
    assert body["status"] == "failed" and "Nope is required" in body["errors"][0]
    body = editor.api.post_json("/workflows/execute", {"workflow_id": "w", "variables": {"nope": "x", "nop": 1}}).json()
    assert body["status"] == "failed" and "nop" in body["errors"][0]


def test_respond_async_answers_at_once_with_the_runs_address(editor):
    editor.api.post_json("/workflows", shipped("simple_ai_completion"))
    response = editor.api.post_json(
        "/workflows/execute",
        {"workflow_id": "simple_ai_completion", "variables": {"prompt": "Write a haiku about coding"}},
        headers={"Prefer": "respond-async"},
    )
    body = response.json()
    assert response.status_code == 202 and body["status"] == "running" and body["completed_at"] is None
    assert "/w/" in body["run_url"] and body["run_url"].startswith("http")


# ---- Prompts -------------------------------------------------------------------------------------------------------


TEMPLATE = {
    "id": "my_prompt",
    "name": "Mine",
    "description": "d",
    "system_prompt": None,
    "user_prompt": 'Say {word}, as {{"json": 1}}',
    "variables": ["word"],
    "model": "gpt-4o-mini",
    "temperature": 0.7,
}


def test_a_template_is_saved_listed_shown_as_it_was_and_deleted(editor, outsider):
    response = editor.api.post_json("/prompts", TEMPLATE)
    assert response.status_code == 200 and response.json() == {"status": "success", "template_id": "my_prompt"}
    assert editor.api.get("/prompts").json() == [{"id": "my_prompt", "name": "Mine", "description": "d"}]
    assert editor.api.get("/prompts/my_prompt").json() == TEMPLATE
    assert outsider.api.get("/prompts/my_prompt").json() == {"detail": "Template not found"}
    assert outsider.api.delete("/prompts/my_prompt").status_code == 404
    assert editor.api.delete("/prompts/my_prompt").json() == {"status": "success"}
    gone = editor.api.delete("/prompts/my_prompt")
    assert gone.status_code == 404 and gone.json() == {"detail": "Template not found"}


def test_a_template_with_defaults_left_out_is_shown_with_them(editor):
    editor.api.post_json("/prompts", {"id": "p", "name": "P", "description": "", "user_prompt": "{x}"})
    assert editor.api.get("/prompts/p").json() == {
        "id": "p", "name": "P", "description": "", "system_prompt": None, "user_prompt": "{x}", "variables": [],
        "model": "gpt-4o-mini", "temperature": 0.7,
    }  # fmt: skip
