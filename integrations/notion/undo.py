"""How changes in Notion are taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integrations.notion.interface import NotionClient
from integrations.notion.plans import CONTENT, page_state
from integrations.undoing import Made, Rule, Step


def _trash(made: Made) -> list[Step]:
    return [("notion.archive_page", {"page": made.external_id or made.target["page"]})]


def _restore(made: Made) -> list[Step]:
    return [("notion.restore_page", {"page": made.target["page"]})]


async def _new_page_stands(client: NotionClient, made: Made) -> bool:
    row = await client.page(made.external_id)
    given = dict(made.request.get("properties") or {})
    now = page_state(row)
    same = all(now.get(name) == value for name, value in given.items())
    return not row.in_trash and row.title == made.request.get("title") and same


async def _properties_stand(client: NotionClient, made: Made) -> bool:
    now = page_state(await client.page(str(made.target["page"])))
    changed = {name for name in made.after if made.after[name] != made.before.get(name)}
    return all(now.get(name) == made.after[name] for name in changed)


def _old_properties(made: Made) -> Sequence[Step] | str:
    changed = {name: made.before.get(name) for name, value in made.after.items() if value != made.before.get(name)}
    titled = [name for name in changed if name in _titles(made)]
    title = {"title": changed.pop(titled[0])} if titled else {}
    if not changed and not title:
        return "It changed nothing."
    return [("notion.update_page", {"page": made.target["page"], "properties": changed, **title})]


def _titles(made: Made) -> set[str]:
    """The property that the request's title went into."""
    title, given = str(made.request.get("title") or "").strip(), made.request.get("properties") or {}
    return {name for name, value in made.after.items() if title and value == title and name not in given}


async def _content_stands(client: NotionClient, made: Made) -> bool:
    return (await client.markdown(str(made.target["page"]))).strip() == str(made.after[CONTENT]).strip()


def _old_content(made: Made) -> Sequence[Step] | str:
    text = str(made.before[CONTENT])
    if not text.strip():
        return "The page was empty before; empty it by hand."
    return [("notion.replace_content", {"page": made.target["page"], "content": text})]


async def _is_in_trash(client: NotionClient, made: Made) -> bool:
    return (await client.page(str(made.target["page"]))).in_trash


async def _is_out(client: NotionClient, made: Made) -> bool:
    return not await _is_in_trash(client, made)


async def _lies_there(client: NotionClient, made: Made) -> bool:
    return (await client.page(str(made.target["page"]))).parent == str(made.after["parent"])


def _move_back(made: Made) -> Sequence[Step] | str:
    parent: Any = made.before.get("parent")
    if not parent:
        return "It stood at the top of the workspace, where only a person can put a page."
    return [("notion.move_page", {"page": made.target["page"], "parent": parent})]


RULES: dict[str, Rule] = {
    "create_page": Rule(_trash, _new_page_stands),
    "append": Rule(_old_content, _content_stands, remember=True),
    "update_page": Rule(_old_properties, _properties_stand, remember=True),
    "archive_page": Rule(_restore, _is_in_trash),
    "restore_page": Rule(_trash, _is_out),
    "move_page": Rule(_move_back, _lies_there, remember=True),
    "replace_content": Rule(_old_content, _content_stands, remember=True),
    "add_comment": Rule(no="Notion lets nobody delete a comment from outside; resolve it on the page."),
    "attach": Rule(no="Remove the file from the page by hand."),
    "begin_upload": Rule(no=""),
    "send_upload": Rule(no=""),
}
