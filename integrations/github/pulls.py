"""Actions on pull requests: open, read, list, review, ask for review, merge."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote

from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.errors import Rejected
from integrations.github import INTEGRATION as github
from integrations.github import plans
from integrations.github.common import (
    Data,
    check_length,
    names,
    need,
    page,
    place,
    repository_field,
    said,
)
from integrations.github.interface import GithubClient, marker_of, with_marker
from integrations.github.issues import number_field
from integrations.github.repositories import ChangedFile, file_of
from integrations.github.shapes import PullDetails, pull_of
from integrations.spec import Change, Kind, Model, setting, target
from integrations.spec import content as text


class PullInput(Model):
    """Which pull request."""

    repository: str = repository_field()
    number: int = number_field()


async def _pull(client: GithubClient, name: str, root: str, which: int) -> Data:
    data: Data = await client.rest("GET", f"{root}/pulls/{which}", about={"repository": name})
    return data


@github.action(
    "get_pull", kind=Kind.READ, input=PullInput, output=PullDetails, title="Get a pull request",
    phrase="reads a pull request", keywords=("pr",),
)  # fmt: skip
async def get_pull(context: Context[GithubClient], values: PullInput) -> PullDetails:
    """Read a pull request: title, text, branches, whether it is merged."""
    name, root = place(values.repository)
    return pull_of(await _pull(context.client, name, root, values.number), name)


class PullFiles(Model):
    """What a pull request changes; `diff` is all of it as text, as far as GitHub shows it."""

    files: list[ChangedFile]
    count: int
    additions: int
    deletions: int
    diff: str


@github.action(
    "get_pull_files", kind=Kind.READ, input=PullInput, output=PullFiles, title="Get the changes of a pull request",
    phrase="reads the changes of a pull request", keywords=("diff", "pr", "review"),
)  # fmt: skip
async def get_pull_files(context: Context[GithubClient], values: PullInput) -> PullFiles:
    """List the files that a pull request changes, with their differences, ready for a model to review."""
    name, root = place(values.repository)
    listed = await context.client.rest_pages(
        f"{root}/pulls/{values.number}/files", {}, 3000, about={"repository": name}
    )
    files = [file_of(data) for data in listed]
    diff = "\n".join(f"--- {one.path} ({one.status})\n{one.patch}" for one in files)
    return PullFiles(
        files=files,
        count=len(files),
        additions=sum(one.additions for one in files),
        deletions=sum(one.deletions for one in files),
        diff=diff[:400_000],
    )


class ListPullsInput(Model):
    """Which pull requests."""

    repository: str = repository_field()
    state: Literal["open", "closed", "all"] = setting("State", default="open")
    base: str = text("Into", default="", help="A branch.", max_length=250, choices="branches", depends=["repository"])
    limit: int = setting("At most", default=50, ge=1, le=1000)


class Pulls(Model):
    """Pull requests, newest first."""

    pulls: list[PullDetails]
    count: int
    text: str


@github.action(
    "list_pulls", kind=Kind.READ, input=ListPullsInput, output=Pulls, title="List pull requests",
    phrase="lists pull requests", keywords=("pr", "reviews"),
)  # fmt: skip
async def list_pulls(context: Context[GithubClient], values: ListPullsInput) -> Pulls:
    """List the pull requests of a repository, newest first; `text` is one line each."""
    name, root = place(values.repository)
    query = {"state": values.state, **({"base": values.base} if values.base else {})}
    listed = await context.client.rest_pages(f"{root}/pulls", query, values.limit, about={"repository": name})
    found = [pull_of(data, name) for data in listed]
    lines = [f"#{one.number} {one.title} ({one.state}, {one.author})" for one in found]
    return Pulls(pulls=found, count=len(found), text="\n".join(lines))


class CreatePullInput(Model):
    """What to propose."""

    repository: str = repository_field()
    title: str = text("Title", min_length=1, max_length=256)
    head: str = target(
        "Branch with the changes", min_length=1, max_length=250, choices="branches", depends=["repository"]
    )
    base: str = target(
        "Into",
        default="",
        help="Empty: the default branch.",
        max_length=250,
        choices="branches",
        depends=["repository"],
    )
    body: str = text("Text", default="", widget="markdown", max_length=60_000)
    draft: bool = setting("As a draft", default=False)


@github.action(
    "create_pull",
    kind=Kind.EFFECT,
    input=CreatePullInput,
    output=PullDetails,
    title="Open a pull request",
    phrase="opens a pull request",
    changes=[Change("create_pull", look=True, undo="Close the pull request", thing="pull request", weight=45)],
    keywords=("pr", "propose"),
    foretell={"create_pull": plans.new_pull},
)
async def create_pull(context: Context[GithubClient], values: CreatePullInput) -> PullDetails:
    """Open a pull request from one branch into another."""
    name, root = place(values.repository)
    base = values.base.strip() or await context.client.default_branch(name)
    return await open_pull(
        context, name, root, values.head.strip(), base, values.title, values.body, draft=values.draft
    )


async def open_pull(
    context: Context[GithubClient], name: str, root: str, head: str, base: str, title: str, body: str, *, draft: bool
) -> PullDetails:
    """The change itself: a pull request that carries our marker."""
    client = context.client
    check_length(body)
    about = {"repository": name, "branch": head}

    async def send(key: str) -> Outcome:
        sent: dict[str, Any] = {"title": title, "head": head, "base": base, "body": with_marker(body, key)}
        data: Data = await client.rest("POST", f"{root}/pulls", body={**sent, "draft": draft}, about=about)
        return _pull_outcome(data, name)

    async def look(what: LookFor) -> Found | None:
        query = {"state": "all", "head": f"{name.partition('/')[0]}:{head}"}
        listed = await client.rest_pages(f"{root}/pulls", query, 100, about=about)
        mine = next((data for data in listed if marker_of(said(data, "body")) == what.key), None)
        made = _pull_outcome(mine, name) if mine else None
        return Found(made.external_id, made.external_url, made.data) if made else None

    outcome = await context.change(
        Order(
            op="create_pull",
            target={"repository": name, "head": head, "base": base},
            request={"title": title, "body": body, "draft": draft},
            send=send,
            look=look,
            search_url=page(client, f"{name}/pulls?q={quote(f'is:pr head:{head}')}"),
        )
    )
    if "number" in outcome.data:
        return PullDetails.model_validate(dict(outcome.data))
    which = outcome.external_url.rpartition("/")[2]
    if not which.isdigit():
        raise Rejected("The address of the pull request is not known.", hint="Settle it with its address.")
    return pull_of(await _pull(client, name, root, int(which)), name)


def _pull_outcome(data: Data, name: str) -> Outcome:
    need(data, "id", "a pull request")
    shown = pull_of(data, name)
    return Outcome(str(shown.id), shown.url, shown.model_dump())


class ReviewInput(PullInput):
    """What the review says."""

    verdict: Literal["comment", "approve", "request_changes"] = setting("Verdict", default="comment")
    body: str = text("Text", default="", widget="markdown", help="Needed unless you approve.", max_length=60_000)


class Review(Model):
    """A review."""

    id: int
    url: str
    state: str


EVENTS = {"comment": "COMMENT", "approve": "APPROVE", "request_changes": "REQUEST_CHANGES"}


@github.action(
    "review_pull",
    kind=Kind.EFFECT,
    input=ReviewInput,
    output=Review,
    title="Review a pull request",
    phrase="reviews a pull request",
    changes=[Change("review_pull", look=True, undo="Dismiss the review", thing="review", weight=25)],
    keywords=("pr", "approve"),
    foretell={"review_pull": plans.new_review},
)
async def review_pull(context: Context[GithubClient], values: ReviewInput) -> Review:
    """Comment on a pull request as a review, approve it, or ask for changes."""
    client = context.client
    name, root = place(values.repository)
    where = f"{root}/pulls/{values.number}/reviews"
    if values.verdict != "approve" and not values.body.strip():
        raise Rejected("A review needs a text unless it approves.", code="E_REQUIRED", refused=True, hint="Write one.")
    check_length(values.body)

    async def send(key: str) -> Outcome:
        body = {"event": EVENTS[values.verdict], "body": with_marker(values.body, key)}
        return _review_outcome(await client.rest("POST", where, body=body, about={"repository": name}))

    async def look(what: LookFor) -> Found | None:
        listed = await client.rest_pages(where, {}, None, about={"repository": name})
        mine = next((data for data in listed if marker_of(said(data, "body")) == what.key), None)
        made = _review_outcome(mine) if mine else None
        return Found(made.external_id, made.external_url, made.data) if made else None

    outcome = await context.change(
        Order(
            op="review_pull",
            target={"repository": name, "number": values.number},
            request={"verdict": values.verdict, "body": values.body},
            send=send,
            look=look,
            search_url=page(client, f"{name}/pull/{values.number}"),
        )
    )
    return Review(
        id=int(outcome.external_id) if outcome.external_id.isdigit() else 0,
        url=outcome.external_url,
        state=str(outcome.data.get("state", "")),
    )


def _review_outcome(data: Data) -> Outcome:
    return Outcome(str(need(data, "id", "a review")), said(data, "html_url"), {"state": said(data, "state").lower()})


class ReviewersInput(PullInput):
    """Whom to ask."""

    reviewers: list[str] = text("Reviewers", help="GitHub user names.", min_length=1, max_length=15)


class Reviewers(Model):
    """Who is asked now."""

    reviewers: list[str]


@github.action(
    "request_reviewers",
    kind=Kind.EFFECT,
    input=ReviewersInput,
    output=Reviewers,
    title="Ask for a review",
    phrase="asks for a review",
    changes=[
        Change(
            "request_reviewers",
            look=False,
            set_semantics=True,
            undo="Take the request back",
            thing="review request",
            weight=25,
        )
    ],
    foretell={"request_reviewers": plans.asked_reviewers},
)
async def request_reviewers(context: Context[GithubClient], values: ReviewersInput) -> Reviewers:
    """Ask people to review a pull request."""
    client = context.client
    name, root = place(values.repository)

    async def send(key: str) -> Outcome:
        where = f"{root}/pulls/{values.number}/requested_reviewers"
        data: Data = await client.rest("POST", where, body={"reviewers": values.reviewers}, about={"repository": name})
        return Outcome(
            str(values.number), said(data, "html_url"), {"asked": names(data, "requested_reviewers", "login")}
        )

    outcome = await context.change(
        Order(
            op="request_reviewers",
            target={"repository": name, "number": values.number},
            request={"reviewers": values.reviewers},
            send=send,
            set_semantics=True,
            search_url=page(client, f"{name}/pull/{values.number}"),
        )
    )
    asked = outcome.data.get("asked")
    return Reviewers(reviewers=asked if isinstance(asked, list) else values.reviewers)


class MergeInput(PullInput):
    """How to merge."""

    method: Literal["merge", "squash", "rebase"] = setting("How", default="merge")
    title: str = text("Commit title", default="", help="Empty: GitHub's own.", max_length=256)
    expect_sha: str = setting("Only at this commit", default="", help="The sha that was reviewed.", max_length=40)


class Merged(Model):
    """The merge."""

    sha: str
    url: str
    already: bool


@github.action(
    "merge_pull",
    kind=Kind.EFFECT,
    input=MergeInput,
    output=Merged,
    title="Merge a pull request",
    phrase="merges a pull request",
    changes=[Change("merge_pull", look=True, thing="merge", weight=8)],
    keywords=("pr",),
    foretell={"merge_pull": plans.merged},
)
async def merge_pull(context: Context[GithubClient], values: MergeInput) -> Merged:
    """Merge a pull request as it was when this step read it; one that is merged already is no error."""
    client = context.client
    name, root = place(values.repository)
    before = await _pull(client, name, root, values.number)
    if pull_of(before, name).merged and not context.earlier_change:
        return Merged(sha=said(before, "merge_commit_sha"), url=said(before, "html_url"), already=True)
    sha = values.expect_sha or pull_of(before, name).head_sha

    async def send(key: str) -> Outcome:
        body = {"merge_method": values.method, "sha": sha, **({"commit_title": values.title} if values.title else {})}
        data: Data = await client.rest(
            "PUT", f"{root}/pulls/{values.number}/merge", body=body, about={"repository": name}
        )
        return Outcome(str(need(data, "sha", "a merge")), said(before, "html_url"))

    async def look(what: LookFor) -> Found | None:
        now = await _pull(client, name, root, values.number)
        merged = pull_of(now, name).merged
        return Found(said(now, "merge_commit_sha"), said(now, "html_url")) if merged else None

    outcome = await context.change(
        Order(
            op="merge_pull",
            target={"repository": name, "number": values.number},
            request={"method": values.method, "sha": sha, "title": values.title},
            send=send,
            look=look,
            search_url=page(client, f"{name}/pull/{values.number}"),
        )
    )
    return Merged(sha=outcome.external_id, url=outcome.external_url, already=False)
