"""What the app above knows of connections: which workflows use one, and which runs wait for it. Integrations only asks.

`workflows` puts its answers here when it starts (`know`), so that nothing in this app imports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True)
class UsedBy:
    """A workflow that uses a connection: in its published version, in its draft, or in both."""

    slug: str
    name: str
    published: bool
    draft: bool
    steps: tuple[str, ...] = ()
    enabled: bool = True


@dataclass
class Uses:
    """What a connection is used by, and how many runs wait for its repair."""

    workflows: list[UsedBy] = field(default_factory=list)
    waiting_runs: int = 0


class Neighbour(Protocol):
    """What the app above answers."""

    def uses(self, workspace: Any) -> Mapping[UUID, Uses]:
        """The uses of every connection of a workspace."""

    def wake(self, connection: UUID) -> int:
        """The connection may be used again: the runs that wait for it go on; how many there were."""


class _Nobody:
    def uses(self, workspace: Any) -> Mapping[UUID, Uses]:
        return {}

    def wake(self, connection: UUID) -> int:
        return 0


_known: list[Neighbour] = [_Nobody()]


def know(neighbour: Neighbour) -> None:
    """Ask this one from now on."""
    _known[0] = neighbour


def uses_of(workspace: Any) -> Mapping[UUID, Uses]:
    """The uses of every connection of a workspace; one that is not among them is used by nothing."""
    return _known[0].uses(workspace)


def wake(connection: UUID) -> int:
    """Let the runs go on that wait for this connection; inside the transaction that repairs it."""
    return _known[0].wake(connection)
