"""Writing mail: who it goes to, how an answer is threaded, and the bytes that leave. Pure.

References: RFC 5322 (headers), RFC 2047 and 2231 (other alphabets), RFC 5322 §3.6.4 (In-Reply-To, References).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses

from integrations.errors import Rejected
from integrations.gmail.interface import Address, Message

KEY_HEADER = "X-Workflow-Effect"
# What Gmail takes, files in base64 included (maxSize of drafts.create in its discovery document).
MAX_MAIL = 35 * 1024 * 1024
MAX_PEOPLE = 500
_ADDRESS = re.compile(r"^[^@\s<>,;:\\\"\[\]()]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$")
_ANSWER = re.compile(r"^\s*(re|aw|sv|antw)\s*:", re.IGNORECASE)
_FORWARD = re.compile(r"^\s*(fwd?|wg)\s*:", re.IGNORECASE)


@dataclass(frozen=True)
class Enclosed:
    """A file that goes along."""

    name: str
    mime_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Letter:
    """A mail to be written."""

    to: tuple[Address, ...]
    subject: str
    text: str
    html: str = ""
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    answers: str = ""
    references: str = ""
    thread: str = ""
    files: tuple[Enclosed, ...] = ()

    def shown(self) -> dict[str, object]:
        """What a person sees who must decide."""
        return {
            "to": [one.email for one in self.to],
            "cc": [one.email for one in self.cc],
            "bcc": [one.email for one in self.bcc],
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "files": [one.name for one in self.files],
        }


def people(given: Sequence[str], what: str) -> tuple[Address, ...]:
    """Addresses out of texts such as `Ada <ada@example.com>, bob@example.com`. Raises Rejected for a wrong one."""
    if any("\n" in text or "\r" in text for text in given):
        raise _no_address(" ".join(given), what)
    found = [
        Address(name=name.strip(), email=email.strip()) for name, email in getaddresses(list(given)) if name or email
    ]
    for one in found:
        if not _ADDRESS.match(one.email) or ".." in one.email:
            raise _no_address(one.email or one.name, what)
    if sum(1 for text in given if text.strip()) > len(found):
        raise _no_address(", ".join(given), what)
    if len(found) > MAX_PEOPLE:
        raise Rejected(
            f"“{what}” has {len(found)} addresses; Gmail takes {MAX_PEOPLE}.", refused=True, hint="Use fewer."
        )
    return tuple({one.email.lower(): one for one in found}.values())


def _no_address(text: str, what: str) -> Rejected:
    return Rejected(
        f"“{text[:100]}” in “{what}” is not a mail address.",
        code="E_ADDRESS",
        refused=True,
        hint="Write it as name@example.com, or Name <name@example.com>.",
    )


def one_line(text: str) -> str:
    """A text that may stand in a header."""
    return " ".join(text.split())


def answer_to(mail: Message, *, everyone: bool, me: str) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """To and cc of an answer: Reply-To before From; to everyone, without oneself; to one's own mail, its receivers."""
    own = me.lower()
    first = [one for one in (mail.reply_to or [mail.sender]) if one.email]
    if first and all(one.email.lower() == own for one in first):
        first = list(mail.to)
    if not everyone:
        return tuple(first), ()
    seen = {own, *(one.email.lower() for one in first)}
    others: list[Address] = []
    for one in [*mail.to, *mail.cc]:
        if one.email and one.email.lower() not in seen:
            seen.add(one.email.lower())
            others.append(one)
    return tuple(first), tuple(others)


def answer_subject(subject: str) -> str:
    """`Re: …`, once."""
    return one_line(subject if _ANSWER.match(subject) else f"Re: {subject}")


def forward_subject(subject: str) -> str:
    """`Fwd: …`, once."""
    return one_line(subject if _FORWARD.match(subject) else f"Fwd: {subject}")


def references_of(headers: dict[str, str]) -> str:
    """The References of an answer: those of the mail and its own Message-ID; the first and the newest when too long."""
    before = headers.get("references", "") or headers.get("in-reply-to", "")
    ids = re.findall(r"<[^<>\s]{1,500}>", f"{before} {headers.get('message-id', '')}")
    ids = list(dict.fromkeys(ids))
    return " ".join(ids if len(ids) <= 20 else [ids[0], *ids[-19:]])


def forwarded(mail: Message, text: str) -> str:
    """A mail below the words it is sent on with."""
    said = [
        f"From: {_shown(mail.sender)}",
        f"Date: {mail.date}",
        f"Subject: {mail.subject}",
        f"To: {', '.join(_shown(one) for one in mail.to)}",
    ]
    return "\n".join([text, "", "---------- Forwarded message ---------", *said, "", mail.text]).strip()


def _shown(one: Address) -> str:
    return f"{one.name} <{one.email}>" if one.name else one.email


def raw_of(letter: Letter, key: str) -> bytes:
    """The mail on the wire, with the key by which it is found again. Raises Rejected when it is too large."""
    mail = EmailMessage(policy=SMTP)
    for name, addresses in (("To", letter.to), ("Cc", letter.cc), ("Bcc", letter.bcc), ("Reply-To", letter.reply_to)):
        if addresses:
            mail[name] = [_header_address(one) for one in addresses]
    mail["Subject"] = _harmless(letter.subject)
    mail[KEY_HEADER] = key
    if letter.answers:
        mail["In-Reply-To"] = _harmless(letter.answers)
    if letter.references:
        mail["References"] = _harmless(letter.references)
    mail.set_content(letter.text or "\n")
    if letter.html:
        mail.add_alternative(letter.html, subtype="html")
    for one in letter.files:
        kind, _, subtype = one.mime_type.partition("/")
        mail.add_attachment(one.content, maintype=kind, subtype=subtype or "octet-stream", filename=_harmless(one.name))
    raw = mail.as_bytes()
    if len(raw) > MAX_MAIL:
        raise Rejected(
            f"The mail has {len(raw) / 1024 / 1024:.1f} MiB; {MAX_MAIL // 1024 // 1024} are possible, and files grow "
            "by a third on the way.",
            code="E_TOO_LARGE",
            refused=True,
            hint="Send smaller files, or a link to them.",
        )
    return raw


def _harmless(text: str) -> str:
    """A text for a header: on one line, and without the beginning of an encoded word.

    `EmailMessage` decodes encoded words (RFC 2047) that it is given, so that a line break inside one would begin a
    header of its own: =?utf-8?q?=0D=0ABcc:_eve@example.org?=
    """
    return one_line(text).replace("=?", "= ?")


def _header_address(one: Address) -> HeaderAddress:
    user, _, host = one.email.rpartition("@")
    return HeaderAddress(display_name=_harmless(one.name), username=user, domain=host)
