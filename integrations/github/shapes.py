"""What actions give of GitHub's things: issues, pull requests and releases out of its JSON."""

from __future__ import annotations

import re

from integrations.github.common import Data, login, names, number, part, said
from integrations.spec import Model


class IssueDetails(Model):
    """An issue as it stands."""

    id: int
    number: int
    url: str
    title: str
    repository: str
    state: str
    state_reason: str
    body: str
    author: str
    labels: list[str]
    assignees: list[str]
    comments: int
    milestone: str
    is_pull_request: bool
    created_at: str
    updated_at: str
    closed_at: str


def details_of(data: Data, repository: str) -> IssueDetails:
    """An issue out of GitHub's JSON, without our hidden marker."""
    return IssueDetails(
        id=number(data, "id"),
        number=number(data, "number"),
        url=said(data, "html_url"),
        title=said(data, "title"),
        repository=repository or said(data, "repository_url").rpartition("/repos/")[2],
        state=said(data, "state"),
        state_reason=said(data, "state_reason"),
        body=unmarked(said(data, "body")),
        author=login(data),
        labels=names(data, "labels", "name"),
        assignees=names(data, "assignees", "login"),
        comments=number(data, "comments"),
        milestone=said(part(data, "milestone"), "title"),
        is_pull_request="pull_request" in data,
        created_at=said(data, "created_at"),
        updated_at=said(data, "updated_at"),
        closed_at=said(data, "closed_at"),
    )


def unmarked(body: str) -> str:
    """A text without the hidden comment by which we find it again."""
    return re.sub(r"\n*<!-- workflow-effect: [\w-]+ -->\s*$", "", body)


class PullDetails(Model):
    """A pull request as it stands."""

    id: int
    number: int
    url: str
    title: str
    repository: str
    state: str
    draft: bool
    merged: bool
    body: str
    author: str
    head: str
    head_sha: str
    base: str
    labels: list[str]
    created_at: str
    merged_at: str


def pull_of(data: Data, repository: str) -> PullDetails:
    """A pull request out of GitHub's JSON, without our hidden marker."""
    head = part(data, "head")
    return PullDetails(
        id=number(data, "id"),
        number=number(data, "number"),
        url=said(data, "html_url"),
        title=said(data, "title"),
        repository=repository,
        state=said(data, "state"),
        draft=bool(data.get("draft")),
        merged=bool(data.get("merged")) or bool(data.get("merged_at")),
        body=unmarked(said(data, "body")),
        author=login(data),
        head=said(head, "ref"),
        head_sha=said(head, "sha"),
        base=said(part(data, "base"), "ref"),
        labels=names(data, "labels", "name"),
        created_at=said(data, "created_at"),
        merged_at=said(data, "merged_at"),
    )


class Release(Model):
    """A release."""

    id: int
    tag: str
    name: str
    body: str
    url: str
    draft: bool
    prerelease: bool
    published_at: str


def release_of(data: Data) -> Release:
    """A release out of GitHub's JSON, without our hidden marker."""
    return Release(
        id=number(data, "id"),
        tag=said(data, "tag_name"),
        name=said(data, "name"),
        body=unmarked(said(data, "body")),
        url=said(data, "html_url"),
        draft=bool(data.get("draft")),
        prerelease=bool(data.get("prerelease")),
        published_at=said(data, "published_at"),
    )
