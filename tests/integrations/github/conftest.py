"""GitHub twice: the sandbox, and the real SDK against the contract server. Both go through the same tests."""

from __future__ import annotations

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


@dataclass
class Place:
    """Where a test works: a connection, and a repository with a README and an empty one."""

    info: ConnectionInfo
    repository: str
    empty: str
    read: Callable[[str, str], str]

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
    for name, files in (("work", {"README.md": "# Work\n", "docs/a.md": "A\n"}), ("blank", {})):
        contract.github.add_repository(name, files=files)

    def read(repository: str, path: str) -> str:
        held = contract.github.repositories[repository.lower()]
        return held.blobs[held.resolve("main").tree[path]].decode()

    info = info_of("github", base_url=contract.github_url, token="ghp_test")
    return Place(info, "octocat/work", "octocat/blank", read)


def _sandbox(workspace) -> Place:
    seed_sandbox(workspace)
    info = open_connection(find_connection(workspace, "github"))
    world = Sandbox(info, None, "github")  # type: ignore[arg-type]
    data = {"description": "", "private": False, "default_branch": "main", "branches": ["main"]}
    world.add(Thing("repository", "octocat/blank", "octocat/blank", "", data))

    def read(repository: str, path: str) -> str:
        return world.find("file", f"{repository}@main:{path}").data["content"]

    return Place(info, "your-username/your-repo", "octocat/blank", read)
