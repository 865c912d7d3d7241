"""The mailbox of the sandbox world: mails written as real messages and read by the reader of the real client."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.message import Message as Mail
from email.parser import BytesParser
from email.utils import format_datetime
from typing import Any

from integrations.gmail.interface import Message
from integrations.gmail.letters import LETTERS, ME, Letter
from integrations.gmail.letters_business import BUSINESS
from integrations.gmail.mime import message_of
from integrations.world import Collection, Column, Thing
from orchestrator_site.lib.clock import now

WORLD = (
    Collection(
        kind="message",
        title="Mailbox",
        columns=(Column("title", "Subject"), Column("sender.email", "From"), Column("date", "Date")),
        body="text",
        facts=(
            Column("sender.name", "Sender"),
            Column("labels", "Labels"),
            Column("attachments", "Attachments"),
            Column("thread_id", "Thread"),
        ),
        empty="The mailbox is empty.",
    ),
    Collection(
        kind="draft",
        title="Drafts",
        columns=(Column("title", "Subject"), Column("to", "To"), Column("date", "Date")),
        body="text",
        facts=(Column("cc", "Cc"), Column("attachments", "Attachments"), Column("thread_id", "Thread")),
        empty="No draft. A step “Write a draft” makes one.",
    ),
)


def seed_objects() -> list[Thing]:
    """Two dozen mails, most of them unread."""
    arrived = now()
    return [
        thing_of(letter_bytes(letter, arrived), labels=list(letter.labels), thread=letter.thread)
        for letter in (*LETTERS, *BUSINESS)
    ]


def thing_of(raw: bytes, *, labels: list[str] | None = None, thread: str = "") -> Thing:
    """The thing that a mail becomes in the sandbox."""
    message = delivered(raw, labels or ["INBOX", "UNREAD"], thread)
    return Thing("message", message.id, message.subject, message.thread_id, message.model_dump(mode="json"))


def delivered(raw: bytes, labels: list[str], thread: str = "") -> Message:
    """A mail as Gmail would hand it over, read by the reader that the real client uses."""
    mail = BytesParser().parsebytes(raw)
    identifier = hashlib.sha256(raw).hexdigest()[:16]
    data = {
        "id": identifier,
        "threadId": hashlib.sha256(thread.encode()).hexdigest()[:16] if thread else identifier,
        "labelIds": labels,
        "snippet": "",
        "payload": _part(mail, ""),
    }
    message = message_of(data)
    return message.model_copy(update={"snippet": " ".join(message.text.split())[:200], "url": ""})


def letter_bytes(letter: Letter, arrived: datetime) -> bytes:
    """A letter as a message on the wire."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = letter.sender, letter.to or ME, letter.subject
    for name, value in (("Cc", letter.cc), ("Reply-To", letter.reply_to), ("In-Reply-To", letter.answers)):
        if value:
            mail[name] = value
    mail["Date"] = format_datetime(arrived - timedelta(hours=letter.hours_ago))
    mail["Message-ID"] = f"<{letter.key}@sandbox.example>"
    if letter.text:
        mail.set_content(letter.text)
    if letter.html and letter.text:
        mail.add_alternative(letter.html, subtype="html")
    elif letter.html:
        mail.set_content(letter.html, subtype="html")
    for name, (kind, subtype), data in letter.files:
        mail.add_attachment(data, maintype=kind, subtype=subtype, filename=name)
    return mail.as_bytes()


def enclosed_of(mail: Mail) -> list[Thing]:
    """The files of a mail, kept beside it so that steps can take them out."""
    found = []
    for part in mail.walk():
        content, name = part.get_payload(decode=True), part.get_filename()
        if name and isinstance(content, bytes):
            about = f"{mail.get('Message-ID')}|{name}"
            found.append(Thing("enclosed", about, name, "", {"content": base64.b64encode(content).decode()}))
    return found


def _part(part: Mail, identifier: str) -> dict[str, Any]:
    """A part in the form in which Gmail's API shows it."""
    shown: dict[str, Any] = {
        "partId": identifier,
        "mimeType": part.get_content_type(),
        "filename": part.get_filename() or "",
        "headers": [{"name": name, "value": str(value)} for name, value in part.items()],
    }
    if part.is_multipart():
        children: Any = part.get_payload()
        prefix = f"{identifier}." if identifier else ""
        parts = [_part(child, f"{prefix}{number}") for number, child in enumerate(children)]
        return {**shown, "body": {"size": 0}, "parts": parts}
    data = part.get_payload(decode=True)
    content = data if isinstance(data, bytes) else b""
    if shown["filename"]:
        return {**shown, "body": {"size": len(content), "attachmentId": f"file-{identifier}"}}
    return {**shown, "body": {"size": len(content), "data": base64.urlsafe_b64encode(content).decode()}}
