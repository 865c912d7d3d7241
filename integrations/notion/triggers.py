"""What Notion starts runs with, by asking: new rows, changed rows, comments.

Notion's times are whole minutes, so each look reads some minutes again; what is known is told by its key: a row's id,
for a change also its time and a hash of its values. Only what came after the switching on counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.context import Context
from integrations.errors import Rejected
from integrations.notion import INTEGRATION as notion
from integrations.notion.interface import CommentRecord, NotionClient, Parent, Row
from integrations.spec import Event, Model, Polled, content
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.json import JSONValue, dumps

OVERLAP = timedelta(minutes=5)
MOST_ROWS = 1000
MOST_KNOWN = 2000


class InDatabase(Model):
    """Where."""

    database: str = content(
        "Database", help="Id or address of a database or data source.", example="your-database-id",
        choices="databases", min_length=1, max_length=1000,
    )  # fmt: skip


class OnPage(Model):
    """Where."""

    page: str = content("Page", help="Id or address of the page.", choices="pages", min_length=1, max_length=1000)


class RowEvent(Model):
    """A row, with its values as people write them."""

    id: str
    url: str
    title: str
    properties: dict[str, Any]
    created_time: str
    last_edited_time: str


class CommentEvent(Model):
    """A comment."""

    id: str
    text: str
    author: str
    created_time: str
    page: str


ROW: dict[str, Any] = {
    "id": "59833787-2cf9-4fdf-8782-e53db20768a5", "url": "https://www.notion.so/59833787", "title": "Export is empty",
    "properties": {"Status": "New", "Priority": 2}, "created_time": "2026-11-02T09:12:00.000Z",
    "last_edited_time": "2026-11-02T09:14:00.000Z",
}  # fmt: skip
COMMENT = {
    "id": "94cc56ab",
    "text": "Can you look?",
    "author": "Ada",
    "created_time": ROW["created_time"],
    "page": "5983",
}


@notion.trigger("new_row", config=InDatabase, event=RowEvent, title="A new row", every=60, sample=ROW)
async def new_row(context: Context[NotionClient], config: InDatabase, cursor: JSONValue) -> Polled:
    """A row has been added to a database."""
    return await _rows(context.client, config.database, cursor, "created_time")


@notion.trigger("changed_row", config=InDatabase, event=RowEvent, title="A row is new or changed", every=60, sample=ROW)
async def changed_row(context: Context[NotionClient], config: InDatabase, cursor: JSONValue) -> Polled:
    """A row was added or something in it was changed; changes within one minute may come as one."""
    return await _rows(context.client, config.database, cursor, "last_edited_time")


@notion.trigger(
    "new_comment",
    config=OnPage,
    event=CommentEvent,
    title="A new comment",
    every=60,
    sample={**COMMENT, "page": "5983"},
)
async def new_comment(context: Context[NotionClient], config: OnPage, cursor: JSONValue) -> Polled:
    """Somebody has commented on a page; what our own steps wrote does not count."""
    page = await context.client.find_page(config.page)
    found = await context.client.comments(page.id)
    known = _strings(cursor, "known")
    ids: list[JSONValue] = [one.id for one in found]
    after: JSONValue = {"known": ids[-MOST_KNOWN:]}
    if known is None:
        return Polled([], after)
    fresh = [one for one in found if one.id not in known and not one.key]
    return Polled([Event(one.id, _comment(one, page.id)) for one in fresh], after)


def _comment(one: CommentRecord, page: str) -> dict[str, JSONValue]:
    return {"id": one.id, "text": one.text, "author": one.author, "created_time": one.created_time, "page": page}


async def _rows(client: NotionClient, reference: str, cursor: JSONValue, stamp: str) -> Polled:
    """The rows whose time is after the cursor {from, at}, the oldest first."""
    source = await client.find_parent(reference)
    if source.kind != "data_source":
        raise Rejected(
            f"{reference[:120]} is a page, not a database.", hint="Name a database or one of its data sources."
        )
    known = _strings(cursor, "known")
    if known is None or not isinstance(cursor, dict):
        began = _minute(now())
        there = await _since(client, source, stamp, began - OVERLAP)
        keys: list[JSONValue] = [_key(row, stamp) for row in there]
        return Polled([], {"from": began.isoformat(), "at": began.isoformat(), "known": keys[-MOST_KNOWN:]})
    at = datetime.fromisoformat(str(cursor["at"]))
    found = await _since(client, source, stamp, at - OVERLAP)
    fresh = [row for row in found if _key(row, stamp) not in known]
    events = [Event(_key(row, stamp), _data(row)) for row in fresh]
    newest = max((_time(getattr(row, stamp), at) for row in found), default=at)
    full = len(found) >= MOST_ROWS and newest > at
    after = max(at, newest) if full else max(at, newest, _minute(now()) - OVERLAP)
    keep: list[JSONValue] = [key for key in (*known, *(event.key for event in events))]
    return Polled(events, {**cursor, "at": after.isoformat(), "known": keep[-MOST_KNOWN:]}, more=full)


async def _since(client: NotionClient, source: Parent, stamp: str, after: datetime) -> Sequence[Row]:
    test = {"timestamp": stamp, stamp: {"on_or_after": after.strftime("%Y-%m-%dT%H:%M:%S.000Z")}}
    return await client.rows(source, test, [{"timestamp": stamp, "direction": "ascending"}], MOST_ROWS)


def _key(row: Row, stamp: str) -> str:
    if stamp == "created_time":
        return row.id
    said = hashlib.sha256(dumps([row.title, dict(row.properties)]).encode()).hexdigest()[:16]
    return f"{row.id}:{row.last_edited_time}:{said}"


def _data(row: Row) -> dict[str, JSONValue]:
    said = RowEvent(
        id=row.id, url=row.url, title=row.title, properties=dict(row.properties), created_time=row.created_time,
        last_edited_time=row.last_edited_time,
    )  # fmt: skip
    data: dict[str, JSONValue] = said.model_dump(mode="json")
    return data


def _strings(cursor: JSONValue, name: str) -> list[str] | None:
    found = cursor.get(name) if isinstance(cursor, dict) else None
    return [str(one) for one in found] if isinstance(found, list) else None


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def _time(text: str, otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return otherwise
