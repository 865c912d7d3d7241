"""The rest of what the real client does: pages, rows, comments, people and uploads."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from integrations.context import Choice
from integrations.http_failures import unreadable
from integrations.notion.failures import SERVICE
from integrations.notion.interface import (
    CommentRecord,
    FoundThing,
    Parent,
    Row,
    UserRecord,
    key_in,
    marker_block,
    marker_text,
)
from integrations.notion.properties import plain_text, plain_value, rich_text, title_of

if TYPE_CHECKING:
    from notion_client import AsyncClient

T = TypeVar("T")
Body = dict[str, Any]
PAGE_SIZE = 100
MOST_OFFERED = 200
TITLE_ONLY = {"title": {"type": "title"}}


class Reach(ABC):
    """A part of `RealNotion`."""

    @abstractmethod
    async def _call(self, function: Callable[[AsyncClient], Awaitable[T]], reference: str = "") -> T: ...

    @abstractmethod
    async def search(self, query: str, kind: str, limit: int) -> list[FoundThing]:
        """See `interface.NotionClient`."""

    async def page(self, page_id: str) -> Row:
        """Reference: https://developers.notion.com/reference/retrieve-a-page."""

        async def read(sdk: AsyncClient) -> Row:
            return row_of(await sdk.pages.retrieve(page_id))

        return await self._call(read, page_id)

    async def schema_of(self, page_id: str) -> Mapping[str, Mapping[str, Any]]:
        """The properties of the page's data source; of another page, its title."""

        async def read(sdk: AsyncClient) -> Mapping[str, Mapping[str, Any]]:
            page = await sdk.pages.retrieve(page_id)
            source = (page.get("parent") or {}).get("data_source_id")
            if not source:
                return TITLE_ONLY
            found = await sdk.data_sources.retrieve(str(source))
            return {name: spec for name, spec in (found.get("properties") or {}).items() if isinstance(spec, dict)}

        return await self._call(read, page_id)

    async def markdown(self, page_id: str) -> str:
        """Reference: https://developers.notion.com/reference/retrieve-page-markdown."""

        async def read(sdk: AsyncClient) -> str:
            answer = await sdk.pages.retrieve_markdown(page_id)
            lines = str(answer.get("markdown") or "").splitlines()
            return "\n".join(line for line in lines if not key_in(line)).strip()

        return await self._call(read, page_id)

    async def rows(
        self, source: Parent, test: Mapping[str, Any] | None, sorts: Sequence[Mapping[str, Any]], limit: int
    ) -> list[Row]:
        """Reference: https://developers.notion.com/reference/query-a-data-source."""
        ask: Body = {"filter": dict(test)} if test else {}
        ask |= {"sorts": [dict(one) for one in sorts]} if sorts else {}

        async def read(sdk: AsyncClient) -> list[Row]:
            found: list[Row] = []
            size = min(limit, PAGE_SIZE)
            async for data in pages(sdk.data_sources.query, data_source_id=source.id, page_size=size, **ask):
                found.append(row_of(data))
                if len(found) == limit:
                    break
            return found

        return await self._call(read, source.id)

    async def update_page(self, page_id: str, properties: Mapping[str, Any]) -> Row:
        """Reference: https://developers.notion.com/reference/patch-page."""

        async def write(sdk: AsyncClient) -> Row:
            return row_of(await sdk.pages.update(page_id, properties=dict(properties)))

        return await self._call(write, page_id)

    async def put_in_trash(self, page_id: str, *, back: bool) -> Row:
        """Reference: https://developers.notion.com/reference/trash-page."""

        async def write(sdk: AsyncClient) -> Row:
            return row_of(await sdk.pages.update(page_id, in_trash=not back))

        return await self._call(write, page_id)

    async def move_page(self, page_id: str, parent: Parent) -> Row:
        """Reference: https://developers.notion.com/reference/move-page."""
        where = {"type": f"{parent.kind}_id", f"{parent.kind}_id": parent.id}

        async def write(sdk: AsyncClient) -> Row:
            return row_of(await sdk.request(path=f"pages/{page_id}/move", method="POST", body={"parent": where}))

        return await self._call(write, page_id)

    async def replace_content(self, page_id: str, markdown: str) -> None:
        """Reference: https://developers.notion.com/reference/update-page-markdown."""

        async def write(sdk: AsyncClient) -> None:
            change = {"new_str": markdown}
            need(await sdk.pages.update_markdown(page_id, type="replace_content", replace_content=change), "a page")

        await self._call(write, page_id)

    async def add_comment(self, page_id: str, text: str, key: str) -> CommentRecord:
        """Reference: https://developers.notion.com/reference/create-a-comment."""

        async def write(sdk: AsyncClient) -> CommentRecord:
            words = [*rich_text(text), marker_text(key)]
            return comment_of(await sdk.comments.create(parent={"page_id": page_id}, rich_text=words))

        return await self._call(write, page_id)

    async def comments(self, page_id: str) -> list[CommentRecord]:
        """Reference: https://developers.notion.com/reference/list-comments."""

        async def read(sdk: AsyncClient) -> list[CommentRecord]:
            return [comment_of(data) async for data in pages(sdk.comments.list, block_id=page_id)]

        return await self._call(read, page_id)

    async def users(self) -> list[UserRecord]:
        """Reference: https://developers.notion.com/reference/get-users."""

        async def read(sdk: AsyncClient) -> list[UserRecord]:
            return [user_of(data) async for data in pages(sdk.users.list)]

        return await self._call(read)

    async def begin_upload(self, name: str, mime_type: str) -> str:
        """Reference: https://developers.notion.com/reference/create-a-file-upload."""

        async def write(sdk: AsyncClient) -> str:
            made = await sdk.file_uploads.create(mode="single_part", filename=name, content_type=mime_type)
            return str(need(made, "an upload"))

        return await self._call(write)

    async def send_upload(self, upload: str, name: str, mime_type: str, content: bytes) -> None:
        """Reference: https://developers.notion.com/reference/send-a-file-upload."""

        async def write(sdk: AsyncClient) -> None:
            part = (name, io.BytesIO(content), mime_type)
            need(await sdk.file_uploads.send(upload, file=part), "an upload")

        await self._call(write, upload)

    async def is_uploaded(self, upload: str) -> bool:
        """Reference: https://developers.notion.com/reference/retrieve-a-file-upload."""

        async def read(sdk: AsyncClient) -> bool:
            return bool((await sdk.file_uploads.retrieve(upload)).get("status") == "uploaded")

        return await self._call(read, upload)

    async def attach(self, page_id: str, upload: str, kind: str, name: str, key: str) -> None:
        """Reference: https://developers.notion.com/reference/patch-block-children."""
        shown: Body = {"type": "file_upload", "file_upload": {"id": upload}}
        if kind == "file":
            shown["name"] = name
        blocks = [{"object": "block", "type": kind, kind: shown}, marker_block(key)]

        async def write(sdk: AsyncClient) -> None:
            results(await sdk.blocks.children.append(page_id, children=blocks))

        await self._call(write, page_id)

    async def choices(self, name: str, q: str, given: Mapping[str, str]) -> list[Choice]:
        """Pages, databases, or both, by the words of their title."""
        kind = {"pages": "page", "databases": "data_source", "places": "any"}.get(name)
        if kind is None:
            return []
        found = await self.search(q, kind, MOST_OFFERED)
        return [Choice(one.id, one.title or "untitled") for one in found]


async def pages(method: Callable[..., Awaitable[Any]], **ask: Any) -> AsyncIterator[Body]:
    """Everything a list endpoint has, page by page."""
    ask.setdefault("page_size", PAGE_SIZE)
    while True:
        answer = await method(**ask)
        for thing in results(answer):
            yield thing
        if not answer.get("has_more") or not answer.get("next_cursor"):
            return
        ask["start_cursor"] = answer["next_cursor"]


def results(answer: Any) -> list[Body]:
    """The objects of a list answer. Raises Unreadable for anything else."""
    if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
        raise unreadable(SERVICE, "a list")
    return [thing for thing in answer["results"] if isinstance(thing, dict)]


def need(data: Any, what: str) -> Any:
    """The id of an answer. Raises Unreadable without one."""
    if not isinstance(data, dict) or not data.get("id"):
        raise unreadable(SERVICE, what)
    return data["id"]


def row_of(data: Any) -> Row:
    """A page out of Notion's JSON."""
    identifier = str(need(data, "a page"))
    values = {name: plain_value(value) for name, value in (data.get("properties") or {}).items()}
    return Row(
        id=identifier,
        url=str(data.get("url") or ""),
        title=title_of(data),
        properties=values,
        created_time=str(data.get("created_time") or ""),
        last_edited_time=str(data.get("last_edited_time") or ""),
        in_trash=bool(data.get("in_trash")),
        parent=_parent_of(data),
    )


def _parent_of(data: Any) -> str:
    """The id of the page, data source or database that holds a page; empty for one at the top."""
    place = data.get("parent") or {}
    named = (place.get(name) for name in ("data_source_id", "page_id", "database_id"))
    return str(next((one for one in named if one), ""))


def comment_of(data: Any) -> CommentRecord:
    """A comment out of Notion's JSON, without our marker."""
    identifier = str(need(data, "a comment"))
    words = [piece for piece in data.get("rich_text") or () if not key_in(piece)]
    name = data.get("display_name") or {}
    return CommentRecord(
        id=identifier,
        text=plain_text(words),
        author=str(name.get("resolved_name") or (data.get("created_by") or {}).get("id") or ""),
        created_time=str(data.get("created_time") or ""),
        key=key_in(data.get("rich_text") or ()),
    )


def user_of(data: Any) -> UserRecord:
    """A person or bot out of Notion's JSON."""
    mail = str((data.get("person") or {}).get("email") or "")
    return UserRecord(str(need(data, "a user")), str(data.get("name") or ""), mail, str(data.get("type") or ""))
