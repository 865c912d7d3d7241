"""How changes on GitHub are taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from integrations.github import states
from integrations.github.interface import GithubClient
from integrations.github.shapes import unmarked
from integrations.undoing import Made, Rule, Step


def _place(made: Made) -> dict[str, Any]:
    return {"repository": made.target["repository"], "number": made.target.get("number") or made.result.get("number")}


async def _issue_stands(client: GithubClient, made: Made) -> bool:
    """Whether the fields that the change set are as it left them."""
    now = states.issue_state(await states.issue(client, made.target["repository"], int(_place(made)["number"])))
    said = made.after if isinstance(made.after, dict) else {**made.request, "state": "open"}
    return all(now[name] == said[name] for name in ("title", "body", "state", "labels", "assignees") if name in said)


def _close(made: Made) -> list[Step]:
    return [("github.close_issue", {**_place(made), "reason": "not_planned"})]


def _old_values(made: Made) -> Sequence[Step] | str:
    before, after = made.before or {}, made.after or {}
    changed = {name: before[name] for name in before if before[name] != after.get(name)}
    if not changed:
        return "It changed nothing."
    if changed.get("state") == "open":
        changed["reason"] = "reopened"
    return [("github.update_issue", {**_place(made), **changed})]


def _old_labels(made: Made) -> Sequence[Step] | str:
    before, after = made.before["labels"], made.after["labels"]
    added, removed = [one for one in after if one not in before], [one for one in before if one not in after]
    steps: list[Step] = [("github.remove_label", {**_place(made), "label": label}) for label in added]
    if removed:
        steps.append(("github.add_labels", {**_place(made), "labels": removed}))
    return steps or "It changed nothing."


def _rest(method: str, made: Made, path: str, body: dict[str, Any] | None = None) -> list[Step]:
    where = f"/repos/{made.target['repository']}/{path}"
    return [("github.rest_send", {"method": method, "path": where, "body": body or {}})]


async def _comment_stands(client: GithubClient, made: Made) -> bool:
    where = f"/repos/{made.target['repository']}/issues/{made.target['number']}/comments"
    listed = await client.rest_pages(where, {}, None, about={"repository": str(made.target["repository"])})
    mine = next((one for one in listed if str(one.get("id")) == made.external_id), None)
    return mine is not None and unmarked(str(mine.get("body") or "")) == made.request.get("body")


async def _file_stands(client: GithubClient, made: Made) -> bool:
    where = (str(made.target[name]) for name in ("repository", "branch", "path"))
    after = made.after["content"] if made.after else None
    return await states.file_text(client, *where) == after


def _old_file(made: Made) -> Sequence[Step] | str:
    where = {name: made.target[name] for name in ("repository", "path", "branch")}
    return _files_back(where, made.before["content"] if made.before else None)


def _files_back(where: dict[str, Any], text: str | None) -> Sequence[Step] | str:
    message = f"Undo the change of {where['path']}"
    if text is None:
        return [("github.delete_file", {**where, "message": message})]
    if text.startswith("(no text: blob "):
        return "The file that was replaced is no text; restore it from the history of the repository."
    return [("github.commit_file", {**where, "content": text, "message": message})]


def _tree(made: Made) -> Made | None:
    return next((one for one in made.siblings if one.op == "create_tree"), None)


def _old_files(made: Made) -> Sequence[Step] | str:
    tree = _tree(made)
    if tree is None or not isinstance(tree.before, dict):
        return "What was there before could not be read when the change was made."
    back = [
        {"path": path, "delete": True} if text is None else {"path": path, "content": text}
        for path, text in tree.before.items()
    ]
    where = {"repository": made.target["repository"], "branch": made.target["branch"]}
    return [("github.commit_files", {**where, "files": back, "message": "Undo a commit"})]


async def _files_stand(client: GithubClient, made: Made) -> bool:
    tree = _tree(made)
    for path, text in (tree.after if tree else {}).items():
        found = await states.file_text(client, str(made.target["repository"]), str(made.target["branch"]), path)
        if found != text:
            return False
    return True


async def _branch_stands(client: GithubClient, made: Made) -> bool:
    at = await states.branch_sha(client, str(made.target["repository"]), str(made.target["branch"]))
    return at == str(made.result.get("sha") or made.request.get("sha"))


async def _branch_is_gone(client: GithubClient, made: Made) -> bool:
    return not await states.branch_sha(client, str(made.target["repository"]), str(made.target["branch"]))


def _drop_branch(made: Made) -> list[Step]:
    return [("github.delete_branch", {"repository": made.target["repository"], "branch": made.target["branch"]})]


def _branch_again(made: Made) -> list[Step]:
    body = {"ref": f"refs/heads/{made.target['branch']}", "sha": made.result.get("sha") or made.request.get("sha")}
    return _rest("POST", made, "git/refs", body)


async def _pull_is_open(client: GithubClient, made: Made) -> bool:
    now = await states.pull(client, str(made.target["repository"]), int(made.result["number"]))
    return now.get("state") == "open" and not now.get("merged")


def _close_pull(made: Made) -> list[Step]:
    return _rest("PATCH", made, f"pulls/{made.result['number']}", {"state": "closed"})


async def _release_stands(client: GithubClient, made: Made) -> bool:
    where = f"/repos/{made.target['repository']}/releases/tags/{quote(str(made.target['tag']))}"
    now = await client.rest("GET", where, about={"repository": str(made.target["repository"])})
    same = unmarked(str(now.get("body") or "")) == made.request["body"]
    return same and str(now.get("id")) == made.external_id


RULES: dict[str, Rule] = {
    "create_issue": Rule(_close, _issue_stands),
    "update_issue": Rule(_old_values, _issue_stands, remember=True),
    "close_issue": Rule(_old_values, _issue_stands, remember=True),
    "assign": Rule(_old_values, _issue_stands, remember=True),
    "add_labels": Rule(_old_labels, _issue_stands, remember=True),
    "remove_label": Rule(_old_labels, _issue_stands, remember=True),
    "comment": Rule(lambda made: _rest("DELETE", made, f"issues/comments/{made.external_id}"), _comment_stands),
    "commit_file": Rule(_old_file, _file_stands, remember=True),
    "delete_file": Rule(_old_file, _file_stands, remember=True),
    "create_tree": Rule(no="", remember=True),
    "create_commit": Rule(no=""),
    "update_branch": Rule(_old_files, _files_stand),
    "create_branch": Rule(_drop_branch, _branch_stands),
    "delete_branch": Rule(_branch_again, _branch_is_gone),
    "create_pull": Rule(_close_pull, _pull_is_open),
    "create_release": Rule(lambda made: _rest("DELETE", made, f"releases/{made.external_id}"), _release_stands),
    "merge_pull": Rule(no="A merge is taken back by a new pull request, on GitHub: “Revert”."),
    "review_pull": Rule(no="A review is dismissed by hand, on GitHub."),
    "request_reviewers": Rule(no="Whoever was asked has been told; take the request back on GitHub."),
    "dispatch_workflow": Rule(no="The workflow has been started; cancel it on GitHub."),
    "rest_send": Rule(no="Nobody can tell what undoes a call of the REST API."),
}
