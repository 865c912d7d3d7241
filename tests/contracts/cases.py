"""A case for each action: inputs that are valid in the prepared world. A new action needs a line here.

`{"a": "$pull"}` stands for what the prepared world calls so (worlds.py), `$file`, `$large`, `$sound` and `$image` for
files of the workspace. Where an action is offered over several services, or in several ways, it has a case for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Inputs = Mapping[str, Any]
REPOSITORY = {"repository": "octocat/work"}
ISSUE = {**REPOSITORY, "number": "$issue"}
PULL = {**REPOSITORY, "number": "$pull"}
FILES = [{"path": "docs/new.md", "content": "New\n"}, {"path": "docs/b.md", "delete": True}]
LETTER = {"to": ["Ada <ada@example.com>"], "subject": "Grüße", "text": "Hallo Ada."}
MAIL = {"message": "$mail"}
TEXT = "Invoice 4471 of 2026-11-02 is paid."
PAGE = {"page": "$page"}
ROW = {"parent": "$database", "title": "Offer", "content": "- one\n- two", "properties": {"Minutes": 5}}
ROWS = [{"name": "Ada", "team": "North", "n": 2}, {"name": "Bob", "team": "South", "n": 1}]

GITHUB: dict[str, Inputs] = {
    "create_issue": {**REPOSITORY, "title": "The import stops", "body": "After page 2.", "labels": ["bug"]},
    "get_issue": ISSUE,
    "update_issue": {**ISSUE, "title": "The export ends early"},
    "close_issue": {**ISSUE, "reason": "not_planned"},
    "list_issues": {**REPOSITORY, "labels": ["bug"]},
    "search_issues": {"query": "repo:octocat/work is:issue export"},
    "comment": {**ISSUE, "body": "Looking into it."},
    "list_comments": ISSUE,
    "commit_file": {**REPOSITORY, "path": "docs/c.md", "content": "C\n", "message": "Add C"},
    "get_file": {**REPOSITORY, "path": "README.md"},
    "delete_file": {**REPOSITORY, "path": "docs/a.md"},
    "list_files": REPOSITORY,
    "list_repositories": {},
    "get_repository": REPOSITORY,
    "list_commits": {**REPOSITORY, "limit": 5},
    "compare": {**REPOSITORY, "base": "main", "head": "topic"},
    "search_code": {"query": "repo:octocat/work README"},
    "me": {},
    "get_pull": PULL,
    "get_pull_files": PULL,
    "list_pulls": REPOSITORY,
    "create_pull": {**REPOSITORY, "title": "A spare part", "head": "spare"},
    "review_pull": {**PULL, "verdict": "request_changes", "body": "Please test it."},
    "request_reviewers": {**PULL, "reviewers": ["hubot"]},
    "merge_pull": PULL,
    "commit_files": {**REPOSITORY, "files": FILES, "message": "Tidy up"},
    "propose_files": {**REPOSITORY, "files": FILES, "message": "Tidy up", "branch": "tidy"},
    "create_branch": {**REPOSITORY, "branch": "release/1"},
    "delete_branch": {**REPOSITORY, "branch": "spare"},
    "list_branches": REPOSITORY,
    "add_labels": {**ISSUE, "labels": ["enhancement"]},
    "remove_label": {**ISSUE, "label": "bug"},
    "assign": {**ISSUE, "assignees": ["octocat"]},
    "create_release": {**REPOSITORY, "tag": "v1.1.0", "name": "Second", "body": "- Export"},
    "latest_release": REPOSITORY,
    "dispatch_workflow": {**REPOSITORY, "workflow": "deploy.yml", "inputs": {"to": "staging"}},
    "list_workflow_runs": REPOSITORY,
    "list_notifications": {},
    "rest_get": {"path": "/repos/octocat/work"},
    "rest_send": {"path": "/repos/octocat/work/issues", "body": {"title": "By REST"}},
}
GMAIL: dict[str, Inputs] = {
    "add_labels": {**MAIL, "labels": ["IMPORTANT"]},
    "remove_labels": {**MAIL, "labels": ["Customers"]},
    "mark_read": MAIL,
    "mark_unread": MAIL,
    "star": MAIL,
    "unstar": MAIL,
    "archive": MAIL,
    "trash": MAIL,
    "untrash": {"message": "$trashed"},
    "create_label": {"name": "Customers/North"},
    "search": {"query": "subject:Question", "limit": 2},
    "get_message": {"id": "$mail"},
    "get_thread": {"id": "$thread"},
    "get_attachment": {**MAIL, "attachment": "invoice.pdf"},
    "list_labels": {},
    "profile": {},
    "create_draft": LETTER,
    "send": LETTER,
    "draft_reply": {**MAIL, "text": "Like this."},
    "reply": {**MAIL, "text": "Like this."},
    "forward": {**MAIL, "to": ["eve@example.com"]},
    "send_draft": {"draft": "$draft"},
    "delete_draft": {"draft": "$draft"},
}
NOTION: dict[str, Inputs] = {
    "create_page": ROW,
    "append": {**PAGE, "content": "## New\n\nsecond line"},
    "search": {"query": "Log", "kind": "page"},
    "get_page": PAGE,
    "update_page": {**PAGE, "title": "Journal"},
    "archive_page": PAGE,
    "restore_page": {"page": "$gone"},
    "move_page": {**PAGE, "parent": "$database"},
    "replace_content": {**PAGE, "content": "# New\n\nall of it"},
    "add_comment": {**PAGE, "text": "Please look again."},
    "list_comments": PAGE,
    "list_users": {},
    "upload_file": {**PAGE, "file": "$file"},
    "get_database": {"database": "$database"},
    "query_database": {
        "database": "$database",
        "conditions": [{"property": "Minutes", "test": "greater_than", "value": "1"}],
    },
    "upsert_page": {**ROW, "key": "Note", "properties": {"Note": "id-7"}},
}
ANY_MODEL: dict[str, Inputs] = {
    "complete": {"prompt": "Say hello."},
    "converse": {"messages": [{"role": "user", "text": "Say hello."}]},
    "run_prompt": {"prompt": "greeting", "values": {"name": "Ada"}},
    "summarize": {"text": TEXT},
    "sop": {"task": "Onboard somebody"},
    "translate": {"text": TEXT, "language": "German"},
    "rewrite": {"text": TEXT, "instruction": "Shorter"},
    "extract": {"text": TEXT, "fields": [{"name": "number", "type": "integer"}]},
    "classify": {"text": TEXT, "categories": ["invoice", "offer"]},
    "grade": {"text": TEXT, "criteria": "Complete"},
    "describe_image": {"image": "$image"},
    "list_models": {},
    "estimate": {"text": TEXT},
}
OPENAI_ONLY: dict[str, Inputs] = {
    "embed": {"texts": [TEXT]},
    "find_similar": {"text": TEXT, "candidates": ["a paid invoice", "a holiday"]},
    "moderate": {"text": TEXT},
    "transcribe": {"file": "$sound"},
    "generate_image": {"prompt": "A lighthouse", "size": "1024x1024"},
}
HTTP: dict[str, Inputs] = {
    "get": {"url": "items/1", "expect": "json"},
    "send": {
        "url": "items", "body": {"title": "Second"}, "expect": "json", "key_field": "reference",
        "check_url": "items?reference={key}", "check_path": "items[0].id",
    },
}  # fmt: skip
BLIND = {"url": "items", "body": {"title": "Third"}, "expect": "json"}
STORE: dict[str, Inputs] = {
    "get": {"key": "seen", "default": 0},
    "list": {},
    "set": {"key": "seen", "value": {"a": 1}},
    "increment": {"key": "count"},
    "append": {"key": "list", "item": "a"},
    "delete": {"key": "seen"},
}
DATA: dict[str, Inputs] = {
    "date": {"date": "2026-11-02"},
    "date_add": {"date": "2026-01-31", "months": 1},
    "date_difference": {"start": "2026-11-01", "end": "2026-11-08"},
    "map": {"items": ROWS, "each": "item.name"},
    "filter": {"items": ROWS, "condition": "item.n > 1"},
    "sort": {"items": ROWS, "by": "n"},
    "group": {"items": ROWS, "by": "team"},
    "dedupe": {"items": [1, 1, 2]},
    "merge": {"lists": [[1], [2]]},
    "aggregate": {"items": ROWS, "of": "n"},
    "pick": {"source": ROWS, "fields": ["name"]},
    "set": {"fields": {"a": 1}},
    "lookup": {"value": "a", "table": {"a": 1}},
    "parse_csv": {"text": "a,b\n1,2\n"},
    "write_csv": {"rows": ROWS},
    "parse_json": {"text": '{"a": 1}'},
    "write_json": {"value": {"a": 1}},
    "split": {"text": "a,b"},
    "join": {"items": ["a", "b"]},
    "find": {"text": TEXT, "search": "4471"},
    "replace": {"text": TEXT, "replacements": {"paid": "open"}},
    "encode": {"text": "ä"},
    "hash": {"text": "ä"},
    "format": {"template": "plain"},
    "extract": {"source": {"a": [1]}, "path": "a[0]"},
}


@dataclass(frozen=True)
class Case:
    """One action over one service; `way` says which, where there are several.

    `faults`: tried with every fault, at the request `at`, or at its changes, or at its first request.
    """

    action: str
    inputs: Inputs
    service: str = ""
    way: str = ""
    secret: Mapping[str, str] = field(default_factory=dict)
    faults: bool = True
    at: str = ""

    @property
    def name(self) -> str:
        """What the tables call it."""
        return f"{self.action} ({self.way})" if self.way else self.action


def _all(service: str, cases: Mapping[str, Inputs], *, connection: bool = True) -> list[Case]:
    return [
        Case(f"{service}.{verb}", given, service if connection else "", faults=connection)
        for verb, given in cases.items()
    ]


def _models() -> list[Case]:
    """Over OpenAI by both its interfaces, and over Anthropic; every fault by the first, and where the others differ."""
    found: list[Case] = []
    for verb, given in ANY_MODEL.items():
        thorough = verb in ("complete", "extract")
        asks = verb not in ("list_models", "estimate")
        found.append(Case(f"ai.{verb}", given, "openai", "OpenAI", {"api": "responses"}))
        if asks:
            found.append(Case(f"ai.{verb}", given, "openai", "OpenAI, chat", {"api": "chat"}, faults=thorough))
        found.append(Case(f"ai.{verb}", given, "anthropic", "Anthropic", faults=thorough or not asks))
    return found + [Case(f"ai.{verb}", given, "openai", "OpenAI") for verb, given in OPENAI_ONLY.items()]


CASES: list[Case] = [
    *_models(),
    *_all("github", GITHUB),
    *_all("notion", NOTION),
    *_all("gmail", GMAIL),
    Case("gmail.create_draft", {**LETTER, "attachments": ["$large"]}, "gmail", "by upload", faults=False),
    *_all("http", HTTP),
    Case("http.send", BLIND, "http", "without a check"),
    Case("mail.send", {**LETTER, "text": "Hallo."}, "mail"),
    Case("mcp.list_tools", {}, "mcp", at="tools/list"),
    Case("mcp.read_tool", {"tool": "total", "arguments": {"a": 1, "b": 2}}, "mcp", at="tools/call/total"),
    Case("mcp.call_tool", {"tool": "write_note", "arguments": {"text": "Hi"}}, "mcp"),
    *_all("store", STORE, connection=False),
    *_all("data", DATA, connection=False),
]
