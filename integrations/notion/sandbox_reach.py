"""The rest of what the sandbox plays: pages, rows, comments, people and uploads."""

from __future__ import annotations

import base64
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from integrations.context import Choice
from integrations.models import SandboxObject
from integrations.notion.failures import failure
from integrations.notion.filters import passes
from integrations.notion.interface import CommentRecord, FoundThing, Parent, Row, UserRecord, marker
from integrations.notion.properties import plain_value, title_property
from integrations.notion.world import blocks_of, moment, shown
from integrations.sandboxes import Sandbox
from integrations.world import Thing
from orchestrator_site.lib.clock import now

PEOPLE = (("Ada", "ada@example.com"), ("Grace", "grace@example.com"), ("Mara", "mara@example.com"))
_NAMES = uuid.UUID("6b1f7c55-9a2e-4f0a-8d8a-0d3f3a1f5f10")


class SandboxReach(ABC):
    """A part of `SandboxNotion`."""

    _world: Sandbox

    @abstractmethod
    def _need_page(self, page_id: str) -> SandboxObject: ...

    @abstractmethod
    def _database(self, reference: str) -> SandboxObject | None: ...

    @abstractmethod
    async def search(self, query: str, kind: str, limit: int) -> list[FoundThing]:
        """See `interface.NotionClient`."""

    def _row(self, page: SandboxObject) -> Row:
        data = page.data
        return Row(
            id=page.external_id,
            url=self._world.url(page),
            title=page.title,
            properties=data.get("values", {}),
            created_time=str(data.get("created_time", "")),
            last_edited_time=str(data.get("last_edited_time", "")),
            in_trash=bool(data.get("in_trash")),
            parent=page.parent,
        )

    def _change(self, page: SandboxObject, changes: dict[str, Any]) -> Row:
        return self._row(self._world.change(page, {**changes, "last_edited_time": moment(now())}))

    async def page(self, page_id: str) -> Row:
        """One page."""
        return await self._world.run(lambda: self._row(self._need_page(page_id)))

    async def schema_of(self, page_id: str) -> Mapping[str, Mapping[str, Any]]:
        """Of its database; of another page, its title."""

        def read() -> Mapping[str, Mapping[str, Any]]:
            parent = self._need_page(page_id).parent
            place = self._database(parent) if parent else None
            schema: Mapping[str, Mapping[str, Any]] = place.data["schema"] if place else {"title": {"type": "title"}}
            return schema

        return await self._world.run(read)

    async def markdown(self, page_id: str) -> str:
        """Its content, without markers."""
        return await self._world.run(lambda: shown(self._need_page(page_id).data["blocks"]))

    async def rows(
        self, source: Parent, test: Mapping[str, Any] | None, sorts: Sequence[Mapping[str, Any]], limit: int
    ) -> list[Row]:
        """The rows that pass, in the order asked for."""

        def read() -> list[Row]:
            place = self._database(source.id)
            pages = self._world.things("page", parent=place.external_id) if place else ()
            found = [self._row(page) for page in pages if not page.data.get("in_trash")]
            found = [row for row in found if passes(row.properties, test, _times(row))]
            for sort in sorts:
                found.sort(key=lambda row: _sortable(row, sort), reverse=sort.get("direction") == "descending")
            return found[:limit]

        return await self._world.run(read)

    async def update_page(self, page_id: str, properties: Mapping[str, Any]) -> Row:
        """Set values, held against the schema."""

        def write() -> Row:
            page = self._world.lock(self._need_page(page_id))
            if page.data.get("in_trash"):
                raise failure(400, "validation_error", "Can't edit page that is archived", reference=page_id)
            place = self._database(page.parent) if page.parent else None
            schema = place.data["schema"] if place else {"title": {"type": "title"}}
            check_values(schema, properties)
            values = {**page.data["values"], **{name: plain_value(value) for name, value in properties.items()}}
            title = values.get(title_property(schema))
            if title and title != page.title:
                page.title = str(title)[:300]
                page.save(update_fields=["title"])
            return self._change(page, {"values": values})

        return await self._world.run(write)

    async def put_in_trash(self, page_id: str, *, back: bool) -> Row:
        """Into the trash, or back."""

        def write() -> Row:
            return self._change(self._world.lock(self._need_page(page_id)), {"in_trash": not back})

        return await self._world.run(write)

    async def move_page(self, page_id: str, parent: Parent) -> Row:
        """Below another parent."""

        def write() -> Row:
            page = self._world.lock(self._need_page(page_id))
            place = self._database(parent.id) if parent.kind == "data_source" else self._need_page(parent.id)
            assert place is not None
            page.parent = place.external_id
            page.save(update_fields=["parent"])
            return self._change(page, {"place": place.title})

        return await self._world.run(write)

    async def replace_content(self, page_id: str, markdown: str) -> None:
        """Other blocks."""

        def write() -> None:
            blocks = blocks_of(markdown, now())
            page = self._world.lock(self._need_page(page_id))
            self._change(page, {"blocks": blocks, "markdown": shown(blocks)})

        await self._world.run(write)

    async def add_comment(self, page_id: str, text: str, key: str) -> CommentRecord:
        """A comment that people see on the sandbox's page."""

        def write() -> CommentRecord:
            page = self._need_page(page_id)
            data = {"text": text, "author": "Sandbox", "created_time": moment(now()), "page": page.title}
            thing = Thing("comment", str(uuid.uuid4()), text[:80], page.external_id, data)
            return _comment(self._world.add(thing, key))

        return await self._world.run(write)

    async def comments(self, page_id: str) -> list[CommentRecord]:
        """The oldest first."""

        def read() -> list[CommentRecord]:
            page = self._need_page(page_id)
            return [_comment(row) for row in self._world.things("comment", parent=page.external_id)]

        return await self._world.run(read)

    async def users(self) -> list[UserRecord]:
        """Three people."""
        return [UserRecord(str(uuid.uuid5(_NAMES, mail)), name, mail, "person") for name, mail in PEOPLE]

    async def begin_upload(self, name: str, mime_type: str) -> str:
        """An upload without bytes."""
        identifier = str(uuid.uuid4())

        def write() -> str:
            self._world.add(Thing("upload", identifier, name, "", {"name": name, "mime_type": mime_type}))
            return identifier

        return await self._world.run(write)

    async def send_upload(self, upload: str, name: str, mime_type: str, content: bytes) -> None:
        """Its bytes."""

        def write() -> None:
            row = self._upload(upload)
            if "content" in row.data:
                raise failure(400, "validation_error", "The file upload is uploaded, not pending")
            self._world.change(row, {"content": base64.b64encode(content).decode(), "size": len(content)})

        await self._world.run(write)

    async def is_uploaded(self, upload: str) -> bool:
        """Whether the bytes are there."""
        return await self._world.run(lambda: "content" in self._upload(upload).data)

    def _upload(self, upload: str) -> SandboxObject:
        row = self._world.find("upload", upload)
        if row is None:
            raise failure(404, "object_not_found", "Could not find file upload", reference=upload)
        return row

    async def attach(self, page_id: str, upload: str, kind: str, name: str, key: str) -> None:
        """A line that names the file, and the marker."""

        def write() -> None:
            row = self._upload(upload)
            page = self._world.lock(self._need_page(page_id))
            size = row.data.get("size", 0)
            blocks = [*page.data["blocks"], *blocks_of(f"📎 {name} ({kind}, {size:,} bytes)\n\n{marker(key)}", now())]
            self._change(page, {"blocks": blocks, "markdown": shown(blocks)})

        await self._world.run(write)

    async def choices(self, name: str, q: str, given: Mapping[str, str]) -> list[Choice]:
        """Pages, databases, or both."""
        kind = {"pages": "page", "databases": "data_source", "places": "any"}.get(name)
        found = await self.search(q, kind, 200) if kind else []
        return [Choice(one.id, one.title) for one in found]


def _comment(row: SandboxObject) -> CommentRecord:
    data = row.data
    return CommentRecord(row.external_id, data["text"], data["author"], data["created_time"], row.marker)


def _times(row: Row) -> dict[str, str]:
    return {"created_time": row.created_time, "last_edited_time": row.last_edited_time}


def _sortable(row: Row, sort: Mapping[str, Any]) -> tuple[bool, bool, float, str]:
    stamp = sort.get("timestamp")
    value = getattr(row, str(stamp)) if stamp else row.properties.get(str(sort.get("property")))
    number = float(value) if isinstance(value, (int, float)) else 0.0
    return value is None, not isinstance(value, (int, float)), number, str(value)


def check_values(schema: Mapping[str, Mapping[str, Any]], properties: Mapping[str, Any]) -> None:
    """Notion refuses a status it does not know; a new choice of a select it adds."""
    for name, value in properties.items():
        spec = schema.get(name, {})
        chosen = (value.get("status") or {}).get("name") if spec.get("type") == "status" else None
        if chosen is not None and chosen not in spec.get("options", [chosen]):
            said = f"{name} is expected to be one of the existing options, “{chosen}” does not exist"
            raise failure(400, "validation_error", f"{said}. It has: {', '.join(spec['options'])}")
