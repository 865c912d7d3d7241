"""The original's steps and ours: which action, which field, and what `<step>_output` stood for. Pure data.

The services' names here are words of the original's files, not of our registry: what an action is called in an old file
never changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Want = Literal["text", "number", "list", "any"]
Shape = Literal["text", "object", "list"]


@dataclass(frozen=True)
class Output:
    """What `<step>_output` was: a text, an object or a list, and where its parts are found now.

    `main` is the field of our output that holds it ("" = the output itself). `readable` is what stands in text, with
    `@` for the step. `parts` are the original's names, and ours where they differ.
    """

    shape: Shape = "text"
    main: str = "text"
    readable: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Original:
    """One action of the original: ours, its parameters as our fields, and what it gave."""

    action: str
    fields: Mapping[str, str]
    output: Output = Output()
    fixed: Mapping[str, object] = field(default_factory=dict)
    note: str = ""


_TEXT_PARTS = {"content": "text", "output": "text", "response": "text", "result": "text"}
TEXT = Output(parts=_TEXT_PARTS)

_ISSUE = Output(
    "object",
    "",
    '{"number": {{ @.number }}, "url": {{ @.url | json }}, "title": {{ @.title | json }}}',
)
_COMMIT = Output("object", "", '{"commit_sha": {{ @.commit_sha | json }}, "url": {{ @.url | json }}}')
_REPOSITORIES = Output("list", "repositories", "{{ @.repositories | json }}", {"name": "full_name"})
_PAGE = Output("object", "", '{"id": {{ @.id | json }}, "url": {{ @.url | json }}}')
_APPENDED = Output(
    "object",
    "",
    '{"success": true, "block_id": {{ @.block_ids | first | json }}}',
    {"block_id": "block_ids[0]", "success": "block_ids.size"},
)
_PAGES = Output("list", "results", "{{ @.results | json }}")
_MESSAGES = Output("list", "messages", "{{ @.text }}", {"threadId": "thread_id"})
_MESSAGE = Output(
    "object",
    "",
    "Subject: {{ @.subject }}\n\n{{ @.text }}",
    {"threadId": "thread_id", "labelIds": "labels", "body": "text", "from": "sender.email"},
)

_COMPLETE = {
    "prompt": "prompt",
    "model": "model",
    "temperature": "temperature",
    "max_tokens": "max_tokens",
    "system_prompt": "system",
}
_REPOSITORY = {"repo_name": "repository"}

ACTIONS: dict[tuple[str, str], Original] = {
    ("openai", "generate_completion"): Original("ai.complete", _COMPLETE, TEXT),
    ("openai", "summarize"): Original("ai.summarize", {"text": "text", "model": "model"}, TEXT),
    ("openai", "generate_sop"): Original("ai.sop", {"task_description": "task", "model": "model"}, TEXT),
    ("github", "create_issue"): Original(
        "github.create_issue", {**_REPOSITORY, "title": "title", "body": "body", "labels": "labels"}, _ISSUE
    ),
    ("github", "commit_file"): Original(
        "github.commit_file",
        {**_REPOSITORY, "file_path": "path", "content": "content", "message": "message", "branch": "branch"},
        _COMMIT,
    ),
    ("github", "list_repositories"): Original("github.list_repositories", {}, _REPOSITORIES, {"limit": 20}),
    ("notion", "create_page"): Original(
        "notion.create_page", {"parent_id": "parent", "title": "title", "content": "content"}, _PAGE
    ),
    ("notion", "append_to_page"): Original("notion.append", {"page_id": "page", "content": "content"}, _APPENDED),
    ("notion", "search_pages"): Original("notion.search", {"query": "query"}, _PAGES, {"kind": "page"}),
    ("notion", "create_database_entry"): Original(
        "notion.create_page",
        {"database_id": "parent", "title": "title", "content": "content", "properties": "properties"},
        _PAGE,
    ),
    ("gmail", "list_messages"): Original(
        "gmail.search", {"max_results": "limit", "query": "query"}, _MESSAGES, {"when_empty": "finish"}
    ),
    ("gmail", "get_message"): Original("gmail.get_message", {"message_id": "id"}, _MESSAGE),
    ("transform", "extract"): Original("data.extract", {}, Output("text", "value", "{{ @.value }}")),
    ("transform", "format"): Original("data.format", {}, TEXT),
    ("claude_code", "execute_agent"): Original(
        "ai.complete",
        {"model": "model", "max_tokens": "max_tokens"},
        TEXT,
        note="It runs as one call of a model, without tools.",
    ),
}

WANTED: dict[str, Want] = {
    "limit": "number",
    "temperature": "number",
    "max_tokens": "number",
    "labels": "list",
    "properties": "any",
    "source": "any",
}

NO_SUCH_HERE = {
    ("notion", "query_database"): "Querying a Notion database is not possible yet.",
}


def wanted(field_name: str) -> Want:
    """What kind of value one of our fields takes."""
    return WANTED.get(field_name, "text")


def known_names() -> list[str]:
    """The original's actions as `type/action`, for "did you mean"."""
    return ["/".join(pair) for pair in ACTIONS]
