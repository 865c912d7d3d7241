"""Notion twice: the sandbox, and the real SDK against the contract server. Both go through the same tests."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from integrations import direct
from integrations.context import ConnectionInfo
from integrations.operations.connections import find_connection, seed_sandbox
from integrations.operations.opening import client_for, open_connection
from integrations.sandboxes import Sandbox
from integrations.world import Thing
from tests.integrations.gate import info_of

SCHEMA: dict[str, dict[str, Any]] = {
    "Subject": {"title": {}},
    "Status": {"status": {}},
    "Topic": {"select": {"options": [{"name": "Team"}]}},
    "Tags": {"multi_select": {}},
    "When": {"date": {}},
    "Minutes": {"number": {}},
    "Answered": {"checkbox": {}},
    "Link": {"url": {}},
    "Note": {"rich_text": {}},
}


@dataclass
class Place:
    """Where a test works: a connection, a database whose title is not called Name, one that keeps keys, and a page."""

    info: ConnectionInfo
    database: str
    keyed: str
    page: str
    text: Callable[[str], str]
    values: Callable[[str], dict[str, Any]]

    def ask(self, method: str, *args: Any) -> Any:
        """Call a method of the client."""
        return direct.call(lambda calls: getattr(client_for(self.info, calls), method)(*args))


@pytest.fixture(params=["sandbox", "real"])
def place(request, workspace) -> Place:
    """One of the two."""
    if request.param == "sandbox":
        return _sandbox(workspace)
    return _real(request.getfixturevalue("contract"))


@pytest.fixture
def real(contract) -> Place:
    """The real SDK alone, for what only a server can do."""
    return _real(contract)


def _real(contract) -> Place:
    from integrations.notion.properties import plain_value

    database = contract.notion.add_database("Inbox", SCHEMA)
    keyed = contract.notion.add_database("Keyed", {"Subject": {"title": {}}, "Effect key": {"rich_text": {}}})
    page = contract.notion.add_page("Log", "# Log\nfirst line")
    return Place(
        info_of("notion", base_url=contract.notion_url, token="ntn_test"),
        database["id"],
        keyed["id"],
        page["id"],
        lambda identifier: contract.notion.markdown(identifier)[0],
        lambda identifier: {n: plain_value(v) for n, v in contract.notion.pages[identifier]["properties"].items()},
    )


def _sandbox(workspace) -> Place:
    seed_sandbox(workspace)
    info = open_connection(find_connection(workspace, "notion"))
    world = Sandbox(info, None, "notion")  # type: ignore[arg-type]
    schema = {name: {"type": next(iter(spec))} for name, spec in SCHEMA.items()}
    schema["Status"]["options"] = ["Not started", "In progress", "Done"]
    keyed = {"Subject": {"type": "title"}, "Effect key": {"type": "rich_text"}}
    made = [
        world.add(Thing("database", str(uuid.uuid4()), title, "", _database(columns)))
        for title, columns in (("Inbox", schema), ("Keyed", keyed))
    ]
    blocks = [{"id": str(uuid.uuid4()), "text": "first line", "created_time": "2026-01-01T00:00:00.000Z"}]
    data = {"blocks": blocks, "values": {}, "place": "", "last_edited_time": "2026-01-01T00:00:00.000Z"}
    page = world.add(Thing("page", str(uuid.uuid4()), "Log", "", data))

    def text(identifier: str) -> str:
        return "\n".join(block["text"] for block in world.find("page", identifier).data["blocks"])

    def values(identifier: str) -> dict[str, Any]:
        return world.find("page", identifier).data["values"]

    return Place(info, made[0].external_id, made[1].external_id, page.external_id, text, values)


def _database(schema: dict[str, Any]) -> dict[str, Any]:
    return {"schema": schema, "data_source_id": str(uuid.uuid4()), "last_edited_time": "2026-01-01T00:00:00.000Z"}
