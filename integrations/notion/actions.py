"""The actions of Notion: what they take, what they give, and how a change is found again when its answer is lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.errors import Rejected
from integrations.notion import INTEGRATION as notion
from integrations.notion.interface import KEY_PROPERTY, NotionClient, PageRecord, Parent, id_in, marker
from integrations.notion.markdown import split_markdown, top_blocks
from integrations.notion.properties import page_properties, rich_text
from integrations.spec import Change, Kind, Model, setting, target
from integrations.spec import content as text

LOOK_BACK = timedelta(minutes=2)
LOOKS_APART = 10.0


class CreatePageInput(Model):
    """A page to create."""

    parent: str = target(
        "Parent",
        help="Id or address of a database, data source or page.",
        example="your-database-id",
        min_length=1,
        max_length=1000,
    )
    title: str = text("Title", example="Summary of the week", min_length=1, max_length=10_000)
    content: str = text("Content", default="", widget="markdown", help="Markdown of any length.")
    properties: dict[str, Any] = text(
        "Properties", default={}, widget="code", help="Of a database's row, by name.", example={"Status": "New"}
    )


class CreatedPage(Model):
    """The page that was created."""

    id: str
    url: str
    title: str


@notion.action(
    "create_page",
    kind=Kind.EFFECT,
    input=CreatePageInput,
    output=CreatedPage,
    title="Create a page",
    phrase="creates a page",
    changes=[
        Change("create_page", look=True, undo="Move the page to the trash"),
        Change("append", look=True, undo="Remove the blocks"),
    ],
    timeout=120,
    keywords=("row", "entry", "database", "save", "note"),
)
async def create_page(context: Context[NotionClient], values: CreatePageInput) -> CreatedPage:
    """Create a page in a database or below another page, with Markdown of any length as its content."""
    parent = await context.client.find_parent(values.parent)
    properties = page_properties(parent.schema, values.title, values.properties)
    first, *more = split_markdown(values.content)
    made = await context.change(_page_order(context.client, values, parent, properties, first))
    page = _settled(made, values.title, whole=not more)
    for part in more:
        await context.change(_append_order(context.client, page, part))
    return CreatedPage(id=page.id, url=page.url, title=page.title)


def _settled(made: Outcome, title: str, *, whole: bool) -> PageRecord:
    """The page that was made. A person who settled the outcome by hand may have given only its address, or nothing."""
    identifier = made.external_id or (id_in(made.external_url) if made.external_url else "")
    if not identifier and not whole:
        raise Rejected(
            "The page was made, but nobody said which it is, so the rest of its text could not be added.",
            refused=True,
            hint="Add the rest by hand, or run the step again.",
        )
    return PageRecord(identifier, made.external_url, title)


def _page_order(
    client: NotionClient, values: CreatePageInput, parent: Parent, properties: Mapping[str, Any], markdown: str
) -> Order:
    async def send(key: str) -> Outcome:
        keyed = {**properties, KEY_PROPERTY: {"rich_text": rich_text(key)}} if parent.keeps_keys else properties
        body = markdown if parent.keeps_keys else _marked(markdown, key)
        made = await client.create_page(parent, keyed, body)
        return Outcome(made.id, made.url)

    async def look(what: LookFor) -> Found | None:
        made = await client.page_with(parent, what.key, what.sent_at - LOOK_BACK)
        return Found(made.id, made.url) if made else None

    return Order(
        op="create_page",
        target={"parent": values.parent},
        request={"title": values.title, "properties": values.properties, "content": markdown},
        send=send,
        look=look,
        search_url=parent.url,
        looks_apart=LOOKS_APART,
    )


def _marked(markdown: str, key: str) -> str:
    return f"{markdown}\n\n{marker(key)}" if markdown else marker(key)


def _append_order(client: NotionClient, page: PageRecord, markdown: str) -> Order:
    async def send(key: str) -> Outcome:
        await client.append(page.id, _marked(markdown, key))
        return Outcome(page.id, page.url, {"key": key})

    async def look(what: LookFor) -> Found | None:
        found = await client.has_part(page.id, what.key)
        return Found(page.id, page.url, {"key": what.key}) if found else None

    return Order(
        op="append",
        target={"page": page.id},
        request={"content": markdown},
        send=send,
        look=look,
        search_url=page.url,
        looks_apart=LOOKS_APART,
    )


class AppendInput(Model):
    """What to add to a page."""

    page: str = target("Page", help="Id or address of the page.", min_length=1, max_length=1000)
    content: str = text("Content", widget="markdown", help="Markdown of any length.", min_length=1)


class Appended(Model):
    """The blocks that were added."""

    page_id: str
    block_ids: list[str]
    url: str


@notion.action(
    "append",
    kind=Kind.EFFECT,
    input=AppendInput,
    output=Appended,
    title="Append to a page",
    phrase="appends to a page",
    changes=[Change("append", look=True, undo="Remove the blocks")],
    timeout=120,
    keywords=("add", "write", "log", "blocks"),
)
async def append(context: Context[NotionClient], values: AppendInput) -> Appended:
    """Add Markdown of any length to the end of a page."""
    if not values.content.strip():
        raise Rejected("There is nothing to append: the content is empty.", refused=True, hint="Fill in the content.")
    page = await context.client.find_page(values.page)
    parts: dict[str, int] = {}
    for part in split_markdown(values.content):
        outcome = await context.change(_append_order(context.client, page, part))
        parts[str(outcome.data.get("key", ""))] = top_blocks(part)
    parts.pop("", None)  # settled by hand: nobody knows its key
    block_ids = await context.client.blocks_of(page.id, parts) if parts else []
    return Appended(page_id=page.id, block_ids=block_ids, url=page.url)


class SearchInput(Model):
    """What to search for."""

    query: str = text(
        "Words in the title", default="", help="Empty: everything shared with the integration.", max_length=1000
    )
    kind: Literal["page", "data_source", "any"] = setting("Kind", default="any", widget="choice")
    limit: int = setting("At most", default=20, ge=1, le=1000)


class SearchResult(Model):
    """A page or data source."""

    id: str
    kind: str
    title: str
    url: str
    last_edited_time: str


class SearchResults(Model):
    """What was found, the last edited first."""

    results: list[SearchResult]
    count: int


@notion.action(
    "search",
    kind=Kind.READ,
    input=SearchInput,
    output=SearchResults,
    title="Search pages",
    phrase="searches",
    keywords=("find", "list", "database"),
)
async def search(context: Context[NotionClient], values: SearchInput) -> SearchResults:
    """Find pages and databases by the words of their title."""
    found = await context.client.search(values.query, values.kind, values.limit)
    results = [SearchResult(**vars(thing)) for thing in found]
    return SearchResults(results=results, count=len(results))
