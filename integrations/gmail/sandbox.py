"""Gmail as the sandbox plays it: the same interface over the mails of one workspace."""

from __future__ import annotations

from collections.abc import Sequence

from integrations.context import Calls, ConnectionInfo, ConnectionReport
from integrations.gmail.interface import Message
from integrations.gmail.query import matcher
from integrations.gmail.world import WORLD, seed_objects
from integrations.models import SandboxObject
from integrations.sandboxes import Sandbox

__all__ = ["WORLD", "SandboxGmail", "connect", "seed_objects"]


def connect(info: ConnectionInfo, calls: Calls) -> SandboxGmail:
    """The client of a sandbox connection."""
    return SandboxGmail(info, calls)


class SandboxGmail:
    """`interface.GmailClient` over SandboxObject rows, each of which holds a decoded mail."""

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self._world = Sandbox(info, calls, "gmail")

    async def search(self, query: str, limit: int) -> list[str]:
        """The mails that match, the newest first."""
        matches = matcher(query)

        def read() -> list[str]:
            mails = [self._message(row) for row in self._world.things("message")]
            found = sorted((mail for mail in mails if matches(mail)), key=_newest, reverse=True)
            return [mail.id for mail in found[:limit]]

        return await self._world.run(read)

    async def messages(self, ids: Sequence[str]) -> list[Message | None]:
        """These mails; None for one that is not there."""

        def read() -> list[Message | None]:
            rows = {row.external_id: row for row in self._world.things("message", external_id__in=list(ids))}
            return [self._message(rows[identifier]) if identifier in rows else None for identifier in ids]

        return await self._world.run(read)

    async def describe(self) -> ConnectionReport:
        """What there is to read."""
        count = len(await self.search("in:anywhere", 1000))
        return ConnectionReport(
            ok=True,
            summary=f"The sandbox: a mailbox with {count} mails on this machine, nothing leaves it.",
            can=(f"search and read {count} mails",),
        )

    def _message(self, row: SandboxObject) -> Message:
        return Message.model_validate({**row.data, "url": self._world.url(row)})


def _newest(mail: Message) -> float:
    from datetime import datetime

    try:
        return datetime.fromisoformat(mail.date).timestamp()
    except ValueError:
        return 0.0
