"""Actions on issues: open, read, change, list, search, comment, label and assign."""

from __future__ import annotations

import re
from typing import Any, Literal
from urllib.parse import quote

from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.errors import Rejected
from integrations.github import INTEGRATION as github
from integrations.github import plans
from integrations.github.common import (
    LOOK_BACK,
    Data,
    check_length,
    need,
    page,
    place,
    repository_field,
    said,
)
from integrations.github.interface import (
    MAX_BODY,
    GithubClient,
    IssueRecord,
    clean_repository,
    marker_of,
    with_marker,
)
from integrations.github.shapes import IssueDetails, details_of
from integrations.spec import Change, Kind, Model, setting, target
from integrations.spec import content as text


class CreateIssueInput(Model):
    """An issue to open."""

    repository: str = repository_field()
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
    changes=[Change("create_issue", look=True, undo="Close the issue", thing="issue", weight=50)],
    keywords=("ticket", "bug", "task"),
    foretell={"create_issue": plans.new_issue},
)
async def create_issue(context: Context[GithubClient], values: CreateIssueInput) -> Issue:
    """Open an issue in a repository, with labels and assignees."""
    client, repository = context.client, clean_repository(values.repository)
    check_length(values.body)

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
            search_url=page(client, f"{repository}/issues?q={quote('is:issue sort:created-desc')}"),
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


def number_field() -> Any:
    """The input that says which issue or pull request."""
    return target("Number", help="The number in its address.", example=42, ge=1, le=2_000_000_000)


class IssueInput(Model):
    """Which issue."""

    repository: str = repository_field()
    number: int = number_field()


@github.action(
    "get_issue", kind=Kind.READ, input=IssueInput, output=IssueDetails, title="Get an issue", phrase="reads an issue"
)
async def get_issue(context: Context[GithubClient], values: IssueInput) -> IssueDetails:
    """Read an issue or pull request: title, text, state, labels, who it is assigned to."""
    name, path = place(values.repository)
    return details_of(await read_issue(context.client, name, path, values.number), name)


async def read_issue(client: GithubClient, name: str, path: str, which: int) -> Data:
    """The issue as GitHub has it now."""
    data: Data = await client.rest("GET", f"{path}/issues/{which}", about={"repository": name})
    return data


class UpdateIssueInput(IssueInput):
    """What to change; what is left empty stays as it is."""

    title: str = text("Title", default="", max_length=256)
    body: str | None = text("Text", default=None, widget="markdown", help="Replaces the text.", max_length=MAX_BODY)
    state: Literal["", "open", "closed"] = setting("State", default="")
    reason: Literal["", "completed", "not_planned", "duplicate", "reopened"] = setting("Why", default="")
    labels: list[str] | None = text("Labels", default=None, help="Replaces all labels.", max_length=100)
    assignees: list[str] | None = text("Assignees", default=None, help="Replaces all.", max_length=10)


@github.action(
    "update_issue",
    kind=Kind.EFFECT,
    input=UpdateIssueInput,
    output=IssueDetails,
    title="Change an issue",
    phrase="changes an issue",
    changes=[
        Change("update_issue", look=False, set_semantics=True, undo="Put the old values back", thing="issue", weight=60)
    ],
    keywords=("edit", "close", "reopen"),
    foretell={"update_issue": plans.changed_issue},
)
async def update_issue(context: Context[GithubClient], values: UpdateIssueInput) -> IssueDetails:
    """Change title, text, state, labels or assignees of an issue. What is left empty stays as it is."""
    given = values.model_dump(exclude={"repository", "number", "reason"})
    body = {name: value for name, value in given.items() if value not in (None, "")}
    if values.reason and values.state:
        body["state_reason"] = values.reason
    return await _change(context, "update_issue", values, body)


async def _change(context: Context[GithubClient], op: str, values: IssueInput, body: dict[str, Any]) -> IssueDetails:
    client = context.client
    name, path = place(values.repository)
    if not body:
        raise Rejected("Nothing to change was given.", code="E_REQUIRED", refused=True, hint="Fill in what changes.")

    async def send(key: str) -> Outcome:
        sent = dict(body)
        if "body" in sent:
            before = await read_issue(client, name, path, values.number)
            mark = marker_of(said(before, "body"))
            sent["body"] = with_marker(sent["body"], mark) if mark else sent["body"]
        data: Data = await client.rest("PATCH", f"{path}/issues/{values.number}", body=sent, about={"repository": name})
        need(data, "id", "an issue")
        shown = details_of(data, name)
        return Outcome(str(shown.number), shown.url, shown.model_dump())

    outcome = await context.change(
        Order(
            op=op,
            target={"repository": name, "number": values.number},
            request=body,
            send=send,
            set_semantics=True,
            search_url=page(client, f"{name}/issues/{values.number}"),
        )
    )
    return await shown_after(context, outcome, name, path, values.number)


async def shown_after(
    context: Context[GithubClient], outcome: Outcome, name: str, path: str, which: int
) -> IssueDetails:
    """The issue as the answer showed it; read anew where a person settled the outcome."""
    if "number" in outcome.data:
        return IssueDetails.model_validate(dict(outcome.data))
    return details_of(await read_issue(context.client, name, path, which), name)


class CloseIssueInput(IssueInput):
    """Which issue, and why."""

    reason: Literal["completed", "not_planned", "duplicate"] = setting("Why", default="completed")


@github.action(
    "close_issue",
    kind=Kind.EFFECT,
    input=CloseIssueInput,
    output=IssueDetails,
    title="Close an issue",
    phrase="closes an issue",
    changes=[Change("close_issue", look=False, set_semantics=True, undo="Reopen the issue", thing="issue", weight=60)],
    foretell={"close_issue": plans.changed_issue},
)
async def close_issue(context: Context[GithubClient], values: CloseIssueInput) -> IssueDetails:
    """Close an issue as completed, not planned or a duplicate."""
    return await _change(context, "close_issue", values, {"state": "closed", "state_reason": values.reason})


class ListIssuesInput(Model):
    """Which issues."""

    repository: str = repository_field()
    state: Literal["open", "closed", "all"] = setting("State", default="open")
    labels: list[str] = text("With all these labels", default=[], max_length=20)
    assignee: str = text(
        "Assigned to",
        default="",
        help="A user name, none, or *.",
        max_length=100,
        choices="people",
        depends=["repository"],
    )
    since: str = text("Changed since", default="", help="ISO 8601, such as 2026-11-01T00:00:00Z.", max_length=40)
    pull_requests: bool = setting("Pull requests too", default=False)
    limit: int = setting("At most", default=50, ge=1, le=1000)


class Issues(Model):
    """Issues, newest first."""

    issues: list[IssueDetails]
    count: int
    text: str


def _issues(found: list[IssueDetails]) -> Issues:
    lines = [f"#{one.number} {one.title} ({one.state}{_tags(one)})" for one in found]
    return Issues(issues=found, count=len(found), text="\n".join(lines))


def _tags(one: IssueDetails) -> str:
    return f"; {', '.join(one.labels)}" if one.labels else ""


@github.action(
    "list_issues",
    kind=Kind.READ,
    input=ListIssuesInput,
    output=Issues,
    title="List issues",
    phrase="lists issues",
    keywords=("bugs", "tickets", "backlog"),
)
async def list_issues(context: Context[GithubClient], values: ListIssuesInput) -> Issues:
    """List the issues of a repository, newest first; `text` is one line each."""
    name, path = place(values.repository)
    asked = {"labels": ",".join(values.labels), "assignee": values.assignee, "since": values.since}
    query = {"state": values.state, **{key: value for key, value in asked.items() if value}}
    keep = None if values.pull_requests else _no_pull
    listed = await context.client.rest_pages(
        f"{path}/issues", query, values.limit, keep=keep, about={"repository": name}
    )
    return _issues([details_of(data, name) for data in listed])


def _no_pull(data: Data) -> bool:
    return "pull_request" not in data


class SearchIssuesInput(Model):
    """What to search for."""

    query: str = text(
        "Search", help="As typed into GitHub.", example="repo:octocat/hello is:issue is:open export", min_length=1,
        max_length=256,
    )  # fmt: skip
    limit: int = setting("At most", default=30, ge=1, le=1000)


@github.action(
    "search_issues",
    kind=Kind.READ,
    input=SearchIssuesInput,
    output=Issues,
    title="Search issues",
    phrase="searches issues",
    keywords=("find",),
)
async def search_issues(context: Context[GithubClient], values: SearchIssuesInput) -> Issues:
    """Search issues and pull requests in everything this connection reaches. New ones appear after a moment only."""
    listed = await context.client.rest_pages("/search/issues", {"q": values.query}, values.limit)
    return _issues([details_of(data, "") for data in listed])
