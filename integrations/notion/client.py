"""Notion through notion-client: an explicit version of the API, one request for each change, the SDK's retries off."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from integrations.context import Calls, ConnectionInfo, ConnectionReport
from integrations.errors import Rejected, ServiceError, Unavailable
from integrations.http_failures import from_transport, unreadable
from integrations.notion.failures import SERVICE, failure
from integrations.notion.interface import (
    KEY_PROPERTY,
    FoundThing,
    PageRecord,
    Parent,
    holds,
    id_in,
    not_shared,
    part_ids,
)
from integrations.notion.properties import title_of
from integrations.notion.reach import Reach, pages, results

if TYPE_CHECKING:
    from notion_client import AsyncClient

T = TypeVar("T")
Body = dict[str, Any]
HOST = "https://api.notion.com"
VERSION = "2025-09-03"
PAGE_SIZE = 100
MOST_CANDIDATES = 100
MOST_PARENTS, PARENT_SECONDS = 200, 30.0


def connect(info: ConnectionInfo, calls: Calls) -> RealNotion:
    """The client of a connection."""
    return RealNotion(info, calls)


class RealNotion(Reach):
    """`interface.NotionClient` over notion-client."""

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self._base_url = (info.base_url or HOST).rstrip("/").removesuffix("/v1")
        self._token = info.secret.get("token", "")
        self._calls = calls
        self._parents: dict[str, tuple[float, Parent]] = {}

    async def find_parent(self, reference: str) -> Parent:
        """A database's only data source, a data source, or a page, whichever the id belongs to.

        Kept for half a minute: a loop that fills a database asks for its schema once, not for each row.
        """
        kept = self._parents.get(reference)
        if kept and time.monotonic() < kept[0]:
            return kept[1]
        parent = await self._find_parent(reference)
        if len(self._parents) >= MOST_PARENTS:
            self._parents.clear()
        self._parents[reference] = (time.monotonic() + PARENT_SECONDS, parent)
        return parent

    async def _find_parent(self, reference: str) -> Parent:
        identifier = id_in(reference)

        async def read(sdk: AsyncClient) -> Parent:
            if database := await _unless_absent(sdk.databases.retrieve(identifier)):
                identifier_of_source = _only_source(database, reference)
                return _source(await sdk.data_sources.retrieve(identifier_of_source), database)
            if source := await _unless_absent(sdk.data_sources.retrieve(identifier)):
                return _source(source, source)
            if page := await _unless_absent(sdk.pages.retrieve(identifier)):
                made = _page(page)
                return Parent("page", made.id, made.title, made.url, {"title": {"type": "title"}})
            words, hint = not_shared(reference)
            raise Rejected(f"{words}.", status=404, refused=True, hint=hint)

        return await self._call(read, reference)

    async def find_page(self, reference: str) -> PageRecord:
        """The page; a database is told apart, for it cannot be appended to."""
        identifier = id_in(reference)

        async def read(sdk: AsyncClient) -> PageRecord:
            if page := await _unless_absent(sdk.pages.retrieve(identifier)):
                return _page(page)
            if await _unless_absent(sdk.databases.retrieve(identifier)):
                raise Rejected(
                    f"{reference[:120]} is a database, not a page.",
                    status=404,
                    refused=True,
                    hint="Use “Create a page” to add a row to it, or name one of its pages.",
                )
            words, hint = not_shared(reference)
            raise Rejected(f"{words}.", status=404, refused=True, hint=hint)

        return await self._call(read, reference)

    async def create_page(self, parent: Parent, properties: Mapping[str, Any], markdown: str) -> PageRecord:
        """Reference: https://developers.notion.com/reference/post-page."""
        where = {"type": f"{parent.kind}_id", f"{parent.kind}_id": parent.id}
        body: Body = {"parent": where, "properties": dict(properties)} | ({"markdown": markdown} if markdown else {})

        async def write(sdk: AsyncClient) -> PageRecord:
            return _page(await sdk.pages.create(**body))

        try:
            return await self._call(write, parent.id)
        except ServiceError:
            self._parents.clear()  # perhaps its schema has changed
            raise

    async def page_with(self, parent: Parent, key: str, since: datetime) -> PageRecord | None:
        """By the key property where there is one, else by the marker in the pages made since then."""

        async def look(sdk: AsyncClient) -> PageRecord | None:
            if parent.keeps_keys:
                test = {"property": KEY_PROPERTY, "rich_text": {"equals": key}}
                async for row in pages(sdk.data_sources.query, data_source_id=parent.id, filter=test):
                    return _page(row)
                return None
            examined = 0
            async for identifier in _made_since(sdk, parent, since):
                examined += 1
                if examined > MOST_CANDIDATES:
                    raise Unavailable(f"More than {MOST_CANDIDATES} pages were made there since; it cannot be told.")
                if await _holds(sdk, identifier, key):
                    return _page(await sdk.pages.retrieve(identifier))
            return None

        return await self._call(look, parent.id)

    async def append(self, page_id: str, markdown: str) -> None:
        """Reference: https://developers.notion.com/reference/update-page-markdown."""

        async def write(sdk: AsyncClient) -> None:
            change = {"content": markdown, "position": {"type": "end"}}
            answer = await sdk.pages.update_markdown(page_id, type="insert_content", insert_content=change)
            _need(answer, "id", "a page")

        await self._call(write, page_id)

    async def has_part(self, page_id: str, key: str) -> bool:
        """Look for the marker among the page's blocks."""
        return await self._call(lambda sdk: _holds(sdk, page_id, key), page_id)

    async def blocks_of(self, page_id: str, parts: Mapping[str, int]) -> list[str]:
        """Reference: https://developers.notion.com/reference/get-block-children."""

        async def read(sdk: AsyncClient) -> list[str]:
            return part_ids([block async for block in pages(sdk.blocks.children.list, block_id=page_id)], parts)

        return await self._call(read, page_id)

    async def search(self, query: str, kind: str, limit: int) -> list[FoundThing]:
        """Reference: https://developers.notion.com/reference/post-search."""
        ask: Body = {"query": query} if query else {}
        ask["sort"] = {"timestamp": "last_edited_time", "direction": "descending"}
        if kind != "any":
            ask["filter"] = {"property": "object", "value": kind}

        async def read(sdk: AsyncClient) -> list[FoundThing]:
            found: list[FoundThing] = []
            async for thing in pages(sdk.search, page_size=min(limit, PAGE_SIZE), **ask):
                found.append(_found(thing))
                if len(found) == limit:
                    break
            return found

        return await self._call(read)

    async def describe(self) -> ConnectionReport:
        """Who the token is, and what is shared with it."""

        async def read(sdk: AsyncClient) -> ConnectionReport:
            me = await sdk.users.me()
            first = await sdk.search(page_size=PAGE_SIZE)
            return _report(me, results(first), more=bool(first.get("has_more")))

        return await self._call(read)

    # ---- The one way out -----------------------------------------------------------------------------------------

    async def _call(self, function: Callable[[AsyncClient], Awaitable[T]], reference: str = "") -> T:
        from integrations.notion.wire import open_notion

        try:
            async with open_notion(self._base_url, self._token, VERSION, self._calls) as sdk:
                return await function(sdk)
        except Exception as problem:
            raise _failure(problem, reference) from problem


def _failure(problem: Exception, reference: str) -> ServiceError:
    from notion_client.errors import HTTPResponseError

    if isinstance(problem, ServiceError):
        return problem
    if isinstance(problem, HTTPResponseError):
        code = str(getattr(problem.code, "value", problem.code))
        said = str(problem)
        return failure(
            problem.status, "" if "response_error" in code else code, said, problem.headers, reference=reference
        )
    if isinstance(problem, (KeyError, TypeError, AttributeError, ValueError)):
        return unreadable(SERVICE, "what Notion promises")
    return from_transport(SERVICE, problem)


async def _unless_absent(call: Awaitable[Any]) -> Body | None:
    """What is there, or None where Notion knows nothing of that kind under the id."""
    from notion_client.errors import APIResponseError

    try:
        found: Body = await call
    except APIResponseError as problem:
        if problem.status == 404 or (problem.status == 400 and " is a " in str(problem)):
            return None
        raise
    return found


async def _made_since(sdk: AsyncClient, parent: Parent, since: datetime) -> AsyncIterator[str]:
    """The ids of the pages made below a parent since then; Notion's times are whole minutes."""
    start = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")
    if parent.kind == "data_source":
        test = {"timestamp": "created_time", "created_time": {"on_or_after": start}}
        async for row in pages(sdk.data_sources.query, data_source_id=parent.id, filter=test):
            yield str(row["id"])
        return
    async for block in pages(sdk.blocks.children.list, block_id=parent.id):
        if block.get("type") == "child_page" and str(block.get("created_time", "")) >= start:
            yield str(block["id"])


async def _holds(sdk: AsyncClient, page_id: str, key: str) -> bool:
    async for block in pages(sdk.blocks.children.list, block_id=page_id):
        if holds(block, key):
            return True
    return False


def _need(data: Any, name: str, what: str) -> Any:
    if not isinstance(data, dict) or not data.get(name):
        raise unreadable(SERVICE, what)
    return data[name]


def _only_source(database: Body, reference: str) -> str:
    sources = [source for source in database.get("data_sources") or () if isinstance(source, dict)]
    if len(sources) == 1:
        return str(sources[0]["id"])
    if not sources:
        raise Rejected(
            f"The database {reference[:120]} shows no data source.",
            refused=True,
            hint="Linked databases cannot be written to: name the original one.",
        )
    names = "; ".join(f"{source.get('name') or 'untitled'}: {source['id']}" for source in sources[:10])
    raise Rejected(
        f"The database {reference[:120]} has {len(sources)} data sources.",
        refused=True,
        hint=f"Name the one you mean by its own id. {names}",
    )


def _source(source: Any, shown: Body) -> Parent:
    schema = {name: spec for name, spec in (source.get("properties") or {}).items() if isinstance(spec, dict)}
    return Parent(
        "data_source", str(_need(source, "id", "a data source")), title_of(shown), str(shown.get("url") or ""), schema
    )


def _page(data: Any) -> PageRecord:
    return PageRecord(str(_need(data, "id", "a page")), str(data.get("url") or ""), title_of(data))


def _found(thing: Body) -> FoundThing:
    return FoundThing(
        id=str(_need(thing, "id", "a page")),
        kind=str(thing.get("object") or "page"),
        title=title_of(thing),
        url=str(thing.get("url") or ""),
        last_edited_time=str(thing.get("last_edited_time") or ""),
    )


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def _report(me: Any, shared: list[Body], *, more: bool) -> ConnectionReport:
    name = str((me if isinstance(me, dict) else {}).get("name") or "the integration")
    place = str(((me or {}).get("bot") or {}).get("workspace_name") or "")
    sources = sum(thing.get("object") == "data_source" for thing in shared)
    pages = len(shared) - sources
    held = f"{'at least ' if more else ''}{_counted(pages, 'page')} and {_counted(sources, 'database')}"
    summary = f"Connected as {name}{f' in {place}' if place else ''}; {held} shared."
    titles = list(chain(title_of(thing) for thing in shared if thing.get("object") == "data_source"))[:5]
    can: tuple[str, ...] = (f"read {held}",) if shared else ()
    if titles:
        can += (f"work with the databases {', '.join(title or 'untitled' for title in titles)}",)
    nothing = ("no page is shared with the integration: open one in Notion → ••• → Connections → add it",)
    return ConnectionReport(ok=bool(shared), summary=summary, can=can, missing=() if shared else nothing)
