"""What GitHub starts runs with, by asking: new issues, comments, pull requests, commits, releases, workflow runs.

Lists are read newest first until what is older than the last look, with ten minutes of overlap (GitHub's lists follow
a change late now and then); the id of each thing tells what is known. Only what came after the switching on counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.context import Context
from integrations.github import INTEGRATION as github
from integrations.github.common import Data, login, names, number, part, place, repository_field, said
from integrations.github.interface import GithubClient, items_of
from integrations.spec import Event, Model, Polled, content, setting
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.json import JSONValue

OVERLAP = timedelta(minutes=10)
PER_PAGE, MOST_PAGES = 100, 20
FIRST_PAGES, MOST_SEEN = 3, 500
FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class InRepository(Model):
    """Where."""

    repository: str = repository_field()


class Commits(InRepository):
    """Where, and on which branch."""

    branch: str = content("Branch", default="", help="Empty: the repository's default branch.", max_length=250)


class Runs(InRepository):
    """Which workflow runs."""

    only_failed: bool = setting("Only those that failed", default=False)


class IssueEvent(Model):
    """An issue."""

    id: int
    number: int
    title: str
    body: str
    url: str
    author: str
    state: str
    labels: list[str]
    created_at: str
    repository: str


class CommentEvent(Model):
    """A comment on an issue or a pull request."""

    id: int
    number: int
    body: str
    url: str
    author: str
    created_at: str
    repository: str


class PullEvent(Model):
    """A pull request."""

    id: int
    number: int
    title: str
    body: str
    url: str
    author: str
    draft: bool
    branch: str
    base: str
    created_at: str
    repository: str


class ReleaseEvent(Model):
    """A release."""

    id: int
    tag: str
    name: str
    body: str
    url: str
    author: str
    prerelease: bool
    created_at: str
    repository: str


class CommitEvent(Model):
    """A commit."""

    sha: str
    message: str
    author: str
    url: str
    created_at: str
    repository: str


class RunEvent(Model):
    """A workflow run of GitHub Actions that has ended."""

    id: int
    name: str
    conclusion: str
    branch: str
    sha: str
    url: str
    event: str
    created_at: str
    repository: str


@dataclass(frozen=True)
class List:
    """A list of GitHub: its address, what to ask for, when a thing in it came, its key, and what runs see of it."""

    path: str
    query: Mapping[str, Any]
    came: Callable[[Data], str]
    key: Callable[[Data], str]
    data: Callable[[Data, str], Model]
    keep: Callable[[Data], bool] = lambda data: True
    ordered: bool = True


def _sample(model: type[Model], **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": 1, "number": 42, "title": "The export is empty", "body": "Since this morning the file has no rows.",
        "url": "https://github.com/octocat/hello/issues/42", "author": "octocat", "state": "open", "labels": ["bug"],
        "created_at": "2026-11-02T09:12:00Z", "repository": "octocat/hello", "draft": False, "branch": "fix",
        "base": "main", "tag": "v1.2.0", "name": "1.2", "prerelease": False, "sha": "6dcb09b5", "event": "push",
        "message": "Mend the export", "conclusion": "failure",
    }  # fmt: skip
    return model.model_validate({name: base[name] for name in model.model_fields} | more).model_dump(mode="json")


@github.trigger("new_issue", config=InRepository, event=IssueEvent, title="A new issue", sample=_sample(IssueEvent))
async def new_issue(context: Context[GithubClient], config: InRepository, cursor: JSONValue) -> Polled:
    """Somebody has opened an issue."""
    query = {"state": "all", "sort": "created", "direction": "desc"}
    return await _new(context.client, config.repository, cursor, List(
        "/issues", query, _created, _id, _issue, keep=lambda data: "pull_request" not in data
    ))  # fmt: skip


@github.trigger(
    "new_comment", config=InRepository, event=CommentEvent, title="A new comment", sample=_sample(CommentEvent)
)
async def new_comment(context: Context[GithubClient], config: InRepository, cursor: JSONValue) -> Polled:
    """Somebody has commented on an issue or a pull request."""
    query = {"sort": "created", "direction": "desc"}
    return await _new(
        context.client, config.repository, cursor, List("/issues/comments", query, _created, _id, _comment)
    )


@github.trigger(
    "new_pull_request", config=InRepository, event=PullEvent, title="A new pull request", sample=_sample(PullEvent)
)
async def new_pull_request(context: Context[GithubClient], config: InRepository, cursor: JSONValue) -> Polled:
    """Somebody has opened a pull request."""
    query = {"state": "all", "sort": "created", "direction": "desc"}
    return await _new(context.client, config.repository, cursor, List("/pulls", query, _created, _id, _pull))


@github.trigger(
    "new_release", config=InRepository, event=ReleaseEvent, title="A new release", sample=_sample(ReleaseEvent)
)
async def new_release(context: Context[GithubClient], config: InRepository, cursor: JSONValue) -> Polled:
    """A release has been published; drafts do not count."""

    def published(data: Data) -> str:
        return said(data, "published_at")

    wanted = List("/releases", {}, published, _id, _release, keep=lambda data: bool(published(data)), ordered=False)
    return await _new(context.client, config.repository, cursor, wanted)


@github.trigger("new_commit", config=Commits, event=CommitEvent, title="A push", sample=_sample(CommitEvent))
async def new_commit(context: Context[GithubClient], config: Commits, cursor: JSONValue) -> Polled:
    """Something was pushed to a branch: one event for each commit."""
    name, root = place(config.repository)
    wanted = List("/commits", {"sha": config.branch} if config.branch else {}, _committed, _sha, _commit)
    if not isinstance(cursor, dict) or not isinstance(cursor.get("seen"), list):
        there = await _commits(context.client, root, name, wanted, FIRST_PAGES)
        return Polled([], {"seen": [_sha(data) for data in there]})
    seen = [str(sha) for sha in cursor["seen"]]  # type: ignore[union-attr]
    listed = await _commits(context.client, root, name, wanted, 1)
    found = [data for data in reversed(listed) if _sha(data) not in seen]
    events = [Event(_sha(data), _commit(data, name).model_dump(mode="json")) for data in found]
    newest: list[JSONValue] = [_sha(data) for data in reversed(found)]
    return Polled(events, {"seen": [*newest, *seen][:MOST_SEEN]})


async def _commits(client: GithubClient, root: str, name: str, wanted: List, pages: int) -> list[Data]:
    """The newest commits of a branch. A merge brings old ones, so their dates say nothing: their ids do."""
    found: list[Data] = []
    for page in range(1, pages + 1):
        listed = await _page(client, root, name, wanted, page)
        found += listed
        if len(listed) < PER_PAGE:
            break
    return found


@github.trigger("workflow_run", config=Runs, event=RunEvent, title="A workflow run has ended", sample=_sample(RunEvent))
async def workflow_run(context: Context[GithubClient], config: Runs, cursor: JSONValue) -> Polled:
    """A run of GitHub Actions has ended; a repeated one counts again."""

    def keep(data: Data) -> bool:
        return said(data, "status") == "completed" and (not config.only_failed or said(data, "conclusion") == "failure")

    def ended(data: Data) -> str:
        return said(data, "updated_at") or said(data, "created_at")

    def key(data: Data) -> str:
        return f"{data.get('id')}:{number(data, 'run_attempt') or 1}"

    wanted = List("/actions/runs", {}, ended, key, _run, keep, ordered=False)
    return await _new(context.client, config.repository, cursor, wanted)


# ---- How a list is read ----------------------------------------------------------------------------------------------


async def _new(client: GithubClient, repository: str, cursor: JSONValue, wanted: List) -> Polled:
    """The things that came since the cursor {from, at}, oldest first."""
    name, root = place(repository)
    if not isinstance(cursor, dict) or not cursor.get("from"):
        newest = await _page(client, root, name, wanted, 1)
        began = max((wanted.came(data) for data in newest), default="") or now().strftime(FORMAT)
        known: list[JSONValue] = list(_known(newest, wanted, began))
        return Polled([], {"from": began, "at": began, "known": known})
    began, at = str(cursor["from"]), str(cursor.get("at") or cursor["from"])
    after = max(began, _earlier(at))
    found = await _since(client, root, name, wanted, after)
    first = cursor.get("known")
    old = set(first) if isinstance(first, list) else set()
    found = [data for data in reversed(found) if wanted.keep(data) and wanted.key(data) not in old]
    found.sort(key=wanted.came)
    events = [Event(wanted.key(data), wanted.data(data, name).model_dump(mode="json")) for data in found]
    newest_at = max((wanted.came(data) for data in found), default=at)
    return Polled(events, {**cursor, "at": max(at, newest_at)})


async def _since(client: GithubClient, root: str, name: str, wanted: List, after: str) -> list[Data]:
    """The things that came at that second or later. A list in the order of coming is read no further than that."""
    found: list[Data] = []
    for page in range(1, (MOST_PAGES if wanted.ordered else 3) + 1):
        listed = await _page(client, root, name, wanted, page)
        found += [data for data in listed if wanted.came(data) >= after]
        if len(listed) < PER_PAGE or (wanted.ordered and wanted.came(listed[-1]) < after):
            break
    return found


async def _page(client: GithubClient, root: str, name: str, wanted: List, page: int) -> list[Data]:
    query = {**wanted.query, "per_page": PER_PAGE, "page": page}
    return list(items_of(await client.rest("GET", f"{root}{wanted.path}", query=query, about={"repository": name})))


def _known(listed: list[Data], wanted: List, began: str) -> list[str]:
    """What was there at the second of switching on: it is no news, and the second may bring more."""
    return [wanted.key(data) for data in listed if wanted.came(data) == began]


def _earlier(at: str) -> str:
    try:
        moment = datetime.strptime(at, FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return at
    return (moment - OVERLAP).strftime(FORMAT)


def _id(data: Data) -> str:
    return str(data.get("id") or "")


def _sha(data: Data) -> str:
    return said(data, "sha")


def _created(data: Data) -> str:
    return said(data, "created_at")


def _committed(data: Data) -> str:
    commit = part(data, "commit")
    return said(part(commit, "committer"), "date") or said(part(commit, "author"), "date")


def _issue(data: Data, repository: str) -> Model:
    return IssueEvent(
        id=number(data, "id"), number=number(data, "number"), title=said(data, "title"), body=said(data, "body"),
        url=said(data, "html_url"), author=login(data), state=said(data, "state"), labels=names(data, "labels", "name"),
        created_at=_created(data), repository=repository,
    )  # fmt: skip


def _comment(data: Data, repository: str) -> Model:
    thread = said(data, "issue_url").rpartition("/")[2]
    return CommentEvent(
        id=number(data, "id"), number=int(thread) if thread.isdigit() else 0, body=said(data, "body"),
        url=said(data, "html_url"), author=login(data), created_at=_created(data), repository=repository,
    )  # fmt: skip


def _pull(data: Data, repository: str) -> Model:
    return PullEvent(
        id=number(data, "id"), number=number(data, "number"), title=said(data, "title"), body=said(data, "body"),
        url=said(data, "html_url"), author=login(data), draft=data.get("draft") is True,
        branch=said(part(data, "head"), "ref"), base=said(part(data, "base"), "ref"),
        created_at=_created(data), repository=repository,
    )  # fmt: skip


def _release(data: Data, repository: str) -> Model:
    return ReleaseEvent(
        id=number(data, "id"), tag=said(data, "tag_name"), name=said(data, "name"), body=said(data, "body"),
        url=said(data, "html_url"), author=login(data, "author"), prerelease=data.get("prerelease") is True,
        created_at=said(data, "published_at"), repository=repository,
    )  # fmt: skip


def _commit(data: Data, repository: str) -> Model:
    commit = part(data, "commit")
    return CommitEvent(
        sha=said(data, "sha"), message=said(commit, "message"),
        author=login(data, "author") or said(part(commit, "author"), "name"), url=said(data, "html_url"),
        created_at=_committed(data), repository=repository,
    )  # fmt: skip


def _run(data: Data, repository: str) -> Model:
    return RunEvent(
        id=number(data, "id"), name=said(data, "name"), conclusion=said(data, "conclusion"),
        branch=said(data, "head_branch"), sha=said(data, "head_sha"), url=said(data, "html_url"),
        event=said(data, "event"), created_at=_created(data), repository=repository,
    )  # fmt: skip
