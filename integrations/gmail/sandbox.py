"""Gmail as the sandbox plays it: the same interface over the mails of one workspace."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from email.parser import BytesParser
from email.utils import format_datetime, parseaddr

from integrations.context import Calls, ConnectionInfo, ConnectionReport
from integrations.gmail.compose import KEY_HEADER
from integrations.gmail.failures import failure, no_mail
from integrations.gmail.interface import Draft, Label, Message, Sent
from integrations.gmail.letters import LETTERS, ME
from integrations.gmail.query import matcher
from integrations.gmail.watching import Changes
from integrations.gmail.world import WORLD, delivered, enclosed_of, seed_objects
from integrations.models import SandboxObject
from integrations.sandboxes import Sandbox
from integrations.world import Thing
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.ids import short_token

SYSTEM = ("INBOX", "UNREAD", "STARRED", "IMPORTANT", "SENT", "DRAFT", "TRASH", "SPAM")

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

    async def newest_point(self) -> str:
        """The moment of the newest change."""

        def read() -> str:
            newest = self._world.things("message").order_by("-updated_at").first()
            return newest.updated_at.isoformat() if newest else now().isoformat()

        return await self._world.run(read)

    async def changes(self, since: str) -> Changes:
        """Mails that came after a moment, and the labels of those that were changed after it."""

        def read() -> Changes:
            rows = list(
                self._world.things("message", updated_at__gt=datetime.fromisoformat(since)).order_by("updated_at")
            )
            found = Changes(rows[-1].updated_at.isoformat() if rows else since)
            for row in rows:
                if row.created_at.isoformat() > since:
                    found.arrived.append(row.external_id)
                found.labelled += [(row.external_id, str(name)) for name in row.data.get("labels", [])]
            return found

        return await self._world.run(read)

    async def address(self) -> str:
        """Whose mailbox it is."""
        return parseaddr(ME)[1]

    async def thread(self, identifier: str) -> list[Message]:
        """The mails of a conversation, the oldest first."""

        def read() -> list[Message]:
            mails = [self._message(row) for row in self._world.things("message", parent=identifier)]
            return sorted(mails, key=_newest)

        return await self._world.run(read)

    async def attachment(self, message: str, attachment: str) -> bytes:
        """A file of a mail that came with the sandbox, or of one that was written in it."""

        def read() -> bytes:
            mail = self._message(self._row(message))
            card = next((one for one in mail.attachments if one.id == attachment), None)
            kept = self._world.find("enclosed", f"{mail.message_id}|{card.filename if card else ''}")
            if kept is not None:
                return base64.b64decode(kept.data["content"])
            letter = next((one for one in LETTERS if mail.message_id == f"<{one.key}@sandbox.example>"), None)
            found = [data for name, _, data in letter.files if card and name == card.filename] if letter else []
            if not found:
                raise no_mail(message)
            return found[0]

        return await self._world.run(read)

    async def headers(self, message: str, names: Sequence[str]) -> dict[str, str]:
        """What an answer needs: the mail's own id, and those before it in the conversation."""

        def read() -> dict[str, str]:
            mail = self._message(self._row(message))
            rows = self._world.things("message", parent=mail.thread_id)
            before = sorted((self._message(row) for row in rows), key=_newest)
            ids = [one.message_id for one in before if one.message_id and _newest(one) < _newest(mail)]
            return {"message-id": mail.message_id, "references": " ".join(ids)}

        return await self._world.run(read)

    async def labels(self) -> list[Label]:
        """Gmail's own, those in use and those that were made."""

        def read() -> list[Label]:
            used = {name for row in self._world.things("message") for name in row.data.get("labels", [])}
            made = {row.title for row in self._world.things("label")}
            own = sorted((used | made) - set(SYSTEM))
            return [*(Label(name, name, own=False) for name in SYSTEM), *(Label(name, name, own=True) for name in own)]

        return await self._world.run(read)

    async def create_label(self, name: str) -> Label:
        """A new label. Gmail answers 409 for one that is there."""

        def write() -> Label:
            if self._world.find("label", name) is not None:
                raise failure(409, b'{"error": {"message": "Label name exists or conflicts"}}', {})
            self._world.add(Thing("label", name, name, "", {"name": name}))
            return Label(name, name, own=True)

        return await self._world.run(write)

    async def modify(self, message: str, add: Sequence[str], remove: Sequence[str]) -> list[str]:
        """Set and take away labels."""

        def write() -> list[str]:
            row = self._world.lock(self._row(message))
            kept = [name for name in row.data.get("labels", []) if name not in remove]
            kept += [name for name in add if name not in kept]
            self._world.change(row, {"labels": kept})
            return kept

        return await self._world.run(write)

    async def trash(self, message: str, *, back: bool) -> None:
        """Into the trash, or back."""
        await self.modify(message, [] if back else ["TRASH"], ["TRASH"] if back else ["INBOX"])

    async def create_draft(self, write: Callable[[], bytes], thread: str) -> Draft:
        """A draft that people see on the sandbox's page."""

        def put() -> Draft:
            mail = BytesParser().parsebytes(write())
            key = str(mail.get(KEY_HEADER) or "")
            mail["From"], mail["Date"] = ME, format_datetime(now())
            mail["Message-ID"] = f"<{key or short_token(16)}@sandbox.example>"
            message = delivered(mail.as_bytes(), ["DRAFT"], "")
            message = message.model_copy(update={"thread_id": thread or message.thread_id})
            data = message.model_dump(mode="json")
            for enclosed in enclosed_of(mail):
                self._world.add(enclosed)
            made = self._world.add(Thing("draft", f"r-{message.id}", message.subject, message.thread_id, data), key)
            return Draft(made.external_id, message.id, message.thread_id)

        return await self._world.run(put)

    async def find_draft(self, key: str) -> Draft | None:
        """The draft with this key."""

        def look() -> Draft | None:
            row = self._world.things("draft", marker=key[:64]).first()
            return Draft(row.external_id, row.data["id"], row.data["thread_id"]) if row else None

        return await self._world.run(look)

    async def draft_stands(self, draft: str) -> bool:
        """Whether the draft is still there."""
        return await self._world.run(lambda: self._world.find("draft", draft) is not None)

    async def delete_draft(self, draft: str) -> None:
        """It is gone."""

        def write() -> None:
            row = self._world.find("draft", draft)
            if row is None:
                raise no_mail(draft)
            row.delete()

        await self._world.run(write)

    async def draft_key(self, draft: str) -> str:
        """The key of a draft of ours."""

        def read() -> str:
            row = self._world.find("draft", draft)
            return row.marker if row else ""

        return await self._world.run(read)

    async def send_draft(self, draft: str) -> Sent:
        """The draft is used up; the mail lies in Sent, and in the inbox when it goes to oneself."""

        def write() -> Sent:
            row = self._world.find("draft", draft)
            if row is None:
                raise no_mail(draft)
            row = self._world.lock(row)
            mine = parseaddr(ME)[1] in [one["email"] for one in row.data["to"]]
            data = {**row.data, "labels": ["SENT", *(["INBOX", "UNREAD"] if mine else [])]}
            data["date"] = now().isoformat(timespec="seconds")
            thing = Thing("message", row.data["id"], row.title, row.data["thread_id"], data)
            self._world.add(thing, row.marker)
            row.delete()
            return Sent(row.data["id"], row.data["thread_id"])

        return await self._world.run(write)

    async def find_sent(self, key: str, since: datetime) -> Sent | None:
        """The mail with this key."""

        def look() -> Sent | None:
            row = self._world.things("message", marker=key[:64]).first()
            return Sent(row.external_id, row.data["thread_id"]) if row else None

        return await self._world.run(look)

    async def proof(self) -> list[str]:
        """The subjects of the three newest mails, for whoever has just connected the mailbox."""
        found = await self.messages(await self.search("", 3))
        return [mail.subject or "(no subject)" for mail in found if mail is not None]

    async def describe(self) -> ConnectionReport:
        """What there is to read."""
        count = len(await self.search("in:anywhere", 1000))
        return ConnectionReport(
            ok=True,
            summary=f"The sandbox: a mailbox with {count} mails on this machine, nothing leaves it.",
            can=(f"search and read {count} mails", "write drafts, send and label mail; nothing leaves this machine"),
        )

    def _row(self, message: str) -> SandboxObject:
        found = self._world.find("message", message)
        if found is None:
            raise no_mail(message)
        return found

    def _message(self, row: SandboxObject) -> Message:
        return Message.model_validate({**row.data, "url": self._world.url(row)})


def _newest(mail: Message) -> float:
    try:
        return datetime.fromisoformat(mail.date).timestamp()
    except ValueError:
        return 0.0
