"""Actions on comments and people."""

from __future__ import annotations

from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.errors import Rejected
from integrations.notion import INTEGRATION as notion
from integrations.notion import plans
from integrations.notion.interface import CommentRecord, NotionClient, UserRecord
from integrations.notion.pages import page_field
from integrations.spec import Change, Kind, Model, setting
from integrations.spec import content as text


class CommentInput(Model):
    """What to say, and where."""

    page: str = page_field()
    text: str = text("Text", widget="long", min_length=1, max_length=100_000)


class Comment(Model):
    """A comment."""

    id: str
    text: str
    author: str
    created_time: str


@notion.action(
    "add_comment",
    kind=Kind.EFFECT,
    input=CommentInput,
    output=Comment,
    title="Comment on a page",
    phrase="comments on a page",
    changes=[Change("add_comment", look=True, thing="comment", weight=15)],
    keywords=("discussion", "mention"),
    foretell={"add_comment": plans.new_comment},
)
async def add_comment(context: Context[NotionClient], values: CommentInput) -> Comment:
    """Write a comment on a page. The integration needs the capability “Insert comments”."""
    client = context.client
    page = await client.find_page(values.page)

    async def send(key: str) -> Outcome:
        return _outcome(await client.add_comment(page.id, values.text, key), page.url)

    async def look(what: LookFor) -> Found | None:
        mine = next((one for one in await client.comments(page.id) if one.key == what.key), None)
        made = _outcome(mine, page.url) if mine else None
        return Found(made.external_id, made.external_url, made.data) if made else None

    outcome = await context.change(
        Order(
            op="add_comment",
            target={"page": page.id},
            request={"text": values.text},
            send=send,
            look=look,
            search_url=page.url,
            looks_apart=10.0,
        )
    )
    return Comment(
        id=outcome.external_id,
        text=values.text,
        author=str(outcome.data.get("author", "")),
        created_time=str(outcome.data.get("created_time", "")),
    )


def _outcome(made: CommentRecord, url: str) -> Outcome:
    return Outcome(made.id, url, {"author": made.author, "created_time": made.created_time})


class ListCommentsInput(Model):
    """Which page."""

    page: str = text("Page", help="Id or address of the page.", choices="pages", min_length=1, max_length=1000)


class Comments(Model):
    """The open comments, the oldest first."""

    comments: list[Comment]
    count: int
    text: str


@notion.action(
    "list_comments", kind=Kind.READ, input=ListCommentsInput, output=Comments, title="List comments",
    phrase="lists comments", keywords=("discussion",),
)  # fmt: skip
async def list_comments(context: Context[NotionClient], values: ListCommentsInput) -> Comments:
    """Read the open comments of a page; resolved ones are not shown to integrations."""
    page = await context.client.find_page(values.page)
    found = [
        Comment(id=one.id, text=one.text, author=one.author, created_time=one.created_time)
        for one in await context.client.comments(page.id)
    ]
    return Comments(comments=found, count=len(found), text="\n\n".join(one.text for one in found))


class UsersInput(Model):
    """Whom."""

    query: str = text("Name or mail", default="", help="Empty: everybody.", max_length=200)
    limit: int = setting("At most", default=100, ge=1, le=1000)


class User(Model):
    """A person or bot."""

    id: str
    name: str
    email: str
    kind: str


class Users(Model):
    """Those who were found."""

    users: list[User]
    count: int


def _matches(one: UserRecord, words: str) -> bool:
    return words in one.name.lower() or words in one.email.lower()


@notion.action(
    "list_users", kind=Kind.READ, input=UsersInput, output=Users, title="Find people", phrase="finds people",
    keywords=("users", "members", "person"),
)  # fmt: skip
async def list_users(context: Context[NotionClient], values: UsersInput) -> Users:
    """Find people of the workspace by name or mail; their ids fill properties of type person."""
    words = values.query.strip().lower()
    found = [one for one in await context.client.users() if _matches(one, words)][: values.limit]
    if not found and not words:
        raise Rejected(
            "Notion shows no people.",
            refused=True,
            hint="Give the integration the capability “Read user information” in Notion's settings.",
        )
    shown = [User(id=one.id, name=one.name, email=one.email, kind=one.kind) for one in found]
    return Users(users=shown, count=len(shown))
