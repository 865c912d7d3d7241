"""The original's execute route with a real engine over the sandbox: golden results of its shipped files."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from integrations.models import SandboxObject
from integrations.operations.sandbox import seed_sandbox
from tests.personas import persona
from tests.workflows.engine.conftest import engine  # noqa: F401 - a fixture

FILES = Path(__file__).parent / "files"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mara(transactional_db, engine):  # noqa: F811
    """An editor of a workspace with the sandbox world, while an engine works."""
    from tests.factories.accounts import WorkspaceFactory

    workspace = WorkspaceFactory()
    seed_sandbox(workspace)
    engine()
    return persona(workspace, "editor", "Mara Lindqvist")


def run(mara, name, variables=None):
    mara.api.post_json("/workflows", json.loads((FILES / f"{name}.json").read_text()))
    body = {"workflow_id": name} | ({"variables": variables} if variables else {})
    response = mara.api.post_json("/workflows/execute", body)
    assert response.status_code == 200, response.content
    return response.json()


def check_shape(body, name):
    assert list(body) == [
        "workflow_id", "status", "started_at", "completed_at", "steps_executed", "outputs", "errors"
    ]  # fmt: skip
    assert body["workflow_id"] == name
    for moment in (body["started_at"], body["completed_at"]):
        assert datetime.fromisoformat(moment).tzinfo is None


def test_a_completion_gives_its_text(mara):
    body = run(mara, "simple_ai_completion", {"prompt": "Write a haiku about coding"})
    check_shape(body, "simple_ai_completion")
    assert (body["status"], body["errors"], body["steps_executed"]) == ("completed", [], ["generate"])
    assert isinstance(body["outputs"]["generate"], str) and body["outputs"]["generate"]


def test_the_mail_is_really_read_summarised_and_filed(mara):
    body = run(mara, "email_to_notion")
    check_shape(body, "email_to_notion")
    assert body["status"] == "completed", body["errors"]
    assert body["steps_executed"] == ["fetch_email", "summarize", "save_to_notion"]
    messages = body["outputs"]["fetch_email"]
    assert len(messages) == 1 and {"id", "threadId", "subject"} <= set(messages[0])
    assert set(body["outputs"]["save_to_notion"]) == {"id", "url"}
    page = SandboxObject.objects.of(mara.workspace).get(
        service="notion", kind="page", title="Email Summary", seeded=False
    )
    assert body["outputs"]["summarize"].split()[0] in json.dumps(page.data, ensure_ascii=False)


def test_the_commit_message_is_filled_in(mara):
    body = run(mara, "generate_sop_to_github")
    check_shape(body, "generate_sop_to_github")
    assert body["status"] == "completed", body["errors"]
    assert re.fullmatch(r"[0-9a-f]{40}", body["outputs"]["commit_to_github"]["commit_sha"])
    assert set(body["outputs"]["commit_to_github"]) == {"commit_sha", "url"}
    kept = SandboxObject.objects.of(mara.workspace).filter(service="github", seeded=False)
    assert "Add SOP: How to deploy a web application" in json.dumps([one.data for one in kept])


def test_a_workflow_without_steps_is_completed_with_nothing_done(mara):
    body = run(mara, "test_save_workflow")
    check_shape(body, "test_save_workflow")
    assert (body["status"], body["steps_executed"], body["outputs"], body["errors"]) == ("completed", [], {}, [])


def test_a_step_that_fails_is_named_with_its_reason(mara):
    body = run(mara, "generate_sop_to_github", {"repo_name": "nobody/nothing"})
    assert body["status"] == "failed"
    assert body["steps_executed"] == ["generate_sop"] and "commit_to_github" not in body["outputs"]
    assert body["errors"][0].startswith("Error in step commit_to_github: ")


def test_every_action_of_the_original_gives_its_old_shape(mara):
    def step(identifier, kind, action, params, following):
        return {"id": identifier, "type": kind, "action": action, "params": params, "next_step": following}

    flow = {
        "id": "all", "name": "All", "description": "", "variables": {"repo": "your-username/your-repo"},
        "steps": [
            step("mails", "gmail", "list_messages", {"max_results": 2, "query": "in:inbox"}, "mail"),
            step("mail", "gmail", "get_message", {"message_id": "{{mails_output[0].id}}"}, "issue"),
            step("issue", "github", "create_issue",
                 {"repo_name": "{{repo}}", "title": "T", "body": "{{mail_output}}"}, "repos"),
            step("repos", "github", "list_repositories", {}, "page"),
            step("page", "notion", "create_page",
                 {"parent_id": "your-database-id", "title": "P", "content": "c"}, "found"),
            step("found", "notion", "search_pages", {"query": "P"}, "number"),
            step("number", "transform", "extract", {"source": "issue_output", "key": "number"}, "say"),
            step("say", "transform", "format", {"template": "Issue {number_output}: {issue_output[url]}"}, None),
        ],
    }  # fmt: skip
    assert mara.api.post_json("/workflows", flow).status_code == 200
    body = mara.api.post_json("/workflows/execute", {"workflow_id": "all"}).json()
    assert body["status"] == "completed", body["errors"]
    outputs = body["outputs"]
    assert set(outputs["issue"]) == {"number", "url", "title"}
    assert all(set(row) == {"name", "description", "url"} and "/" in row["name"] for row in outputs["repos"])
    assert all(set(row) == {"id", "title", "url"} for row in outputs["found"])
    assert outputs["mail"]["threadId"] and outputs["mail"]["id"] == outputs["mails"][0]["id"]
    assert outputs["number"] == outputs["issue"]["number"]
    assert outputs["say"] == f"Issue {outputs['issue']['number']}: {outputs['issue']['url']}"


def test_no_mail_is_no_failure_and_sends_nothing(mara):
    flow = json.loads((FILES / "email_to_notion.json").read_text())
    flow["steps"][0]["params"]["query"] = "subject:nothingmatchesthis"
    mara.api.post_json("/workflows", flow)
    body = mara.api.post_json("/workflows/execute", {"workflow_id": "email_to_notion"}).json()
    assert (body["status"], body["steps_executed"]) == ("completed", ["fetch_email"])
    assert body["outputs"] == {"fetch_email": []}
