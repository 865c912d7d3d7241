"""What the actions need of GitHub: one small interface, kept by the real client and by the sandbox. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from integrations.context import ConnectionReport
from integrations.errors import Rejected

MAX_BODY = 65_536
_MARKER = re.compile(r"<!-- workflow-effect: ([\w-]+) -->")
_TRAILER = re.compile(r"^Workflow-Effect: ([\w-]+)$", re.MULTILINE)
_REPOSITORY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]*(?:_[A-Za-z0-9]+)?/[A-Za-z0-9._-]+$")


@dataclass(frozen=True)
class IssueRecord:
    """An issue as the service shows it."""

    id: int
    number: int
    url: str
    title: str
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileRecord:
    """A file on a branch: the sha of its content and its page."""

    sha: str
    url: str


@dataclass(frozen=True)
class CommitRecord:
    """A commit, the page of the file it changed, and whether it created that file."""

    sha: str
    url: str
    created: bool = False


@dataclass(frozen=True)
class RepositoryRecord:
    """A repository one can reach."""

    full_name: str
    name: str
    description: str
    url: str
    private: bool
    default_branch: str


class GithubClient(Protocol):
    """GitHub as the actions see it; each method that changes something makes exactly one request."""

    web_url: str

    async def default_branch(self, repository: str) -> str:
        """The branch that is used when none is named."""
        ...

    async def create_issue(
        self, repository: str, title: str, body: str, labels: list[str], assignees: list[str]
    ) -> IssueRecord:
        """Open an issue."""
        ...

    async def find_issue(self, repository: str, key: str, since: datetime) -> IssueRecord | None:
        """The issue whose body carries the marker with `key`, among those changed since then."""
        ...

    async def read_file(self, repository: str, path: str, branch: str) -> FileRecord | None:
        """The file as it stands on a branch; None where it is not."""
        ...

    async def put_file(
        self, repository: str, path: str, branch: str, content: bytes, message: str, sha: str | None
    ) -> CommitRecord:
        """Write a file; `sha` is what it replaces, None for a new one."""
        ...

    async def find_commit(
        self, repository: str, path: str, branch: str, key: str, since: datetime
    ) -> CommitRecord | None:
        """The commit to this file that carries the trailer with `key`."""
        ...

    async def last_commit(self, repository: str, path: str, branch: str) -> str:
        """The sha of the newest commit to this file; empty where there is none."""
        ...

    async def list_repositories(self, limit: int | None) -> list[RepositoryRecord]:
        """The repositories this key reaches, all pages of them unless limited."""
        ...

    async def rest(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        about: Mapping[str, str] | None = None,
    ) -> Any:
        """One request to GitHub's REST API and its JSON; `about` (repository, branch, path) makes its errors clear.

        Raises ServiceError.
        """
        ...

    async def rest_pages(
        self,
        path: str,
        query: Mapping[str, Any],
        limit: int | None,
        *,
        keep: Callable[[Mapping[str, Any]], bool] | None = None,
        about: Mapping[str, str] | None = None,
    ) -> list[Mapping[str, Any]]:
        """The objects of a list, page after page, at most `limit` of those that `keep` wants."""
        ...

    async def describe(self) -> ConnectionReport:
        """What this key can do."""
        ...


def items_of(data: Any) -> list[Mapping[str, Any]]:
    """The objects of a list answer: the list itself, or the one list inside it (searches, runs, workflows)."""
    if isinstance(data, Mapping):
        data = next((value for value in data.values() if isinstance(value, list)), [])
    return [item for item in data or [] if isinstance(item, Mapping)] if isinstance(data, list) else []


def with_marker(body: str, key: str) -> str:
    """The body of an issue with the hidden comment by which it is found again."""
    marker = f"<!-- workflow-effect: {key} -->"
    return f"{body.rstrip()}\n\n{marker}" if body.strip() else marker


def marker_of(body: str) -> str:
    """The key in the body of an issue; empty without one."""
    found = _MARKER.findall(body or "")
    return found[-1] if found else ""


def with_trailer(message: str, key: str) -> str:
    """A commit message with the trailer by which the commit is found again."""
    return f"{message.rstrip()}\n\nWorkflow-Effect: {key}"


def trailer_of(message: str) -> str:
    """The key in a commit message; empty without one."""
    found = _TRAILER.findall(message or "")
    return found[-1] if found else ""


def blob_sha(content: bytes) -> str:
    """What git calls this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def clean_repository(name: str) -> str:
    """`owner/name`, also out of an address. Raises Rejected for anything else."""
    text = re.sub(r"^(https?://[^/]+/|git@[^:]+:)", "", name.strip()).removesuffix("/").removesuffix(".git")
    if not _REPOSITORY.match(text) or text.endswith(("/.", "/..")):
        raise Rejected(
            f"“{name[:100]}” is not a repository.", refused=True, hint="Write it as owner/name, such as octocat/hello."
        )
    return text


def clean_path(path: str) -> str:
    """A path inside a repository. Raises Rejected for one that git cannot hold."""
    text = path.strip().lstrip("/")
    parts = text.split("/")
    if not text or any(part in ("", ".", "..") or part.lower() == ".git" for part in parts) or "\0" in text:
        raise Rejected(
            f"“{path[:200]}” is not a path in a repository.", refused=True, hint="Write it as folder/file.md."
        )
    return text


def no_repository(repository: str) -> tuple[str, str]:
    """What to say, and what to do, when a repository is not there or not shown to us."""
    return (
        f"The repository {repository} was not found, or the token may not see it",
        "Check the spelling (owner/name), and that the token of this connection includes the repository.",
    )


def no_branch(repository: str, branch: str) -> tuple[str, str]:
    """What to say, and what to do, when a branch is missing."""
    return (
        f"The repository {repository} has no branch {branch}",
        "Create the branch first, or leave the branch empty to use the repository's default.",
    )
