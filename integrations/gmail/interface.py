"""What the actions need of Gmail: one small interface, kept by the real client and by the sandbox. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import Field

from integrations.context import ConnectionReport
from integrations.gmail.watching import Changes
from integrations.spec import Model

MAIL = "https://mail.google.com/mail/"


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


@dataclass(frozen=True)
class Label:
    """A label: Gmail's own are called as their id."""

    id: str
    name: str
    own: bool


@dataclass(frozen=True)
class Draft:
    """A draft and the mail in it."""

    id: str
    message: str
    thread: str


@dataclass(frozen=True)
class Sent:
    """A mail that has left."""

    id: str
    thread: str


class MailWatch(Protocol):
    """What the triggers need: the mailbox's history, and a look at what it names."""

    async def newest_point(self) -> str:
        """The point of the history where the mailbox stands now."""
        ...

    async def changes(self, since: str) -> Changes:
        """What came after a point; `lost` where the history does not reach back to it."""
        ...

    async def search(self, query: str, limit: int) -> list[str]:
        """The newest mails that match, by id."""
        ...

    async def messages(self, ids: Sequence[str]) -> list[Message | None]:
        """These mails; None for one that is not there."""
        ...

    async def thread(self, identifier: str) -> list[Message]:
        """The mails of a conversation, the oldest first."""
        ...

    async def labels(self) -> list[Label]:
        """All labels."""
        ...


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

    async def thread(self, identifier: str) -> list[Message]:
        """The mails of a conversation, the oldest first; none where it is not there."""
        ...

    async def attachment(self, message: str, attachment: str) -> bytes:
        """The bytes of a file in a mail. Raises Rejected when it is not there."""
        ...

    async def headers(self, message: str, names: Sequence[str]) -> dict[str, str]:
        """Headers of a mail as they were sent, by name in lower case. Raises Rejected when it is not there."""
        ...

    async def labels(self) -> list[Label]:
        """Every label of the mailbox."""
        ...

    async def create_label(self, name: str) -> Label:
        """A new label."""
        ...

    async def modify(self, message: str, add: Sequence[str], remove: Sequence[str]) -> list[str]:
        """Set and take away labels, by id; the ids the mail has then."""
        ...

    async def trash(self, message: str, *, back: bool) -> None:
        """Into the trash, or back out of it."""
        ...

    async def create_draft(self, write: Callable[[], bytes], thread: str) -> Draft:
        """A draft, in a conversation or in one of its own."""
        ...

    async def find_draft(self, key: str) -> Draft | None:
        """The draft that carries the key."""
        ...

    async def draft_stands(self, draft: str) -> bool:
        """Whether the draft is still there."""
        ...

    async def delete_draft(self, draft: str) -> None:
        """Delete a draft for good. Raises Rejected 404 when it is not there."""
        ...

    async def draft_key(self, draft: str) -> str:
        """The key that a draft of ours carries; empty for one of somebody else's, or one that is gone."""
        ...

    async def send_draft(self, draft: str) -> Sent:
        """Send a draft; it is used up by that. Raises Rejected 404 when it is gone."""
        ...

    async def find_sent(self, key: str, since: datetime) -> Sent | None:
        """The mail sent since then that carries the key."""
        ...

    async def address(self) -> str:
        """Whose mailbox it is."""
        ...
