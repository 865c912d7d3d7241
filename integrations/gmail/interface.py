"""What the actions need of Gmail: one small interface, kept by the real client and by the sandbox. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pydantic import Field

from integrations.context import ConnectionReport
from integrations.spec import Model


class Address(Model):
    """A person in a mail."""

    name: str = ""
    email: str = ""


class Attachment(Model):
    """A file in a mail; only its name card, not its content."""

    id: str
    filename: str
    mime_type: str
    size: int


class Message(Model):
    """A mail, decoded: `text` is readable whatever the mail was written in."""

    id: str
    thread_id: str = ""
    message_id: str = ""
    sender: Address = Field(default_factory=Address)
    to: list[Address] = []
    cc: list[Address] = []
    reply_to: list[Address] = []
    subject: str = ""
    date: str = ""
    snippet: str = ""
    text: str = ""
    html: str = ""
    labels: list[str] = []
    attachments: list[Attachment] = []
    url: str = ""


class GmailClient(Protocol):
    """Gmail as the actions see it."""

    async def search(self, query: str, limit: int) -> list[str]:
        """The ids of the mails that match, the newest first."""
        ...

    async def messages(self, ids: Sequence[str]) -> list[Message | None]:
        """These mails, whole; None for one that is not there."""
        ...

    async def describe(self) -> ConnectionReport:
        """What this sign-in can do."""
        ...
