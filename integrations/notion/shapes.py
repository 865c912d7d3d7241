"""What actions give of Notion's pages."""

from __future__ import annotations

from typing import Any

from integrations.notion.interface import KEY_PROPERTY, Row
from integrations.spec import Model


class PageDetails(Model):
    """A page: its properties as people write them, and its content as Markdown."""

    id: str
    url: str
    title: str
    properties: dict[str, Any]
    content: str
    in_trash: bool
    created_time: str
    last_edited_time: str


def shown_page(row: Row, content: str = "") -> PageDetails:
    """A page as steps see it."""
    return PageDetails(
        id=row.id,
        url=row.url,
        title=row.title,
        properties={name: value for name, value in row.properties.items() if name != KEY_PROPERTY},
        content=content,
        in_trash=row.in_trash,
        created_time=row.created_time,
        last_edited_time=row.last_edited_time,
    )
