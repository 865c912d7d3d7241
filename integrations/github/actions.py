"""The actions of GitHub: what they take, what they give, and how a change is found again when its answer is lost."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote

from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.errors import Rejected
from integrations.github import INTEGRATION as github
from integrations.github.interface import (
    MAX_BODY,
    CommitRecord,
    GithubClient,
    IssueRecord,
    blob_sha,
    clean_path,
    clean_repository,
    with_marker,
    with_trailer,
)
from integrations.spec import Change, Kind, Model, setting, target
from integrations.spec import content as text

LOOK_BACK = timedelta(minutes=2)


class CreateIssueInput(Model):
    """An issue to open."""

    repository: str = target("Repository", help="owner/name", example="octocat/hello", min_length=1, max_length=200)
    title: str = text("Title", example="The export stops at page 2", min_length=1, max_length=256)
    body: str = text("Text", default="", widget="markdown", help="Markdown.", max_length=MAX_BODY)
    labels: list[str] = text("Labels", default=[], help="Missing ones are made.", max_length=100)
    assignees: list[str] = text("Assignees", default=[], help="GitHub user names.", max_length=10)


class Issue(Model):
    """The issue that was opened."""

    id: int
    number: int
    url: str
    title: str
    repository: str


@github.action(
    "create_issue",
    kind=Kind.EFFECT,
    input=CreateIssueInput,
    output=Issue,
    title="Create an issue",
    phrase="creates an issue",
    changes=[Change("create_issue", look=True, undo="Close the issue")],
    keywords=("ticket", "bug", "task"),
)
async def create_issue(context: Context[GithubClient], values: CreateIssueInput) -> Issue:
    """Open an issue in a repository, with labels and assignees."""
    client, repository = context.client, clean_repository(values.repository)
    _check_length(values.body)

    async def send(key: str) -> Outcome:
        body = with_marker(values.body, key)
        made = await client.create_issue(repository, values.title, body, values.labels, values.assignees)
        return Outcome(str(made.id), made.url, _issue_data(made))

    async def look(what: LookFor) -> Found | None:
        made = await client.find_issue(repository, what.key, what.sent_at - LOOK_BACK)
        return Found(str(made.id), made.url, _issue_data(made)) if made else None

    outcome = await context.change(
        Order(
            op="create_issue",
            target={"repository": repository},
            request={"repository": repository, **values.model_dump(exclude={"repository"})},
            send=send,
            look=look,
            search_url=_page(client, f"{repository}/issues?q={quote('is:issue sort:created-desc')}"),
        )
    )
    _warn_of_lost(context, values, outcome)
    return Issue(
        id=int(outcome.external_id) if outcome.external_id.isdigit() else 0,
        number=_number(outcome),
        url=outcome.external_url,
        title=str(outcome.data.get("title", values.title)),
        repository=repository,
    )


def _page(client: GithubClient, path: str) -> str:
    """Where a person can look for a change; nowhere in the sandbox."""
    return f"{client.web_url}/{path}" if client.web_url else ""


def _check_length(body: str) -> None:
    longest = MAX_BODY - len(with_marker("x", "k" * 64)) + 1
    if len(body) > longest:
        raise Rejected(
            f"The text has {len(body):,} characters; GitHub takes {longest:,}.",
            code="E_LENGTH",
            refused=True,
            hint="Shorten it, or commit it as a file and link to it.",
        )


def _number(outcome: Outcome) -> int:
    """The issue's number; read from its address where a person settled the outcome by hand."""
    if "number" in outcome.data:
        return int(outcome.data["number"])
    found = re.search(r"/issues/(\d+)", outcome.external_url)
    return int(found[1]) if found else 0


def _issue_data(made: IssueRecord) -> dict[str, object]:
    return {
        "number": made.number,
        "title": made.title,
        "labels": list(made.labels),
        "assignees": list(made.assignees),
    }


def _warn_of_lost(context: Context[GithubClient], values: CreateIssueInput, outcome: Outcome) -> None:
    """GitHub drops labels and assignees without a word where the key may not set them."""
    for name, asked in (("labels", values.labels), ("assignees", values.assignees)):
        given = {str(item).lower() for item in outcome.data.get(name, asked)}
        if lost := [item for item in asked if item.lower() not in given]:
            context.warn(f"GitHub left out the {name} {', '.join(lost)}: the token may not set them.")


class CommitFileInput(Model):
    """A file to write."""

    repository: str = target("Repository", help="owner/name", example="octocat/hello", min_length=1, max_length=200)
    path: str = target("File", help="Path in the repository.", example="docs/guide.md", min_length=1, max_length=1000)
    content: str = text("Content", widget="long", help="The whole file.")
    message: str = text("Commit message", example="Update the guide", min_length=1, max_length=10_000)
    branch: str = target("Branch", default="", help="Empty: the repository's default branch.", max_length=250)


class CommittedFile(Model):
    """The file as it stands now; `changed` is false where it said the same already."""

    commit_sha: str
    url: str
    path: str
    branch: str
    created: bool
    changed: bool


@github.action(
    "commit_file",
    kind=Kind.EFFECT,
    input=CommitFileInput,
    output=CommittedFile,
    title="Commit a file",
    phrase="commits a file",
    changes=[Change("commit_file", look=True, undo="Revert the commit")],
    keywords=("save", "write", "upload", "markdown"),
)
async def commit_file(context: Context[GithubClient], values: CommitFileInput) -> CommittedFile:
    """Create or replace a file by one commit. The same content again makes no commit."""
    client, repository, path = context.client, clean_repository(values.repository), clean_path(values.path)
    data = values.content.encode()
    branch = values.branch.strip() or await client.default_branch(repository)
    before = await client.read_file(repository, path, branch)
    same = before is not None and before.sha == blob_sha(data)
    if before is not None and same and not context.earlier_change:
        sha = await client.last_commit(repository, path, branch)
        return CommittedFile(commit_sha=sha, url=before.url, path=path, branch=branch, created=False, changed=False)

    async def send(key: str) -> Outcome:
        if before is not None and same:
            sha = await client.last_commit(repository, path, branch)
            return _file_outcome(CommitRecord(sha, before.url), created=False, changed=False)
        made = await client.put_file(
            repository, path, branch, data, with_trailer(values.message, key), before.sha if before else None
        )
        return _file_outcome(made, created=before is None, changed=True)

    async def look(what: LookFor) -> Found | None:
        made = await client.find_commit(repository, path, branch, what.key, what.sent_at - LOOK_BACK)
        return Found(made.sha, made.url, {"created": made.created, "changed": True}) if made else None

    outcome = await context.change(
        Order(
            op="commit_file",
            target={"repository": repository, "path": path, "branch": branch},
            request={"repository": repository, "path": path, "branch": branch, "message": values.message}
            | {"content": values.content},
            send=send,
            look=look,
            search_url=_page(client, f"{repository}/commits/{quote(branch)}/{quote(path)}"),
        )
    )
    return CommittedFile(
        commit_sha=outcome.external_id,
        url=outcome.external_url,
        path=path,
        branch=branch,
        created=bool(outcome.data.get("created", False)),
        changed=bool(outcome.data.get("changed", True)),
    )


def _file_outcome(made: CommitRecord, *, created: bool, changed: bool) -> Outcome:
    return Outcome(made.sha, made.url, {"created": created, "changed": changed})


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
