"""Actions on repositories as a whole: list them, look at one, compare two states of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from integrations.context import Context
from integrations.github import INTEGRATION as github
from integrations.github.common import Data, login, number, part, place, repository_field, said
from integrations.github.interface import GithubClient
from integrations.spec import Kind, Model, setting
from integrations.spec import content as text


class ListRepositoriesInput(Model):
    """How many to list."""

    limit: int | None = setting("At most", default=None, help="Empty: all of them.", ge=1, le=10_000)


class Repository(Model):
    """One repository."""

    full_name: str
    name: str
    description: str
    url: str
    private: bool
    default_branch: str


class Repositories(Model):
    """The repositories of this connection."""

    repositories: list[Repository]
    count: int


@github.action(
    "list_repositories",
    kind=Kind.READ,
    input=ListRepositoriesInput,
    output=Repositories,
    title="List repositories",
    phrase="lists repositories",
    keywords=("repos", "projects"),
)
async def list_repositories(context: Context[GithubClient], values: ListRepositoriesInput) -> Repositories:
    """List the repositories that this connection reaches, all pages of them."""
    found = await context.client.list_repositories(values.limit)
    shown = [Repository(**vars(record)) for record in found]
    return Repositories(repositories=shown, count=len(shown))


class RepositoryInput(Model):
    """Which repository."""

    repository: str = repository_field()


class RepositoryDetails(Repository):
    """A repository with its numbers."""

    stars: int
    open_issues: int
    archived: bool
    topics: list[str]
    pushed_at: str


@github.action(
    "get_repository",
    kind=Kind.READ,
    input=RepositoryInput,
    output=RepositoryDetails,
    title="Get a repository",
    phrase="reads a repository",
)
async def get_repository(context: Context[GithubClient], values: RepositoryInput) -> RepositoryDetails:
    """Read what a repository is: description, default branch, stars, open issues."""
    name, path = place(values.repository)
    data: Data = await context.client.rest("GET", path, about={"repository": name})
    topics = data.get("topics")
    return RepositoryDetails(
        full_name=said(data, "full_name"),
        name=said(data, "name"),
        description=said(data, "description"),
        url=said(data, "html_url"),
        private=bool(data.get("private")),
        default_branch=said(data, "default_branch"),
        stars=number(data, "stargazers_count"),
        open_issues=number(data, "open_issues_count"),
        archived=bool(data.get("archived")),
        topics=[str(topic) for topic in topics] if isinstance(topics, list) else [],
        pushed_at=said(data, "pushed_at"),
    )


class ListCommitsInput(Model):
    """Which commits."""

    repository: str = repository_field()
    branch: str = text(
        "Branch or sha", default="", help="Empty: the default branch.", choices="branches", depends=["repository"]
    )
    path: str = text("Only for this file or folder", default="", max_length=1000)
    since: str = text("From", default="", help="ISO 8601, such as 2026-11-01T00:00:00Z.", max_length=40)
    until: str = text("To", default="", help="ISO 8601.", max_length=40)
    limit: int = setting("At most", default=30, ge=1, le=1000)


class Commit(Model):
    """One commit."""

    sha: str
    url: str
    message: str
    title: str
    author: str
    author_email: str
    date: str


class Commits(Model):
    """Commits, newest first."""

    commits: list[Commit]
    count: int
    text: str


@github.action(
    "list_commits",
    kind=Kind.READ,
    input=ListCommitsInput,
    output=Commits,
    title="List commits",
    phrase="lists commits",
    keywords=("history", "log"),
)
async def list_commits(context: Context[GithubClient], values: ListCommitsInput) -> Commits:
    """List the commits of a branch, newest first; `text` is one line each."""
    name, path = place(values.repository)
    asked = {"sha": values.branch, "path": values.path, "since": values.since, "until": values.until}
    query = {key: value for key, value in asked.items() if value}
    about = {"repository": name, "branch": values.branch}
    found = await context.client.rest_pages(f"{path}/commits", query, values.limit, about=about)
    return _commits([commit_of(data) for data in found])


class CompareInput(Model):
    """Two states of a repository."""

    repository: str = repository_field()
    base: str = text(
        "From",
        help="A tag, branch or sha.",
        example="v1.4.0",
        choices="branches",
        depends=["repository"],
        max_length=250,
    )
    head: str = text(
        "To", default="", help="Empty: the default branch.", choices="branches", depends=["repository"], max_length=250
    )


class ChangedFile(Model):
    """One file that differs."""

    path: str
    status: str
    additions: int
    deletions: int
    patch: str


class Comparison(Model):
    """What lies between two states."""

    status: str
    ahead_by: int
    behind_by: int
    url: str
    commits: list[Commit]
    files: list[ChangedFile]
    text: str


@github.action(
    "compare",
    kind=Kind.READ,
    input=CompareInput,
    output=Comparison,
    title="Compare two versions",
    phrase="compares two versions",
    keywords=("diff", "changelog", "release notes"),
)
async def compare(context: Context[GithubClient], values: CompareInput) -> Comparison:
    """List the commits and files between two tags, branches or commits; `text` lists the commits, for release notes."""
    name, path = place(values.repository)
    head = values.head or await context.client.default_branch(name)
    between = f"{quote(values.base, safe='')}...{quote(head, safe='')}"
    data: Data = await context.client.rest(
        "GET", f"{path}/compare/{between}", about={"repository": name, "branch": head}
    )
    found = _commits([commit_of(item) for item in data.get("commits") or []])
    return Comparison(
        status=said(data, "status"),
        ahead_by=number(data, "ahead_by"),
        behind_by=number(data, "behind_by"),
        url=said(data, "html_url"),
        commits=found.commits,
        files=[file_of(item) for item in data.get("files") or []],
        text=found.text,
    )


def commit_of(data: Data) -> Commit:
    """A commit out of GitHub's JSON."""
    inner = part(data, "commit")
    author = part(inner, "author")
    message = said(inner, "message")
    return Commit(
        sha=said(data, "sha"),
        url=said(data, "html_url"),
        message=message,
        title=message.partition("\n")[0],
        author=login(data, "author") or said(author, "name"),
        author_email=said(author, "email"),
        date=said(author, "date"),
    )


def file_of(data: Data) -> ChangedFile:
    """A changed file out of GitHub's JSON."""
    return ChangedFile(
        path=said(data, "filename"),
        status=said(data, "status"),
        additions=number(data, "additions"),
        deletions=number(data, "deletions"),
        patch=said(data, "patch")[:50_000],
    )


def _commits(found: list[Commit]) -> Commits:
    lines = [f"- {one.title} ({one.sha[:7]}, {one.author})" for one in found]
    return Commits(commits=found, count=len(found), text="\n".join(lines))


class SearchCodeInput(Model):
    """What to search for."""

    query: str = text(
        "Search", help="As typed into GitHub.", example="retry repo:octocat/hello", min_length=1, max_length=256
    )
    limit: int = setting("At most", default=20, ge=1, le=100)


class FoundFile(Model):
    """A file that matches."""

    path: str
    repository: str
    url: str
    sha: str


class FoundFiles(Model):
    """The files that match."""

    files: list[FoundFile]
    count: int


@github.action(
    "search_code",
    kind=Kind.READ,
    input=SearchCodeInput,
    output=FoundFiles,
    title="Search code",
    phrase="searches code",
)
async def search_code(context: Context[GithubClient], values: SearchCodeInput) -> FoundFiles:
    """Search the code of the repositories that this connection reaches."""
    query: dict[str, Any] = {"q": values.query}
    found = await context.client.rest_pages("/search/code", query, values.limit)
    files = [
        FoundFile(
            path=said(data, "path"),
            repository=said(part(data, "repository"), "full_name"),
            url=said(data, "html_url"),
            sha=said(data, "sha"),
        )
        for data in found
    ]
    return FoundFiles(files=files, count=len(files))


class NoInput(Model):
    """Nothing to say."""


class Person(Model):
    """Who this connection is."""

    login: str
    name: str
    email: str
    url: str


@github.action("me", kind=Kind.READ, input=NoInput, output=Person, title="Who am I", phrase="reads the own profile")
async def me(context: Context[GithubClient], values: NoInput) -> Person:
    """Read the profile of the user whose token this connection holds."""
    data: Data = await context.client.rest("GET", "/user")
    return Person(
        login=said(data, "login"), name=said(data, "name"), email=said(data, "email"), url=said(data, "html_url")
    )
