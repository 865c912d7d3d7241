"""The pages and databases of the sandbox world as they are at first. Pure."""

# ruff: noqa: E501 - prose

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from integrations.notion.interface import holds
from integrations.notion.markdown import split_markdown
from integrations.world import Collection, Column, Thing
from orchestrator_site.lib.clock import now

WORLD = (
    Collection(
        kind="page",
        title="Pages",
        columns=(Column("title", "Title"), Column("place", "In"), Column("last_edited_time", "Edited")),
        body="markdown",
        body_format="markdown",
        facts=(Column("values", "Properties"),),
        children="page",
        empty="No page yet. A step “Create a page” makes one.",
    ),
    Collection(
        kind="database",
        title="Databases",
        columns=(Column("title", "Title"), Column("properties", "Properties")),
        facts=(Column("data_source_id", "Data source"),),
        children="page",
        empty="No database.",
    ),
    Collection(
        kind="comment",
        title="Comments",
        columns=(Column("title", "Comment"), Column("page", "On"), Column("created_time", "Written")),
        body="text",
        empty="No comment yet. A step “Comment on a page” writes one.",
    ),
)
_LISTED = re.compile(r"\s*([-*+]|\d+[.)]) ")
_NAMES = uuid.UUID("6b1f7c55-9a2e-4f0a-8d8a-0d3f3a1f5f10")
PLACEHOLDERS = {
    "your-database-id": "inbox",
    "your-page-id": "home",
    "your-parent-id": "inbox",
    "your-tasks-database": "tasks",
    "your-invoices-database": "invoices",
    "your-notes-page": "weekly",
}

SCHEMAS: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {
    "inbox": (
        "Inbox summaries",
        {
            "Subject": {"type": "title"},
            "Status": {"type": "status", "options": ["New", "Read", "Done"]},
            "Topic": {"type": "select", "options": ["Customer", "Team", "Billing"]},
            "Labels": {"type": "multi_select", "options": ["urgent", "later"]},
            "Received": {"type": "date"},
            "Minutes": {"type": "number"},
            "Answered": {"type": "checkbox"},
            "Link": {"type": "url"},
            "Note": {"type": "rich_text"},
        },
    ),
    "tasks": (
        "Tasks",
        {
            "Task": {"type": "title"},
            "State": {"type": "status", "options": ["To do", "Doing", "Done"]},
            "Due": {"type": "date"},
            "Owner": {"type": "rich_text"},
        },
    ),
    "invoices": (
        "Invoices",
        {
            "Invoice": {"type": "title"},
            "Supplier": {"type": "rich_text"},
            "Total": {"type": "number"},
            "Pay by": {"type": "rich_text"},
            "Received": {"type": "date"},
            "State": {"type": "status", "options": ["Open", "Paid"]},
        },
    ),
}
_PAGES: tuple[tuple[str, str, str, str, dict[str, Any], int], ...] = (
    (
        "home",
        "",
        "Team handbook",
        "# Welcome\n\nHow we work, in one place.\n\n- [Weekly notes](#)\n- Procedures\n- Databases: **Inbox summaries**, **Tasks**",
        {},
        40,
    ),
    (
        "weekly",
        "home",
        "Weekly notes",
        "## This week\n\n- Release 1.4.0 went out on Tuesday\n- Two customers asked about the export\n\n## Next\n\n1. Fix the export\n2. Write down how we deploy",
        {},
        5,
    ),
    (
        "procedures",
        "home",
        "Procedures",
        "> One page for each thing we do more than twice.\n\n- On call\n- Refunds",
        {},
        30,
    ),
    (
        "row-offer",
        "inbox",
        "Offer for the second office",
        "- The landlord offers **84 m²** from March\n- Answer by the end of the month",
        {"Status": "Read", "Topic": "Team", "Labels": ["later"], "Minutes": 4, "Answered": False},
        12,
    ),
    (
        "row-refund",
        "inbox",
        "Refund for order 10482",
        "- Paid twice by mistake\n- Refund of 29 € agreed",
        {"Status": "Done", "Topic": "Billing", "Minutes": 2, "Answered": True, "Note": "Grace answered by phone"},
        9,
    ),
    ("task-sop", "tasks", "Write the deployment procedure", "", {"State": "To do", "Owner": "Ada"}, 3),
    (
        "task-export",
        "tasks",
        "Fix the export",
        "See the issue in *your-repo*.",
        {"State": "Doing", "Owner": "Grace"},
        2,
    ),
    (
        "task-dates",
        "tasks",
        "Show dates as 2026-01-31",
        "Misaki Tanaka asked for it.\n\n- [ ] In lists\n- [ ] In the export",
        {"State": "To do", "Owner": "Tomás"},
        1,
    ),
    (
        "invoice-energy",
        "invoices",
        "77-1204",
        "",
        {"Supplier": "City Energy", "Total": 118.2, "Pay by": "by direct debit", "State": "Paid"},
        40,
    ),
)


def known_id(name: str) -> str:
    """The id of a thing of the first world; the same in every workspace."""
    return str(uuid.uuid5(_NAMES, name))


def seed_objects() -> list[Thing]:
    """Three databases with rows, and a small handbook."""
    return [*_databases(), *_pages()]


def _databases() -> Iterator[Thing]:
    for name, (title, schema) in SCHEMAS.items():
        data = {
            "schema": schema,
            "properties": ", ".join(f"{key} ({spec['type']})" for key, spec in schema.items()),
            "data_source_id": known_id(f"{name}-source"),
            "last_edited_time": moment(now() - timedelta(days=8)),
        }
        yield Thing("database", known_id(name), title, known_id("home"), data)


def _pages() -> Iterator[Thing]:
    for name, parent, title, markdown, values, days in _PAGES:
        written = now() - timedelta(days=days)
        schema = SCHEMAS.get(parent, ("", {}))[1]
        properties = {next(iter(schema)): title, **values} if schema else {"title": title}
        place = SCHEMAS[parent][0] if parent in SCHEMAS else "Team handbook" if parent else "Workspace"
        yield page_thing(
            known_id(name),
            known_id(parent) if parent else "",
            title,
            place=place,
            values=properties,
            blocks=blocks_of(markdown, written),
            written=written,
        )


def page_thing(
    identifier: str,
    parent: str,
    title: str,
    *,
    place: str,
    values: Mapping[str, Any],
    blocks: list[dict[str, Any]],
    written: datetime,
) -> Thing:
    """A page with its property values and blocks."""
    data = {
        "place": place,
        "values": dict(values),
        "blocks": blocks,
        "markdown": shown(blocks),
        "created_time": moment(written),
        "last_edited_time": moment(written),
    }
    return Thing("page", identifier, title, parent, data)


def blocks_of(markdown: str, written: datetime, author: str = "sandbox") -> list[dict[str, Any]]:
    """The blocks a text becomes: the sandbox keeps each as its piece of Markdown."""
    pieces = (text for text in split_markdown(markdown, max_blocks=1) if text.strip())
    return [
        {
            "id": str(uuid.uuid4()),
            "type": "paragraph",
            "text": text,
            "created_time": moment(written),
            "created_by": {"id": author},
        }
        for text in pieces
    ]


def shown(blocks: list[dict[str, Any]]) -> str:
    """The text of a page for people: without the markers."""
    text, before = "", ""
    for block in blocks:
        if holds(block):
            continue
        listed = _LISTED.match(before) and _LISTED.match(block["text"])
        text += ("\n" if listed else "\n\n") * bool(text) + block["text"]
        before = block["text"]
    return text


def moment(at: datetime) -> str:
    """A time as Notion writes it: whole minutes."""
    return at.strftime("%Y-%m-%dT%H:%M:00.000Z")
