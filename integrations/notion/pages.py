"""Actions on pages: create, append, search, read, change, move, trash; and how a change is found again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.errors import Rejected
from integrations.notion import INTEGRATION as notion
from integrations.notion import plans
from integrations.notion.interface import KEY_PROPERTY, NotionClient, PageRecord, Parent, id_in, marker
from integrations.notion.markdown import split_markdown, top_blocks
from integrations.notion.properties import changed_properties, page_properties, rich_text
from integrations.notion.shapes import PageDetails, shown_page
from integrations.spec import Change, Kind, Model, setting, target
from integrations.spec import content as text

LOOK_BACK = timedelta(minutes=2)
LOOKS_APART = 10.0


def parent_field(label: str = "Parent") -> Any:
    """The input that says where a page goes."""
    return target(
        label,
        help="Id or address of a database, data source or page.",
        example="your-database-id",
        choices="places",
        min_length=1,
        max_length=1000,
    )


def page_field() -> Any:
    """The input that says which page is changed."""
    return target("Page", help="Id or address of the page.", choices="pages", min_length=1, max_length=1000)


class CreatePageInput(Model):
    """A page to create."""

    parent: str = parent_field()
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
        Change("create_page", look=True, undo="Move the page to the trash", thing="page", weight=20),
        Change("append", look=True, undo="Remove the blocks", thing="page", weight=25),
    ],
    timeout=120,
    keywords=("row", "entry", "database", "save", "note"),
    foretell={"create_page": plans.new_page, "append": plans.added_part},
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

    page: str = page_field()
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
    changes=[Change("append", look=True, undo="Remove the blocks", thing="page", weight=25)],
    timeout=120,
    keywords=("add", "write", "log", "blocks"),
    foretell={"append": plans.added_part},
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


class GetPageInput(Model):
    """Which page."""

    page: str = text("Page", help="Id or address of the page.", choices="pages", min_length=1, max_length=1000)
    content: bool = setting("With its content", default=True)


@notion.action(
    "get_page", kind=Kind.READ, input=GetPageInput, output=PageDetails, title="Read a page", phrase="reads a page",
    keywords=("content", "markdown", "properties"),
)  # fmt: skip
async def get_page(context: Context[NotionClient], values: GetPageInput) -> PageDetails:
    """Read a page: its properties, and its content as Markdown."""
    found = await context.client.find_page(values.page)
    row = await context.client.page(found.id)
    return shown_page(row, await context.client.markdown(found.id) if values.content else "")


class UpdatePageInput(Model):
    """What to change; what is left out stays as it is."""

    page: str = page_field()
    title: str = text("Title", default="", max_length=10_000)
    properties: dict[str, Any] = text(
        "Properties", default={}, widget="code", help="By name; null empties one.", example={"Status": "Done"}
    )


@notion.action(
    "update_page",
    kind=Kind.EFFECT,
    input=UpdatePageInput,
    output=PageDetails,
    title="Change a page",
    phrase="changes a page",
    changes=[
        Change("update_page", look=False, set_semantics=True, undo="Put the old values back", thing="page", weight=25)
    ],
    keywords=("set", "status", "property", "row"),
    foretell={"update_page": plans.set_properties},
)
async def update_page(context: Context[NotionClient], values: UpdatePageInput) -> PageDetails:
    """Set the title or properties of a page, by the real schema of its database."""
    if not values.title.strip() and not values.properties:
        raise Rejected("Nothing to change was given.", code="E_REQUIRED", refused=True, hint="Fill in what changes.")
    page = await context.client.find_page(values.page)
    schema = await context.client.schema_of(page.id)
    given = changed_properties(schema, values.title, values.properties)
    return await set_properties(context, page, given, {"title": values.title, "properties": values.properties})


async def set_properties(
    context: Context[NotionClient], page: PageRecord, given: Mapping[str, Any], shown: Mapping[str, Any]
) -> PageDetails:
    """The change itself; doing it twice sets the same values."""
    client = context.client

    async def send(key: str) -> Outcome:
        row = await client.update_page(page.id, given)
        return Outcome(row.id, row.url, shown_page(row).model_dump())

    outcome = await context.change(_set_order("update_page", page, shown, send))
    return await _after(context, outcome, page)


def _set_order(op: str, page: PageRecord, request: Any, send: Any) -> Order:
    return Order(
        op=op, target={"page": page.id}, request=request, send=send, set_semantics=True, search_url=page.url
    )  # fmt: skip


async def _after(context: Context[NotionClient], outcome: Outcome, page: PageRecord) -> PageDetails:
    """The page as the answer showed it; read anew where a person settled the outcome."""
    if "properties" in outcome.data:
        return PageDetails.model_validate(dict(outcome.data))
    return shown_page(await context.client.page(page.id))


class PageInput(Model):
    """Which page."""

    page: str = page_field()


async def _trash(context: Context[NotionClient], op: str, reference: str, *, back: bool) -> PageDetails:
    """Into the trash or out of it; a page that is there already is no error. Notion refuses to trash a page twice, so a
    lost answer is looked up, not sent again."""
    client = context.client
    page = await client.find_page(reference)
    before = await client.page(page.id)
    if before.in_trash is not back and not context.earlier_change:
        return shown_page(before)

    async def send(key: str) -> Outcome:
        row = await client.put_in_trash(page.id, back=back)
        return Outcome(row.id, row.url, shown_page(row).model_dump())

    async def look(what: LookFor) -> Found | None:
        row = await client.page(page.id)
        return Found(row.id, row.url, shown_page(row).model_dump()) if row.in_trash is not back else None

    order = Order(op=op, target={"page": page.id}, request={}, send=send, look=look, search_url=page.url)
    return await _after(context, await context.change(order), page)


@notion.action(
    "archive_page",
    kind=Kind.EFFECT,
    input=PageInput,
    output=PageDetails,
    title="Move a page to the trash",
    phrase="moves a page to the trash",
    changes=[Change("archive_page", look=True, undo="Take it out of the trash", thing="page", weight=22)],
    keywords=("archive", "delete", "remove"),
    foretell={"archive_page": plans.trashed},
)
async def archive_page(context: Context[NotionClient], values: PageInput) -> PageDetails:
    """Move a page to Notion's trash, where it can be taken out again."""
    return await _trash(context, "archive_page", values.page, back=False)


@notion.action(
    "restore_page",
    kind=Kind.EFFECT,
    input=PageInput,
    output=PageDetails,
    title="Take a page out of the trash",
    phrase="takes a page out of the trash",
    changes=[Change("restore_page", look=True, undo="Move it to the trash", thing="page", weight=60)],
    keywords=("unarchive",),
    foretell={"restore_page": plans.trashed},
)
async def restore_page(context: Context[NotionClient], values: PageInput) -> PageDetails:
    """Take a page out of Notion's trash."""
    return await _trash(context, "restore_page", values.page, back=True)


class MovePageInput(PageInput):
    """Where to."""

    parent: str = parent_field("New parent")


@notion.action(
    "move_page",
    kind=Kind.EFFECT,
    input=MovePageInput,
    output=PageDetails,
    title="Move a page",
    phrase="moves a page",
    changes=[Change("move_page", look=False, set_semantics=True, undo="Move it back", thing="page", weight=30)],
    foretell={"move_page": plans.moved},
)
async def move_page(context: Context[NotionClient], values: MovePageInput) -> PageDetails:
    """Move a page below another page or into a database."""
    client = context.client
    page, parent = await client.find_page(values.page), await client.find_parent(values.parent)

    async def send(key: str) -> Outcome:
        row = await client.move_page(page.id, parent)
        return Outcome(row.id, row.url, shown_page(row).model_dump())

    return await _after(context, await context.change(_set_order("move_page", page, {"parent": parent.id}, send)), page)


class ReplaceInput(PageInput):
    """The new content."""

    content: str = text("Content", widget="markdown", help="Markdown; replaces all there is.", min_length=1)


class Replaced(Model):
    """The page."""

    page_id: str
    url: str


@notion.action(
    "replace_content",
    kind=Kind.EFFECT,
    input=ReplaceInput,
    output=Replaced,
    title="Replace the content of a page",
    phrase="replaces the content of a page",
    changes=[
        Change(
            "replace_content", look=False, set_semantics=True, undo="Put the old content back", thing="page", weight=18
        )
    ],
    timeout=120,
    keywords=("rewrite", "overwrite"),
    foretell={"replace_content": plans.other_content},
)
async def replace_content(context: Context[NotionClient], values: ReplaceInput) -> Replaced:
    """Replace all content of a page with Markdown. Notion refuses it where a page or database inside would go."""
    client = context.client
    page = await client.find_page(values.page)

    async def send(key: str) -> Outcome:
        await client.replace_content(page.id, values.content)
        return Outcome(page.id, page.url)

    await context.change(_set_order("replace_content", page, {"content": values.content}, send))
    return Replaced(page_id=page.id, url=page.url)
