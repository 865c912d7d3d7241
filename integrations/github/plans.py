"""What changes on GitHub would do, told before they are made (integrations.rehearsal)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.context import Context, Foreseen, Order, Outcome, is_planned
from integrations.errors import Rejected, ServiceError
from integrations.github import states
from integrations.github.common import names
from integrations.github.common import said as said_of
from integrations.github.interface import GithubClient
from integrations.github.shapes import details_of, pull_of, release_of
from integrations.rehearsal import Foretold

Github = Context[GithubClient]


def _number(context: Github) -> int:
    return (context.foreseen or Foreseen()).number()


def _name(context: Github, kind: str) -> str:
    return (context.foreseen or Foreseen()).name(kind)


def _request(order: Order) -> Mapping[str, Any]:
    return order.request if isinstance(order.request, Mapping) else {}


def _people(named: Any) -> list[dict[str, str]]:
    return [{"login": str(one)} for one in named or ()]


# Issues


async def new_issue(context: Github, order: Order) -> Foretold:
    """An issue that would be opened."""
    said, repository, number = _request(order), order.target["repository"], _number(context)
    after = {name: said.get(name) for name in ("title", "body", "labels", "assignees")} | {"state": "open"}
    data = {name: after[name] for name in ("title", "labels", "assignees")} | {"number": number}
    summary = f"Opens the issue “{said.get('title')}” in {repository}."
    return Foretold(summary, None, after, Outcome(str(number), "", data))


async def changed_issue(context: Github, order: Order) -> Foretold:
    """An issue whose fields would be set."""
    said, repository, number = _request(order), order.target["repository"], order.target["number"]
    now = await states.issue(context.client, repository, number)
    set_to = {name: value for name, value in said.items() if name != "state_reason"}
    before = states.issue_state(now) if now else None
    after = {**(before or {}), **set_to}
    verb = "Closes" if order.op == "close_issue" else "Changes"
    return Foretold(f"{verb} {repository}#{number}.", before, after, _shown(now, repository, number, said))


def _shown(now: Any, repository: str, number: int, changes: Mapping[str, Any]) -> Outcome:
    """The issue as GitHub would show it after the change."""
    said = dict(changes)
    if "assignees" in said:
        said["assignees"] = _people(said["assignees"])
    shown = details_of({"number": number, **dict(now), **said}, repository)
    return Outcome(str(number), shown.url, shown.model_dump())


async def changed_labels(context: Github, order: Order) -> Foretold:
    """Labels that would be added or taken away."""
    repository, number, said = order.target["repository"], order.target["number"], _request(order)
    now = await states.issue(context.client, repository, number)
    before = states.issue_state(now)["labels"] if now else []
    if order.op == "add_labels":
        known = {label.lower() for label in before}
        after = [*before, *(label for label in said.get("labels", []) if label.lower() not in known)]
        summary = f"Adds labels to {repository}#{number}."
    else:
        after = [label for label in before if label.lower() != str(said.get("label", "")).lower()]
        summary = f"Removes a label from {repository}#{number}."
    return Foretold(summary, {"labels": before}, {"labels": after}, Outcome(str(number), "", {"labels": after}))


async def assigned(context: Github, order: Order) -> Foretold:
    """People that would be assigned."""
    repository, number, said = order.target["repository"], order.target["number"], _request(order)
    now = await states.issue(context.client, repository, number)
    before = states.issue_state(now)["assignees"] if now else []
    known = {name.lower() for name in before}
    after = [*before, *(name for name in said.get("assignees", []) if name.lower() not in known)]
    outcome = _shown(now, repository, number, {"assignees": after})
    return Foretold(f"Assigns {repository}#{number}.", {"assignees": before}, {"assignees": after}, outcome)


async def new_comment(context: Github, order: Order) -> Foretold:
    """A comment that would be written."""
    repository, number = order.target["repository"], order.target["number"]
    outcome = Outcome(str(_number(context)), "", {"author": "", "created_at": ""})
    return Foretold(f"Comments on {repository}#{number}.", None, {"body": _request(order).get("body")}, outcome)


# Files and branches


async def committed_file(context: Github, order: Order) -> Foretold:
    """One file that would be written or deleted by a commit of its own."""
    repository, branch, path = (str(order.target[name]) for name in ("repository", "branch", "path"))
    now = await states.file_text(context.client, repository, branch, path)
    before = None if now is None else {"content": now}
    sha, delete = _name(context, "commit"), order.op == "delete_file"
    if delete:
        return Foretold(f"Deletes {path} in {repository}, branch {branch}.", before, None, Outcome(sha))
    after, data = {"content": _request(order).get("content")}, {"created": now is None, "changed": True}
    verb = "Creates" if now is None else "Replaces"
    return Foretold(f"{verb} {path} in {repository}, branch {branch}.", before, after, Outcome(sha, "", data))


async def new_tree(context: Github, order: Order) -> Foretold:
    """Several files, before any commit: each as it is and as it would be, by its path."""
    repository, said = order.target["repository"], _request(order)
    after = {entry["path"]: entry.get("content") for entry in said.get("files", [])}
    head = str(said.get("base", ""))
    before = {path: await states.file_text(context.client, repository, head, path) for path in after}
    return Foretold("", before, after, Outcome(_name(context, "tree"), "", {"parent": head}))


async def new_commit(context: Github, order: Order) -> Foretold:
    """A commit that no branch points at yet."""
    return Foretold("", None, {"message": _request(order).get("message")}, Outcome(_name(context, "commit")))


async def moved_branch(context: Github, order: Order) -> Foretold:
    """A branch that would get the commit of several files."""
    repository, branch, said = order.target["repository"], order.target["branch"], _request(order)
    tree = (context.foreseen or Foreseen()).last("create_tree", repository=repository)
    count = len(said.get("files", []))
    summary = f"Commits {count} {'file' if count == 1 else 'files'} to {repository}, branch {branch}."
    before, after = (tree.before, tree.after) if tree else (None, None)
    return Foretold(summary, before, after, Outcome(str(said.get("sha", ""))))


async def new_branch(context: Github, order: Order) -> Foretold:
    """A branch that would be made."""
    repository, branch, sha = order.target["repository"], order.target["branch"], _request(order).get("sha", "")
    if await states.branch_sha(context.client, repository, branch):
        raise Rejected(
            f"The repository {repository} has a branch {branch} already.", status=422, refused=True,
            hint="Choose another name.",
        )  # fmt: skip
    summary = f"Creates the branch {branch} in {repository}."
    return Foretold(summary, None, {"sha": sha}, Outcome(branch, "", {"sha": sha}))


async def gone_branch(context: Github, order: Order) -> Foretold:
    """A branch that would be deleted."""
    repository, branch, sha = order.target["repository"], order.target["branch"], _request(order).get("sha", "")
    summary = f"Deletes the branch {branch} of {repository}."
    return Foretold(summary, {"sha": sha}, None, Outcome(branch, "", {"sha": sha}))


# Pull requests, releases, and the rest


async def new_pull(context: Github, order: Order) -> Foretold:
    """A pull request that would be opened."""
    said, target = _request(order), order.target
    after = {name: said.get(name) for name in ("title", "body", "draft")} | {"head": target["head"]}
    after |= {"base": target["base"], "state": "open"}
    data = {**after, "number": _number(context), "head": {"ref": target["head"]}, "base": {"ref": target["base"]}}
    shown = pull_of(data, target["repository"])
    summary = f"Opens the pull request “{said.get('title')}” in {target['repository']}."
    return Foretold(summary, None, after, Outcome(str(shown.number), "", shown.model_dump()))


REVIEW_STATES = {"comment": "commented", "approve": "approved", "request_changes": "changes_requested"}


async def new_review(context: Github, order: Order) -> Foretold:
    """A review that would be given."""
    said, repository, number = _request(order), order.target["repository"], order.target["number"]
    state = REVIEW_STATES.get(str(said.get("verdict")), "")
    outcome = Outcome(str(_number(context)), "", {"state": state})
    return Foretold(f"Reviews {repository}#{number}.", None, {"state": state, "body": said.get("body")}, outcome)


async def asked_reviewers(context: Github, order: Order) -> Foretold:
    """People that would be asked for a review."""
    repository, number = order.target["repository"], order.target["number"]
    now = await states.pull(context.client, repository, number)
    before = names(now, "requested_reviewers", "login")
    after = [*before, *(name for name in _request(order).get("reviewers", []) if name not in before)]
    summary = f"Asks for a review of {repository}#{number}."
    return Foretold(summary, {"reviewers": before}, {"reviewers": after}, Outcome(str(number), "", {"asked": after}))


async def merged(context: Github, order: Order) -> Foretold:
    """A pull request that would be merged."""
    repository, number = order.target["repository"], order.target["number"]
    now = await states.pull(context.client, repository, number)
    before = {"state": said_of(now, "state"), "merged": bool(now.get("merged"))}
    outcome = Outcome(_name(context, "commit"), said_of(now, "html_url"))
    return Foretold(f"Merges {repository}#{number}.", before, {"state": "closed", "merged": True}, outcome)


async def new_release(context: Github, order: Order) -> Foretold:
    """A release that would be published."""
    said, repository = _request(order), order.target["repository"]
    after = {name: said.get(name) for name in ("tag", "body", "draft", "prerelease")}
    after["name"] = said.get("name") or said.get("tag")
    shown = release_of({**after, "id": _number(context), "tag_name": said.get("tag")})
    summary = f"Publishes the release {after['name']} of {repository}."
    return Foretold(summary, None, after, Outcome(str(shown.id), "", shown.model_dump()))


async def started_workflow(context: Github, order: Order) -> Foretold:
    """A workflow of GitHub Actions that would be started."""
    target = order.target
    summary = f"Starts {target['workflow']} in {target['repository']} on {target['branch']}."
    return Foretold(summary, None, dict(_request(order)), Outcome(str(target["workflow"])))


async def any_call(context: Github, order: Order) -> Foretold:
    """A call of the REST API: what is at its path now, where that can be read, and what would be sent."""
    method, path = order.target["method"], order.target["path"]
    before = None
    if method != "POST" and not any(is_planned(part) for part in str(path).split("/")):
        try:
            before = await context.client.rest("GET", path)
        except ServiceError:
            before = None
    after = None if method == "DELETE" else order.request
    return Foretold(f"Sends {method} to {path}.", before, after, Outcome("", "", {"answer": None}))
