"""The sandbox world of GitHub, Notion and Gmail: what is in it, that it answers to the original's placeholders, and
that no workspace sees another's."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.urls import reverse

from integrations import direct
from integrations.errors import Rejected
from integrations.gmail.world import seed_objects as mailbox
from integrations.models import SandboxObject
from integrations.operations.connections import find_connection, seed_sandbox
from integrations.operations.opening import client_for, open_connection
from tests.integrations.gate import attempt, run_action

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox(workspace):
    seed_sandbox(workspace)
    return lambda service: open_connection(find_connection(workspace, service))


def test_the_mailbox_holds_what_it_should():
    mails = [thing.data for thing in mailbox()]
    unread = [mail for mail in mails if "UNREAD" in mail["labels"]]
    threads = [mail["thread_id"] for mail in mails]
    assert len(mails) >= 12
    assert len(unread) > len(mails) / 2
    assert max(threads.count(thread) for thread in threads) == 5
    assert any("IGNORE ALL PREVIOUS INSTRUCTIONS" in mail["text"] for mail in mails)
    assert any("Bug" in mail["subject"] for mail in mails)
    assert any("ありがとう" in mail["subject"] for mail in mails)
    assert any(mail["html"] and "Invoice 2026-1187" in mail["text"] for mail in mails)
    assert {a["filename"] for mail in mails for a in mail["attachments"]} == {"invoice-2026-1187.pdf", "unmatched.csv"}
    assert all(mail["text"] and mail["sender"]["email"] and mail["date"] for mail in mails)


def test_the_three_workflows_of_the_original_find_their_placeholders(sandbox):
    mails = run_action("gmail.search", {"query": "is:unread", "limit": 1}, sandbox("gmail")).output
    assert "export" in mails["text"]
    given = {"parent": "your-database-id", "title": "Email Summary", "content": mails["text"]}
    page = run_action("notion.create_page", given, sandbox("notion")).output
    row = SandboxObject.objects.unscoped("a test").get(service="notion", external_id=page["id"])
    assert row.data["values"]["Subject"] == "Email Summary"
    assert row.data["place"] == "Inbox summaries"
    assert "workflow-effect" not in row.data["markdown"]
    assert not row.seeded
    given = {"repository": "your-username/your-repo", "path": "docs/sops/deployment.md", "branch": "main"}
    file = run_action("github.commit_file", {**given, "content": "# SOP", "message": "Add SOP"}, sandbox("github"))
    assert file.output["created"]


def test_a_thing_has_its_page(sandbox, workspace, settings):
    page = run_action("notion.create_page", {"parent": "your-database-id", "title": "x"}, sandbox("notion")).output
    row = SandboxObject.objects.of(workspace).get(external_id=page["id"])
    kwargs = {"workspace": workspace.slug, "service": "notion", "pk": row.pk}
    assert page["url"] == settings.PUBLIC_URL + reverse("sandbox_object", kwargs=kwargs)


def test_the_address_of_a_page_in_the_sandbox_is_taken_as_the_page(sandbox):
    page = run_action("notion.create_page", {"parent": "your-database-id", "title": "x"}, sandbox("notion")).output
    appended = run_action("notion.append", {"page": page["url"], "content": "more"}, sandbox("notion")).output
    assert appended["page_id"] == page["id"]


def test_a_workspace_does_not_see_what_another_changed(sandbox, outsider):
    seed_sandbox(outsider.workspace)
    theirs = open_connection(find_connection(outsider.workspace, "notion"))
    mine = run_action("notion.create_page", {"parent": "your-database-id", "title": "Mine"}, sandbox("notion")).output
    assert run_action("notion.search", {"query": "Mine"}, theirs).output["count"] == 0
    ran = attempt("notion.append", {"page": mine["id"], "content": "x"}, theirs)
    assert isinstance(ran.error, Rejected)
    issue = {"repository": "your-username/your-repo", "title": "Mine"}
    number = run_action("github.create_issue", issue, sandbox("github")).output["number"]
    hub = open_connection(find_connection(outsider.workspace, "github"))
    assert run_action("github.create_issue", issue, hub).output["number"] == number


def test_an_unknown_repository_is_told_what_there_is(sandbox):
    ran = attempt("github.create_issue", {"repository": "me/mine", "title": "x"}, sandbox("github"))
    assert "your-username/your-repo" in ran.error.hint


@pytest.mark.parametrize("service", ["github", "notion", "gmail"])
def test_every_sandbox_describes_itself(sandbox, service):
    info = sandbox(service)
    found = direct.call(lambda calls: client_for(info, calls).describe())
    assert found.ok
    assert "sandbox" in found.summary


def test_declaring_the_services_imports_no_sdk():
    code = (
        "import sys; import integrations.github.actions, integrations.notion.actions, integrations.gmail.actions; "
        "import integrations.github.client, integrations.notion.client; "
        "print(sorted({'github', 'notion_client', 'googleapiclient', 'requests', 'httpx'} & set(sys.modules)))"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.strip() == "[]", done.stderr
