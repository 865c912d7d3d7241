"""Issues, comments and labels of the sandbox, as GitHub's REST API shows them."""

from __future__ import annotations

from typing import Any

from integrations.github.interface import blob_sha, marker_of
from integrations.github.sandbox_rest import Api, route
from integrations.models import SandboxObject
from integrations.world import Thing
from orchestrator_site.lib.clock import now

JSON = dict[str, Any]


def stamp() -> str:
    """Now, as GitHub writes it."""
    return now().strftime("%Y-%m-%dT%H:%M:%SZ")


def number_id(row: SandboxObject) -> int:
    """A number for the id of a thing."""
    return int(blob_sha(f"{row.pk}".encode())[:12], 16)


def issue_json(api: Api, row: SandboxObject) -> JSON:
    """An issue, or a pull request as an issue."""
    data = row.data
    comments = len([c for c in api.world.things("comment", parent=row.parent) if c.data["number"] == data["number"]])
    shown = {
        "id": number_id(row),
        "number": data["number"],
        "html_url": api.world.url(row),
        "repository_url": f"https://sandbox.invalid/repos/{row.parent}",
        "title": data["title"],
        "body": data.get("body", ""),
        "state": data["state"],
        "state_reason": data.get("state_reason"),
        "user": {"login": data.get("author", "sandbox")},
        "labels": [{"name": name} for name in data.get("labels", [])],
        "assignees": [{"login": name} for name in data.get("assignees", [])],
        "comments": comments,
        "milestone": None,
        "created_at": data.get("created_at"),
        "updated_at": row.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "closed_at": data.get("closed_at"),
    }
    return {**shown, "pull_request": {}} if row.kind == "pull" else shown


def numbered(api: Api) -> SandboxObject:
    """The issue or pull request the address names. Raises ServiceError 404."""
    wanted = api.parts["number"]
    rows = [*api.things("issue"), *api.things("pull")]
    found = next((row for row in rows if str(row.data["number"]) == wanted), None)
    if found is None:
        raise api.refused(404, f"Not Found: there is no issue #{wanted}")
    return found


def next_number(api: Api) -> int:
    """Issues and pull requests are counted together."""
    return 1 + max((row.data["number"] for row in [*api.things("issue"), *api.things("pull")]), default=0)


@route("GET", "/repos/{repo}/issues")
def list_issues(api: Api) -> list[JSON]:
    """Newest first."""
    rows = [*api.things("issue"), *api.things("pull")]
    state, labels = api.asked("state", "open"), {one for one in str(api.asked("labels")).split(",") if one}
    assignee, since = api.asked("assignee"), str(api.asked("since"))
    found = [row for row in rows if state in ("all", row.data["state"])]
    found = [row for row in found if labels <= set(row.data.get("labels", []))]
    found = [row for row in found if not assignee or assignee in row.data.get("assignees", [])]
    shown = [issue_json(api, row) for row in sorted(found, key=lambda row: -row.data["number"])]
    return [one for one in shown if one["updated_at"] >= since]


@route("GET", "/repos/{repo}/issues/comments")
def list_all_comments(api: Api) -> list[JSON]:
    """Newest first."""
    shown = [comment_json(api, one) for one in api.things("comment")]
    return sorted(shown, key=lambda one: str(one["created_at"]), reverse=True)


@route("GET", "/repos/{repo}/issues/{number}")
def get_issue(api: Api) -> JSON:
    """One issue."""
    return issue_json(api, numbered(api))


@route("PATCH", "/repos/{repo}/issues/{number}")
def update_issue(api: Api) -> JSON:
    """Change what is given."""
    row = api.world.lock(numbered(api))
    allowed = ("title", "body", "state", "state_reason", "labels", "assignees")
    changes: JSON = {name: api.body[name] for name in allowed if name in api.body}
    if changes.get("state") in ("open", "closed"):
        changes["closed_at"] = stamp() if changes["state"] == "closed" else None
    return issue_json(api, api.world.change(row, changes))


@route("GET", "/repos/{repo}/issues/{number}/comments")
def list_comments(api: Api) -> list[JSON]:
    """Oldest first."""
    row = numbered(api)
    mine = [one for one in api.things("comment") if one.data["number"] == row.data["number"]]
    return [comment_json(api, one) for one in mine]


@route("POST", "/repos/{repo}/issues/{number}/comments")
def create_comment(api: Api) -> JSON:
    """A new comment."""
    row, body = numbered(api), str(api.asked("body"))
    if not body.strip():
        raise api.refused(422, "Validation Failed; body: missing_field")
    data = {"number": row.data["number"], "repository": row.parent, "body": body, "created_at": stamp()}
    thing = Thing("comment", f"{row.external_id}-{now().timestamp()}", row.data["title"], row.parent, data)
    return comment_json(api, api.world.add(thing, marker_of(body)))


@route("DELETE", "/repos/{repo}/issues/comments/{id}")
def delete_comment(api: Api) -> None:
    """A comment less."""
    _found(api, "comment").delete()


def _found(api: Api, kind: str) -> SandboxObject:
    """A thing by the number GitHub calls it by. Raises ServiceError 404."""
    found = next((row for row in api.things(kind) if str(number_id(row)) == api.id), None)
    if found is None:
        raise api.refused(404, "Not Found")
    return found


def comment_json(api: Api, row: SandboxObject) -> JSON:
    """A comment."""
    return {
        "id": number_id(row),
        "html_url": api.world.url(row),
        "body": row.data["body"],
        "issue_url": f"/repos/{row.parent}/issues/{row.data['number']}",
        "user": {"login": "sandbox"},
        "created_at": row.data["created_at"],
    }


def _labels(row: SandboxObject) -> list[JSON]:
    return [{"name": name} for name in row.data.get("labels", [])]


@route("POST", "/repos/{repo}/issues/{number}/labels")
def add_labels(api: Api) -> list[JSON]:
    """Add to those that are there."""
    row = api.world.lock(numbered(api))
    held = list(row.data.get("labels", []))
    held += [str(name) for name in api.asked("labels", []) if name not in held]
    return _labels(api.world.change(row, {"labels": held}))


@route("DELETE", "/repos/{repo}/issues/{number}/labels/{label}")
def remove_label(api: Api) -> list[JSON]:
    """Take one away."""
    row = api.world.lock(numbered(api))
    held = list(row.data.get("labels", []))
    kept = [name for name in held if name.lower() != api.label.lower()]
    if kept == held:
        raise api.refused(404, "Label does not exist")
    return _labels(api.world.change(row, {"labels": kept}))


@route("POST", "/repos/{repo}/issues/{number}/assignees")
def assign(api: Api) -> JSON:
    """Add to those that are there."""
    row = api.world.lock(numbered(api))
    held = list(row.data.get("assignees", []))
    held += [str(name) for name in api.asked("assignees", []) if name not in held]
    return issue_json(api, api.world.change(row, {"assignees": held}))


@route("GET", "/repos/{repo}/labels")
def list_labels(api: Api) -> list[JSON]:
    """Those in use, and GitHub's usual ones."""
    used = {name for row in api.things("issue") for name in row.data.get("labels", [])}
    return [{"name": name} for name in sorted(used | {"bug", "documentation", "enhancement", "question"})]


@route("GET", "/repos/{repo}/assignees")
def list_people(api: Api) -> list[JSON]:
    """Who belongs to the repository."""
    owner = api.repository.external_id.partition("/")[0]
    return [{"login": name} for name in sorted({owner, "sandbox", "grace", "mara"})]


@route("GET", "/search/issues")
def search_issues(api: Api) -> JSON:
    """By words, repo:, is:, state: and label:."""
    wanted = str(api.asked("q")).split()
    rows = [*api.world.things("issue"), *api.world.things("pull")]
    found = [row for row in rows if all(_matches(row, word) for word in wanted)]
    return {"total_count": len(found), "items": [issue_json(api, row) for row in found]}


def _matches(row: SandboxObject, word: str) -> bool:
    name, colon, value = word.partition(":")
    if not colon:
        return word.strip('"').lower() in f"{row.data['title']} {row.data.get('body', '')}".lower()
    kinds = {"issue": row.kind == "issue", "pr": row.kind == "pull", "pull-request": row.kind == "pull"}
    tests: dict[str, bool] = {
        "repo": row.parent.lower() == value.lower(),
        "is": kinds.get(value, row.data["state"] == value),
        "state": row.data["state"] == value,
        "label": value.strip('"') in row.data.get("labels", []),
        "assignee": value in row.data.get("assignees", []),
    }
    return tests.get(name, True)
