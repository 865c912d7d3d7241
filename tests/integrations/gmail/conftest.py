"""Gmail twice: the sandbox, and the real SDK against the contract server. Both go through the same tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from typing import Any

import pytest

from integrations import direct
from integrations.context import ConnectionInfo
from integrations.gmail.world import enclosed_of, thing_of
from integrations.operations.connections import find_connection, seed_sandbox
from integrations.operations.opening import client_for, open_connection
from integrations.sandboxes import Sandbox
from tests.integrations.gate import info_of


@dataclass
class Place:
    """Where a test works: a connection to an empty mailbox, and how mail comes into it."""

    info: ConnectionInfo
    deliver: Callable[..., str]

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
    contract.gmail.messages.clear()

    def deliver(raw: bytes, labels: list[str] | None = None) -> str:
        return contract.gmail.deliver(raw, labels=labels)["id"]

    return Place(info_of("gmail", base_url=contract.gmail_url, access_token="ya29.test"), deliver)


def _sandbox(workspace) -> Place:
    seed_sandbox(workspace)
    info = open_connection(find_connection(workspace, "gmail"))
    world = Sandbox(info, None, "gmail")  # type: ignore[arg-type]
    world.things("message").delete()

    def deliver(raw: bytes, labels: list[str] | None = None) -> str:
        for enclosed in enclosed_of(message_from_bytes(raw)):
            world.add(enclosed)
        return world.add(thing_of(raw, labels=labels)).external_id

    return Place(info, deliver)
