"""Pull requests, releases and GitHub Actions of the sandbox, as GitHub's REST API shows them."""

from __future__ import annotations

import hashlib

from integrations.github.interface import marker_of
from integrations.github.sandbox_code import branch_of, differences, files, head, record, write
from integrations.github.sandbox_issues import JSON, next_number, number_id, stamp
from integrations.github.sandbox_rest import Api, route
from integrations.models import SandboxObject
from integrations.world import Thing


def _pull_json(api: Api, row: SandboxObject) -> JSON:
    data = row.data
    there = data["head"] in api.repository.data["branches"]
    return {
        "id": number_id(row),
        "number": data["number"],
        "html_url": api.world.url(row),
        "title": data["title"],
        "body": data["body"],
        "state": data["state"],
        "draft": data["draft"],
        "merged": data["merged"],
        "merged_at": data.get("merged_at"),
        "merge_commit_sha": data.get("merge_commit_sha"),
        "user": {"login": "sandbox"},
        "head": {"ref": data["head"], "sha": head(api, data["head"]) if there else data.get("head_sha", "")},
        "base": {"ref": data["base"]},
        "labels": [{"name": name} for name in data.get("labels", [])],
        "requested_reviewers": [{"login": name} for name in data.get("reviewers", [])],
        "created_at": data["created_at"],
    }


def _pull(api: Api) -> SandboxObject:
    found = next((row for row in api.things("pull") if str(row.data["number"]) == api.parts["number"]), None)
    if found is None:
        raise api.refused(404, f"Not Found: there is no pull request #{api.parts['number']}")
    return found


@route("GET", "/repos/{repo}/pulls")
def list_pulls(api: Api) -> list[JSON]:
    """Newest first."""
    state, base, top = api.asked("state", "open"), api.asked("base"), str(api.asked("head")).rpartition(":")[2]
    rows = [row for row in reversed(api.things("pull")) if state in ("all", row.data["state"])]
    rows = [row for row in rows if not base or row.data["base"] == base]
    return [_pull_json(api, row) for row in rows if not top or row.data["head"] == top]


@route("GET", "/repos/{repo}/pulls/{number}")
def get_pull(api: Api) -> JSON:
    """One pull request."""
    return _pull_json(api, _pull(api))


@route("POST", "/repos/{repo}/pulls")
def create_pull(api: Api) -> JSON:
    """Propose one branch for another."""
    top, base = str(api.asked("head")), str(api.asked("base"))
    branch_of(api, base)
    if top not in api.repository.data["branches"]:
        raise api.refused(422, "Validation Failed; head: invalid")
    if any(row.data["head"] == top and row.data["state"] == "open" for row in api.things("pull")):
        raise api.refused(422, f"A pull request already exists for {top}")
    if not differences(api, base, top):
        raise api.refused(422, f"No commits between {base} and {top}")
    number, name = next_number(api), api.repository.external_id
    body = str(api.asked("body"))
    data = {
        "number": number,
        "repository": name,
        "title": api.asked("title"),
        "body": body,
        "state": "open",
        "draft": bool(api.asked("draft", False)),
        "merged": False,
        "head": top,
        "base": base,
        "created_at": stamp(),
    }
    return _pull_json(api, api.world.add(Thing("pull", f"{name}#{number}", data["title"], name, data), marker_of(body)))


@route("GET", "/repos/{repo}/pulls/{number}/files")
def pull_files(api: Api) -> list[JSON]:
    """What it changes."""
    row = _pull(api)
    return [] if row.data["merged"] else differences(api, row.data["base"], row.data["head"])


@route("PATCH", "/repos/{repo}/pulls/{number}")
def update_pull(api: Api) -> JSON:
    """Closed, or open again."""
    row = api.world.lock(_pull(api))
    if api.asked("state") not in ("open", "closed"):
        raise api.refused(422, "Validation Failed; state: invalid")
    return _pull_json(api, api.world.change(row, {"state": api.asked("state")}))


@route("PUT", "/repos/{repo}/pulls/{number}/merge")
def merge(api: Api) -> JSON:
    """The files of the head become those of the base."""
    row = api.world.lock(_pull(api))
    top, base = row.data["head"], row.data["base"]
    if row.data["merged"] or row.data["state"] != "open":
        raise api.refused(405, "Pull Request is not mergeable")
    if api.asked("sha") and api.asked("sha") != head(api, top):
        raise api.refused(409, "Head branch was modified. Review and try the merge again.")
    changed = [one["filename"] for one in differences(api, base, top)]
    before, after = files(api, base), files(api, top)
    for path in changed:
        if path in after:
            write(api, base, path, after[path].data["content"])
        else:
            before[path].delete()
    sha = hashlib.sha1(f"merge {row.pk}".encode(), usedforsecurity=False).hexdigest()
    message = api.asked("commit_title") or f"Merge pull request #{row.data['number']} from {top}"
    changes = {"state": "closed", "merged": True, "merged_at": stamp(), "merge_commit_sha": sha}
    api.world.change(row, {**changes, "head_sha": head(api, top)})
    record(api, base, sha, str(message), changed)
    return {"sha": sha, "merged": True, "message": "Pull Request successfully merged"}


@route("GET", "/repos/{repo}/pulls/{number}/reviews")
def list_reviews(api: Api) -> list[JSON]:
    """Oldest first."""
    number = _pull(api).data["number"]
    return [_review(api, row) for row in api.things("review") if row.data["number"] == number]


@route("POST", "/repos/{repo}/pulls/{number}/reviews")
def create_review(api: Api) -> JSON:
    """A new review."""
    row, body = _pull(api), str(api.asked("body"))
    states = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
    state = states.get(str(api.asked("event")))
    if state is None:
        raise api.refused(422, "Validation Failed; event: invalid")
    count = len(api.things("review"))
    data = {"number": row.data["number"], "repository": row.parent, "body": body, "state": state}
    thing = Thing("review", f"{row.external_id}-review-{count}", row.data["title"], row.parent, data)
    return _review(api, api.world.add(thing, marker_of(body)))


def _review(api: Api, row: SandboxObject) -> JSON:
    return {
        "id": number_id(row),
        "html_url": api.world.url(row),
        "body": row.data["body"],
        "state": row.data["state"],
        "user": {"login": "sandbox"},
    }


@route("POST", "/repos/{repo}/pulls/{number}/requested_reviewers")
def request_reviewers(api: Api) -> JSON:
    """Add to those who are asked."""
    row = api.world.lock(_pull(api))
    asked = list(row.data.get("reviewers", []))
    asked += [str(name) for name in api.asked("reviewers", []) if name not in asked]
    return _pull_json(api, api.world.change(row, {"reviewers": asked}))


def _release(api: Api, row: SandboxObject) -> JSON:
    return {**row.data, "id": number_id(row), "html_url": api.world.url(row)}


@route("GET", "/repos/{repo}/releases")
def list_releases(api: Api) -> list[JSON]:
    """Newest first."""
    return [_release(api, row) for row in reversed(api.things("release"))]


@route("GET", "/repos/{repo}/releases/latest")
def latest_release(api: Api) -> JSON:
    """The newest that is neither draft nor pre-release."""
    rows = [row for row in reversed(api.things("release")) if not (row.data["draft"] or row.data["prerelease"])]
    if not rows:
        raise api.refused(404, "Not Found: there is no release yet")
    return _release(api, rows[0])


@route("GET", "/repos/{repo}/releases/tags/{tag*}")
def release_by_tag(api: Api) -> JSON:
    """The release of a tag."""
    found = next((row for row in api.things("release") if row.data["tag_name"] == api.tag), None)
    if found is None:
        raise api.refused(404, f"Not Found: there is no release {api.tag}")
    return _release(api, found)


@route("POST", "/repos/{repo}/releases")
def create_release(api: Api) -> JSON:
    """A new release."""
    tag, body, name = str(api.asked("tag_name")), str(api.asked("body")), api.repository.external_id
    if any(row.data["tag_name"] == tag for row in api.things("release")):
        raise api.refused(422, "Validation Failed; tag_name: already_exists")
    data: JSON = {
        "repository": name,
        "tag_name": tag,
        "name": api.asked("name") or tag,
        "body": body,
        "draft": bool(api.asked("draft", False)),
        "prerelease": bool(api.asked("prerelease", False)),
        "published_at": stamp(),
    }
    return _release(api, api.world.add(Thing("release", f"{name}@{tag}", data["name"], name, data), marker_of(body)))


@route("DELETE", "/repos/{repo}/releases/{id}")
def delete_release(api: Api) -> None:
    """A release less; its tag stays."""
    found = next((row for row in api.things("release") if str(number_id(row)) == api.id), None)
    if found is None:
        raise api.refused(404, "Not Found")
    found.delete()


WORKFLOWS = ("ci.yml", "deploy.yml")


@route("GET", "/repos/{repo}/actions/workflows")
def workflows(api: Api) -> JSON:
    """Two of them in every repository."""
    api.repository  # noqa: B018 - refuses an unknown one
    found = [{"id": n, "name": name, "path": f".github/workflows/{name}"} for n, name in enumerate(WORKFLOWS, 1)]
    return {"total_count": len(found), "workflows": found}


@route("POST", "/repos/{repo}/actions/workflows/{workflow}/dispatches")
def dispatch(api: Api) -> None:
    """A run that ends well at once."""
    if api.workflow not in (*WORKFLOWS, "1", "2"):
        raise api.refused(404, f"Not Found: there is no workflow {api.workflow}")
    branch, name = branch_of(api, str(api.asked("ref"))), api.repository.external_id
    count = len(api.things("actions_run")) + 1
    data = {"repository": name, "name": api.workflow, "branch": branch, "sha": head(api, branch)}
    more = {"inputs": dict(api.asked("inputs", {}) or {}), "created_at": stamp()}
    api.world.add(Thing("actions_run", f"{name}/runs/{count}", api.workflow, name, {**data, **more}))


@route("GET", "/repos/{repo}/actions/runs")
def runs(api: Api) -> JSON:
    """Newest first; in the sandbox they all succeed."""
    shown = [
        {
            "id": number_id(row),
            "name": row.data["name"],
            "status": "completed",
            "conclusion": "success",
            "head_branch": row.data["branch"],
            "head_sha": row.data["sha"],
            "html_url": api.world.url(row),
            "event": "workflow_dispatch",
            "created_at": row.data["created_at"],
        }
        for row in reversed(api.things("actions_run"))
        if api.asked("branch") in ("", row.data["branch"])
    ]
    return {"total_count": len(shown), "workflow_runs": shown}
