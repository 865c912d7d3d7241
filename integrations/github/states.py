"""How things on GitHub stand now, in the few fields that actions change: for plans before, and for undoing after."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from integrations.context import is_planned
from integrations.errors import ServiceError
from integrations.github.common import Data, names, part, said
from integrations.github.interface import GithubClient, items_of
from integrations.github.shapes import unmarked

State = dict[str, Any]


async def issue(client: GithubClient, repository: str, number: int) -> Data:
    """The issue as GitHub has it; empty for one that is only planned. Raises ServiceError."""
    if is_planned(number):
        return {}
    data: Data = await client.rest("GET", f"/repos/{repository}/issues/{number}", about={"repository": repository})
    return data


def issue_state(data: Data) -> State:
    """What can be changed of an issue."""
    return {
        "title": said(data, "title"),
        "body": unmarked(said(data, "body")),
        "state": said(data, "state"),
        "labels": names(data, "labels", "name"),
        "assignees": names(data, "assignees", "login"),
    }


async def pull(client: GithubClient, repository: str, number: int) -> Data:
    """The pull request as GitHub has it; empty for one that is only planned. Raises ServiceError."""
    if is_planned(number):
        return {}
    data: Data = await client.rest("GET", f"/repos/{repository}/pulls/{number}", about={"repository": repository})
    return data


async def file_text(client: GithubClient, repository: str, branch: str, path: str) -> str | None:
    """The text of a file, None where there is none; its name in git's words where it is no text."""
    about = {"repository": repository, "branch": branch}
    where = f"/repos/{repository}/contents/{quote(path)}"
    try:
        data = await client.rest("GET", where, query={"ref": branch}, about=about)
    except ServiceError as problem:
        if problem.status == 404:
            return None
        raise
    if not isinstance(data, Mapping) or data.get("type", "file") != "file":
        return None
    try:
        return base64.b64decode(said(data, "content")).decode()
    except ValueError:
        return f"(no text: blob {said(data, 'sha')})"


async def branch_sha(client: GithubClient, repository: str, branch: str) -> str:
    """Where a branch stands; empty where there is none."""
    where = f"/repos/{repository}/git/matching-refs/heads/{quote(branch)}"
    listed = items_of(await client.rest("GET", where, about={"repository": repository}))
    mine = [data for data in listed if said(data, "ref") == f"refs/heads/{branch}"]
    return said(part(mine[0], "object"), "sha") if mine else ""
