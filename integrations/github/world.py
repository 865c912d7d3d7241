"""The repositories of the sandbox world as they are at first. Pure."""

# ruff: noqa: E501 - prose

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from integrations.github.interface import blob_sha
from integrations.world import Collection, Column, Thing
from orchestrator_site.lib.clock import now

WORLD = (
    Collection(
        kind="repository",
        title="Repositories",
        columns=(Column("title", "Repository"), Column("description", "About"), Column("default_branch", "Branch")),
        facts=(Column("private", "Private"),),
        children="file",
        empty="No repository.",
    ),
    Collection(
        kind="issue",
        title="Issues",
        columns=(Column("title", "Title"), Column("parent", "Repository"), Column("number", "Number")),
        body="body",
        body_format="markdown",
        facts=(Column("labels", "Labels"), Column("assignees", "Assigned to"), Column("state", "State")),
        empty="No issue yet. A step “Create an issue” opens one.",
    ),
    Collection(
        kind="file",
        title="Files",
        columns=(Column("path", "File"), Column("parent", "Repository"), Column("branch", "Branch")),
        body="content",
        body_format="code",
        facts=(Column("sha", "Git sha"),),
        empty="No file yet. A step “Commit a file” writes one.",
    ),
    Collection(
        kind="commit",
        title="Commits",
        columns=(Column("title", "Message"), Column("parent", "Repository"), Column("path", "File")),
        body="message",
        facts=(Column("sha", "Sha"), Column("author", "Author"), Column("date", "Date")),
        empty="No commit yet.",
    ),
    Collection(
        kind="comment",
        title="Comments",
        columns=(Column("title", "Under"), Column("parent", "Repository"), Column("number", "Number")),
        body="body",
        body_format="markdown",
        empty="No comment yet. A step “Comment on an issue” writes one.",
    ),
    Collection(
        kind="pull",
        title="Pull requests",
        columns=(Column("title", "Title"), Column("parent", "Repository"), Column("number", "Number")),
        body="body",
        body_format="markdown",
        facts=(Column("state", "State"), Column("head", "From"), Column("base", "Into"), Column("merged", "Merged")),
        empty="No pull request yet. A step “Open a pull request” makes one.",
    ),
    Collection(
        kind="review",
        title="Reviews",
        columns=(Column("title", "Pull request"), Column("parent", "Repository"), Column("state", "Verdict")),
        body="body",
        body_format="markdown",
        empty="No review yet.",
    ),
    Collection(
        kind="release",
        title="Releases",
        columns=(Column("title", "Title"), Column("parent", "Repository"), Column("tag_name", "Tag")),
        body="body",
        body_format="markdown",
        facts=(Column("draft", "Draft"), Column("published_at", "Published")),
        empty="No release yet. A step “Create a release” makes one.",
    ),
    Collection(
        kind="actions_run",
        title="GitHub Actions runs",
        columns=(Column("title", "Workflow"), Column("parent", "Repository"), Column("branch", "Branch")),
        facts=(Column("inputs", "Inputs"), Column("created_at", "Started")),
        empty="No run yet. A step “Start a GitHub Actions workflow” starts one.",
    ),
)

FILES: dict[str, dict[str, str]] = {
    "your-username/your-repo": {
        "README.md": "# your-repo\n\nA small web application and the handbook of the team that runs it.\n\n"
        "- `src/` the application\n- `docs/` how we work\n- `docs/sops/` standard operating procedures\n",
        "docs/handbook.md": "# Handbook\n\nWe write down how things are done, so that anyone on duty can do them.\n\n"
        "## On call\n\nThe person on call answers within 30 minutes and writes a note in the log afterwards.\n",
        "docs/sops/template.md": "# Title\n\n## Purpose\n\n## Before you start\n\n## Steps\n\n1. \n\n## If it goes wrong\n",
        "src/export.py": 'PAGE = 100\n\n\ndef export(rows):\n    """All rows, page by page."""\n'
        "    for start in range(0, len(rows), PAGE):\n        yield rows[start : start + PAGE]\n",
        "CHANGELOG.md": "# Changes\n\n## 1.4.0\n\n- Export in pages of 100 rows.\n- Sign-in by link.\n",
    },
    "your-username/website": {
        "README.md": "# Website\n\nThe public pages, built from Markdown.\n",
        "content/index.md": "# Welcome\n\nWe make small tools that finish what they start.\n",
        "content/prices.md": "# Prices\n\n| Plan | A month |\n| --- | --- |\n| Small | 9 € |\n| Team | 29 € |\n",
    },
    "acme/notes": {
        "README.md": "# Notes\n\nMeeting notes, one file a week.\n",
        "2026/week-01.md": "# Week 1\n\n- Plan the release\n- Ask Grace about the invoices\n",
    },
}
ABOUT = {
    "your-username/your-repo": ("A small web application and its handbook", False),
    "your-username/website": ("The public website", False),
    "acme/notes": ("Meeting notes", True),
}
ISSUES: tuple[tuple[str, str, str, tuple[str, ...], str, int], ...] = (
    (
        "your-username/your-repo",
        "Export stops after the second page",
        "With more than 200 rows the export ends early and nothing is said about it.\n\n"
        "1. Open *Reports*\n2. Choose *Export*\n3. Count the rows",
        ("bug",),
        "open",
        9,
    ),
    (
        "your-username/your-repo",
        "Describe how we deploy",
        "There is no procedure for it yet. It should live in `docs/sops/`.",
        ("documentation",),
        "open",
        6,
    ),
    ("your-username/your-repo", "Dark colours for the tables", "The borders vanish.", ("enhancement",), "closed", 20),
    ("your-username/website", "Typo on the price page", "“a moth” should be “a month”.", ("bug",), "open", 3),
)


RELEASED = 20
# Days ago, message, file: what has happened in the first repository since its last release.
SINCE: tuple[tuple[int, str, str], ...] = (
    (12, "Sign in by link: say when the mail was sent (#12)", "src/sign_in.py"),
    (8, "Export: stop with a message when the list is too long (#14)", "src/export.py"),
    (4, "Handbook: who answers at night", "docs/handbook.md"),
    (1, "Dates are shown as 2026-01-31 where the language wants it (#15)", "src/dates.py"),
)
PULL = ("your-username/website", "prices-table", "Say what the Team plan costs for 40 people", "content/prices.md")


def seed_objects() -> list[Thing]:
    """Three repositories with files and commits, some issues, a release and a pull request."""
    return [*_repositories(), *_issues(), *_since(), *_pull()]


def file_id(repository: str, branch: str, path: str) -> str:
    """The id of a file; a digest stands in for one that is too long for the column."""
    plain = f"{repository}@{branch}:{path}"
    return plain if len(plain) <= 200 else f"{plain[:130]}…{hashlib.sha256(plain.encode()).hexdigest()}"


def file_thing(repository: str, branch: str, path: str, content: str, sha: str) -> Thing:
    """A file on a branch."""
    data = {"repository": repository, "branch": branch, "path": path, "content": content, "sha": sha}
    return Thing("file", file_id(repository, branch, path), path, repository, data)


def commit_thing(repository: str, branch: str, path: str, message: str, *, seed: str, **more: Any) -> Thing:
    """A commit of one file; `seed` makes its sha its own."""
    sha = hashlib.sha1(f"{repository}|{path}|{message}|{seed}".encode(), usedforsecurity=False).hexdigest()
    title = message.partition("\n")[0]
    data = {"sha": sha, "repository": repository, "branch": branch, "path": path, "message": message, **more}
    return Thing("commit", sha, title, repository, data)


def issue_thing(repository: str, number: int, title: str, body: str, **more: Any) -> Thing:
    """An issue."""
    data = {"number": number, "repository": repository, "title": title, "body": body, "state": "open", **more}
    return Thing("issue", f"{repository}#{number}", title, repository, data)


def _repositories() -> Iterator[Thing]:
    date = (now() - timedelta(days=30)).isoformat(timespec="seconds")
    for name, files in FILES.items():
        about, private = ABOUT[name]
        branches = ["main", PULL[1]] if name == PULL[0] else ["main"]
        data = {"description": about, "private": private, "default_branch": "main", "branches": branches}
        yield Thing("repository", name, name, "", data)
        for path, content in files.items():
            yield file_thing(name, "main", path, content, blob_sha(content.encode()))
            yield commit_thing(
                name, "main", path, f"Add {path}", seed="seed", created=True, author="your-username", date=date
            )


def _issues() -> Iterator[Thing]:
    numbers: dict[str, int] = {}
    for repository, title, body, labels, state, days in ISSUES:
        numbers[repository] = number = numbers.get(repository, 0) + 1
        opened = (now() - timedelta(days=days)).isoformat(timespec="seconds")
        yield issue_thing(
            repository,
            number,
            title,
            body,
            labels=list(labels),
            assignees=[],
            state=state,
            author="your-username",
            created_at=opened,
        )


def _since() -> Iterator[Thing]:
    """The last release, and the commits that came after it."""
    name, tag = "your-username/your-repo", "v1.4.0"
    published = (now() - timedelta(days=RELEASED)).isoformat(timespec="seconds")
    release = {
        "repository": name,
        "tag_name": tag,
        "name": "1.4.0",
        "body": "- Export in pages of 100 rows.\n- Sign-in by link.",
        "draft": False,
        "prerelease": False,
        "published_at": published,
    }
    yield Thing("release", f"{name}@{tag}", "1.4.0", name, release)
    for days, message, path in SINCE:
        date = (now() - timedelta(days=days)).isoformat(timespec="seconds")
        yield commit_thing(name, "main", path, message, seed="since", created=False, author="your-username", date=date)


def _pull() -> Iterator[Thing]:
    """An open pull request: the files of its branch, one of them changed."""
    name, branch, title, changed = PULL
    date = (now() - timedelta(days=2)).isoformat(timespec="seconds")
    for path, content in FILES[name].items():
        text = f"{content}| Team of 40 | 49 € |\n" if path == changed else content
        yield file_thing(name, branch, path, text, blob_sha(text.encode()))
    yield commit_thing(name, branch, changed, title, seed="pull", created=False, author="grace", date=date)
    number = 1 + sum(one[0] == name for one in ISSUES)
    data = {
        "number": number,
        "repository": name,
        "title": title,
        "body": "Two customers asked this week.",
        "state": "open",
        "draft": False,
        "merged": False,
        "head": branch,
        "base": "main",
        "created_at": date,
    }
    yield Thing("pull", f"{name}#{number}", title, name, data)
