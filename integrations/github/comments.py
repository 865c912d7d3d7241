"""Actions on the discussion under an issue or pull request."""

from __future__ import annotations

from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.github import INTEGRATION as github
from integrations.github import plans
from integrations.github.common import Data, check_length, login, need, number, page, place, said, since
from integrations.github.interface import MAX_BODY, GithubClient, marker_of, with_marker
from integrations.github.issues import IssueInput
from integrations.github.shapes import unmarked
from integrations.spec import Change, Kind, Model, setting
from integrations.spec import content as text


class CommentInput(IssueInput):
    """What to say."""

    body: str = text("Text", widget="markdown", help="Markdown.", min_length=1, max_length=MAX_BODY)


class Comment(Model):
    """A comment."""

    id: int
    url: str
    author: str
    body: str
    created_at: str


def comment_of(data: Data) -> Comment:
    """A comment out of GitHub's JSON, without our hidden marker."""
    return Comment(
        id=number(data, "id"),
        url=said(data, "html_url"),
        author=login(data),
        body=unmarked(said(data, "body")),
        created_at=said(data, "created_at"),
    )


@github.action(
    "comment",
    kind=Kind.EFFECT,
    input=CommentInput,
    output=Comment,
    title="Comment on an issue",
    phrase="comments on an issue",
    changes=[Change("comment", look=True, undo="Delete the comment", thing="comment", weight=30)],
    keywords=("reply", "answer"),
    foretell={"comment": plans.new_comment},
)
async def comment(context: Context[GithubClient], values: CommentInput) -> Comment:
    """Write a comment under an issue or pull request."""
    client = context.client
    name, path = place(values.repository)
    where = f"{path}/issues/{values.number}/comments"
    check_length(values.body)

    async def send(key: str) -> Outcome:
        data: Data = await client.rest(
            "POST", where, body={"body": with_marker(values.body, key)}, about={"repository": name}
        )
        return _comment_outcome(data)

    async def look(what: LookFor) -> Found | None:
        query = {"since": since(what.sent_at)}
        listed = await client.rest_pages(where, query, None, about={"repository": name})
        mine = next((data for data in listed if marker_of(said(data, "body")) == what.key), None)
        made = _comment_outcome(mine) if mine else None
        return Found(made.external_id, made.external_url, made.data) if made else None

    outcome = await context.change(
        Order(
            op="comment",
            target={"repository": name, "number": values.number},
            request={"body": values.body},
            send=send,
            look=look,
            search_url=page(client, f"{name}/issues/{values.number}"),
        )
    )
    return Comment(
        id=int(outcome.external_id) if outcome.external_id.isdigit() else 0,
        url=outcome.external_url,
        author=str(outcome.data.get("author", "")),
        body=values.body,
        created_at=str(outcome.data.get("created_at", "")),
    )


def _comment_outcome(data: Data) -> Outcome:
    need(data, "id", "a comment")
    shown = comment_of(data)
    return Outcome(str(shown.id), shown.url, {"author": shown.author, "created_at": shown.created_at})


class ListCommentsInput(IssueInput):
    """How many."""

    limit: int = setting("At most", default=100, ge=1, le=1000)


class Comments(Model):
    """Comments, oldest first."""

    comments: list[Comment]
    count: int
    text: str


@github.action(
    "list_comments",
    kind=Kind.READ,
    input=ListCommentsInput,
    output=Comments,
    title="List comments",
    phrase="lists comments",
    keywords=("discussion", "thread"),
)
async def list_comments(context: Context[GithubClient], values: ListCommentsInput) -> Comments:
    """Read the discussion under an issue or pull request; `text` is all of it, readable."""
    name, path = place(values.repository)
    where = f"{path}/issues/{values.number}/comments"
    listed = await context.client.rest_pages(where, {}, values.limit, about={"repository": name})
    found = [comment_of(data) for data in listed]
    words = "\n\n".join(f"{one.author}, {one.created_at}:\n{one.body}" for one in found)
    return Comments(comments=found, count=len(found), text=words)
