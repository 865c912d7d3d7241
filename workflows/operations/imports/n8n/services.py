"""Nodes of page and code services as steps of ours. Pure."""

from __future__ import annotations

from workflows.operations.imports.n8n.mapping import Mapped, inner, joined, parameter, rows_of
from workflows.operations.imports.n8n.reading import JSON, Node

_PAGE = {"id": "id", "url": "url", "name": "title", "title": "title"}
_ROW = {**_PAGE, "created_time": "created_time", "last_edited_time": "last_edited_time"}
_ISSUE = {
    "number": "number", "html_url": "url", "url": "url", "title": "title", "body": "body", "id": "id", "state": "state",
    "user.login": "author",
}  # fmt: skip


def notion(node: Node) -> Mapped | None:
    """By resource and operation; None for those without an action here."""
    resource, operation = (
        str(parameter(node, "resource", usual="page")),
        str(parameter(node, "operation", usual="create")),
    )
    database = parameter(node, "databaseId")
    properties = _properties(node)
    if (resource, operation) == ("databasePage", "create"):
        title = parameter(node, "title") or properties.pop("", "")
        return _page(node, {"parent": database, "title": title, "properties": properties})
    if (resource, operation) == ("databasePage", "getAll"):
        made = Mapped("notion.query_database", {"database": database, "limit": 100}, fields=_ROW, items="rows")
        if rows_of(node.parameters, "filters", "conditions") or node.parameters.get("filterJson"):
            made.missing.append("Its filter is not mapped: write the conditions anew.")
        return made
    if (resource, operation) == ("databasePage", "update"):
        return Mapped("notion.update_page", {"page": parameter(node, "pageId"), "properties": properties}, fields=_ROW)
    if operation == "get" and resource in ("databasePage", "page"):
        return Mapped("notion.get_page", {"page": parameter(node, "pageId")}, fields={**_ROW, "content": "content"})
    if (resource, operation) == ("page", "create"):
        return _page(node, {"parent": parameter(node, "pageId"), "title": parameter(node, "title")})
    if (resource, operation) == ("page", "search"):
        return Mapped("notion.search", {"query": parameter(node, "text")}, fields=_PAGE, items="results")
    if (resource, operation) == ("page", "archive"):
        return Mapped("notion.archive_page", {"page": parameter(node, "pageId")}, fields=_PAGE)
    if (resource, operation) == ("block", "append"):
        return Mapped("notion.append", {"page": parameter(node, "blockId"), "content": _blocks(node)}, fields={})
    return None


def _page(node: Node, inputs: JSON) -> Mapped:
    content = _blocks(node)
    kept = {name: value for name, value in inputs.items() if value not in ("", {})}
    return Mapped("notion.create_page", {**kept, **({"content": content} if content else {})}, fields=_PAGE)


def _blocks(node: Node) -> str:
    rows = rows_of(node.parameters, "blockUi", "blockValues")
    return joined([row.get("textContent") or row.get("content") or "" for row in rows])


_VALUES = (
    "title", "textContent", "numberValue", "selectValue", "multiSelectValue", "statusValue", "urlValue", "emailValue",
    "phoneValue", "checkboxValue", "date", "value",
)  # fmt: skip


def _properties(node: Node) -> JSON:
    """By name; the title under ""."""
    found: JSON = {}
    for row in rows_of(node.parameters, "propertiesUi", "propertyValues"):
        name, _, kind = str(row.get("key") or "").partition("|")
        value = next((row[one] for one in _VALUES if row.get(one) not in (None, "")), "")
        found["" if kind == "title" else name] = value
    return found


def github(node: Node) -> Mapped | None:
    """By resource and operation; None for those without an action here."""
    resource, operation = (
        str(parameter(node, "resource", usual="issue")),
        str(parameter(node, "operation", usual="create")),
    )
    owner, name = parameter(node, "owner"), parameter(node, "repository")
    place = {"repository": f"={owner}/{name}" if "{{" in f"{owner}{name}" else f"{owner}/{name}"}
    place["repository"] = place["repository"].replace("/=", "/").replace("==", "=")
    number = {"number": parameter(node, "issueNumber")}
    labels = [row.get("label", "") for row in rows_of(node.parameters, "labels")]
    if resource == "issue":
        body: JSON = {"title": parameter(node, "title"), "body": parameter(node, "body"), "labels": labels}
        made = {
            "create": ("github.create_issue", {**place, **body}, _ISSUE),
            "get": ("github.get_issue", {**place, **number}, _ISSUE),
            "createComment": (
                "github.comment",
                {**place, **number, "body": parameter(node, "body")},
                {"html_url": "url"},
            ),
        }.get(operation)
        return Mapped(made[0], made[1], fields=made[2]) if made else None
    if resource == "repository" and operation == "getIssues":
        state = inner(node.parameters, "getRepositoryIssuesFilters", "state") or "open"
        return Mapped("github.list_issues", {**place, "state": state}, fields=_ISSUE, items="issues")
    if resource == "file":
        return _file(node, operation, place)
    if resource == "release" and operation == "create":
        inputs = {
            **place,
            "tag": parameter(node, "releaseTag"),
            "body": inner(node.parameters, "additionalFields", "body"),
        }
        return Mapped("github.create_release", {k: v for k, v in inputs.items() if v}, fields={"html_url": "url"})
    return None


def _file(node: Node, operation: str, place: JSON) -> Mapped | None:
    path = {"path": parameter(node, "filePath")}
    if operation in ("create", "edit"):
        more = {
            "content": parameter(node, "fileContent"),
            "message": parameter(node, "commitMessage", usual="Changed by a workflow"),
        }
        branch = inner(node.parameters, "additionalParameters", "branch", "branch")
        inputs = {**place, **path, **more, **({"branch": branch} if branch else {})}
        return Mapped("github.commit_file", inputs, fields={"commit.sha": "commit_sha", "content.html_url": "url"})
    if operation == "get":
        return Mapped("github.get_file", {**place, **path}, fields={"content": "text", "sha": "sha"})
    if operation == "delete":
        return Mapped("github.delete_file", {**place, **path})
    return None
