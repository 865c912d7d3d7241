"""Notion as the sandbox plays it: the same interface over the tables of one workspace, with Notion's own refusals."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.context import Calls, ConnectionInfo, ConnectionReport
from integrations.errors import Rejected, ServiceError
from integrations.models import SandboxObject
from integrations.notion.failures import failure
from integrations.notion.interface import KEY_PROPERTY, FoundThing, PageRecord, Parent, holds, id_in, part_ids
from integrations.notion.properties import plain_value, title_property
from integrations.notion.sandbox_reach import SandboxReach, check_values
from integrations.notion.world import (
    PLACEHOLDERS,
    WORLD,
    blocks_of,
    known_id,
    moment,
    page_thing,
    seed_objects,
    shown,
)
from integrations.sandboxes import Sandbox
from orchestrator_site.lib.clock import now

__all__ = ["WORLD", "SandboxNotion", "connect", "seed_objects"]


def connect(info: ConnectionInfo, calls: Calls) -> SandboxNotion:
    """The client of a sandbox connection."""
    return SandboxNotion(info, calls)


class SandboxNotion(SandboxReach):
    """`interface.NotionClient` over SandboxObject rows; a page keeps its blocks in its data."""

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self._world = Sandbox(info, calls, "notion")

    async def find_parent(self, reference: str) -> Parent:
        """A database (by its id or its data source's) or a page; the original's placeholders stand for ours."""

        def read() -> Parent:
            if database := self._database(reference):
                schema = database.data["schema"]
                return Parent(
                    "data_source", database.data["data_source_id"], database.title, self._world.url(database), schema
                )
            if page := self._page(reference):
                return Parent("page", page.external_id, page.title, self._world.url(page), {"title": {"type": "title"}})
            raise self._absent(reference)

        return await self._world.run(read)

    async def find_page(self, reference: str) -> PageRecord:
        """The page; a database is told apart."""

        def read() -> PageRecord:
            if page := self._page(reference):
                return self._record(page)
            if self._database(reference):
                raise Rejected(
                    f"{reference[:120]} is a database, not a page.",
                    status=404,
                    refused=True,
                    hint="Use “Create a page” to add a row to it, or name one of its pages.",
                )
            raise self._absent(reference)

        return await self._world.run(read)

    async def create_page(self, parent: Parent, properties: Mapping[str, Any], markdown: str) -> PageRecord:
        """A new page, its values held against the schema."""

        def write() -> PageRecord:
            place = self._database(parent.id) if parent.kind == "data_source" else self._page(parent.id)
            if place is None:
                raise self._absent(parent.id)
            check_values(parent.schema, properties)
            values = {name: plain_value(value) for name, value in properties.items()}
            blocks = blocks_of(markdown, now())
            title = str(values.get(title_property(parent.schema)) or "Untitled")
            identifier = str(uuid.uuid4())
            thing = page_thing(
                identifier,
                place.external_id,
                title,
                place=place.title,
                values={name: value for name, value in values.items() if name != KEY_PROPERTY},
                blocks=blocks,
                written=now(),
            )
            key = str(values.get(KEY_PROPERTY) or next((_key(block) for block in blocks if holds(block)), ""))
            return self._record(self._world.add(thing, key))

        return await self._world.run(write)

    async def page_with(self, parent: Parent, key: str, since: datetime) -> PageRecord | None:
        """The page whose creation carried the key."""

        def look() -> PageRecord | None:
            found = self._world.things("page", marker=key[:64], created_at__gte=since).first()
            return self._record(found) if found else None

        return await self._world.run(look)

    async def append(self, page_id: str, markdown: str) -> None:
        """Add blocks to the end."""

        def write() -> None:
            page = self._world.lock(self._need_page(page_id))
            blocks = [*page.data["blocks"], *blocks_of(markdown, now())]
            edited = {"blocks": blocks, "markdown": shown(blocks), "last_edited_time": moment(now())}
            self._world.change(page, edited)

        await self._world.run(write)

    async def has_part(self, page_id: str, key: str) -> bool:
        """Whether one of the blocks is the marker of this key."""

        def look() -> bool:
            return any(holds(block, key) for block in self._need_page(page_id).data["blocks"])

        return await self._world.run(look)

    async def blocks_of(self, page_id: str, parts: Mapping[str, int]) -> list[str]:
        """The ids of the blocks of these parts."""
        return await self._world.run(lambda: part_ids(self._need_page(page_id).data["blocks"], parts))

    async def search(self, query: str, kind: str, limit: int) -> list[FoundThing]:
        """By the words of the title."""

        def read() -> list[FoundThing]:
            rows = [
                *(self._world.things("page") if kind != "data_source" else ()),
                *(self._world.things("database") if kind != "page" else ()),
            ]
            found = [self._found(row) for row in rows if query.lower() in row.title.lower()]
            return sorted(found, key=lambda thing: thing.last_edited_time, reverse=True)[:limit]

        return await self._world.run(read)

    async def describe(self) -> ConnectionReport:
        """What there is to play with."""

        def read() -> ConnectionReport:
            pages, titles = self._world.things("page").count(), [row.title for row in self._world.things("database")]
            return ConnectionReport(
                ok=True,
                summary=f"The sandbox: {pages} pages and {len(titles)} databases on this machine, nothing leaves it.",
                can=(f"read {pages} pages", f"work with the databases {', '.join(titles)}"),
            )

        return await self._world.run(read)

    # ---- On the database's thread ------------------------------------------------------------------------------

    def _database(self, reference: str) -> SandboxObject | None:
        identifier = _identifier(reference)
        for row in self._world.things("database"):
            if identifier in (row.external_id, row.data["data_source_id"], str(row.pk)):
                return row
        return None

    def _page(self, reference: str) -> SandboxObject | None:
        identifier = _identifier(reference)
        pages = self._world.things("page")
        return pages.filter(external_id=identifier).first() or pages.filter(pk=identifier).first()

    def _need_page(self, page_id: str) -> SandboxObject:
        page = self._page(page_id)
        if page is None:
            raise self._absent(page_id)
        return page

    def _absent(self, reference: str) -> ServiceError:
        refusal = failure(404, "object_not_found", "Could not find it", reference=reference)
        names = ", ".join(f"{row.title} ({row.external_id})" for row in self._world.things("database"))
        refusal.hint = f"The sandbox holds the databases {names}. {refusal.hint}"
        return refusal

    def _record(self, row: SandboxObject) -> PageRecord:
        return PageRecord(row.external_id, self._world.url(row), row.title)

    def _found(self, row: SandboxObject) -> FoundThing:
        if row.kind == "database":
            identifier, kind = row.data["data_source_id"], "data_source"
        else:
            identifier, kind = row.external_id, "page"
        return FoundThing(identifier, kind, row.title, self._world.url(row), row.data["last_edited_time"])


def _identifier(reference: str) -> str:
    name = PLACEHOLDERS.get(reference.strip().lower().replace("_", "-"))
    return known_id(name) if name else id_in(reference)


def _key(block: Mapping[str, Any]) -> str:
    return str(block["text"]).rstrip(")").rpartition("/")[2]
