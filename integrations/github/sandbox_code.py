"""Repositories, branches, files and commits of the sandbox, as GitHub's REST API shows them."""

from __future__ import annotations

import base64
import hashlib

from integrations.github.interface import blob_sha, trailer_of
from integrations.github.sandbox_issues import JSON, number_id, stamp
from integrations.github.sandbox_rest import Api, route
from integrations.github.world import commit_thing, file_id, file_thing
from integrations.models import SandboxObject
from integrations.world import Thing


def files(api: Api, branch: str) -> dict[str, SandboxObject]:
    """The files of a branch by path."""
    return {row.data["path"]: row for row in api.things("file") if row.data["branch"] == branch}


def branch_of(api: Api, ref: str) -> str:
    """The branch that a name or sha means. Raises ServiceError 404."""
    branches: list[str] = api.repository.data["branches"]
    if ref in ("", "HEAD"):
        return str(api.repository.data["default_branch"])
    found = next((name for name in branches if ref in (name, head(api, name))), None)
    if found is None:
        tags = {row.data["tag_name"] for row in api.things("release")}
        if ref in tags or any(row.external_id == ref for row in api.things("commit")):
            return str(api.repository.data["default_branch"])
        raise api.refused(404, f"No commit found for the ref {ref}")
    return found


def head(api: Api, branch: str) -> str:
    """The sha a branch stands at."""
    known = api.repository.data.get("heads", {}).get(branch)
    if known:
        return str(known)
    mine = [row for row in api.things("commit") if row.data["branch"] == branch]
    start = f"{api.repository.external_id}@{api.repository.data['default_branch']}"
    return mine[-1].external_id if mine else hashlib.sha1(start.encode(), usedforsecurity=False).hexdigest()


def move(api: Api, branch: str, sha: str | None) -> None:
    """Let a branch stand at a commit; None: there is no such branch any more."""
    row = api.world.lock(api.repository)
    branches = [name for name in row.data["branches"] if name != branch]
    heads = {name: at for name, at in row.data.get("heads", {}).items() if name != branch}
    if sha is not None:
        branches.append(branch)
        heads[branch] = sha
    api._repository = api.world.change(row, {"branches": branches, "heads": heads})


@route("GET", "/user")
def me(api: Api) -> JSON:
    """Who one is in the sandbox."""
    return {"login": "sandbox", "name": "Sandbox", "email": "sandbox@example.com", "html_url": ""}


@route("GET", "/notifications")
def notifications(api: Api) -> list[JSON]:
    """One for each open issue."""
    return [
        {
            "id": str(number_id(row)),
            "reason": "subscribed",
            "unread": True,
            "updated_at": row.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "subject": {"title": row.data["title"], "type": "Issue"},
            "repository": {"full_name": row.parent},
        }
        for row in api.world.things("issue")
        if row.data["state"] == "open"
    ]


@route("GET", "/repos/{repo}")
def repository(api: Api) -> JSON:
    """One repository."""
    row = api.repository
    return {
        "full_name": row.external_id,
        "name": row.external_id.partition("/")[2],
        "description": row.data["description"],
        "html_url": api.world.url(row),
        "private": row.data["private"],
        "default_branch": row.data["default_branch"],
        "open_issues_count": len([one for one in api.things("issue") if one.data["state"] == "open"]),
        "stargazers_count": 0,
        "archived": False,
        "topics": [],
        "pushed_at": row.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


@route("GET", "/repos/{repo}/branches")
def branches(api: Api) -> list[JSON]:
    """Every branch."""
    return [{"name": name, "commit": {"sha": head(api, name)}} for name in api.repository.data["branches"]]


def _ref(api: Api, branch: str) -> JSON:
    return {"ref": f"refs/heads/{branch}", "object": {"type": "commit", "sha": head(api, branch)}}


@route("GET", "/repos/{repo}/git/ref/heads/{branch*}")
def get_ref(api: Api) -> JSON:
    """Where a branch stands."""
    if api.branch not in api.repository.data["branches"]:
        raise api.refused(404, f"Branch {api.branch} not found")
    return _ref(api, api.branch)


@route("GET", "/repos/{repo}/git/matching-refs/heads/{branch*}")
def matching_refs(api: Api) -> list[JSON]:
    """Branches that begin so."""
    return [_ref(api, name) for name in api.repository.data["branches"] if name.startswith(api.branch)]


@route("POST", "/repos/{repo}/git/refs")
def create_ref(api: Api) -> JSON:
    """A new branch at a commit."""
    branch, sha = str(api.asked("ref")).removeprefix("refs/heads/"), str(api.asked("sha"))
    if branch in api.repository.data["branches"]:
        raise api.refused(422, "Reference already exists")
    made = _made(api, sha)
    copied = branch_of(api, made.data["parents"][0] if made else sha)
    for path, row in files(api, copied).items():
        write(api, branch, path, row.data["content"])
    move(api, branch, sha)
    if made:
        _apply(api, branch, made)
    return _ref(api, branch)


@route("PATCH", "/repos/{repo}/git/refs/heads/{branch*}")
def update_ref(api: Api) -> JSON:
    """Let a branch go on to a commit that stands on it."""
    sha = str(api.asked("sha"))
    get_ref(api)
    made = _made(api, sha)
    if sha != head(api, api.branch):
        if made is None or made.data["parents"] != [head(api, api.branch)]:
            raise api.refused(422, "Update is not a fast forward")
        _apply(api, api.branch, made)
    return _ref(api, api.branch)


@route("DELETE", "/repos/{repo}/git/refs/heads/{branch*}")
def delete_ref(api: Api) -> None:
    """No such branch any more."""
    if api.branch not in api.repository.data["branches"]:
        raise api.refused(422, "Reference does not exist")
    for row in files(api, api.branch).values():
        row.delete()
    move(api, api.branch, None)


def _made(api: Api, sha: str) -> SandboxObject | None:
    return next((row for row in api.things("gitcommit") if row.external_id == sha), None)


def _apply(api: Api, branch: str, made: SandboxObject) -> None:
    """The changes of a commit become the files of the branch."""
    tree = next(row for row in api.things("gittree") if row.external_id == made.data["tree"])
    held = files(api, branch)
    for entry in tree.data["tree"]:
        if entry.get("content") is None:
            if entry["path"] in held:
                held[entry["path"]].delete()
        else:
            write(api, branch, entry["path"], entry["content"])
    record(api, branch, made.external_id, made.data["message"], [entry["path"] for entry in tree.data["tree"]])


def record(api: Api, branch: str, sha: str, message: str, paths: list[str]) -> None:
    """A commit that people see, and the branch that stands at it."""
    name = api.repository.external_id
    thing = commit_thing(
        name, branch, paths[0] if paths else "", message, seed=sha, created=False, author="sandbox", date=stamp()
    )
    thing = Thing("commit", sha, thing.title, name, {**thing.data, "sha": sha, "paths": paths})
    if api.world.find("commit", sha) is None:
        api.world.add(thing, trailer_of(message))
    move(api, branch, sha)


def write(api: Api, branch: str, path: str, content: str) -> None:
    """A file as it stands on a branch from now on."""
    name, sha = api.repository.external_id, blob_sha(content.encode())
    known = api.world.find("file", file_id(name, branch, path))
    if known is None:
        api.world.add(file_thing(name, branch, path, content, sha))
    else:
        api.world.change(known, {"content": content, "sha": sha})


@route("GET", "/repos/{repo}/git/commits/{sha}")
def git_commit(api: Api) -> JSON:
    """A commit as git holds it."""
    branch = branch_of(api, api.sha)
    return {"sha": api.sha, "tree": {"sha": f"tree-{head(api, branch)}"}, "parents": []}


@route("GET", "/repos/{repo}/git/trees/{ref}")
def git_tree(api: Api) -> JSON:
    """The files of a branch or commit."""
    found = files(api, branch_of(api, api.ref))
    tree = [
        {"path": path, "type": "blob", "mode": "100644", "sha": row.data["sha"], "size": len(row.data["content"])}
        for path, row in sorted(found.items())
    ]
    return {"sha": api.ref, "tree": tree, "truncated": False}


@route("POST", "/repos/{repo}/git/trees")
def create_tree(api: Api) -> JSON:
    """What is to change, kept until a commit uses it."""
    entries = api.asked("tree", [])
    sha = hashlib.sha1(repr((api.asked("base_tree"), entries)).encode(), usedforsecurity=False).hexdigest()
    if api.world.find("gittree", sha) is None:
        api.world.add(Thing("gittree", sha, sha, api.repository.external_id, {"tree": entries}))
    return {"sha": sha, "tree": entries}


@route("POST", "/repos/{repo}/git/commits")
def create_commit(api: Api) -> JSON:
    """A commit that no branch points at yet."""
    data = {"message": api.asked("message"), "tree": api.asked("tree"), "parents": list(api.asked("parents", []))}
    sha = hashlib.sha1(repr(data).encode(), usedforsecurity=False).hexdigest()
    if api.world.find("gitcommit", sha) is None:
        api.world.add(Thing("gitcommit", sha, sha, api.repository.external_id, data))
    return {"sha": sha, **data}


@route("GET", "/repos/{repo}/contents/{path*}")
def contents(api: Api) -> JSON:
    """One file."""
    row = files(api, branch_of(api, str(api.asked("ref")))).get(api.path)
    if row is None:
        raise api.refused(404, f"Not Found: {api.path}")
    content = row.data["content"].encode()
    return {
        "type": "file",
        "path": api.path,
        "sha": row.data["sha"],
        "size": len(content),
        "encoding": "base64",
        "content": base64.b64encode(content).decode(),
        "html_url": api.world.url(row),
    }


@route("DELETE", "/repos/{repo}/contents/{path*}")
def delete_file(api: Api) -> JSON:
    """Delete a file that is still what it was read as."""
    branch = branch_of(api, str(api.asked("branch")))
    row = files(api, branch).get(api.path)
    if row is None:
        raise api.refused(404, f"Not Found: {api.path}")
    if row.data["sha"] != api.asked("sha"):
        raise api.refused(409, f"{api.path} does not match {api.asked('sha')}")
    row.delete()
    message = str(api.asked("message"))
    sha = hashlib.sha1(f"{message}{head(api, branch)}".encode(), usedforsecurity=False).hexdigest()
    record(api, branch, sha, message, [api.path])
    return {"content": None, "commit": {"sha": sha, "message": message}}


def _commit(api: Api, row: SandboxObject) -> JSON:
    author = {"name": row.data.get("author"), "email": "", "date": row.data.get("date")}
    return {
        "sha": row.external_id,
        "html_url": api.world.url(row),
        "author": {"login": row.data.get("author")},
        "commit": {"message": row.data["message"], "author": author},
    }


@route("GET", "/repos/{repo}/commits")
def commits(api: Api) -> list[JSON]:
    """Newest first."""
    branch, path, since = branch_of(api, str(api.asked("sha"))), str(api.asked("path")), str(api.asked("since"))
    rows = [row for row in reversed(api.things("commit")) if row.data["branch"] == branch]
    rows = [row for row in rows if not path or path in (row.data["path"], *row.data.get("paths", []))]
    return [_commit(api, row) for row in rows if str(row.data.get("date") or "") >= since]


@route("GET", "/repos/{repo}/compare/{base}...{head}")
def compare(api: Api) -> JSON:
    """What one branch has that the other has not."""
    base, top = branch_of(api, api.base), branch_of(api, api.parts["head"])
    rows = [row for row in api.things("commit") if row.data["branch"] == top]
    released = next((one.data["published_at"] for one in api.things("release") if one.data["tag_name"] == api.base), "")
    rows = [row for row in rows if str(row.data.get("date", "")) > released]
    shown = [] if base == top and api.base == api.parts["head"] else [_commit(api, row) for row in rows]
    return {
        "status": "ahead" if shown else "identical",
        "ahead_by": len(shown),
        "behind_by": 0,
        "html_url": "",
        "commits": shown,
        "files": differences(api, base, top),
    }


def differences(api: Api, base: str, top: str) -> list[JSON]:
    """The files in which two branches differ."""
    before, after = files(api, base), files(api, top)
    found = []
    for path in sorted({*before, *after}):
        old = before[path].data["content"] if path in before else None
        new = after[path].data["content"] if path in after else None
        if old == new:
            continue
        status = "added" if old is None else "removed" if new is None else "modified"
        gone, come = (old or "").splitlines(), (new or "").splitlines()
        patch = "\n".join([*(f"-{line}" for line in gone), *(f"+{line}" for line in come)])
        about = {"filename": path, "status": status, "patch": patch}
        found.append({**about, "additions": len(come), "deletions": len(gone)})
    return found


@route("GET", "/search/code")
def search_code(api: Api) -> JSON:
    """Files that contain every word; repo: narrows it down."""
    words = str(api.asked("q")).split()
    repositories = [word.partition(":")[2] for word in words if word.startswith("repo:")]
    wanted = [word.lower() for word in words if ":" not in word]
    rows = [row for row in api.world.things("file") if not repositories or row.parent in repositories]
    found = [row for row in rows if all(word in row.data["content"].lower() for word in wanted)]
    items = [
        {
            "path": row.data["path"],
            "sha": row.data["sha"],
            "html_url": api.world.url(row),
            "repository": {"full_name": row.parent},
        }
        for row in found
    ]
    return {"total_count": len(items), "items": items}
