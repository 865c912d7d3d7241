"""The world that each service's cases find: prepared once over the services' own API, then cloned case by case."""

from __future__ import annotations

import base64
import json
import urllib.request
from email.message import EmailMessage
from typing import Any

from integrations.gmail.compose import KEY_HEADER
from tests.contracts.server import CaseServer, World

Facts = dict[str, Any]
KEYS = {
    "github": "ghp_", "notion": "ntn_", "gmail": "ya29.", "openai": "sk-", "anthropic": "sk-ant-", "http": "web_",
    "mcp": "mcp_",
}  # fmt: skip
"""How a key of each service begins."""
PREFIXES = {"http": "web"}
"""Where the server has a service, if not under its own name."""
SCHEMA: dict[str, dict[str, Any]] = {
    "Subject": {"title": {}},
    "Status": {"status": {}},
    "Minutes": {"number": {}},
    "Note": {"rich_text": {}},
}


def prepared(server: CaseServer) -> dict[str, tuple[World, Facts]]:
    """For each service its world, and what cases must know of it."""
    makers = {"github": _github, "notion": _notion, "gmail": _gmail}
    found: dict[str, tuple[World, Facts]] = {}
    for service, prefix in KEYS.items():
        key = f"{prefix}prepare"
        server.add(key, server.empty, PREFIXES.get(service, service))
        world = server.worlds[key]
        make = makers.get(service)
        facts = make(world, _Api(server, service, key)) if make else {}
        found[service] = (world, facts)
        strays = [violation for call in server.of_case[key] for violation in call.violations]
        assert not strays, f"the world of {service} is prepared with requests that stray: {strays}"
    return found


class _Api:
    """Plain requests to a service with the key of its world."""

    def __init__(self, server: CaseServer, service: str, key: str) -> None:
        self.root, self.key = f"{server.url}/{service}", key

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", "User-Agent": "contracts", "Content-Type": "application/json"}
        headers["Notion-Version"] = "2026-03-11"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.root}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")


def _github(world: World, api: _Api) -> Facts:
    """octocat/work: an issue, a pull request, a spare branch, a release."""
    world.github.add_repository("work", files={"README.md": "# Work\n", "docs/a.md": "A\n", "docs/b.md": "B\n"})
    root = "/repos/octocat/work"
    issue = api("POST", f"{root}/issues", {"title": "The export stops", "body": "On page 2.", "labels": ["bug"]})
    api("POST", f"{root}/issues/{issue['number']}/comments", {"body": "Seen too."})
    main = api("GET", f"{root}/git/ref/heads/main")["object"]["sha"]
    for branch in ("topic", "spare"):
        api("POST", f"{root}/git/refs", {"ref": f"refs/heads/{branch}", "sha": main})
        body = {"message": "More", "content": base64.b64encode(branch.encode()).decode(), "branch": branch}
        api("PUT", f"{root}/contents/{branch}.md", body)
    pull = api("POST", f"{root}/pulls", {"title": "A topic", "head": "topic", "base": "main"})
    api("POST", f"{root}/releases", {"tag_name": "v1.0.0", "name": "First"})
    return {"issue": issue["number"], "pull": pull["number"]}


def _notion(world: World, api: _Api) -> Facts:
    """A database with a row, a page with a comment, and a page in the trash."""
    database = world.notion.add_database(
        "Inbox", SCHEMA, [{"Subject": {"title": [{"text": {"content": "Old"}}]}, "Minutes": {"number": 3}}]
    )
    page, gone = world.notion.add_page("Log", "# Log\nfirst line"), world.notion.add_page("Gone", "x")
    text = [{"type": "text", "text": {"content": "Please look."}}]
    api("POST", "/v1/comments", {"parent": {"page_id": page["id"]}, "rich_text": text})
    api("PATCH", f"/v1/pages/{gone['id']}", {"in_trash": True})
    return {"database": database["id"], "page": page["id"], "gone": gone["id"]}


def _gmail(world: World, api: _Api) -> Facts:
    """A mail with a file and a label, a mail in the trash, and a draft that one of our steps has written."""
    mail = EmailMessage()
    head = {"From": "Bob <bob@example.com>", "To": "me@example.com", "Subject": "Question", "Message-ID": "<q1@x>"}
    for name, value in head.items():
        mail[name] = value
    mail.set_content("How does it work?")
    mail.add_attachment(b"%PDF-1", maintype="application", subtype="pdf", filename="invoice.pdf")
    label = api("POST", "/gmail/v1/users/me/labels", {"name": "Customers"})
    there = world.gmail.deliver(mail.as_bytes(), labels=["INBOX", "UNREAD", "STARRED", label["id"]])
    trashed = world.gmail.deliver(mail.as_bytes(), labels=["TRASH"])
    letter = EmailMessage()
    letter["To"], letter["Subject"], letter[KEY_HEADER] = "ada@example.com", "Ready", "a" * 64
    letter.set_content("Ready to go.")
    raw = base64.urlsafe_b64encode(letter.as_bytes()).decode()
    draft = api("POST", "/gmail/v1/users/me/drafts", {"message": {"raw": raw}})
    return {"mail": there["id"], "thread": there["threadId"], "trashed": trashed["id"], "draft": draft["id"]}
