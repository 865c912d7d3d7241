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
    """A workflow that uses a connection: in its published version, in its draft, or in both.

    `problems`: how many things are wrong with its draft, so that it cannot run; None where nobody asked.
    """

    slug: str
    name: str
    published: bool
    draft: bool
    steps: tuple[str, ...] = ()
    enabled: bool = True
    problems: int | None = None


@dataclass
class Uses:
    """What a connection is used by, how many runs wait for its repair, and (where asked) how many steps of drafts run
    in the sandbox and could use it."""

    workflows: list[UsedBy] = field(default_factory=list)
    waiting_runs: int = 0
    in_sandbox: int = 0


class Neighbour(Protocol):
    """What the app above answers."""

    def uses(self, workspace: Any, problems_of: UUID | None = None) -> Mapping[UUID, Uses]:
        """The uses of every connection of a workspace; for one of them with the problems of its workflows."""

    def wake(self, connection: UUID) -> int:
        """The connection may be used again: the runs that wait for it go on; how many there were."""


class _Nobody:
    def uses(self, workspace: Any, problems_of: UUID | None = None) -> Mapping[UUID, Uses]:
        return {}

    def wake(self, connection: UUID) -> int:
        return 0


_known: list[Neighbour] = [_Nobody()]


def know(neighbour: Neighbour) -> None:
    """Ask this one from now on."""
    _known[0] = neighbour


def uses_of(workspace: Any, problems_of: UUID | None = None) -> Mapping[UUID, Uses]:
    """The uses of every connection of a workspace; one that is not among them is used by nothing.

    `problems_of`: a connection whose workflows are looked at for whether they could run.
    """
    return _known[0].uses(workspace, problems_of)


def wake(connection: UUID) -> int:
    """Let the runs go on that wait for this connection; inside the transaction that repairs it."""
    return _known[0].wake(connection)
