"""What changes in Notion would do, told before they are made, and the client that shows what is only planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from integrations.context import Context, Foreseen, Order, Outcome, Plan, is_planned
from integrations.notion.interface import KEY_PROPERTY, NotionClient, PageRecord, Row
from integrations.notion.properties import title_property
from integrations.notion.shapes import shown_page
from integrations.rehearsal import Foretold

Notion = Context[NotionClient]
CONTENT = "content"


def _name(context: Notion, kind: str) -> str:
    return (context.foreseen or Foreseen()).name(kind)


def _request(order: Order) -> Mapping[str, Any]:
    return order.request if isinstance(order.request, Mapping) else {}


def page_state(row: Row) -> dict[str, Any]:
    """What can be set of a page: its properties (the title is one of them), as people write them."""
    return {name: value for name, value in row.properties.items() if name != KEY_PROPERTY}


def with_part(content: str, part: str) -> str:
    """The content of a page after something was added to its end."""
    return f"{content}\n\n{part}" if content.strip() else part


async def new_page(context: Notion, order: Order) -> Foretold:
    """A page that would be made."""
    said, place = _request(order), await context.client.find_parent(order.target["parent"])
    after = {title_property(place.schema): said.get("title"), **dict(said.get("properties") or {})}
    after[CONTENT] = said.get("content") or ""
    where = f" in “{place.title}”" if place.title else ""
    return Foretold(f"Creates the page “{said.get('title')}”{where}.", None, after, Outcome(_name(context, "page")))


async def added_part(context: Notion, order: Order) -> Foretold:
    """Text that would be added to the end of a page."""
    page = str(order.target["page"])
    now, title = await context.client.markdown(page), (await context.client.find_page(page)).title
    after = with_part(now, str(_request(order).get("content") or ""))
    return Foretold(f"Adds to the page “{title}”.", {CONTENT: now}, {CONTENT: after}, Outcome(page))


async def set_properties(context: Notion, order: Order) -> Foretold:
    """Properties that would be set."""
    page, said = str(order.target["page"]), _request(order)
    row = await context.client.page(page)
    before = page_state(row)
    title = str(said.get("title") or "").strip()
    after = {**before, **dict(said.get("properties") or {})}
    if title:
        after[title_property(await context.client.schema_of(page))] = title
    made = replace(row, title=title or row.title, properties=after)
    return Foretold(f"Changes the page “{row.title}”.", before, after, _outcome(made))


def _outcome(row: Row) -> Outcome:
    return Outcome(row.id, row.url, shown_page(row).model_dump())


async def trashed(context: Notion, order: Order) -> Foretold:
    """A page that would go into the trash, or come out of it."""
    row, into = await context.client.page(str(order.target["page"])), order.op == "archive_page"
    verb = "Moves the page “{}” to the trash." if into else "Takes the page “{}” out of the trash."
    outcome = _outcome(replace(row, in_trash=into))
    return Foretold(verb.format(row.title), {"in_trash": row.in_trash}, {"in_trash": into}, outcome)


async def moved(context: Notion, order: Order) -> Foretold:
    """A page that would be moved."""
    row = await context.client.page(str(order.target["page"]))
    parent = str(_request(order).get("parent", ""))
    return Foretold(f"Moves the page “{row.title}”.", {"parent": row.parent}, {"parent": parent}, _outcome(row))


async def other_content(context: Notion, order: Order) -> Foretold:
    """Content that would take the place of all there is."""
    page = str(order.target["page"])
    record, now = await context.client.find_page(page), await context.client.markdown(page)
    after = {CONTENT: str(_request(order).get("content") or "").strip()}
    summary = f"Replaces the content of the page “{record.title}”."
    return Foretold(summary, {CONTENT: now}, after, Outcome(page, record.url))


async def new_comment(context: Notion, order: Order) -> Foretold:
    """A comment that would be written."""
    title = (await context.client.find_page(str(order.target["page"]))).title
    outcome = Outcome(_name(context, "comment"), "", {"author": "", "created_time": ""})
    return Foretold(f"Comments on the page “{title}”.", None, {"text": _request(order).get("text")}, outcome)


async def new_upload(context: Notion, order: Order) -> Foretold:
    """An upload, which nobody sees before a page shows it."""
    upload = str(order.target.get("upload") or _name(context, "upload"))
    return Foretold("", None, dict(_request(order)), Outcome(upload))


async def shown_file(context: Notion, order: Order) -> Foretold:
    """A file that would be put on a page."""
    page, said = str(order.target["page"]), _request(order)
    title = (await context.client.find_page(page)).title
    return Foretold(f"Puts the file “{said.get('name')}” on the page “{title}”.", None, dict(said), Outcome(page))


class Overlay:
    """A client over what is really there, on which what a dry run has planned lies as if it had happened."""

    def __init__(self, client: NotionClient, foreseen: Foreseen) -> None:
        self._client, self._foreseen = client, foreseen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def find_page(self, reference: str) -> PageRecord:
        """A page, also one that is not made yet."""
        if not is_planned(reference):
            return await self._client.find_page(reference)
        return PageRecord(reference, "", (await self.page(reference)).title)

    async def page(self, page_id: str) -> Row:
        """A page with its properties as they would be."""
        row = Row(page_id, "", "") if is_planned(page_id) else await self._client.page(page_id)
        state = self._new(page_id) or {}
        for plan in self._about(page_id):
            if plan.op == "update_page":
                state = dict(plan.after)
            elif plan.op in ("archive_page", "restore_page"):
                row = replace(row, in_trash=bool(plan.after["in_trash"]))
        if not state:
            return row
        own = {name: value for name, value in state.items() if name != CONTENT}
        title = own.get(title_property(await self.schema_of(page_id)), row.title)
        return replace(row, title=str(title), properties={**row.properties, **own})

    async def markdown(self, page_id: str) -> str:
        """The content of a page as it would be."""
        told = [plan for plan in self._about(page_id) if plan.op in ("append", "replace_content")]
        if told:
            return str(told[-1].after[CONTENT])
        if is_planned(page_id):
            return str((self._new(page_id) or {}).get(CONTENT) or "")
        return await self._client.markdown(page_id)

    async def schema_of(self, page_id: str) -> Mapping[str, Mapping[str, Any]]:
        """The properties of a page; of one that is not made yet, those of where it would be made."""
        if not is_planned(page_id):
            return await self._client.schema_of(page_id)
        made = next((plan for plan in self._foreseen.changes if plan.external_id == page_id), None)
        parent = await self._client.find_parent(str(made.target["parent"])) if made else None
        return parent.schema if parent else {"title": {"type": "title"}}

    async def blocks_of(self, page_id: str, parts: Mapping[str, int]) -> list[str]:
        """The blocks of what is planned are nowhere yet."""
        return []

    def _new(self, page_id: str) -> Mapping[str, Any] | None:
        changes = self._foreseen.changes
        return next((p.after for p in changes if p.op == "create_page" and p.external_id == page_id), None)

    def _about(self, page_id: str) -> list[Plan]:
        return [plan for plan in self._foreseen.changes if plan.target.get("page") == page_id]
