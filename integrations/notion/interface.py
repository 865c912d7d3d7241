"""What the actions need of Notion: one small interface, kept by the real client and by the sandbox. Pure."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from integrations.context import Choice, ConnectionReport
from integrations.errors import Rejected

KEY_PROPERTY = "Effect key"
_MARKER_PLACE = "https://workflow-effect.invalid/"
_ID = re.compile(
    r"(?<![0-9a-fA-F-])([0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?![0-9a-fA-F-])"
)
_ID_AT_END = re.compile(r"([0-9a-fA-F]{32})$")


@dataclass(frozen=True)
class Parent:
    """Where a page goes: a data source (the table of a database) or a page. `schema` is property → {type, …}."""

    kind: Literal["data_source", "page"]
    id: str
    title: str = ""
    url: str = ""
    schema: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def keeps_keys(self) -> bool:
        """Whether its rows have the property in which the effect's key is kept."""
        return self.schema.get(KEY_PROPERTY, {}).get("type") == "rich_text"


@dataclass(frozen=True)
class PageRecord:
    """A page."""

    id: str
    url: str
    title: str = ""


@dataclass(frozen=True)
class FoundThing:
    """A page or data source that a search found."""

    id: str
    kind: str
    title: str
    url: str
    last_edited_time: str


@dataclass(frozen=True)
class Row:
    """A page with its property values as people write them; `parent` is the id of where it lies."""

    id: str
    url: str
    title: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    created_time: str = ""
    last_edited_time: str = ""
    in_trash: bool = False
    parent: str = ""


@dataclass(frozen=True)
class CommentRecord:
    """A comment; `key` is that of the effect that wrote it, where it is ours."""

    id: str
    text: str
    author: str
    created_time: str
    key: str = ""


@dataclass(frozen=True)
class UserRecord:
    """A person or bot of the workspace."""

    id: str
    name: str
    email: str
    kind: str


class NotionClient(Protocol):
    """Notion as the actions see it; each method that changes something makes exactly one request."""

    async def find_parent(self, reference: str) -> Parent:
        """The database, data source or page behind an id or address."""
        ...

    async def find_page(self, reference: str) -> PageRecord:
        """The page behind an id or address."""
        ...

    async def create_page(self, parent: Parent, properties: Mapping[str, Any], markdown: str) -> PageRecord:
        """A new page with property values as the API takes them."""
        ...

    async def page_with(self, parent: Parent, key: str, since: datetime) -> PageRecord | None:
        """The page under `parent`, made since then, that carries the key."""
        ...

    async def append(self, page_id: str, markdown: str) -> None:
        """Add to the end of a page."""
        ...

    async def has_part(self, page_id: str, key: str) -> bool:
        """Whether the page holds the part that ends in this key's marker."""
        ...

    async def blocks_of(self, page_id: str, parts: Mapping[str, int]) -> list[str]:
        """The ids of the blocks that these parts are made of: how many each has before its marker, by key."""
        ...

    async def search(self, query: str, kind: str, limit: int) -> list[FoundThing]:
        """Pages and data sources whose title matches, the last edited first."""
        ...

    async def page(self, page_id: str) -> Row:
        """A page with its properties. Raises Rejected 404."""
        ...

    async def markdown(self, page_id: str) -> str:
        """The content of a page as Markdown."""
        ...

    async def schema_of(self, page_id: str) -> Mapping[str, Mapping[str, Any]]:
        """The properties a page has: those of its data source, or its title alone."""
        ...

    async def rows(
        self, source: Parent, test: Mapping[str, Any] | None, sorts: Sequence[Mapping[str, Any]], limit: int
    ) -> list[Row]:
        """The rows that pass the test, in this order."""
        ...

    async def update_page(self, page_id: str, properties: Mapping[str, Any]) -> Row:
        """Set property values."""
        ...

    async def put_in_trash(self, page_id: str, *, back: bool) -> Row:
        """Into the trash, or back out of it."""
        ...

    async def move_page(self, page_id: str, parent: Parent) -> Row:
        """Below another parent."""
        ...

    async def replace_content(self, page_id: str, markdown: str) -> None:
        """Other content in place of all there is."""
        ...

    async def add_comment(self, page_id: str, text: str, key: str) -> CommentRecord:
        """A comment on a page, with the key by which it is found again."""
        ...

    async def comments(self, page_id: str) -> list[CommentRecord]:
        """The open comments of a page, the oldest first."""
        ...

    async def users(self) -> list[UserRecord]:
        """Everybody in the workspace."""
        ...

    async def begin_upload(self, name: str, mime_type: str) -> str:
        """The id of a new upload."""
        ...

    async def send_upload(self, upload: str, name: str, mime_type: str, content: bytes) -> None:
        """The bytes of an upload."""
        ...

    async def is_uploaded(self, upload: str) -> bool:
        """Whether the bytes have arrived."""
        ...

    async def attach(self, page_id: str, upload: str, kind: str, name: str, key: str) -> None:
        """A block that shows an upload, at the end of a page."""
        ...

    async def choices(self, name: str, q: str, given: Mapping[str, str]) -> list[Choice]:
        """What inputs with `choices=` are offered."""
        ...

    async def describe(self) -> ConnectionReport:
        """What this token can do."""
        ...


def marker(key: str) -> str:
    """The unobtrusive last line of what we wrote, by which it is found again: a dot that is a link."""
    return f"[·]({_MARKER_PLACE}{key})"


def key_in(thing: Any) -> str:
    """The key of the marker in a block or comment; empty without one."""
    found = re.search(re.escape(_MARKER_PLACE) + r"([\w-]+)", json.dumps(thing, ensure_ascii=False))
    return found[1] if found else ""


def marker_text(key: str) -> dict[str, Any]:
    """The marker as a piece of rich text."""
    return {"type": "text", "text": {"content": " ·", "link": {"url": f"{_MARKER_PLACE}{key}"}}}


def marker_block(key: str) -> dict[str, Any]:
    """The marker as a block."""
    return {"object": "block", "type": "paragraph", "paragraph": {"rich_text": [marker_text(key)]}}


def holds(block: Any, key: str = "") -> bool:
    """Whether a block is a marker: the one of `key`, or any."""
    return f"{_MARKER_PLACE}{key}" in json.dumps(block, ensure_ascii=False)


def part_ids(blocks: Sequence[Mapping[str, Any]], parts: Mapping[str, int]) -> list[str]:
    """The ids of the blocks that end in one of these markers: as many as the part has, but never past another marker,
    a block of somebody else, or one made more than a minute before (Notion's times are whole minutes)."""
    found: list[str] = []
    for position, block in enumerate(blocks):
        size = next((size for key, size in parts.items() if holds(block, key)), None)
        if size is None:
            continue
        start = position
        while start and position - start < size and _same_part(blocks[start - 1], block):
            start -= 1
        found += [str(blocks[at]["id"]) for at in range(start, position + 1) if str(blocks[at]["id"]) not in found]
    return found


def _same_part(before: Mapping[str, Any], marked: Mapping[str, Any]) -> bool:
    if holds(before) or before.get("type") in ("child_page", "child_database"):
        return False
    if (before.get("created_by") or {}).get("id") != (marked.get("created_by") or {}).get("id"):
        return False
    try:
        age = _moment(marked["created_time"]) - _moment(before["created_time"])
    except (KeyError, ValueError):
        return False
    return age.total_seconds() <= 60


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def id_in(reference: str) -> str:
    """The id in an id or address of Notion, with dashes. Raises Rejected where there is none."""
    text = reference.strip()
    path, _, query = text.partition("?")
    peeked = re.search(r"(?:^|&)p=([0-9a-fA-F]{32})\b", query)
    name = path.partition("#")[0].rstrip("/").rpartition("/")[2]
    found = peeked or _ID.search(name) or _ID_AT_END.search(name) or _ID.search(path)
    if not found:
        raise Rejected(
            f"“{text[:100]}” is not an id or address of Notion.",
            refused=True,
            hint="Open the page or database in Notion, choose Share → Copy link, and paste that.",
        )
    return str(uuid.UUID(found[1]))


def not_shared(reference: str) -> tuple[str, str]:
    """What to say, and what to do, when Notion shows us nothing under an id."""
    return (
        f"Notion shows no page or database under {reference[:120]}",
        "It must be shared with the integration: open it in Notion → ••• → Connections → add the integration; then "
        "check the id.",
    )
