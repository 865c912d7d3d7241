"""GitHub as a dry run sees it: branches, files, issues and pull requests that are planned lie over what is there."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from integrations.context import Foreseen, Plan, is_planned
from integrations.github.failures import failure
from integrations.github.interface import FileRecord, GithubClient, blob_sha, items_of

_ISSUE_OPS = ("update_issue", "close_issue", "add_labels", "remove_label", "assign")
_FILE_OPS = ("commit_file", "delete_file")
_CONTENTS = re.compile(r"/repos/([^/]+/[^/]+)/contents/(.+)")
_REF = re.compile(r"/repos/([^/]+/[^/]+)/git/(ref|matching-refs)/heads/(.+)")
_OBJECT = re.compile(r"/repos/([^/]+/[^/]+)/git/(commits|trees)/([^/]+)")
_NUMBERED = re.compile(r"/repos/([^/]+/[^/]+)/(issues|pulls)/(\d+)")


Files = dict[str, str | None]
"""Planned files by path; None: deleted."""


@dataclass(frozen=True)
class Stand:
    """A commit or branch: what really stands below it, and the files that are planned on top."""

    ground: str
    files: Files


class Branches:
    """Where branches would stand and what would be in them, after one planned change after the other."""

    def __init__(self) -> None:
        self.heads: dict[str, str] = {}
        self._stands: dict[str, Stand] = {}
        self._tree: Files = {}
        self._parent = ""
        self._pulls: dict[str, tuple[str, str]] = {}

    def at(self, ref: str) -> Stand:
        """A branch or commit, planned or real."""
        return self._stands.get(ref) or Stand(ref, {})

    def add(self, plan: Plan) -> None:
        """One more change."""
        branch = str(plan.target.get("branch", ""))
        if plan.op == "create_tree":
            self._tree, self._parent = dict(plan.after), str(plan.output.get("parent") or "HEAD")
        elif plan.op == "create_commit":
            under = self.at(self._parent)
            self._stands[plan.external_id] = Stand(under.ground, {**under.files, **self._tree})
        elif plan.op in _FILE_OPS:
            under, text = self.at(branch), plan.after["content"] if plan.after else None
            self._stands[plan.external_id] = Stand(under.ground, {**under.files, str(plan.target["path"]): text})
            self._move(branch, plan.external_id)
        elif plan.op == "update_branch":
            self._move(branch, plan.external_id)
        elif plan.op == "create_branch":
            self._move(branch, str(plan.after["sha"]))
        elif plan.op == "delete_branch":
            self.heads[branch] = ""
        elif plan.op == "create_pull":
            self._pulls[plan.external_id] = (str(plan.target["head"]), str(plan.target["base"]))
        elif plan.op == "merge_pull" and str(plan.target["number"]) in self._pulls:
            head, base = self._pulls[str(plan.target["number"])]
            under = self.at(base)
            self._stands[plan.external_id] = Stand(under.ground, {**under.files, **self.at(head).files})
            self._move(base, plan.external_id)

    def _move(self, branch: str, sha: str) -> None:
        self.heads[branch] = sha
        self._stands[branch] = self.at(sha)


class Overlay:
    """A client that shows what a dry run has planned as if it had happened; whatever else is read is real."""

    def __init__(self, client: GithubClient, foreseen: Foreseen) -> None:
        self._client, self._foreseen = client, foreseen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    # What is planned

    def _of(self, repository: str) -> list[Plan]:
        wanted = repository.lower()
        return [p for p in self._foreseen.changes if str(p.target.get("repository", "")).lower() == wanted]

    def _git(self, repository: str) -> Branches:
        """The branches of a repository as far as they are planned."""
        git = Branches()
        for plan in self._of(repository):
            git.add(plan)
        return git

    def _files(self, repository: str, branch: str) -> Files:
        return self._git(repository).at(branch).files

    def _ground(self, repository: str, branch: str) -> str:
        return self._git(repository).at(branch).ground

    # What is read

    async def read_file(self, repository: str, path: str, branch: str) -> FileRecord | None:
        """The file as it would stand on a branch."""
        planned = self._files(repository, branch)
        if path in planned:
            text = planned[path]
            return None if text is None else FileRecord(blob_sha(text.encode()), "")
        return await self._client.read_file(repository, path, self._ground(repository, branch))

    async def last_commit(self, repository: str, path: str, branch: str) -> str:
        """The newest commit of a file, planned or real."""
        if path in self._files(repository, branch):
            return self._git(repository).heads.get(branch, "")
        return await self._client.last_commit(repository, path, self._ground(repository, branch))

    async def rest(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        about: Mapping[str, str] | None = None,
    ) -> Any:
        """One request, answered from the plans where it asks for something planned."""
        asked, query = unquote(path), dict(query or {})
        if found := _CONTENTS.fullmatch(asked):
            branch = str(query.get("ref", ""))
            planned = self._files(found[1], branch)
            if found[2] in planned:
                return _content(planned[found[2]])
            query = {**query, "ref": self._ground(found[1], branch)} if branch else query
        elif found := _REF.fullmatch(asked):
            return await self._ref(found[1], found[2] == "ref", found[3], verb, path, about)
        elif (found := _OBJECT.fullmatch(asked)) and is_planned(found[3]) and found[2] == "commits":
            return {"sha": found[3], "tree": {"sha": found[3]}}
        elif found and (is_planned(found[3]) or found[3] in self._git(found[1]).heads):
            return await self._tree(found[1], found[3], query)
        elif found := _NUMBERED.fullmatch(asked):
            return await self._numbered(found[1], int(found[3]), verb, path, about)
        return await self._client.rest(verb, path, query=query, body=body, about=about)

    async def rest_pages(
        self,
        path: str,
        query: Mapping[str, Any],
        limit: int | None,
        *,
        keep: Callable[[Mapping[str, Any]], bool] | None = None,
        about: Mapping[str, str] | None = None,
    ) -> list[Mapping[str, Any]]:
        """A list; the branches that match a name include those that are only planned."""
        if _REF.fullmatch(unquote(path)):
            return items_of(await self.rest("GET", path, about=about))
        return await self._client.rest_pages(path, query, limit, keep=keep, about=about)

    async def _ref(
        self, repository: str, one: bool, branch: str, verb: str, path: str, about: Mapping[str, str] | None
    ) -> Any:
        at = self._git(repository).heads.get(branch)
        if at is None:
            return await self._client.rest(verb, path, about=about)
        if not at and one:
            raise failure(404, {"message": f"Branch {branch} not found"}, {}, repository=repository, branch=branch)
        shown = {"ref": f"refs/heads/{branch}", "object": {"type": "commit", "sha": at}}
        return shown if one else [shown] * bool(at)

    async def _tree(self, repository: str, ref: str, query: Mapping[str, Any]) -> Any:
        there = self._git(repository).at(ref)
        root = f"/repos/{repository}/git/trees/{there.ground}"
        data = dict(await self._client.rest("GET", root, query=query, about={"repository": repository}))
        planned = there.files
        kept = [item for item in data.get("tree") or () if item.get("path") not in planned]
        made = [{"path": p, "type": "blob", "size": len(t), "sha": ""} for p, t in planned.items() if t is not None]
        return {**data, "tree": [*kept, *made]}

    async def _numbered(
        self, repository: str, number: int, verb: str, path: str, about: Mapping[str, str] | None
    ) -> Any:
        mine = self._of(repository)
        if is_planned(number):
            made = next((p for p in mine if p.external_id == str(number)), None)
            state: dict[str, Any] = {"number": number, **_wire(made.after if made else {})}
        else:
            state = dict(await self._client.rest(verb, path, about=about))
        for plan in mine:
            if plan.target.get("number") == number and plan.op in _ISSUE_OPS:
                state |= _wire(plan.after)
            elif plan.target.get("number") == number and plan.op == "merge_pull":
                state |= plan.after
        return state


def _wire(after: Mapping[str, Any]) -> dict[str, Any]:
    """Planned fields as GitHub's JSON has them."""
    found = dict(after)
    if "assignees" in found:
        found["assignees"] = [{"login": str(one)} for one in found["assignees"] or ()]
    for name in ("head", "base"):
        if name in found:
            found[name] = {"ref": found[name]}
    return found


def _content(text: str | None) -> dict[str, Any]:
    if text is None:
        raise failure(404, {"message": "Not Found"}, {})
    data = text.encode()
    shown = {"type": "file", "encoding": "base64", "content": base64.b64encode(data).decode()}
    return {**shown, "sha": blob_sha(data), "size": len(data), "html_url": ""}
